-- How many buyers come again? By how many events they have bought for.
select
    events,
    count(*) as buyers,
    sum(orders) as orders,
    sum(tickets) as tickets
from {{ ref('dim_customers') }}
group by events
order by events
