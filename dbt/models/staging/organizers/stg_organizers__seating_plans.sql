{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'seating_plans'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('id', 'seating_plan_id', 'integer', ''),
        ('name', 'name', 'text', ''),
        ('layout', 'layout', 'json', ''),
    ],
) }}
