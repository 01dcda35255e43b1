{# Written by `make docs` from the catalog of tap-ticketing; change tools/dbt.py #}
{{ ticketing.staged(
    source('ticketing', 'tickets'),
    [
        ('event_id', 'event_id', 'integer', ''),
        ('code', 'ticket_code', 'text', ''),
        ('checked_in', 'is_checked_in', 'boolean', ''),
        ('checkins', 'checkins', 'json', ''),
        ('ticket_type_id', 'ticket_type_id', 'integer', ''),
    ],
    zone=ticketing.text(var('ticketing_timezone')),
) }}
