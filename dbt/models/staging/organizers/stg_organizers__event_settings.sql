{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'event_settings'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('settings', 'settings', 'json', 'personal'),
    ],
    events=ref('stg_organizers__events'),
) }}
