-- What did each event sell, and for how much?
select
    organizers.name as organizer,
    events.name as event,
    events.starts_on,
    count(case when tickets.is_admission then 1 end) as tickets,
    sum(tickets.price) as gross,
    events.currency
from {{ ref('fct_tickets') }} as tickets
inner join {{ ref('dim_events') }} as events on events.event_key = tickets.event_key
inner join {{ ref('dim_organizers') }} as organizers on organizers.organizer_key = tickets.organizer_key
where tickets.is_sold
group by organizers.name, events.event_key, events.name, events.starts_on, events.currency
order by gross desc, events.event_key
