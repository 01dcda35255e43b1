with entries as (
    select ticket_key, scanned_at, scanned_at_local
    from {{ ref('fct_checkins') }}
    where is_first_entry
),

pretix as (
    select
        {{ ticketing.key('pretix', ['positions.position_id']) }} as ticket_key,
        'pretix' as service,
        orders.organizer_key,
        orders.event_key,
        case
            when events.is_series then {{ ticketing.key('pretix/date', ['dates.subevent_id']) }}
            else orders.event_key
        end as event_date_key,
        orders.order_key,
        case
            when positions.variation_id is null then {{ ticketing.key('pretix', ['positions.item_id']) }}
            else {{ ticketing.key('pretix', ['positions.item_id', 'positions.variation_id']) }}
        end as ticket_type_key,
        orders.email_hash as customer_key,
        positions.position_number,
        {{ ticketing.state_of('orders.status', 'orders.require_approval', 'coalesce(positions.is_canceled, false)') }}
            as state,
        orders.ordered_at as sold_at,
        orders.ordered_at_local as sold_at_local,
        positions.price,
        positions.tax_rate,
        positions.tax_value as tax,
        orders.currency,
        orders.sales_channel,
        positions.voucher_id,
        vouchers.tag as voucher_tag,
        positions.discount_id,
        coalesce(items.is_admission, true) as is_admission,
        positions.addon_to_id is not null as is_addon,
        cast(null as {{ dbt.type_boolean() }}) as said_to_be_in
    from {{ ref('stg_organizers__order_positions') }} as positions
    inner join {{ ref('int_organizers__orders') }} as orders
        on orders.organizer = positions.organizer
        and orders.order_code = positions.order_code
    left join {{ ref('stg_organizers__events') }} as events
        on events.organizer = positions.organizer
        and events.event = positions.event
    left join {{ ref('stg_organizers__items') }} as items
        on items.item_id = positions.item_id
    left join {{ ref('stg_organizers__subevents') }} as dates
        on dates.subevent_id = positions.subevent_id
    left join {{ ref('stg_organizers__vouchers') }} as vouchers
        on vouchers.voucher_id = positions.voucher_id
),

oveit as (
    select
        tickets.ticket_key,
        'oveit' as service,
        'oveit' as organizer_key,
        {{ ticketing.key('oveit', ['tickets.event_id']) }} as event_key,
        {{ ticketing.key('oveit', ['tickets.event_id']) }} as event_date_key,
        {{ ticketing.key('oveit/order', ['tickets.order_id']) }} as order_key,
        {{ ticketing.key('oveit', ['tickets.event_id', 'tickets.ticket_type_id']) }} as ticket_type_key,
        coalesce(orders.email_hash, tickets.email_hash) as customer_key,
        row_number() over (partition by tickets.order_id order by tickets.ticket_code) as position_number,
        -- Without the list of orders nothing is said of cancellations.
        coalesce(orders.state, 'paid') as state,
        coalesce(orders.ordered_at, tickets.created_at) as sold_at,
        coalesce(orders.ordered_at_local, tickets.created_at_local) as sold_at_local,
        tickets.price,
        cast(null as {{ ticketing.type_rate() }}) as tax_rate,
        cast(null as {{ ticketing.type_money() }}) as tax,
        tickets.currency,
        cast(null as {{ dbt.type_string() }}) as sales_channel,
        cast(null as {{ dbt.type_bigint() }}) as voucher_id,
        cast(null as {{ dbt.type_string() }}) as voucher_tag,
        cast(null as {{ dbt.type_bigint() }}) as discount_id,
        true as is_admission,
        false as is_addon,
        tickets.is_checked_in as said_to_be_in
    from {{ ref('int_ticketing__tickets') }} as tickets
    left join {{ ref('int_ticketing__orders') }} as orders
        on orders.order_id = tickets.order_id
),

every as (
    select * from pretix
    union all
    select * from oveit
)

select
    every.ticket_key,
    every.service,
    every.organizer_key,
    every.event_key,
    every.event_date_key,
    every.order_key,
    every.ticket_type_key,
    every.customer_key,
    every.position_number,
    every.state,
    every.state in ('paid', 'pending') as is_sold,
    every.state = 'canceled' as is_canceled,
    coalesce(every.said_to_be_in, entries.ticket_key is not null) as is_checked_in,
    entries.scanned_at as checked_in_at,
    entries.scanned_at_local as checked_in_at_local,
    every.sold_at,
    every.sold_at_local,
    cast(every.sold_at_local as date) as sold_on,
    every.price,
    every.tax_rate,
    every.tax,
    {{ ticketing.money('every.price - every.tax') }} as net_price,
    every.currency,
    every.sales_channel,
    every.voucher_id,
    every.voucher_tag,
    every.discount_id,
    every.is_admission,
    every.is_addon
from every
left join entries on entries.ticket_key = every.ticket_key
