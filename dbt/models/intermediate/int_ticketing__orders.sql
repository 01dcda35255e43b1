-- Oveit's orders with the words that the marts use. Which states there are is not documented: what is not canceled and
-- waits for nothing counts as paid.
select
    orders.*,
    {{ ticketing.key('oveit/order', ['orders.order_id']) }} as order_key,
    case
        when coalesce(orders.is_canceled, false) or lower(orders.status) like 'cancel%' then 'canceled'
        when orders.pending_reason is not null or lower(orders.status) like 'pending%' then 'pending'
        else 'paid'
    end as state
from {{ ref('stg_ticketing__orders') }} as orders
