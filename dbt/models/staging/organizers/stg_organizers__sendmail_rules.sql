{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'sendmail_rules'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('id', 'sendmail_rule_id', 'integer', ''),
        ('subject', 'subject', 'translated', ''),
        ('template', 'template', 'translated', ''),
        ('all_products', 'all_products', 'boolean', ''),
        ('limit_products', 'limit_products', 'json', ''),
        ('restrict_to_status', 'restrict_to_status', 'json', ''),
        ('checked_in_status', 'checked_in_status', 'text', ''),
        ('send_date', 'sent_at', 'time', ''),
        ('send_offset_days', 'send_offset_days', 'integer', ''),
        ('send_offset_time', 'send_offset_time', 'text', ''),
        ('date_is_absolute', 'date_is_absolute', 'boolean', ''),
        ('offset_to_event_end', 'offset_to_event_end', 'boolean', ''),
        ('offset_is_after', 'offset_is_after', 'boolean', ''),
        ('send_to', 'send_to', 'text', ''),
        ('enabled', 'is_enabled', 'boolean', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
