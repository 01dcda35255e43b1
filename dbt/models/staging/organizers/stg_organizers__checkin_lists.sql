{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'checkin_lists'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('id', 'checkin_list_id', 'integer', ''),
        ('name', 'name', 'text', ''),
        ('all_products', 'all_products', 'boolean', ''),
        ('limit_products', 'limit_products', 'json', ''),
        ('subevent', 'subevent_id', 'integer', ''),
        ('checkin_count', 'checkin_count', 'integer', ''),
        ('position_count', 'position_count', 'integer', ''),
        ('include_pending', 'include_pending', 'boolean', ''),
        ('allow_multiple_entries', 'allow_multiple_entries', 'boolean', ''),
        ('allow_entry_after_exit', 'allow_entry_after_exit', 'boolean', ''),
        ('rules', 'rules', 'json', ''),
        ('exit_all_at', 'exit_all_at', 'time', ''),
        ('addon_match', 'addon_match', 'boolean', ''),
        ('ignore_in_statistics', 'ignore_in_statistics', 'boolean', ''),
        ('consider_tickets_used', 'consider_tickets_used', 'boolean', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
