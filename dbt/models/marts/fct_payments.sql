-- Money that came in, and money that went back. What counts is what pretix itself reckons with.
with every as (
    select
        {{ ticketing.key('pretix', ['organizer', 'order_code', "'payment'", 'payment_number']) }} as payment_key,
        organizer,
        order_code,
        'payment' as kind,
        payment_number as number,
        provider,
        state,
        state in ('confirmed', 'refunded') as is_counted,
        amount,
        amount as signed_amount,
        created_at,
        created_at_local,
        paid_at as done_at,
        paid_at_local as done_at_local,
        cast(null as {{ dbt.type_string() }}) as source
    from {{ ref('stg_organizers__order_payments') }}

    union all

    select
        {{ ticketing.key('pretix', ['organizer', 'order_code', "'refund'", 'refund_number']) }} as payment_key,
        organizer,
        order_code,
        'refund' as kind,
        refund_number as number,
        provider,
        state,
        state in ('created', 'transit', 'done') as is_counted,
        amount,
        -amount as signed_amount,
        created_at,
        created_at_local,
        executed_at as done_at,
        executed_at_local as done_at_local,
        source
    from {{ ref('stg_organizers__order_refunds') }}
)

select
    every.payment_key,
    'pretix' as service,
    orders.organizer_key,
    orders.event_key,
    orders.order_key,
    every.kind,
    every.number,
    every.provider,
    every.state,
    every.is_counted,
    every.amount,
    {{ ticketing.money('every.signed_amount') }} as signed_amount,
    orders.currency,
    every.created_at,
    every.created_at_local,
    every.done_at,
    every.done_at_local,
    every.source
from every
inner join {{ ref('int_organizers__orders') }} as orders
    on orders.organizer = every.organizer
    and orders.order_code = every.order_code
