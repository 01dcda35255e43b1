-- When do people come? Entries by hour, and how many were in by then; each ticket counts once.
with hours as (
    select event_key, {{ dbt.date_trunc('hour', 'scanned_at_local') }} as hour, count(*) as entries
    from {{ ref('fct_checkins') }}
    where is_first_entry
    group by event_key, {{ dbt.date_trunc('hour', 'scanned_at_local') }}
)

select
    events.name as event,
    hours.hour,
    hours.entries,
    sum(hours.entries) over (partition by hours.event_key order by hours.hour) as tickets_in
from hours
inner join {{ ref('dim_events') }} as events on events.event_key = hours.event_key
order by hours.event_key, hours.hour
