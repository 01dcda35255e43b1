-- Oveit's tickets with what the lists of attendees and of events know of them. Either list of people may be missing.
with types as (
    select * from {{ ref('int_ticketing__ticket_types') }}
),

tickets as (
    select
        tickets.ticket_code,
        coalesce(tickets.event_id, types.event_id) as event_id,
        tickets.ticket_type_id,
        tickets.is_checked_in,
        tickets.checkins
    from {{ ref('stg_ticketing__tickets') }} as tickets
    left join types
        on types.ticket_type_id = tickets.ticket_type_id
        and (types.event_id = tickets.event_id or tickets.event_id is null)
),

people as (
    select
        *,
        cast({{ ticketing.member('ticket_type', 'id') }} as {{ dbt.type_bigint() }}) as ticket_type_id
    from {{ ref('stg_ticketing__attendees') }}
),

attendees as (
    select
        people.*,
        coalesce(people.event_id, types.event_id) as known_event_id
    from people
    left join types
        on types.ticket_type_id = people.ticket_type_id
        and (types.event_id = people.event_id or people.event_id is null)
),

addresses as (
    select attendee_id, event_id, min(email_hash) as email_hash
    from {{ ref('stg_ticketing__attendee_answers') }}
    where field_type = 'email'
    group by attendee_id, event_id
),

joined as (
    select
        coalesce(tickets.ticket_code, attendees.ticket_code) as ticket_code,
        coalesce(tickets.event_id, attendees.known_event_id) as event_id,
        coalesce(tickets.ticket_type_id, attendees.ticket_type_id) as ticket_type_id,
        attendees.attendee_id,
        attendees.order_id,
        attendees.created_at,
        attendees.created_at_local,
        addresses.email_hash,
        coalesce(tickets.checkins, attendees.checkins) as checkins,
        tickets.is_checked_in
    from tickets
    full join attendees
        on attendees.ticket_code = tickets.ticket_code
        and attendees.known_event_id = tickets.event_id
    left join addresses
        on addresses.attendee_id = attendees.attendee_id
        and coalesce(addresses.event_id, -1) = coalesce(attendees.event_id, -1)
)

select
    joined.*,
    -- The event is not known where the list does not name it and the events were not loaded.
    {{ ticketing.key('oveit', ["coalesce(cast(joined.event_id as " ~ dbt.type_string() ~ "), '')", 'joined.ticket_code']) }}
        as ticket_key,
    types.price,
    types.currency
from joined
left join types
    on types.event_id = joined.event_id
    and types.ticket_type_id = joined.ticket_type_id
