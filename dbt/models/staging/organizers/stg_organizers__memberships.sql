{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'memberships'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('id', 'membership_id', 'integer', ''),
        ('testmode', 'is_test', 'boolean', ''),
        ('customer', 'customer', 'text', 'personal'),
        ('membership_type', 'membership_type_id', 'integer', ''),
        ('date_start', 'starts_at', 'time', ''),
        ('date_end', 'ends_at', 'time', ''),
        ('attendee_name_parts', 'attendee_name_parts', 'json', 'personal'),
    ],
) }}
