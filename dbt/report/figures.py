"""The figures of the report: each a query on the marts, a chart of its rows, and a sentence that says what it shows."""

from __future__ import annotations

import datetime as dt
import typing as t
from decimal import Decimal

import altair as alt

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from report.database import Marts, Row

#: Lines in one chart, and currencies: more would be a tangle.
LINES = 8
CURRENCIES = 4

SALES = """
with best as (
    select event_date_key, max(tickets_to_date) as tickets
    from {marts}.event_days
    where days_before is not null
    group by event_date_key
    order by tickets desc, event_date_key
    limit 8
)
select
    curve.event_date_key as place,
    organizers.name as organizer,
    coalesce(dates.name, events.name, events.event) as event,
    dates.starts_on as date,
    curve.days_before,
    curve.tickets_to_date as tickets,
    curve.day
from {marts}.event_days as curve
join best on best.event_date_key = curve.event_date_key
join {marts}.dim_event_dates as dates on dates.event_date_key = curve.event_date_key
join {marts}.dim_events as events on events.event_key = curve.event_key
join {marts}.dim_organizers as organizers on organizers.organizer_key = events.organizer_key
order by best.tickets desc, curve.event_date_key, curve.day
"""
REVENUE = """
select
    coalesce(currency, 'unknown') as currency,
    cast(date_trunc('month', day) as date) as month,
    tax_rate,
    sum(gross) as gross,
    sum(tax) as tax,
    sum(net) as net
from {marts}.fct_revenue
where gross is not null
group by currency, cast(date_trunc('month', day) as date), tax_rate
order by currency, month, tax_rate
"""
CHECKINS = """
with entries as (
    select tickets.event_date_key, tickets.event_key, tickets.checked_in_at, dates.starts_at
    from {marts}.fct_tickets as tickets
    join {marts}.dim_event_dates as dates on dates.event_date_key = tickets.event_date_key
    where tickets.checked_in_at is not null and dates.starts_at is not null
        and tickets.checked_in_at >= dates.starts_at - interval '12 hours'
        and tickets.checked_in_at <= dates.starts_at + interval '24 hours'
),
best as (
    select event_date_key, count(*) as tickets
    from entries
    group by event_date_key
    order by tickets desc, event_date_key
    limit 8
)
select
    entries.event_date_key as place,
    organizers.name as organizer,
    coalesce(dates.name, events.name, events.event) as event,
    dates.starts_on as date,
    entries.checked_in_at,
    entries.starts_at
from entries
join best on best.event_date_key = entries.event_date_key
join {marts}.dim_event_dates as dates on dates.event_date_key = entries.event_date_key
join {marts}.dim_events as events on events.event_key = entries.event_key
join {marts}.dim_organizers as organizers on organizers.organizer_key = events.organizer_key
order by best.tickets desc, entries.event_date_key, entries.checked_in_at
"""
REFUNDS = """
select
    coalesce(currency, 'unknown') as currency,
    cast(date_trunc('month', coalesce(done_at_local, created_at_local)) as date) as month,
    count(*) as refunds,
    sum(amount) as amount
from {marts}.fct_payments
where kind = 'refund' and is_counted
group by currency, cast(date_trunc('month', coalesce(done_at_local, created_at_local)) as date)
order by currency, month
"""
EVENTS = """
select
    organizers.name as organizer,
    coalesce(events.name, events.event) as event,
    events.starts_on as day,
    count(case when tickets.is_sold and tickets.is_admission then 1 end) as sold,
    count(case when tickets.is_checked_in and tickets.is_sold and tickets.is_admission then 1 end) as checked_in,
    count(case when tickets.is_canceled then 1 end) as canceled,
    coalesce(sum(case when tickets.is_sold then tickets.price end), 0) as revenue,
    events.currency as currency
from {marts}.dim_events as events
join {marts}.dim_organizers as organizers on organizers.organizer_key = events.organizer_key
join {marts}.fct_tickets as tickets on tickets.event_key = events.event_key
group by organizers.name, events.event_key, events.name, events.event, events.starts_on, events.currency
order by sold desc, events.event_key
"""
TOTALS = """
select
    currency,
    count(*) as positions,
    count(case when is_admission then 1 end) as tickets,
    count(case when is_checked_in and is_admission then 1 end) as checked_in,
    sum(price) as revenue
from {marts}.fct_tickets
where is_sold
group by currency
order by tickets desc, currency
"""


class Table(t.NamedTuple):
    """Rows for people: what the columns are called, and which hold numbers."""

    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    numbers: frozenset[int]


