{# Written by `make docs` from the catalog of tap-ticketing; change tools/dbt.py #}
{{ ticketing.staged(
    source('ticketing', 'order_tickets'),
    [
        ('order_id', 'order_id', 'text', ''),
        ('position', 'sort_order', 'integer', ''),
        ('ticket', 'ticket', 'json', 'personal'),
    ],
    zone=ticketing.text(var('ticketing_timezone')),
) }}
