{# A key: never null, never twice. Nothing to say of a table that was not loaded; of the columns those that were. #}
{% test loaded_key(model, columns) %}
    {%- set there = ticketing.loaded_columns(model) -%}
    {%- set key = [] -%}
    {%- for column in columns if column in there -%}
        {%- do key.append(adapter.quote(there[column].name)) -%}
    {%- endfor -%}
    {%- if key %}
select {{ key | join(', ') }}, count(*) as rows_with_this_key
from {{ model }}
group by {{ key | join(', ') }}
having count(*) > 1
    {%- for column in key %} or {{ column }} is null{% endfor %}
    {%- else %}
select 1 as row_with_this_key limit 0
    {%- endif %}
{% endtest %}


{# These columns together: never null, never twice. #}
{% test unique_key(model, columns) %}
select {{ columns | join(', ') }}, count(*) as rows_with_this_key
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{%- for column in columns %} or {{ column }} is null{% endfor %}
{% endtest %}


{# What these columns name is there. Rows that name nothing are well, and so are all while the other table is empty:
   then it was not loaded. #}
{% test refers_to(model, columns, to, fields) %}
select distinct {% for column in columns %}child.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
from {{ model }} as child
left join {{ to }} as parent
    on {% for column in columns %}parent.{{ fields[loop.index0] }} = child.{{ column }}{{ ' and ' if not loop.last }}
{%- endfor %}
where parent.{{ fields[0] }} is null
    {%- for column in columns %} and child.{{ column }} is not null{% endfor %}
    and exists (select 1 from {{ to }})
{% endtest %}
