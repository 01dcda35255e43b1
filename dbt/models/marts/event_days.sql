-- The sales curve: each day on which something was sold for a date, and how long before it that was.
with days as (
    select
        event_key,
        event_date_key,
        -- The dates of a series may not be loaded: then it counts as a whole.
        coalesce(event_date_key, event_key) as sold_for,
        min(currency) as currency,
        max(currency) as other_currency,
        sold_on as day,
        cast(sum(case when is_admission then 1 else 0 end) as {{ dbt.type_bigint() }}) as tickets,
        {{ ticketing.money('sum(coalesce(price, 0))') }} as gross
    from {{ ref('fct_tickets') }}
    where is_sold and sold_on is not null and event_key is not null
    group by event_key, event_date_key, coalesce(event_date_key, event_key), sold_on
),

-- Sums of different currencies mean nothing.
currencies as (
    select sold_for, min(currency) as currency
    from days
    group by sold_for
    having coalesce(min(currency), '') = coalesce(max(other_currency), '')
)

select
    days.sold_for || '/' || cast(days.day as {{ dbt.type_string() }}) as event_day_key,
    days.event_key,
    days.event_date_key,
    days.day,
    cast({{ dbt.datediff('days.day', 'dates.starts_on', 'day') }} as {{ dbt.type_bigint() }}) as days_before,
    currencies.currency,
    days.tickets,
    case when currencies.sold_for is not null then days.gross end as gross,
    cast(sum(days.tickets) over (
        partition by days.sold_for order by days.day rows between unbounded preceding and current row
    ) as {{ dbt.type_bigint() }}) as tickets_to_date,
    {{ ticketing.money('case when currencies.sold_for is not null then sum(days.gross) over (
        partition by days.sold_for order by days.day rows between unbounded preceding and current row
    ) end') }} as gross_to_date
from days
left join currencies on currencies.sold_for = days.sold_for
left join {{ ref('dim_event_dates') }} as dates on dates.event_date_key = days.event_date_key
