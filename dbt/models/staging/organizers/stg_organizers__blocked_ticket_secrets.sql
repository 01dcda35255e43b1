{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'blocked_ticket_secrets'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('id', 'blocked_ticket_secret_id', 'integer', ''),
        ('updated', 'updated_at', 'time', ''),
        ('blocked', 'is_blocked', 'boolean', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
