-- pretix's orders that count, with the words that the marts use.
select
    orders.*,
    {{ ticketing.key('pretix', ['orders.organizer']) }} as organizer_key,
    {{ ticketing.key('pretix', ['orders.organizer', 'orders.event']) }} as event_key,
    {{ ticketing.key('pretix', ['orders.organizer', 'orders.order_code']) }} as order_key,
    {{ ticketing.state_of('orders.status', 'orders.require_approval') }} as state,
    events.currency
from {{ ref('stg_organizers__orders') }} as orders
left join {{ ref('stg_organizers__events') }} as events
    on events.organizer = orders.organizer
    and events.event = orders.event
where {{ ticketing.is_counted('orders.is_test') }}
