{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'item_addons'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('item', 'item_id', 'integer', ''),
        ('id', 'item_addon_id', 'integer', ''),
        ('addon_category', 'addon_category', 'integer', ''),
        ('min_count', 'min_count', 'integer', ''),
        ('max_count', 'max_count', 'integer', ''),
        ('position', 'sort_order', 'integer', ''),
        ('price_included', 'price_included', 'boolean', ''),
        ('multi_allowed', 'multi_allowed', 'boolean', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
