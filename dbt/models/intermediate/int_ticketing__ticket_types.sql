-- Oveit's kinds of tickets stand inside its events.
with elements as (
    select *
    from {{ ticketing.each_element(ref('stg_ticketing__events'), 'ticket_types') }} as elements
)

select
    event_id,
    cast({{ ticketing.member('element', 'id') }} as {{ dbt.type_bigint() }}) as ticket_type_id,
    {{ ticketing.member('element', 'name') }} as name,
    {{ ticketing.amount_of(ticketing.member('element', 'price')) }} as price,
    {{ ticketing.currency_of(ticketing.member('element', 'price')) }} as currency
from elements
