-- What is still to be paid, and how much of it is overdue or was paid twice?
select
    events.name as event,
    orders.currency,
    count(*) as orders,
    sum(case when orders.open_amount > 0 then orders.open_amount else 0 end) as to_be_paid,
    sum(case when orders.open_amount > 0 and orders.expires_at < {{ ticketing.now() }} then orders.open_amount else 0 end)
        as overdue,
    sum(case when orders.open_amount < 0 then -orders.open_amount else 0 end) as paid_too_much
from {{ ref('fct_orders') }} as orders
inner join {{ ref('dim_events') }} as events on events.event_key = orders.event_key
where orders.state in ('paid', 'pending', 'canceled') and orders.open_amount <> 0
group by events.event_key, events.name, orders.currency
order by to_be_paid desc, events.event_key
