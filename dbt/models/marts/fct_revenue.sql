-- Revenue by day, event, tax rate and kind of fee. pretix keeps a journal, in which every change of an order is booked
-- and which is never altered afterwards. Oveit tells of no money: there it is the list price on the day of sale.
with journal as (
    select
        'pretix' as service,
        {{ ticketing.key('pretix', ['journal.organizer']) }} as organizer_key,
        {{ ticketing.key('pretix', ['journal.organizer', 'journal.event']) }} as event_key,
        cast(journal.booked_at_local as date) as day,
        case when journal.fee_type is null then 'ticket' else 'fee' end as kind,
        journal.fee_type,
        journal.tax_rate,
        journal.tax_code,
        events.currency,
        journal.quantity,
        journal.quantity * journal.price as gross,
        journal.quantity * journal.tax_value as tax
    from {{ ref('stg_organizers__transactions') }} as journal
    left join {{ ref('stg_organizers__orders') }} as orders
        on orders.organizer = journal.organizer
        and orders.order_code = journal.order_code
    left join {{ ref('stg_organizers__events') }} as events
        on events.organizer = journal.organizer
        and events.event = journal.event
    where {{ ticketing.is_counted('orders.is_test') }}

    union all

    select
        service,
        organizer_key,
        event_key,
        sold_on as day,
        'ticket' as kind,
        cast(null as {{ dbt.type_string() }}) as fee_type,
        tax_rate,
        cast(null as {{ dbt.type_string() }}) as tax_code,
        currency,
        1 as quantity,
        price as gross,
        tax
    from {{ ref('fct_tickets') }}
    where service = 'oveit' and is_sold
)

select
    -- Of Oveit's tickets alone nobody knows when they were sold.
    coalesce(event_key, service) || '/' || coalesce(cast(day as {{ dbt.type_string() }}), '')
    || '/' || coalesce(fee_type, kind)
    || '/' || coalesce(cast(tax_rate as {{ dbt.type_string() }}), '') || '/' || coalesce(tax_code, '')
    || coalesce('/' || currency, '')
        as revenue_key,
    service,
    organizer_key,
    event_key,
    day,
    kind,
    fee_type,
    tax_rate,
    tax_code,
    currency,
    cast(sum(quantity) as {{ dbt.type_bigint() }}) as quantity,
    {{ ticketing.money('sum(gross)') }} as gross,
    {{ ticketing.money('sum(tax)') }} as tax,
    {{ ticketing.money('sum(gross) - sum(tax)') }} as net
from journal
group by service, organizer_key, event_key, day, kind, fee_type, tax_rate, tax_code, currency
