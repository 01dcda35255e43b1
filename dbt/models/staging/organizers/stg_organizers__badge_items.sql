{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'badge_items'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('id', 'badge_item_id', 'integer', ''),
        ('item', 'item_id', 'integer', ''),
        ('layout', 'layout', 'integer', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
