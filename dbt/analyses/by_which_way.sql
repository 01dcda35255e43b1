-- By which way do tickets sell: over which channel, with a voucher or without?
select
    coalesce(sales_channel, service) as channel,
    case when voucher_id is null then 'no voucher' else coalesce(voucher_tag, 'voucher without tag') end as voucher,
    count(*) as tickets,
    sum(case when is_canceled then 1 else 0 end) as canceled
from {{ ref('fct_tickets') }}
where is_admission
group by
    coalesce(sales_channel, service),
    case when voucher_id is null then 'no voucher' else coalesce(voucher_tag, 'voucher without tag') end
order by tickets desc, channel, voucher
