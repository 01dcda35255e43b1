-- pretix's scans: those of the list of all, and those inside the positions that are not in it, because the list was
-- not loaded or not since.
with listed as (
    select
        checkin_id,
        organizer,
        event,
        position_id,
        checkin_list_id,
        scanned_at,
        scanned_at_local,
        direction,
        is_successful,
        error_reason,
        auto_checked_in
    from {{ ref('stg_organizers__checkins') }}
),

elements as (
    select *
    from {{ ticketing.each_element(ref('stg_organizers__order_positions'), 'checkins') }} as elements
),

nested as (
    select
        cast({{ ticketing.member('elements.element', 'id') }} as {{ dbt.type_bigint() }}) as checkin_id,
        elements.organizer,
        elements.event,
        elements.position_id,
        cast({{ ticketing.member('elements.element', 'list') }} as {{ dbt.type_bigint() }}) as checkin_list_id,
        {{ ticketing.to_utc(ticketing.member('elements.element', 'datetime'), 'text') }} as scanned_at,
        {{ ticketing.member('elements.element', 'type') }} as direction,
        cast({{ ticketing.member('elements.element', 'auto_checked_in') }} as {{ dbt.type_boolean() }})
            as auto_checked_in
    from elements
)

select * from listed

union all

select
    nested.checkin_id,
    nested.organizer,
    nested.event,
    nested.position_id,
    nested.checkin_list_id,
    nested.scanned_at,
    {{ ticketing.local_time('nested.scanned_at', "coalesce(events.timezone, 'UTC')") }} as scanned_at_local,
    nested.direction,
    true as is_successful,
    cast(null as {{ dbt.type_string() }}) as error_reason,
    nested.auto_checked_in
from nested
left join {{ ref('stg_organizers__events') }} as events
    on events.organizer = nested.organizer
    and events.event = nested.event
where not exists (select 1 from listed where listed.checkin_id = nested.checkin_id)
