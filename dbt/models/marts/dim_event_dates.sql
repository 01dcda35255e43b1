-- A date that people come on: each of a series, and the one of every other event.
select
    {{ ticketing.key('pretix/date', ['subevents.subevent_id']) }} as event_date_key,
    {{ ticketing.key('pretix', ['subevents.organizer', 'subevents.event']) }} as event_key,
    'pretix' as service,
    subevents.name,
    subevents.starts_at,
    subevents.starts_at_local,
    subevents.ends_at,
    subevents.ends_at_local,
    cast(subevents.starts_at_local as date) as starts_on,
    subevents.is_active
from {{ ref('stg_organizers__subevents') }} as subevents

union all

select
    event_key as event_date_key,
    event_key,
    service,
    name,
    starts_at,
    starts_at_local,
    ends_at,
    ends_at_local,
    starts_on,
    is_live as is_active
from {{ ref('dim_events') }}
where not is_series
