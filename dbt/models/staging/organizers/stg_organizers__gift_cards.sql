{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'gift_cards'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('id', 'gift_card_id', 'integer', ''),
        ('issuance', 'issued_at', 'time', ''),
        ('value', 'value', 'money', ''),
        ('currency', 'currency', 'text', ''),
        ('testmode', 'is_test', 'boolean', ''),
        ('expires', 'expires_at', 'time', ''),
        ('conditions', 'conditions', 'text', 'personal'),
        ('owner_ticket', 'owner_ticket', 'integer', ''),
        ('issuer', 'issuer', 'text', ''),
    ],
) }}
