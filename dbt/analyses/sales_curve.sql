-- How fast does an event sell against the others? Tickets sold 90, 30 and 7 days before it, and in the end.
select
    events.name as event,
    dates.starts_on,
    max(case when curve.days_before >= 90 then curve.tickets_to_date end) as days_90,
    max(case when curve.days_before >= 30 then curve.tickets_to_date end) as days_30,
    max(case when curve.days_before >= 7 then curve.tickets_to_date end) as days_7,
    max(curve.tickets_to_date) as until_now
from {{ ref('event_days') }} as curve
inner join {{ ref('dim_event_dates') }} as dates on dates.event_date_key = curve.event_date_key
inner join {{ ref('dim_events') }} as events on events.event_key = curve.event_key
group by events.name, curve.event_date_key, dates.starts_on
order by until_now desc, curve.event_date_key
