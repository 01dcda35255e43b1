{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'bank_import_jobs'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('id', 'bank_import_job_id', 'integer', ''),
        ('event', 'event', 'text', ''),
        ('created', 'created_at', 'time', ''),
        ('state', 'state', 'text', ''),
        ('transactions', 'transactions', 'json', 'personal'),
        ('currency', 'currency', 'text', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
