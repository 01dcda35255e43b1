-- What the journal has booked for an order is what the order says now: its total, or nothing if it does not count.
with journal as (
    select organizer, order_code, sum(quantity * price) as booked
    from {{ ref('stg_organizers__transactions') }}
    group by organizer, order_code
),

orders as (
    select
        organizer,
        order_code,
        order_key,
        state,
        case when state in ('paid', 'pending') then total else 0 end as expected
    from {{ ref('int_organizers__orders') }}
)

select orders.order_key, orders.state, orders.expected, coalesce(journal.booked, 0) as booked
from orders
left join journal
    on journal.organizer = orders.organizer
    and journal.order_code = orders.order_code
where coalesce(journal.booked, 0) <> orders.expected
    and {{ ticketing.was_loaded(source('organizers', 'transactions')) }}
