{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'sales_channels'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('identifier', 'identifier', 'text', ''),
        ('type', 'channel_type', 'text', ''),
        ('label', 'label', 'translated', ''),
        ('position', 'sort_order', 'integer', ''),
    ],
) }}
