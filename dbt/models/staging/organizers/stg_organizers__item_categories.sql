{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'item_categories'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('id', 'category_id', 'integer', ''),
        ('name', 'name', 'translated', ''),
        ('internal_name', 'internal_name', 'text', ''),
        ('description', 'description', 'translated', ''),
        ('position', 'sort_order', 'integer', ''),
        ('is_addon', 'is_addon', 'boolean', ''),
        ('cross_selling_mode', 'cross_selling_mode', 'text', ''),
        ('cross_selling_condition', 'cross_selling_condition', 'text', ''),
        ('cross_selling_match_products', 'cross_selling_match_products', 'json', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
