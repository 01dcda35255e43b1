-- What goes into the tax return: revenue, tax and what is left, by month and tax rate.
select
    cast({{ dbt.date_trunc('month', 'revenue.day') }} as date) as month,
    revenue.currency,
    revenue.tax_rate,
    sum(revenue.gross) as gross,
    sum(revenue.tax) as tax,
    sum(revenue.net) as net
from {{ ref('fct_revenue') }} as revenue
where revenue.service = 'pretix'
group by cast({{ dbt.date_trunc('month', 'revenue.day') }} as date), revenue.currency, revenue.tax_rate
order by month, revenue.currency, revenue.tax_rate
