{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'membership_types'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('id', 'membership_type_id', 'integer', ''),
        ('name', 'name', 'translated', ''),
        ('transferable', 'is_transferable', 'boolean', ''),
        ('allow_parallel_usage', 'allow_parallel_usage', 'boolean', ''),
        ('max_usages', 'max_usages', 'integer', ''),
    ],
) }}
