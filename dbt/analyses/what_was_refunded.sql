-- What went back, by month and payment provider?
select
    cast({{ dbt.date_trunc('month', 'coalesce(done_at_local, created_at_local)') }} as date) as month,
    provider,
    currency,
    count(*) as refunds,
    sum(amount) as amount
from {{ ref('fct_payments') }}
where kind = 'refund' and is_counted
group by cast({{ dbt.date_trunc('month', 'coalesce(done_at_local, created_at_local)') }} as date), provider, currency
order by month, provider, currency