class Figure(t.NamedTuple):
    """A chart, with what is said of it and the rows that it is drawn from."""

    name: str
    title: str
    text: str
    #: Specification of Vega-Lite; none where there is nothing to draw.
    chart: dict[str, t.Any] | None
    table: Table


def figures(marts: Marts) -> list[Figure]:
    """Return all figures, in the order of the page."""
    return [sales(marts), revenue(marts), checkins(marts), refunds(marts)]


def sales(marts: Marts) -> Figure:
    """Return the sales curves of the dates that sold most."""
    rows = named(marts.rows(SALES))
    data = [{"event": row["name"], "days": row["days_before"], "tickets": row["tickets"]} for row in rows]
    chart = (
        _chart(data, _most(rows, "tickets", "Tickets sold until each day"))
        .mark_line(interpolate="step-after", strokeWidth=2, point=alt.OverlayMarkDef(size=20))
        .encode(
            alt.X("days:Q", title="days before the event", scale=alt.Scale(reverse=True)),
            alt.Y("tickets:Q", title="tickets sold so far"),
            _of_event(rows),
            tooltip=["event:N", alt.Tooltip("days:Q", title="days before"), "tickets:Q"],
        )
    )
    last = {row["name"]: row for row in rows}.values()
    table = _table(("event", "last sale", "tickets"), ([row["name"], row["day"], row["tickets"]] for row in last))
    text = "The dates that sold most, by how long before the event tickets were sold."
    return Figure("sales", "How tickets sell", text, _spec(chart, rows), table)


def revenue(marts: Marts) -> Figure:
    """Return revenue by month and tax rate, a row for each currency."""
    rows = marts.rows(REVENUE)
    kept = _largest(rows, "gross")
    data = [
        {
            "currency": row["currency"],
            "month": _month(row["month"]),
            "rate": _rate(row["tax_rate"]),
            "gross": float(row["gross"]),
        }
        for row in rows
        if row["currency"] in kept
    ]
    chart = _by_month(data, kept, "gross", "Revenue by month and tax rate", "gross", "rate")
    table = _table(
        ("currency", "month", "tax rate", "gross", "tax", "net"),
        (
            [
                row["currency"],
                _month(row["month"]),
                _rate(row["tax_rate"]),
                row["gross"],
                row["tax"],
                row["net"],
            ]
            for row in rows
        ),
    )
    text = "Of pretix the journal, in which whatever was canceled is booked back; of Oveit the list prices." + _few(
        rows
    )
    return Figure("revenue", "Revenue by month and tax rate", text, _spec(chart, rows), table)


def checkins(marts: Marts) -> Figure:
    """Return which part of those who came was in, by the time before and after the start."""
    rows = named(marts.rows(CHECKINS))
    total: dict[str, int] = {}
    for row in rows:
        row["number"] = total[row["name"]] = total.get(row["name"], 0) + 1
    data = [
        {
            "event": row["name"],
            "minutes": round((row["checked_in_at"] - row["starts_at"]).total_seconds() / 60, 1),
            "percent": round(100 * row["number"] / total[row["name"]], 1),
        }
        for row in rows
    ]
    chart = (
        _chart(data, _most(rows, "number", "Check-ins until each minute"))
        .mark_line(interpolate="step-after", strokeWidth=2, point=alt.OverlayMarkDef(size=20))
        .encode(
            alt.X("minutes:Q", title="minutes after the start (negative: before it)"),
            alt.Y("percent:Q", title="of all who came, %", scale=alt.Scale(domain=[0, 100])),
            _of_event(rows),
            tooltip=["event:N", "minutes:Q", "percent:Q"],
        )
    )
    table = _table(("event", "came"), ([name, number] for name, number in total.items()))
    text = "Each ticket counts once, at its first entry within twelve hours before and a day after the start."
    return Figure("checkins", "When people come", text, _spec(chart, rows), table)


def refunds(marts: Marts) -> Figure:
    """Return what went back, by month."""
    rows = marts.rows(REFUNDS)
    kept = _largest(rows, "amount")
    data = [
        {"currency": row["currency"], "month": _month(row["month"]), "amount": float(row["amount"])}
        for row in rows
        if row["currency"] in kept
    ]
    chart = _by_month(data, kept, "amount", "Refunds by month", "refunded", None)
    table = _table(
        ("currency", "month", "refunds", "amount"),
        ([row["currency"], _month(row["month"]), row["refunds"], row["amount"]] for row in rows),
    )
    text = "What was paid back or is on its way back, in the month in which it was done." + _few(rows)
    return Figure("refunds", "Refunds", text, _spec(chart, rows), table)


