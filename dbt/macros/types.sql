{# What the databases call differently. PostgreSQL and DuckDB are tested. What the adapters of Snowflake and BigQuery make
   of it is compiled and parsed, and never ran there. #}

{% macro type_of(kind) -%}
    {{ return(adapter.dispatch('type_of', 'ticketing')(kind)) }}
{%- endmacro %}

{% macro default__type_of(kind) %}
    {%- set types = {
        'boolean': dbt.type_boolean(),
        'integer': dbt.type_bigint(),
        'number': 'numeric(18, 6)',
        'money': ticketing.type_money(),
        'rate': ticketing.type_rate(),
        'time': dbt.type_timestamp(),
        'date': 'date',
        'json': ticketing.type_json(),
    } -%}
    {{ return(types.get(kind, dbt.type_string())) }}
{% endmacro %}

{% macro snowflake__type_of(kind) %}
    {%- set types = {'time': 'timestamp_ntz'} -%}
    {{ return(types.get(kind) or ticketing.default__type_of(kind)) }}
{% endmacro %}

{% macro bigquery__type_of(kind) %}
    {%- set types = {'number': 'numeric', 'time': 'datetime'} -%}
    {{ return(types.get(kind) or ticketing.default__type_of(kind)) }}
{% endmacro %}


{# Money: exact, with the digits that the API sends. #}
{% macro type_money() -%}
    {{ return(adapter.dispatch('type_money', 'ticketing')()) }}
{%- endmacro %}

{% macro default__type_money() %}{{ return('numeric(18, ' ~ var('money_decimals') ~ ')') }}{% endmacro %}

{% macro bigquery__type_money() %}{{ return('numeric') }}{% endmacro %}


{# A tax rate in percent. #}
{% macro type_rate() -%}
    {{ return(adapter.dispatch('type_rate', 'ticketing')()) }}
{%- endmacro %}

{% macro default__type_rate() %}{{ return('numeric(18, 4)') }}{% endmacro %}

{% macro bigquery__type_rate() %}{{ return('numeric') }}{% endmacro %}


{% macro type_json() -%}
    {{ return(adapter.dispatch('type_json', 'ticketing')()) }}
{%- endmacro %}

{% macro default__type_json() %}{{ return('json') }}{% endmacro %}

{% macro postgres__type_json() %}{{ return('jsonb') }}{% endmacro %}

{% macro snowflake__type_json() %}{{ return('variant') }}{% endmacro %}


{# A nested value as JSON: loaders keep it as JSON, as an array or record of the database, or as text. #}
{% macro to_json(value, dtype) -%}
    {{ return(adapter.dispatch('to_json', 'ticketing')(value, dtype | lower)) }}
{%- endmacro %}

{% macro default__to_json(value, dtype) %}{{ return('cast(' ~ value ~ ' as json)') }}{% endmacro %}

{% macro postgres__to_json(value, dtype) %}
    {{ return('cast(' ~ value ~ ' as jsonb)' if ticketing.is_text(dtype) else 'to_jsonb(' ~ value ~ ')') }}
{% endmacro %}

{% macro snowflake__to_json(value, dtype) %}
    {{ return('parse_json(' ~ value ~ ')' if ticketing.is_text(dtype) else 'cast(' ~ value ~ ' as variant)') }}
{% endmacro %}

{% macro bigquery__to_json(value, dtype) %}
    {{ return('parse_json(' ~ value ~ ')' if ticketing.is_text(dtype) else 'to_json(' ~ value ~ ')') }}
{% endmacro %}


{# Return whether a column of this type is one of texts. #}
{% macro is_text(dtype) %}{{ return(modules.re.match('(character|varchar|text|string)[^\\[]*$', dtype) is not none) }}{% endmacro %}


{# A text as a literal. #}
{% macro text(value) -%}
    {{ return(adapter.dispatch('text', 'ticketing')(value | string)) }}
{%- endmacro %}

{% macro default__text(value) %}{{ return("'" ~ dbt.escape_single_quotes(value) ~ "'") }}{% endmacro %}

{% macro snowflake__text(value) %}
    {{ return("'" ~ dbt.escape_single_quotes(value | replace('\\', '\\\\')) ~ "'") }}
{% endmacro %}

{% macro bigquery__text(value) %}{{ return(ticketing.snowflake__text(value)) }}{% endmacro %}


{# The text of a member of a JSON object. #}
{% macro member(value, name) -%}
    {{ return(adapter.dispatch('member', 'ticketing')(value, name)) }}
{%- endmacro %}

{% macro default__member(value, name) %}
    {{ return("json_extract_string(" ~ value ~ ", '$.\"" ~ name ~ "\"')") }}
{% endmacro %}

{% macro postgres__member(value, name) %}{{ return("(" ~ value ~ " ->> '" ~ name ~ "')") }}{% endmacro %}

{% macro snowflake__member(value, name) %}{{ return(value ~ ':"' ~ name ~ '"::varchar') }}{% endmacro %}

{% macro bigquery__member(value, name) %}{{ return("json_value(" ~ value ~ ", '$.\"" ~ name ~ "\"')") }}{% endmacro %}


{# A translated text in the first of the languages that it has, or in any. #}
{% macro in_one_language(value) -%}
    coalesce(
    {%- for language in var('languages') %}nullif({{ ticketing.member(value, language) }}, ''), {% endfor -%}
    {{ ticketing.in_any_language(value) }})
{%- endmacro %}

{% macro in_any_language(value) -%}
    {{ return(adapter.dispatch('in_any_language', 'ticketing')(value)) }}
{%- endmacro %}

{% macro default__in_any_language(value) %}{{ return('null') }}{% endmacro %}

{% macro postgres__in_any_language(value) %}
    {{ return("(select found.value from jsonb_each_text(case when jsonb_typeof(" ~ value ~ ") = 'object' then "
        ~ value ~ " end) as found where found.value <> '' order by found.key collate \"C\" limit 1)") }}
{% endmacro %}

{% macro duckdb__in_any_language(value) %}
    {{ return("[text for text in [json_extract_string(" ~ value ~ ", '$.\"' || language || '\"') for language in "
        ~ "list_sort(json_keys(" ~ value ~ "))] if text <> ''][1]") }}
{% endmacro %}

{% macro snowflake__in_any_language(value) %}
    {{ return("nullif(get(" ~ value ~ ", array_sort(object_keys(as_object(" ~ value ~ ")))[0]::varchar)::varchar, '')") }}
{% endmacro %}

{% macro bigquery__in_any_language(value) %}
    {{ return("(select json_value(" ~ value ~ "[language]) from unnest(json_keys(" ~ value ~ ", 1)) as language "
        ~ "where json_value(" ~ value ~ "[language]) <> '' order by language limit 1)") }}
{% endmacro %}


{# A relation's rows, once for each element of a JSON array, which is called element. #}
{% macro each_element(relation, column) -%}
    {{ return(adapter.dispatch('each_element', 'ticketing')(relation, column)) }}
{%- endmacro %}

{% macro default__each_element(relation, column) %}
    {{ return("(select *, unnest(cast(" ~ column ~ " as json[])) as element from " ~ relation ~ ")") }}
{% endmacro %}

{% macro postgres__each_element(relation, column) %}
    {{ return("(select rows.*, found.element from " ~ relation ~ " as rows cross join lateral jsonb_array_elements("
        ~ "case when jsonb_typeof(rows." ~ column ~ ") = 'array' then rows." ~ column ~ " end) as found(element))") }}
{% endmacro %}

{% macro snowflake__each_element(relation, column) %}
    {{ return("(select whole.*, found.value as element from " ~ relation ~ " as whole, lateral flatten(input => "
        ~ "as_array(whole." ~ column ~ ")) as found)") }}
{% endmacro %}

{% macro bigquery__each_element(relation, column) %}
    {{ return("(select whole.*, element from " ~ relation ~ " as whole, unnest(json_query_array(whole."
        ~ column ~ ")) as element)") }}
{% endmacro %}


{# A moment as a timestamp without time zone, in UTC. #}
{% macro to_utc(value, dtype) -%}
    {{ return(adapter.dispatch('to_utc', 'ticketing')(value, dtype | lower)) }}
{%- endmacro %}

{% macro default__to_utc(value, dtype) %}
    {%- if 'with time zone' in dtype or 'timestamptz' in dtype -%}
        {{ return('(' ~ value ~ " at time zone 'UTC')") }}
    {%- endif -%}
    {{ return('cast(' ~ value ~ ' as timestamp)') }}
{% endmacro %}

{% macro snowflake__to_utc(value, dtype) %}
    {#- target-snowflake makes these, of times that the taps have put into UTC. -#}
    {%- if 'ntz' in dtype -%}
        {{ return(value) }}
    {%- endif -%}
    {%- set moment = 'to_timestamp_tz(' ~ value ~ ')' if ticketing.is_text(dtype) else value -%}
    {{ return("convert_timezone('UTC', " ~ moment ~ ")::timestamp_ntz") }}
{% endmacro %}

{% macro bigquery__to_utc(value, dtype) %}{{ return("datetime(timestamp(" ~ value ~ "), 'UTC')") }}{% endmacro %}


{# A timestamp in UTC as the clocks of a time zone show it. #}
{% macro local_time(value, zone) -%}
    {{ return(adapter.dispatch('local_time', 'ticketing')(value, zone)) }}
{%- endmacro %}

{% macro default__local_time(value, zone) %}
    {{ return('((' ~ value ~ " at time zone 'UTC') at time zone " ~ zone ~ ')') }}
{% endmacro %}

{% macro snowflake__local_time(value, zone) %}
    {{ return("convert_timezone('UTC', " ~ zone ~ ', ' ~ value ~ ')') }}
{% endmacro %}

{% macro bigquery__local_time(value, zone) %}
    {{ return('datetime(timestamp(' ~ value ~ "), " ~ zone ~ ')') }}
{% endmacro %}


{# This moment, in UTC. #}
{% macro now() -%}
    {{ return(adapter.dispatch('now', 'ticketing')()) }}
{%- endmacro %}

{% macro default__now() %}{{ return("(current_timestamp at time zone 'UTC')") }}{% endmacro %}

{% macro snowflake__now() %}{{ return("convert_timezone('UTC', current_timestamp())::timestamp_ntz") }}{% endmacro %}

{% macro bigquery__now() %}{{ return("current_datetime('UTC')") }}{% endmacro %}


{# SHA-256 of a text, in hexadecimal. #}
{% macro sha256(value) -%}
    {{ return(adapter.dispatch('sha256', 'ticketing')(value)) }}
{%- endmacro %}

{% macro default__sha256(value) %}{{ return('sha256(' ~ value ~ ')') }}{% endmacro %}

{% macro postgres__sha256(value) %}
    {{ return("encode(sha256(convert_to(" ~ value ~ ", 'UTF8')), 'hex')") }}
{% endmacro %}

{% macro snowflake__sha256(value) %}{{ return('sha2(' ~ value ~ ', 256)') }}{% endmacro %}

{% macro bigquery__sha256(value) %}{{ return('to_hex(sha256(' ~ value ~ '))') }}{% endmacro %}


{# The number in a price such as "1,250.00 USD" or "60 USD". #}
{% macro amount_of(value) -%}
    {{ return(adapter.dispatch('amount_of', 'ticketing')(value)) }}
{%- endmacro %}

{% macro default__amount_of(value) %}
    {{ return("cast(nullif(regexp_replace(" ~ value ~ ", '[^0-9.]', '', 'g'), '') as " ~ ticketing.type_money() ~ ")") }}
{% endmacro %}

{% macro snowflake__amount_of(value) %}
    {{ return("cast(nullif(regexp_replace(" ~ value ~ ", '[^0-9.]', ''), '') as " ~ ticketing.type_money() ~ ")") }}
{% endmacro %}

{% macro bigquery__amount_of(value) %}{{ return(ticketing.snowflake__amount_of(value)) }}{% endmacro %}


{# The currency in such a price. #}
{% macro currency_of(value) -%}
    {{ return(adapter.dispatch('currency_of', 'ticketing')(value)) }}
{%- endmacro %}

{% macro default__currency_of(value) %}
    {{ return("nullif(upper(regexp_replace(" ~ value ~ ", '[^A-Za-z]', '', 'g')), '')") }}
{% endmacro %}

{% macro snowflake__currency_of(value) %}
    {{ return("nullif(upper(regexp_replace(" ~ value ~ ", '[^A-Za-z]', '')), '')") }}
{% endmacro %}

{% macro bigquery__currency_of(value) %}{{ return(ticketing.snowflake__currency_of(value)) }}{% endmacro %}
