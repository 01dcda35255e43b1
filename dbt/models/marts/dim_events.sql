with dates as (
    select
        organizer,
        event,
        count(*) as dates,
        min(starts_at) as starts_at,
        min(starts_at_local) as starts_at_local,
        max(coalesce(ends_at, starts_at)) as ends_at,
        max(coalesce(ends_at_local, starts_at_local)) as ends_at_local
    from {{ ref('stg_organizers__subevents') }}
    group by organizer, event
),

pretix as (
    select
        {{ ticketing.key('pretix', ['events.organizer', 'events.event']) }} as event_key,
        'pretix' as service,
        {{ ticketing.key('pretix', ['events.organizer']) }} as organizer_key,
        events.event,
        events.name,
        events.currency,
        events.timezone,
        coalesce(dates.starts_at, events.starts_at) as starts_at,
        coalesce(dates.starts_at_local, events.starts_at_local) as starts_at_local,
        coalesce(dates.ends_at, events.ends_at) as ends_at,
        coalesce(dates.ends_at_local, events.ends_at_local) as ends_at_local,
        coalesce(events.is_series, false) as is_series,
        coalesce(dates.dates, 1) as dates,
        events.is_live,
        events.is_public,
        events.location,
        events.latitude,
        events.longitude
    from {{ ref('stg_organizers__events') }} as events
    left join dates
        on dates.organizer = events.organizer
        and dates.event = events.event
),

currencies as (
    select event_id, min(currency) as currency
    from {{ ref('int_ticketing__ticket_types') }}
    group by event_id
),

oveit as (
    select
        {{ ticketing.key('oveit', ['events.event_id']) }} as event_key,
        'oveit' as service,
        'oveit' as organizer_key,
        cast(events.event_id as {{ dbt.type_string() }}) as event,
        events.name,
        currencies.currency,
        {{ ticketing.text(var('ticketing_timezone')) }} as timezone,
        events.starts_at,
        events.starts_at_local,
        cast(null as {{ ticketing.type_of('time') }}) as ends_at,
        cast(null as {{ ticketing.type_of('time') }}) as ends_at_local,
        false as is_series,
        1 as dates,
        true as is_live,
        cast(null as {{ dbt.type_boolean() }}) as is_public,
        events.location,
        cast(null as {{ ticketing.type_of('number') }}) as latitude,
        cast(null as {{ ticketing.type_of('number') }}) as longitude
    from {{ ref('stg_ticketing__events') }} as events
    left join currencies on currencies.event_id = events.event_id
),

every as (
    select * from pretix
    union all
    select * from oveit
)

select
    *,
    cast(starts_at_local as date) as starts_on
from every
