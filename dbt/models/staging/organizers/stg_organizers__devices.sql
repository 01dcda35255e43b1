{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'devices'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('device_id', 'device_id', 'integer', ''),
        ('unique_serial', 'unique_serial', 'text', ''),
        ('all_events', 'all_events', 'boolean', ''),
        ('limit_events', 'limit_events', 'json', ''),
        ('revoked', 'is_revoked', 'boolean', ''),
        ('name', 'name', 'text', ''),
        ('created', 'created_at', 'time', ''),
        ('initialized', 'initialized_at', 'time', ''),
        ('hardware_brand', 'hardware_brand', 'text', ''),
        ('hardware_model', 'hardware_model', 'text', ''),
        ('os_name', 'os_name', 'text', ''),
        ('os_version', 'os_version', 'text', ''),
        ('software_brand', 'software_brand', 'text', ''),
        ('software_version', 'software_version', 'text', ''),
        ('security_profile', 'security_profile', 'text', ''),
    ],
) }}
