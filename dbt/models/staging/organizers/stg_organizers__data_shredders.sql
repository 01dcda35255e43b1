{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'data_shredders'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('identifier', 'identifier', 'text', ''),
        ('verbose_name', 'verbose_name', 'text', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
