{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'item_meta_properties'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('id', 'item_meta_property_id', 'integer', ''),
        ('name', 'name', 'text', ''),
        ('default', 'default_value', 'text', ''),
        ('required', 'is_required', 'boolean', ''),
        ('allowed_values', 'allowed_values', 'json', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
