{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'event_exporters'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('identifier', 'identifier', 'text', ''),
        ('verbose_name', 'verbose_name', 'text', ''),
        ('input_parameters', 'input_parameters', 'json', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
