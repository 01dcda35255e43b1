{#
    A table of a tap as staging has it: the columns named and typed, translated names in one language, times in UTC and
    beside them in the event's time zone. What was not loaded is there, too: a missing column as null, a missing table
    as one without rows.

    columns  of (name in the source, name here, kind, 'personal' if it is about people, else '')
    zone     expression for the time zone of a row
    events   relation with the time zone of each event, where the row does not know it
#}
{% macro staged(relation, columns, zone=none, events=none) %}
    {%- set there = ticketing.loaded_columns(relation) -%}
    {%- set kept = columns if var('personal_data') else columns | selectattr(3, 'equalto', '') | list -%}
    {%- set times = kept | selectattr(2, 'equalto', 'time') | list if zone or events else [] %}
with loaded as (
    select
    {%- for source, name, kind, mark in kept %}
        {{ ticketing.typed(there.get(source), kind) }} as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
    {%- if not there %}
    -- {{ relation }} was not loaded
    limit 0
    {%- else %}
    from {{ relation }}
        {%- if '_sdc_deleted_at' in there and not var('keep_deleted') %}
    where {{ adapter.quote(there['_sdc_deleted_at'].name) }} is null
        {%- endif %}
    {%- endif %}
)

select
    loaded.*
    {%- for source, name, kind, mark in times %},
    {{ ticketing.local_time('loaded.' ~ name, zone or "coalesce(events.timezone, 'UTC')") }} as {{ name }}_local
    {%- endfor %}
from loaded
    {%- if events %}
left join {{ events }} as events
    on events.organizer = loaded.organizer
    and events.event = loaded.event
    {%- endif %}
{% endmacro %}


{# Return the columns that were loaded, by their names in small letters; none if the table is not there. A project that
   compiles without a database says by `dispatch` what there is. #}
{% macro loaded_columns(relation) %}
    {{ return(adapter.dispatch('loaded_columns', 'ticketing')(relation)) }}
{% endmacro %}

{% macro default__loaded_columns(relation) %}
    {%- set found = {} -%}
    {%- set there = adapter.get_relation(relation.database, relation.schema, relation.identifier) if execute -%}
    {%- if there -%}
        {%- for column in adapter.get_columns_in_relation(there) -%}
            {%- do found.update({column.name | lower: column}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{% endmacro %}


{# A query for when the newest rows of a source were read. Of what was not loaded, or has no rows, there is nothing to
   say: then it is now. #}
{% macro loaded_at(relation) %}
    {%- set there = ticketing.loaded_columns(relation) -%}
    {%- set column = there.get('_sdc_extracted_at') -%}
    {%- if column -%}
        {%- set read_at = ticketing.to_utc(adapter.quote(column.name), column.dtype) -%}
        {{ return('select coalesce(max(' ~ read_at ~ '), ' ~ ticketing.now() ~ ') from ' ~ relation) }}
    {%- elif there -%}
        {{ exceptions.raise_compiler_error(relation ~ ' has no _sdc_extracted_at: let the loader add it.') }}
    {%- endif -%}
    {{ return('select ' ~ ticketing.now()) }}
{% endmacro %}


{# A condition: whether the table of a source is there. #}
{% macro was_loaded(relation) -%}
    {{ 'true' if ticketing.loaded_columns(relation) else 'false' }}
{%- endmacro %}


{# An expression for a column of this kind, whatever type the loader has given it. #}
{% macro typed(column, kind) %}
    {%- if column is none -%}
        cast(null as {{ ticketing.type_of(kind) }})
    {%- else -%}
        {%- set value = adapter.quote(column.name) -%}
        {%- if kind == 'text' -%}
            nullif(cast({{ value }} as {{ dbt.type_string() }}), '')
        {%- elif kind == 'time' -%}
            {{ ticketing.to_utc(value, column.dtype) }}
        {%- elif kind == 'json' -%}
            {{ ticketing.to_json(value, column.dtype) }}
        {%- elif kind == 'translated' -%}
            {{ ticketing.in_one_language(ticketing.to_json(value, column.dtype)) }}
        {%- elif kind == 'hash' -%}
            {{ ticketing.hashed(value) }}
        {%- elif kind == 'address_hash' -%}
            case when {{ value }} like '%@%' then {{ ticketing.hashed(value) }} end
        {%- elif kind in ('money', 'rate', 'date') -%}
            cast(nullif(cast({{ value }} as {{ dbt.type_string() }}), '') as {{ ticketing.type_of(kind) }})
        {%- else -%}
            cast({{ value }} as {{ ticketing.type_of(kind) }})
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{# The hash of an address, the same however it is written. #}
{% macro hashed(value) -%}
    {{ ticketing.sha256(ticketing.text(var('salt')) ~ " || lower(trim(nullif(" ~ value ~ ", '')))") }}
{%- endmacro %}
