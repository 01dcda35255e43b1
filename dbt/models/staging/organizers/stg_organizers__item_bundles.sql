{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'item_bundles'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('item', 'item_id', 'integer', ''),
        ('id', 'item_bundle_id', 'integer', ''),
        ('bundled_item', 'bundled_item', 'integer', ''),
        ('bundled_variation', 'bundled_variation', 'integer', ''),
        ('count', 'quantity', 'integer', ''),
        ('designated_price', 'designated_price', 'money', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
