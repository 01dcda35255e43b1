{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'order_refunds'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('order', 'order_code', 'text', ''),
        ('local_id', 'refund_number', 'integer', ''),
        ('state', 'state', 'text', ''),
        ('source', 'source', 'text', ''),
        ('amount', 'amount', 'money', ''),
        ('payment', 'payment_number', 'integer', ''),
        ('created', 'created_at', 'time', ''),
        ('execution_date', 'executed_at', 'time', ''),
        ('comment', 'comment', 'text', 'personal'),
        ('provider', 'provider', 'text', ''),
        ('details', 'details', 'json', 'personal'),
    ],
    events=ref('stg_organizers__events'),
) }}
