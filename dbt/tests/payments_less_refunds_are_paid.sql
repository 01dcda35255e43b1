-- A paid order has been paid: what came in, less what went back, is its total. More may have come in than that.
select order_key, state, total, paid, refunded, open_amount
from {{ ref('fct_orders') }}
where service = 'pretix'
    and state = 'paid'
    and open_amount > 0
    and {{ ticketing.was_loaded(source('organizers', 'order_payments')) }}
    and {{ ticketing.was_loaded(source('organizers', 'order_refunds')) }}
