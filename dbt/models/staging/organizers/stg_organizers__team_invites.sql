{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'team_invites'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('team', 'team_id', 'integer', ''),
        ('id', 'team_invite_id', 'integer', ''),
        ('email', 'email', 'text', 'personal'),
    ],
) }}
