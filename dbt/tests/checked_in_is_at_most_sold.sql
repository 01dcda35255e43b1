-- No more tickets of an event were checked in than were ever sold, and none came in that never was.
select
    event_key,
    sum(case when is_checked_in then 1 else 0 end) as checked_in,
    sum(case when is_sold or is_canceled then 1 else 0 end) as sold
from {{ ref('fct_tickets') }}
group by event_key
having sum(case when is_checked_in then 1 else 0 end) > sum(case when is_sold or is_canceled then 1 else 0 end)

union all

-- Each such ticket by itself.
select ticket_key, 1 as checked_in, 0 as sold
from {{ ref('fct_tickets') }}
where is_checked_in and not is_sold and not is_canceled
