{# Return the columns that answers_wide has, each with the questions that it takes: from the var, or from the answers. #}
{% macro questions_asked() %}
    {%- set found = {} -%}
    {%- set asked = var('answer_questions') | list -%}
    {%- if not var('personal_data') -%}
        {{ return(found) }}
    {%- endif -%}
    {%- set pretix, oveit = ref('stg_organizers__order_answers'), ref('stg_ticketing__attendee_answers') -%}
    {%- if execute and not asked -%}
        {%- set queries = [] -%}
        {%- for relation, column in [(pretix, 'question_identifier'), (oveit, 'name')] -%}
            {#- When it only compiles, the views may not be there yet. -#}
            {%- if adapter.get_relation(relation.database, relation.schema, relation.identifier) -%}
                {%- do queries.append('select ' ~ column ~ ' as question from ' ~ relation) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if queries -%}
            {%- set rows = run_query('select distinct question from (' ~ queries | join(' union all ') ~ ') as every') -%}
            {%- set asked = rows.columns[0].values() | reject('none') | sort -%}
            {%- do found.update(ticketing.columns_for(asked)) -%}
        {%- endif -%}
    {%- else -%}
        {%- do found.update(ticketing.columns_for(asked)) -%}
    {%- endif -%}
    {{ return(found) }}
{% endmacro %}


{# Return names of columns for these questions, each with those that it stands for. #}
{% macro columns_for(questions) %}
    {%- set found = {} -%}
    {%- for question in questions -%}
        {%- set name = modules.re.sub('[^a-z0-9]+', '_', question | string | lower).strip('_') -%}
        {%- set name = 'answer_' ~ name if not name or name[0] in '0123456789' else name -%}
        {%- set name = name ~ '_answer' if name in ('ticket_key', 'order_key', 'event_key') else name -%}
        {%- set name = (name ~ '_')[:60].strip('_') -%}
        {%- if name in found -%}
            {%- do found[name].append(question) -%}
        {%- elif found | length < var('answer_columns') -%}
            {%- do found.update({name: [question]}) -%}
        {%- else -%}
            {%- do exceptions.warn('answers_wide has no column for ' ~ question ~ ': see the var answer_columns') -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}
