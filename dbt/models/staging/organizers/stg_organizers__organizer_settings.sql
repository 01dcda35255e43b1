{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'organizer_settings'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('settings', 'settings', 'json', 'personal'),
    ],
) }}
