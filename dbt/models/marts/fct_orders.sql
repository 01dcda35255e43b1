with tickets as (
    select
        order_key,
        count(*) as positions,
        sum(case when is_sold and is_admission then 1 else 0 end) as tickets,
        sum(case when is_checked_in then 1 else 0 end) as tickets_checked_in
    from {{ ref('fct_tickets') }}
    group by order_key
),

payments as (
    select
        order_key,
        sum(case when is_counted and kind = 'payment' then amount end) as paid,
        sum(case when is_counted and kind = 'refund' then amount end) as refunded
    from {{ ref('fct_payments') }}
    group by order_key
),

positions as (
    select
        organizer,
        order_code,
        sum(price) as amount,
        sum(tax_value) as tax
    from {{ ref('stg_organizers__order_positions') }}
    where not coalesce(is_canceled, false)
    group by organizer, order_code
),

fees as (
    select
        organizer,
        order_code,
        sum(value) as amount,
        sum(tax_value) as tax
    from {{ ref('stg_organizers__order_fees') }}
    where not coalesce(is_canceled, false)
    group by organizer, order_code
),

pretix as (
    select
        orders.order_key,
        'pretix' as service,
        orders.organizer_key,
        orders.event_key,
        orders.email_hash as customer_key,
        orders.order_code,
        orders.state,
        orders.ordered_at,
        orders.ordered_at_local,
        orders.canceled_at,
        orders.canceled_at_local,
        orders.expires_at,
        orders.expires_at_local,
        orders.currency,
        orders.total,
        {{ ticketing.money('coalesce(positions.amount, 0)') }} as positions_total,
        {{ ticketing.money('coalesce(fees.amount, 0)') }} as fees_total,
        {{ ticketing.money('coalesce(positions.tax, 0) + coalesce(fees.tax, 0)') }} as tax_total,
        {{ ticketing.money('coalesce(payments.paid, 0)') }} as paid,
        {{ ticketing.money('coalesce(payments.refunded, 0)') }} as refunded,
        {{ ticketing.money("case when orders.state = 'canceled' then 0 else orders.total end"
            ~ " - coalesce(payments.paid, 0) + coalesce(payments.refunded, 0)") }} as open_amount,
        orders.sales_channel,
        orders.locale
    from {{ ref('int_organizers__orders') }} as orders
    left join positions
        on positions.organizer = orders.organizer
        and positions.order_code = orders.order_code
    left join fees
        on fees.organizer = orders.organizer
        and fees.order_code = orders.order_code
    left join payments on payments.order_key = orders.order_key
),

-- What the tickets say of Oveit's orders, whose list tells of no money and is not in every plan.
of_tickets as (
    select
        order_key,
        min(event_key) as event_key,
        min(customer_key) as customer_key,
        min(state) as state,
        min(sold_at) as ordered_at,
        min(sold_at_local) as ordered_at_local,
        min(currency) as currency,
        -- Sums of different currencies mean nothing.
        case when min(currency) = max(currency) then sum(price) end as total
    from {{ ref('fct_tickets') }}
    where service = 'oveit' and order_key is not null
    group by order_key
),

oveit as (
    select
        coalesce(orders.order_key, of_tickets.order_key) as order_key,
        'oveit' as service,
        'oveit' as organizer_key,
        of_tickets.event_key,
        coalesce(orders.email_hash, of_tickets.customer_key) as customer_key,
        replace(coalesce(orders.order_key, of_tickets.order_key), 'oveit/order/', '') as order_code,
        coalesce(orders.state, of_tickets.state) as state,
        coalesce(orders.ordered_at, of_tickets.ordered_at) as ordered_at,
        coalesce(orders.ordered_at_local, of_tickets.ordered_at_local) as ordered_at_local,
        cast(null as {{ ticketing.type_of('time') }}) as canceled_at,
        cast(null as {{ ticketing.type_of('time') }}) as canceled_at_local,
        cast(null as {{ ticketing.type_of('time') }}) as expires_at,
        cast(null as {{ ticketing.type_of('time') }}) as expires_at_local,
        -- Of the list prices, which the sums are made of.
        coalesce(of_tickets.currency, orders.currency) as currency,
        {{ ticketing.money('of_tickets.total') }} as total,
        {{ ticketing.money('of_tickets.total') }} as positions_total,
        {{ ticketing.money('0') }} as fees_total,
        cast(null as {{ ticketing.type_money() }}) as tax_total,
        cast(null as {{ ticketing.type_money() }}) as paid,
        cast(null as {{ ticketing.type_money() }}) as refunded,
        cast(null as {{ ticketing.type_money() }}) as open_amount,
        cast(null as {{ dbt.type_string() }}) as sales_channel,
        orders.language as locale
    from {{ ref('int_ticketing__orders') }} as orders
    full join of_tickets on of_tickets.order_key = orders.order_key
),

every as (
    select * from pretix
    union all
    select * from oveit
)

select
    every.*,
    cast(every.ordered_at_local as date) as ordered_on,
    every.state in ('paid', 'pending') as is_sold,
    cast(coalesce(tickets.positions, 0) as {{ dbt.type_bigint() }}) as positions,
    cast(coalesce(tickets.tickets, 0) as {{ dbt.type_bigint() }}) as tickets,
    cast(coalesce(tickets.tickets_checked_in, 0) as {{ dbt.type_bigint() }}) as tickets_checked_in
from every
left join tickets on tickets.order_key = every.order_key
