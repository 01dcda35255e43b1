-- Which products sell, and at which price on average?
select
    types.category,
    types.full_name as product,
    tickets.currency,
    count(*) as sold,
    {{ ticketing.money('avg(tickets.price)') }} as average_price,
    sum(tickets.price) as gross
from {{ ref('fct_tickets') }} as tickets
inner join {{ ref('dim_ticket_types') }} as types on types.ticket_type_key = tickets.ticket_type_key
where tickets.is_sold
group by types.category, types.full_name, tickets.currency
order by gross desc, product, tickets.currency
