-- Tickets sold by event and day: positions of orders that are paid, or pending and still valid.
select
    positions.organizer,
    positions.event,
    cast(orders.datetime as date) as day,
    count(*) as tickets,
    sum(cast(positions.price as decimal(12, 2))) as revenue
from order_positions as positions
join orders
    on orders.organizer = positions.organizer
    and orders.code = positions."order"
where not positions.canceled
    and not orders.testmode
    and orders.status in ('p', 'n')
group by positions.organizer, positions.event, cast(orders.datetime as date)
order by positions.organizer, positions.event, day
