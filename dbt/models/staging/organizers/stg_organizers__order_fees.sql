{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'order_fees'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('order', 'order_code', 'text', ''),
        ('id', 'fee_id', 'integer', ''),
        ('fee_type', 'fee_type', 'text', ''),
        ('value', 'value', 'money', ''),
        ('description', 'description', 'text', ''),
        ('internal_type', 'internal_type', 'text', ''),
        ('tax_rate', 'tax_rate', 'rate', ''),
        ('tax_value', 'tax_value', 'money', ''),
        ('tax_rule', 'tax_rule_id', 'integer', ''),
        ('tax_code', 'tax_code', 'text', ''),
        ('canceled', 'is_canceled', 'boolean', ''),
        ('order_last_modified', 'order_last_modified_at', 'time', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
