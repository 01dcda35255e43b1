{# Written by `make docs` from the catalog of tap-ticketing; change tools/dbt.py #}
{{ ticketing.staged(
    source('ticketing', 'attendees'),
    [
        ('event_id', 'event_id', 'integer', ''),
        ('id', 'attendee_id', 'text', ''),
        ('created_at', 'created_at', 'time', ''),
        ('ticket_code', 'ticket_code', 'text', ''),
        ('ticket_id', 'ticket_id', 'text', ''),
        ('ticket_type', 'ticket_type', 'json', ''),
        ('order_id', 'order_id', 'text', ''),
        ('order_uuid', 'order_uuid', 'text', ''),
        ('checkins', 'checkins', 'json', ''),
        ('links', 'links', 'json', 'personal'),
    ],
    zone=ticketing.text(var('ticketing_timezone')),
) }}
