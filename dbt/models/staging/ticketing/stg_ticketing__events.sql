{# Written by `make docs` from the catalog of tap-ticketing; change tools/dbt.py #}
{{ ticketing.staged(
    source('ticketing', 'events'),
    [
        ('id', 'event_id', 'integer', ''),
        ('name', 'name', 'text', ''),
        ('location', 'location', 'text', ''),
        ('starts_at', 'starts_at', 'time', ''),
        ('ticket_types', 'ticket_types', 'json', ''),
        ('tickets', 'tickets', 'integer', ''),
        ('tickets_checked_in', 'tickets_checked_in', 'integer', ''),
        ('tickets_sold', 'tickets_sold', 'integer', ''),
        ('hash', 'event_hash', 'text', ''),
    ],
    zone=ticketing.text(var('ticketing_timezone')),
) }}
