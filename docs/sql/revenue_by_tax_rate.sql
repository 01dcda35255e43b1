-- Revenue by event, month and tax rate, from the journal: it balances whatever was changed or canceled.
select
    transactions.organizer,
    transactions.event,
    date_trunc('month', transactions.datetime) as month,
    cast(transactions.tax_rate as decimal(7, 4)) as tax_rate,
    sum(transactions.count * cast(transactions.price as decimal(12, 2))) as gross,
    sum(transactions.count * cast(transactions.tax_value as decimal(12, 2))) as tax
from transactions
join orders
    on orders.organizer = transactions.organizer
    and orders.code = transactions."order"
where not orders.testmode
group by
    transactions.organizer,
    transactions.event,
    date_trunc('month', transactions.datetime),
    cast(transactions.tax_rate as decimal(7, 4))
order by transactions.organizer, transactions.event, month, tax_rate
