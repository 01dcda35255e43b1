{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'team_api_tokens'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('team', 'team_id', 'integer', ''),
        ('id', 'team_api_token_id', 'integer', ''),
        ('name', 'name', 'text', ''),
        ('active', 'is_active', 'boolean', ''),
    ],
) }}
