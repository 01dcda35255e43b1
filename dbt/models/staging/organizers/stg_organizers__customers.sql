{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'customers'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('identifier', 'identifier', 'text', ''),
        ('external_identifier', 'external_identifier', 'text', 'personal'),
        ('email', 'email', 'text', 'personal'),
        ('phone', 'phone', 'text', 'personal'),
        ('name', 'name', 'text', 'personal'),
        ('name_parts', 'name_parts', 'json', 'personal'),
        ('is_active', 'is_active', 'boolean', ''),
        ('is_verified', 'is_verified', 'boolean', ''),
        ('last_login', 'last_login_at', 'time', 'personal'),
        ('date_joined', 'joined_at', 'time', ''),
        ('locale', 'locale', 'text', ''),
        ('last_modified', 'last_modified_at', 'time', ''),
        ('notes', 'notes', 'text', 'personal'),
        ('email', 'email_hash', 'hash', ''),
    ],
) }}
