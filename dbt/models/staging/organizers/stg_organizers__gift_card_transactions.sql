{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'gift_card_transactions'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('gift_card', 'gift_card_id', 'integer', ''),
        ('id', 'gift_card_transaction_id', 'integer', ''),
        ('datetime', 'booked_at', 'time', ''),
        ('value', 'value', 'money', ''),
        ('event', 'event', 'text', ''),
        ('order', 'order_code', 'text', ''),
        ('text', 'text', 'text', 'personal'),
        ('info', 'info', 'json', 'personal'),
        ('acceptor', 'acceptor', 'text', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
