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
from (
    select 1 as one from {{ ref('stg_ticketing__events') }}
    union all
    select 1 as one from {{ ref('stg_ticketing__orders') }}
    union all
    select 1 as one from {{ ref('stg_ticketing__tickets') }}
    union all
    select 1 as one from {{ ref('stg_ticketing__attendees') }}
) as anything
having count(*) > 0
