{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'waiting_list_entries'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('id', 'waiting_list_entry_id', 'integer', ''),
        ('created', 'created_at', 'time', ''),
        ('name', 'name', 'text', 'personal'),
        ('name_parts', 'name_parts', 'json', 'personal'),
        ('email', 'email', 'text', 'personal'),
        ('phone', 'phone', 'text', 'personal'),
        ('voucher', 'voucher_id', 'integer', ''),
        ('item', 'item_id', 'integer', ''),
        ('variation', 'variation_id', 'integer', ''),
        ('locale', 'locale', 'text', ''),
        ('subevent', 'subevent_id', 'integer', ''),
        ('priority', 'priority', 'integer', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
