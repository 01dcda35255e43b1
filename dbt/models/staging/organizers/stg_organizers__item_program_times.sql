{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'item_program_times'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('item', 'item_id', 'integer', ''),
        ('id', 'item_program_time_id', 'integer', ''),
        ('start', 'starts_at', 'time', ''),
        ('end', 'ends_at', 'time', ''),
        ('location', 'location', 'translated', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
