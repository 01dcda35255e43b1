{# Written by `make docs` from the catalog of tap-ticketing; change tools/dbt.py #}
{{ ticketing.staged(
    source('ticketing', 'order_items'),
    [
        ('order_id', 'order_id', 'text', ''),
        ('position', 'sort_order', 'integer', ''),
        ('name', 'name', 'text', ''),
        ('quantity', 'quantity', 'text', ''),
    ],
    zone=ticketing.text(var('ticketing_timezone')),
) }}
