-- Who came, of those who could have? Events that have begun, with what was checked in.
select
    events.name as event,
    events.starts_on,
    count(*) as tickets,
    count(case when tickets.is_checked_in then 1 end) as checked_in,
    round(100.0 * count(case when tickets.is_checked_in then 1 end) / count(*), 1) as percent
from {{ ref('fct_tickets') }} as tickets
inner join {{ ref('dim_events') }} as events on events.event_key = tickets.event_key
where tickets.is_sold and tickets.is_admission
group by events.event_key, events.name, events.starts_on
having count(case when tickets.is_checked_in then 1 end) > 0
order by events.starts_on desc, events.event_key
