-- The check-in curve: how many tickets were in, hour by hour, counting each ticket's first entry once.
with first_entries as (
    select organizer, event, position, min(datetime) as entered
    from checkins
    where successful and type = 'entry'
    group by organizer, event, position
),

by_hour as (
    select organizer, event, date_trunc('hour', entered) as hour, count(*) as entries
    from first_entries
    group by organizer, event, date_trunc('hour', entered)
)

select
    organizer,
    event,
    hour,
    entries,
    sum(entries) over (partition by organizer, event order by hour) as tickets_in
from by_hour
order by organizer, event, hour
