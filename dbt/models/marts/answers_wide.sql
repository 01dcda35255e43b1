{# A column for each question: what the identifiers of questions become, and which of them become the same. #}
{%- set columns = ticketing.questions_asked() -%}
with answers as (
    select
        {{ ticketing.key('pretix', ['position_id']) }} as ticket_key,
        question_identifier as question,
        {{ 'answer' if var('personal_data') else 'cast(null as ' ~ dbt.type_string() ~ ')' }} as answer
    from {{ ref('stg_organizers__order_answers') }}

    union all

    select
        tickets.ticket_key,
        answers.name as question,
        {{ 'answers.value' if var('personal_data') else 'cast(null as ' ~ dbt.type_string() ~ ')' }} as answer
    from {{ ref('stg_ticketing__attendee_answers') }} as answers
    inner join {{ ref('int_ticketing__tickets') }} as tickets
        on tickets.attendee_id = answers.attendee_id
        and (tickets.event_id = answers.event_id or answers.event_id is null)
)

select
    tickets.ticket_key,
    tickets.order_key,
    tickets.event_key
    {%- for name, questions in columns.items() %},
    max(case when answers.question in ({% for one in questions %}{{ ticketing.text(one) }}
    {{- ', ' if not loop.last }}{% endfor %}) then answers.answer end) as {{ name }}
    {%- endfor %}
from {{ ref('fct_tickets') }} as tickets
inner join answers on answers.ticket_key = tickets.ticket_key
group by tickets.ticket_key, tickets.order_key, tickets.event_key
