-- Who bought, by the hash of the e-mail address: one row a person, whatever they bought and where.
with orders as (
    select
        customer_key,
        min(ordered_at) as first_order_at,
        max(ordered_at) as last_order_at,
        count(*) as orders,
        count(distinct event_key) as events,
        cast(sum(tickets) as {{ dbt.type_bigint() }}) as tickets,
        -- Sums of different currencies mean nothing.
        case when min(currency) = max(currency) then min(currency) end as currency,
        {{ ticketing.money('case when min(currency) = max(currency) then sum(total) end') }} as gross
    from {{ ref('fct_orders') }}
    where is_sold and customer_key is not null
    group by customer_key
),

accounts as (
    select email_hash, count(*) as accounts{% if var('personal_data') %}, min(name) as name{% endif %}
    from {{ ref('stg_organizers__customers') }}
    where email_hash is not null
    group by email_hash
)
{%- if var('personal_data') %},

addresses as (
    select email_hash, min(lower(trim(email))) as email
    from {{ ref('stg_organizers__orders') }}
    group by email_hash
),

answered as (
    select email_hash, min(lower(trim(email))) as email
    from (
        select email_hash, email from {{ ref('stg_ticketing__orders') }}
        union all
        select email_hash, value as email from {{ ref('stg_ticketing__attendee_answers') }} where field_type = 'email'
    ) as said
    group by email_hash
)
{%- endif %}

select
    orders.customer_key,
    {%- if var('personal_data') %}
    coalesce(addresses.email, answered.email) as email,
    accounts.name,
    {%- endif %}
    accounts.accounts is not null as has_account,
    orders.first_order_at,
    orders.last_order_at,
    orders.orders,
    orders.events,
    orders.tickets,
    orders.currency,
    orders.gross
from orders
left join accounts on accounts.email_hash = orders.customer_key
{%- if var('personal_data') %}
left join addresses on addresses.email_hash = orders.customer_key
left join answered on answered.email_hash = orders.customer_key
{%- endif %}
