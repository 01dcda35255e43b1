select
    {{ ticketing.key('pretix', ['organizer']) }} as organizer_key,
    'pretix' as service,
    organizer,
    name,
    public_url
from {{ ref('stg_organizers__organizers') }}

union all

-- Oveit's API shows one organizer, without a name.
select
    'oveit' as organizer_key,
    'oveit' as service,
    cast(null as {{ dbt.type_string() }}) as organizer,
    'Oveit' as name,
    cast(null as {{ dbt.type_string() }}) as public_url
from {{ ref('stg_ticketing__events') }}
having count(*) > 0
