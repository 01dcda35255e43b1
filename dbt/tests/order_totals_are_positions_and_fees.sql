-- An order's total is the sum of its positions and fees that are not canceled.
select order_key, total, positions_total, fees_total, total - positions_total - fees_total as difference
from {{ ref('fct_orders') }}
where service = 'pretix'
    and total <> positions_total + fees_total
    and {{ ticketing.was_loaded(source('organizers', 'order_positions')) }}
    and {{ ticketing.was_loaded(source('organizers', 'order_fees')) }}
