{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'organizers'),
    [
        ('name', 'name', 'text', ''),
        ('slug', 'organizer', 'text', ''),
        ('public_url', 'public_url', 'text', ''),
        ('plugins', 'plugins', 'json', ''),
    ],
) }}