def events(marts: Marts) -> Table:
    """Return the table of all events that sold anything."""
    return _table(
        ("organizer", "event", "day", "tickets sold", "checked in", "canceled", "revenue", "currency"),
        (list(row.values()) for row in marts.rows(EVENTS)),
    )


def totals(marts: Marts) -> Table:
    """Return the sums by currency."""
    return _table(
        ("currency", "positions sold", "tickets sold", "checked in", "revenue"),
        (list(row.values()) for row in marts.rows(TOTALS)),
    )


# --- what charts share ------------------------------------------------------------------------------------------------


def named(rows: list[Row]) -> list[Row]:
    """Give each row a name for its date: the event's, and what it takes to tell it from the others of that name."""
    places = {row["place"]: row for row in rows}
    names = {place: str(row["event"]) for place, row in places.items()}
    for detail in ("organizer", "date", "place"):
        alike: dict[str, set[t.Any]] = {}
        for place, name in names.items():
            alike.setdefault(name, set()).add(places[place][detail])
        names = {
            place: f"{name}, {places[place][detail]}" if len(alike[name]) > 1 else name for place, name in names.items()
        }
    for row in rows:
        row["name"] = names[row["place"]]
    return rows


def _chart(data: list[Row], description: str) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=data), width="container", height=320, description=description)


def _of_event(rows: list[Row]) -> alt.Color:
    order = list(dict.fromkeys(row["name"] for row in rows))
    legend = alt.Legend(orient="bottom", columns=1, title=None)
    return alt.Color("event:N", sort=order, legend=legend)


def _by_month(
    data: list[Row], currencies: Sequence[str], value: str, description: str, title: str, colour: str | None
) -> alt.VConcatChart:
    """Return bars by month, a chart for each of the currencies, since sums of several mean nothing."""
    said = ", ".join(
        f"{currency} {sum(row[value] for row in data if row['currency'] == currency):,.2f}" for currency in currencies
    )
    charts = []
    for currency in currencies:
        rows = [row for row in data if row["currency"] == currency]
        shown = [alt.Color(f"{colour}:N", title="tax rate", legend=alt.Legend(orient="bottom"))] if colour else []
        charts.append(
            alt.Chart(alt.InlineData(values=rows), width=560, height=150)
            .mark_bar()
            .encode(
                alt.X("month:O", title="month", axis=alt.Axis(labelAngle=-45)),
                alt.Y(f"{value}:Q", title=f"{title}, {currency}"),
                *shown,
                tooltip=["month:O", f"{value}:Q"],
            )
        )
    return alt.vconcat(*charts, description=f"{description}; in all {said}.")


def _spec(chart: t.Any, rows: list[Row]) -> dict[str, t.Any] | None:
    return t.cast("dict[str, t.Any]", chart.to_dict()) if rows else None


def _most(rows: list[Row], value: str, what: str) -> str:
    """Return the text for those who do not see a chart: how it ends."""
    last = {row["name"]: row[value] for row in rows}
    return f"{what}; in the end: {', '.join(f'{name} {number}' for name, number in last.items())}."


def _largest(rows: list[Row], value: str) -> list[str]:
    sums: dict[str, Decimal] = {}
    for row in rows:
        sums[row["currency"]] = sums.get(row["currency"], Decimal()) + row[value]
    return sorted(sums, key=lambda currency: -sums[currency])[:CURRENCIES]


def _few(rows: list[Row]) -> str:
    """Return what is to be said where not all currencies are drawn."""
    many = len({row["currency"] for row in rows})
    return f" Drawn are {CURRENCIES} of {many} currencies; the numbers have all." if many > CURRENCIES else ""


def _month(value: dt.date | None) -> str:
    return "unknown" if value is None else f"{value:%Y-%m}"


def _rate(value: Decimal | None) -> str:
    return "unknown" if value is None else f"{value.normalize():f} %"


def _table(head: tuple[str, ...], rows: t.Iterable[list[t.Any]]) -> Table:
    kept = [list(row) for row in rows]
    numbers = frozenset(
        place
        for place in range(len(head))
        if kept and all(isinstance(row[place], (int, Decimal, type(None))) for row in kept)
    )
    return Table(head, [tuple(_text(value) for value in row) for row in kept], numbers)


def _money(value: Decimal) -> str:
    """Return an amount with the digits that it has, two at least: some currencies have three."""
    return f"{value:,.{max(2, -int(value.as_tuple().exponent))}f}"


def _text(value: t.Any) -> str:
    shown: dict[type, Callable[[t.Any], str]] = {
        int: "{:,}".format,
        Decimal: _money,
        dt.date: str,
    }
    return "" if value is None else shown.get(type(value), str)(value)
