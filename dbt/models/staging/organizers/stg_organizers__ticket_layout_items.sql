{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'ticket_layout_items'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('id', 'ticket_layout_item_id', 'integer', ''),
        ('layout', 'layout', 'integer', ''),
        ('item', 'item_id', 'integer', ''),
        ('sales_channel', 'sales_channel', 'text', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
