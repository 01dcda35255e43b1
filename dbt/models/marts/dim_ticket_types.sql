with items as (
    select items.*, categories.name as category
    from {{ ref('stg_organizers__items') }} as items
    left join {{ ref('stg_organizers__item_categories') }} as categories
        on categories.category_id = items.category_id
),

every as (
    -- What is sold as it is; also where there are variations by now, since it may have been sold before.
    select
        {{ ticketing.key('pretix', ['item_id']) }} as ticket_type_key,
        'pretix' as service,
        {{ ticketing.key('pretix', ['organizer', 'event']) }} as event_key,
        name,
        cast(null as {{ dbt.type_string() }}) as variation,
        category,
        default_price as price,
        coalesce(is_admission, false) as is_admission,
        is_active
    from items

    union all

    select
        {{ ticketing.key('pretix', ['items.item_id', 'variations.variation_id']) }} as ticket_type_key,
        'pretix' as service,
        {{ ticketing.key('pretix', ['items.organizer', 'items.event']) }} as event_key,
        items.name,
        variations.value as variation,
        items.category,
        coalesce(variations.price, items.default_price) as price,
        coalesce(items.is_admission, false) as is_admission,
        variations.is_active
    from {{ ref('stg_organizers__item_variations') }} as variations
    inner join items on items.item_id = variations.item_id

    union all

    select
        {{ ticketing.key('oveit', ['event_id', 'ticket_type_id']) }} as ticket_type_key,
        'oveit' as service,
        {{ ticketing.key('oveit', ['event_id']) }} as event_key,
        name,
        cast(null as {{ dbt.type_string() }}) as variation,
        cast(null as {{ dbt.type_string() }}) as category,
        price,
        true as is_admission,
        true as is_active
    from {{ ref('int_ticketing__ticket_types') }}
)

select
    ticket_type_key,
    service,
    event_key,
    name,
    variation,
    name || coalesce(' – ' || variation, '') as full_name,
    category,
    price,
    is_admission,
    is_active
from every
