{# Written by `make docs` from the catalog of tap-ticketing; change tools/dbt.py #}
{{ ticketing.staged(
    source('ticketing', 'attendee_answers'),
    [
        ('event_id', 'event_id', 'integer', ''),
        ('attendee_id', 'attendee_id', 'text', ''),
        ('field_id', 'field_id', 'text', ''),
        ('ticket_code', 'ticket_code', 'text', ''),
        ('position', 'sort_order', 'integer', ''),
        ('name', 'name', 'text', ''),
        ('type', 'field_type', 'text', ''),
        ('value', 'value', 'text', 'personal'),
        ('value_json', 'value_json', 'text', 'personal'),
        ('value', 'email_hash', 'address_hash', ''),
    ],
    zone=ticketing.text(var('ticketing_timezone')),
) }}
