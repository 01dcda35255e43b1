{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'order_payments'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('order', 'order_code', 'text', ''),
        ('local_id', 'payment_number', 'integer', ''),
        ('state', 'state', 'text', ''),
        ('amount', 'amount', 'money', ''),
        ('created', 'created_at', 'time', ''),
        ('payment_date', 'paid_at', 'time', ''),
        ('provider', 'provider', 'text', ''),
        ('details', 'details', 'json', 'personal'),
    ],
    events=ref('stg_organizers__events'),
) }}
