{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'team_members'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('team', 'team_id', 'integer', ''),
        ('id', 'team_member_id', 'integer', ''),
        ('email', 'email', 'text', 'personal'),
        ('fullname', 'fullname', 'text', 'personal'),
        ('require_2fa', 'require_2fa', 'boolean', ''),
    ],
) }}
