-- Oveit's check-ins stand inside its tickets.
with elements as (
    select *
    from {{ ticketing.each_element(ref('int_ticketing__tickets'), 'checkins') }} as elements
)

select
    ticket_key,
    ticket_code,
    event_id,
    {{ ticketing.member('element', 'addon_id') }} as addon_id,
    {{ ticketing.to_utc(ticketing.member('element', 'date'), 'text') }} as scanned_at,
    row_number() over (
        partition by ticket_key
        order by {{ ticketing.member('element', 'date') }}, {{ ticketing.member('element', 'addon_id') }}
    ) as number
from elements
