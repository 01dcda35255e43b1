{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'revoked_ticket_secrets'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('id', 'revoked_ticket_secret_id', 'integer', ''),
        ('created', 'created_at', 'time', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
