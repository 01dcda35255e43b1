{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'question_options'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('question', 'question_id', 'integer', ''),
        ('id', 'option_id', 'integer', ''),
        ('identifier', 'identifier', 'text', ''),
        ('answer', 'answer', 'translated', ''),
        ('position', 'sort_order', 'integer', ''),
    ],
    events=ref('stg_organizers__events'),
) }}
