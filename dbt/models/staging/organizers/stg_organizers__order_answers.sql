{# Written by `make docs` from the catalog of tap-organizers; change tools/dbt.py #}
{{ ticketing.staged(
    source('organizers', 'order_answers'),
    [
        ('organizer', 'organizer', 'text', ''),
        ('event', 'event', 'text', ''),
        ('order', 'order_code', 'text', ''),
        ('position', 'position_id', 'integer', ''),
        ('order_last_modified', 'order_last_modified_at', 'time', ''),
        ('question', 'question_id', 'integer', ''),
        ('answer', 'answer', 'text', 'personal'),
        ('question_identifier', 'question_identifier', 'text', ''),
        ('options', 'options', 'json', 'personal'),
        ('option_identifiers', 'option_identifiers', 'json', 'personal'),
    ],
    events=ref('stg_organizers__events'),
) }}
