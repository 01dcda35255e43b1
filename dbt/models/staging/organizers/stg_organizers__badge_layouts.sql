{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'badge_layouts'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('id', 'badge_layout_id', 'integer', ''),
        ('name', 'name', 'text', ''),
        ('default', 'is_default', 'boolean', ''),
        ('layout', 'layout', 'json', ''),
        ('background', 'background', 'text', ''),
        ('item_assignments', 'item_assignments', 'json', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
