{# Written by `make docs` from the catalog of tap-ticketing; change tools/dbt.py #}
{{ ticketing.staged(
    source('ticketing', 'orders'),
    [
        ('id', 'order_id', 'text', ''),
        ('uuid', 'uuid', 'text', ''),
        ('date', 'ordered_at', 'time', ''),
        ('date_formatted', 'date_formatted', 'text', ''),
        ('language', 'language', 'text', ''),
        ('currency', 'currency', 'text', ''),
        ('payment_processor', 'payment_processor', 'text', ''),
        ('status', 'status', 'text', ''),
        ('is_canceled', 'is_canceled', 'boolean', ''),
        ('pending_reason', 'pending_reason', 'text', ''),
        ('email', 'email', 'text', 'personal'),
        ('customer', 'customer', 'json', 'personal'),
        ('customer_form', 'customer_form', 'json', 'personal'),
        ('email', 'email_hash', 'hash', ''),
    ],
    zone=ticketing.text(var('ticketing_timezone')),
) }}
