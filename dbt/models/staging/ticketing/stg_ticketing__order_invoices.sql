{# Written by `make docs` from the catalog of tap-ticketing; change tools/dbt.py #}
{{ ticketing.staged(
    source('ticketing', 'order_invoices'),
    [
        ('order_id', 'order_id', 'text', ''),
        ('position', 'sort_order', 'integer', ''),
        ('invoice', 'invoice', 'json', 'personal'),
    ],
    zone=ticketing.text(var('ticketing_timezone')),
) }}
