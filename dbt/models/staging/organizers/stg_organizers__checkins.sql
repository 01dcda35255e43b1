{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'checkins'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('id', 'checkin_id', 'integer', ''),
        ('successful', 'is_successful', 'boolean', ''),
        ('error_reason', 'error_reason', 'text', ''),
        ('error_explanation', 'error_explanation', 'text', ''),
        ('position', 'position_id', 'integer', ''),
        ('datetime', 'scanned_at', 'time', ''),
        ('list', 'checkin_list_id', 'integer', ''),
        ('created', 'created_at', 'time', ''),
        ('auto_checked_in', 'auto_checked_in', 'boolean', ''),
        ('gate', 'gate', 'integer', ''),
        ('device', 'device', 'integer', ''),
        ('device_id', 'device_id', 'integer', ''),
        ('type', 'direction', 'text', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
