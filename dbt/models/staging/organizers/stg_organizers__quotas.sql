{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'quotas'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('id', 'quota_id', 'integer', ''),
        ('name', 'name', 'text', ''),
        ('size', 'size', 'integer', ''),
        ('items', 'items', 'json', ''),
        ('variations', 'variations', 'json', ''),
        ('subevent', 'subevent_id', 'integer', ''),
        ('closed', 'is_closed', 'boolean', ''),
        ('close_when_sold_out', 'close_when_sold_out', 'boolean', ''),
        ('release_after_exit', 'release_after_exit', 'boolean', ''),
        ('ignore_for_event_availability', 'ignore_for_event_availability', 'boolean', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
