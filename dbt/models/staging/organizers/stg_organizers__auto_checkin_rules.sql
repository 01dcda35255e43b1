{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'auto_checkin_rules'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('id', 'auto_checkin_rule_id', 'integer', ''),
        ('list', 'checkin_list_id', 'integer', ''),
        ('mode', 'check_mode', 'text', ''),
        ('all_sales_channels', 'all_sales_channels', 'boolean', ''),
        ('limit_sales_channels', 'limit_sales_channels', 'json', ''),
        ('all_products', 'all_products', 'boolean', ''),
        ('limit_products', 'limit_products', 'json', ''),
        ('limit_variations', 'limit_variations', 'json', ''),
        ('all_payment_methods', 'all_payment_methods', 'boolean', ''),
        ('limit_payment_methods', 'limit_payment_methods', 'json', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
