with every as (
    select
        {{ ticketing.key('pretix', ['checkins.checkin_id']) }} as checkin_key,
        'pretix' as service,
        {{ ticketing.key('pretix', ['checkins.organizer', 'checkins.event']) }} as event_key,
        {{ ticketing.key('pretix', ['checkins.position_id']) }} as ticket_key,
        lists.name as checkin_list,
        checkins.scanned_at,
        checkins.scanned_at_local,
        coalesce(checkins.direction, 'entry') as direction,
        coalesce(checkins.is_successful, false) as is_successful,
        checkins.error_reason,
        coalesce(checkins.auto_checked_in, false) as is_automatic
    from {{ ref('int_organizers__checkins') }} as checkins
    left join {{ ref('stg_organizers__checkin_lists') }} as lists
        on lists.checkin_list_id = checkins.checkin_list_id
    left join {{ ref('stg_organizers__order_positions') }} as positions
        on positions.position_id = checkins.position_id
    left join {{ ref('stg_organizers__orders') }} as orders
        on orders.organizer = positions.organizer
        and orders.order_code = positions.order_code
    where {{ ticketing.is_counted('orders.is_test') }}

    union all

    select
        ticket_key || '/' || cast(number as {{ dbt.type_string() }}) as checkin_key,
        'oveit' as service,
        {{ ticketing.key('oveit', ['event_id']) }} as event_key,
        ticket_key,
        case when addon_id is not null then 'Add-on ' || addon_id end as checkin_list,
        scanned_at,
        {{ ticketing.local_time('scanned_at', ticketing.text(var('ticketing_timezone'))) }} as scanned_at_local,
        'entry' as direction,
        true as is_successful,
        cast(null as {{ dbt.type_string() }}) as error_reason,
        false as is_automatic
    from {{ ref('int_ticketing__checkins') }}
)

select
    *,
    is_successful and direction = 'entry' and row_number() over (
        partition by ticket_key, is_successful, direction order by scanned_at, checkin_key
    ) = 1 as is_first_entry
from every
