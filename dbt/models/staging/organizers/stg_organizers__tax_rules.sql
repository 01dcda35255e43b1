{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'tax_rules'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('id', 'tax_rule_id', 'integer', ''),
        ('name', 'name', 'translated', ''),
        ('default', 'is_default', 'boolean', ''),
        ('rate', 'rate', 'rate', ''),
        ('code', 'code', 'text', ''),
        ('price_includes_tax', 'price_includes_tax', 'boolean', ''),
        ('eu_reverse_charge', 'eu_reverse_charge', 'boolean', ''),
        ('home_country', 'home_country', 'text', ''),
        ('internal_name', 'internal_name', 'text', ''),
        ('keep_gross_if_rate_changes', 'keep_gross_if_rate_changes', 'boolean', ''),
        ('custom_rules', 'custom_rules', 'json', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
