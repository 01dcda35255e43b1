-- The marts have as many rows as the taps' tables: none is lost in a join, none comes twice.
with counts as (
    select
        'fct_orders' as mart,
        (select count(*) from {{ ref('fct_orders') }} where service = 'pretix') as found,
        (select count(*) from {{ ref('int_organizers__orders') }}) as expected

    union all

    select
        'fct_tickets' as mart,
        (select count(*) from {{ ref('fct_tickets') }} where service = 'pretix') as found,
        (
            select count(*)
            from {{ ref('stg_organizers__order_positions') }} as positions
            left join {{ ref('stg_organizers__orders') }} as orders
                on orders.organizer = positions.organizer
                and orders.order_code = positions.order_code
            where {{ ticketing.is_counted('orders.is_test') }}
        ) as expected

    union all

    select
        'fct_tickets, of Oveit' as mart,
        (select count(*) from {{ ref('fct_tickets') }} where service = 'oveit') as found,
        (
            select count(distinct ticket_code)
            from (
                select ticket_code from {{ ref('stg_ticketing__tickets') }}
                union all
                select ticket_code from {{ ref('stg_ticketing__attendees') }}
            ) as codes
        ) as expected

    union all

    select
        'fct_orders, of Oveit' as mart,
        (select count(*) from {{ ref('fct_orders') }} where service = 'oveit') as found,
        (
            select count(distinct order_id)
            from (
                select order_id from {{ ref('stg_ticketing__orders') }}
                union all
                select order_id from {{ ref('stg_ticketing__attendees') }}
            ) as numbers
        ) as expected

    union all

    select
        'fct_payments' as mart,
        (select count(*) from {{ ref('fct_payments') }}) as found,
        (
            select count(*)
            from (
                select organizer, order_code from {{ ref('stg_organizers__order_payments') }}
                union all
                select organizer, order_code from {{ ref('stg_organizers__order_refunds') }}
            ) as money
            left join {{ ref('stg_organizers__orders') }} as orders
                on orders.organizer = money.organizer
                and orders.order_code = money.order_code
            where {{ ticketing.is_counted('orders.is_test') }}
        ) as expected

    union all

    select
        'dim_events' as mart,
        (select count(*) from {{ ref('dim_events') }}) as found,
        (select count(*) from {{ ref('stg_organizers__events') }})
        + (select count(*) from {{ ref('stg_ticketing__events') }}) as expected
)

select * from counts where found <> expected
