{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'reusable_media'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('id', 'medium_id', 'integer', ''),
        ('created', 'created_at', 'time', ''),
        ('updated', 'updated_at', 'time', ''),
        ('type', 'medium_type', 'text', ''),
        ('label', 'label', 'text', 'personal'),
        ('active', 'is_active', 'boolean', ''),
        ('expires', 'expires_at', 'time', ''),
        ('customer', 'customer', 'text', 'personal'),
        ('linked_orderpositions', 'linked_orderpositions', 'json', ''),
        ('linked_giftcard', 'linked_giftcard', 'integer', ''),
        ('notes', 'notes', 'text', 'personal'),
        ('linked_orderposition', 'linked_orderposition', 'integer', ''),
    ],
) }}
