{# A key that can be read: the service, then what tells the row apart within it. Null where a part is. #}
{% macro key(service, parts) -%}
    '{{ service }}/'
    {%- for part in parts %} || {{ "'/' || " if not loop.first }}cast({{ part }} as {{ dbt.type_string() }}){% endfor %}
{%- endmacro %}


{# The state of an order, or of a ticket in it, from what pretix calls it. #}
{% macro state_of(status, require_approval, is_canceled='false') -%}
    case
        when {{ status }} = 'n' and coalesce({{ require_approval }}, false) then 'approval_pending'
        when {{ is_canceled }} or {{ status }} = 'c' then 'canceled'
        when {{ status }} = 'p' then 'paid'
        when {{ status }} = 'n' then 'pending'
        when {{ status }} = 'e' then 'expired'
    end
{%- endmacro %}


{# Whether a row of orders counts. #}
{% macro is_counted(is_test) -%}
    {{ 'true' if var('include_test_orders') else 'not coalesce(' ~ is_test ~ ', false)' }}
{%- endmacro %}


{# Money of the type that money has. #}
{% macro money(value) -%}
    cast({{ value }} as {{ ticketing.type_money() }})
{%- endmacro %}
