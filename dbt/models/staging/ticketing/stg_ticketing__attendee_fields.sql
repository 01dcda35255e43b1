{# Written by `make docs` from the catalog of tap-ticketing; change tools/dbt.py #}
{{ ticketing.staged(
    source('ticketing', 'attendee_fields'),
    [
        ('event_id', 'event_id', 'integer', ''),
        ('id', 'field_id', 'text', ''),
        ('position', 'sort_order', 'integer', ''),
        ('name', 'name', 'text', ''),
        ('type', 'field_type', 'text', ''),
        ('values', 'choices', 'json', ''),
        ('is_multiple', 'is_multiple', 'boolean', ''),
        ('is_mandatory', 'is_mandatory', 'boolean', ''),
    ],
    zone=ticketing.text(var('ticketing_timezone')),
) }}
