{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'event_meta_properties'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('id', 'event_meta_property_id', 'integer', ''),
        ('name', 'name', 'text', ''),
        ('default', 'default_value', 'text', ''),
        ('required', 'is_required', 'boolean', ''),
        ('protected', 'protected', 'boolean', ''),
        ('filter_public', 'filter_public', 'boolean', ''),
        ('public_label', 'public_label', 'translated', ''),
        ('filter_allowed', 'filter_allowed', 'boolean', ''),
        ('choices', 'choices', 'json', ''),
    ],
) }}
