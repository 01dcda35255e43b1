{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'webhooks'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('id', 'webhook_id', 'integer', ''),
        ('enabled', 'is_enabled', 'boolean', ''),
        ('all_events', 'all_events', 'boolean', ''),
        ('limit_events', 'limit_events', 'json', ''),
        ('action_types', 'action_types', 'json', ''),
        ('comment', 'comment', 'text', 'personal'),
    ],
) }}
