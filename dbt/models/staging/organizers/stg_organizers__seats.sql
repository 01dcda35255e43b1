{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'seats'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('id', 'seat_id', 'integer', ''),
        ('subevent', 'subevent_id', 'integer', ''),
        ('zone_name', 'zone_name', 'text', ''),
        ('row_name', 'row_name', 'text', ''),
        ('row_label', 'row_label', 'text', ''),
        ('seat_number', 'seat_number', 'text', ''),
        ('seat_label', 'seat_label', 'text', ''),
        ('seat_guid', 'seat_guid', 'text', ''),
        ('product', 'item_id', 'integer', ''),
        ('blocked', 'is_blocked', 'boolean', ''),
        ('orderposition', 'position_id', 'integer', ''),
        ('cartposition', 'cart_position_id', 'integer', ''),
        ('voucher', 'voucher_id', 'integer', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
