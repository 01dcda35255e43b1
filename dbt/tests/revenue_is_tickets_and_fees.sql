-- An event's revenue is the price of its tickets that are sold, and the fees of the orders that are.
with revenue as (
    select event_key, sum(gross) as gross
    from {{ ref('fct_revenue') }}
    group by event_key
),

tickets as (
    select event_key, sum(price) as gross
    from {{ ref('fct_tickets') }}
    where is_sold
    group by event_key
),

fees as (
    select event_key, sum(fees_total) as gross
    from {{ ref('fct_orders') }}
    where is_sold
    group by event_key
),

events as (
    select distinct event_key
    from (
        select event_key from revenue
        union all
        select event_key from tickets
    ) as every
)

select
    events.event_key,
    coalesce(revenue.gross, 0) as revenue,
    coalesce(tickets.gross, 0) as tickets,
    coalesce(fees.gross, 0) as fees
from events
left join revenue on revenue.event_key = events.event_key
left join tickets on tickets.event_key = events.event_key
left join fees on fees.event_key = events.event_key
where coalesce(revenue.gross, 0) <> coalesce(tickets.gross, 0) + coalesce(fees.gross, 0)
    and (
        events.event_key like 'oveit/%'
        or (
            {{ ticketing.was_loaded(source('organizers', 'transactions')) }}
            and {{ ticketing.was_loaded(source('organizers', 'order_positions')) }}
            and {{ ticketing.was_loaded(source('organizers', 'order_fees')) }}
        )
    )
