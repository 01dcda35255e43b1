-- Oveit says of each event how many tickets were sold: as many are there.
with tickets as (
    select event_key, count(*) as tickets
    from {{ ref('fct_tickets') }}
    where service = 'oveit'
    group by event_key
)

select events.event_id, events.tickets_sold, coalesce(tickets.tickets, 0) as found
from {{ ref('stg_ticketing__events') }} as events
left join tickets on tickets.event_key = {{ ticketing.key('oveit', ['events.event_id']) }}
where events.tickets_sold <> coalesce(tickets.tickets, 0)
    and {{ ticketing.was_loaded(source('ticketing', 'tickets')) }}
