"""Sources and staging models of the dbt package, written from the taps' catalogs.

What is mechanical about a table stands here once: how its columns are called and typed, which of them are about people,
what its key is, and which tables it refers to. What takes thought is written by hand in ``dbt/models/marts``.
"""

from __future__ import annotations

import inspect
import re
import typing as t
from pathlib import Path

import yaml

from demo.questions import questions
from rest_tap.schema import KIND, SECRET, SENSITIVITY
from tap_organizers.tap import TapOrganizers
from tap_ticketing.tap import TapTicketing
from tools.streams import streams, table

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Stream

PACKAGE = Path(__file__).resolve().parents[1] / "dbt"
HEAD = "written by `make docs` from the catalog of {tap}; change tools/dbt.py"

#: Source of the dbt package → what its tables are called after: the preset of the tap that loads them.
SCHEMAS = {"organizers": "tap_pretix", "ticketing": "tap_oveit"}

#: Columns that are called otherwise, wherever they are: words of SQL, and what says too little by itself.
NAMES = {
    "addon_to": "addon_to_id",
    "cancellation_date": "canceled_at",
    "cartposition": "cart_position_id",
    "count": "quantity",
    "created": "created_at",
    "date": "document_date",
    "date_admission": "admission_at",
    "date_end": "ends_at",
    "date_from": "starts_at",
    "date_joined": "joined_at",
    "date_start": "starts_at",
    "date_to": "ends_at",
    "end": "ends_at",
    "execution_date": "executed_at",
    "expires": "expires_at",
    "geo_lat": "latitude",
    "geo_lon": "longitude",
    "initialized": "initialized_at",
    "issuance": "issued_at",
    "last_login": "last_login_at",
    "last_modified": "last_modified_at",
    "list": "checkin_list_id",
    "mode": "check_mode",
    "order": "order_code",
    "order_last_modified": "order_last_modified_at",
    "orderposition": "position_id",
    "positionid": "position_number",
    "presale_end": "presale_ends_at",
    "presale_start": "presale_starts_at",
    "product": "item_id",
    "schedule_next_run": "next_run_at",
    "send_date": "sent_at",
    "start": "starts_at",
    "transmission_date": "transmitted_at",
    "updated": "updated_at",
    "values": "choices",
    # yes or no
    "active": "is_active",
    "admission": "is_admission",
    "canceled": "is_canceled",
    "checked_in": "is_checked_in",
    "closed": "is_closed",
    "enabled": "is_enabled",
    "has_subevents": "is_series",
    "hidden": "is_hidden",
    "live": "is_live",
    "personalized": "is_personalized",
    "required": "is_required",
    "revoked": "is_revoked",
    "successful": "is_successful",
    "testmode": "is_test",
    "transferable": "is_transferable",
}
#: Columns that are called otherwise in one table only.
NAMES_OF_TABLE = {
    ("attendee_fields", "type"): "field_type",
    ("attendee_answers", "type"): "field_type",
    ("blocked_ticket_secrets", "blocked"): "is_blocked",
    ("cart_positions", "datetime"): "added_at",
    ("checkins", "datetime"): "scanned_at",
    ("checkins", "type"): "direction",
    ("event_meta_properties", "default"): "default_value",
    ("events", "slug"): "event",
    ("events", "hash"): "event_hash",
    ("gift_card_transactions", "datetime"): "booked_at",
    ("invoices", "number"): "invoice_number",
    ("item_meta_properties", "default"): "default_value",
    ("order_payments", "local_id"): "payment_number",
    ("order_payments", "payment_date"): "paid_at",
    ("order_refunds", "local_id"): "refund_number",
    ("order_refunds", "payment"): "payment_number",
    ("orders", "code"): "order_code",
    ("orders", "date"): "ordered_at",
    ("orders", "datetime"): "ordered_at",
    ("organizers", "slug"): "organizer",
    ("question_options", "answer"): "answer",
    ("questions", "question"): "question",
    ("questions", "type"): "question_type",
    ("reusable_media", "type"): "medium_type",
    ("sales_channels", "type"): "channel_type",
    ("seats", "blocked"): "is_blocked",
    ("tickets", "code"): "ticket_code",
    ("transactions", "datetime"): "booked_at",
}
#: Numbers that name a row of another table: `item` is called `item_id`, and found in `items`.
REFERENCES = {
    "category": "item_categories",
    "checkin_list": "checkin_lists",
    "discount": "discounts",
    "gift_card": "gift_cards",
    "item": "items",
    "membership_type": "membership_types",
    "position": "order_positions",
    "question": "questions",
    "quota": "quotas",
    "subevent": "subevents",
    "tax_rule": "tax_rules",
    "team": "teams",
    "variation": "item_variations",
    "voucher": "vouchers",
}
#: Of these a row may be deleted while others still name it: not tested.
DELETABLE = frozenset({"discounts", "item_categories", "quotas", "tax_rules", "vouchers"})
#: Tables whose `position` is a ticket, and not a place in an order.
OF_POSITIONS = frozenset({"checkins", "order_answers"})
#: What the id of a table's rows is called, where it is not the table's name in the singular.
IDS = {
    "attendee_fields": "field_id",
    "attendees": "attendee_id",
    "cart_positions": "cart_position_id",
    "checkin_list_positions": "position_id",
    "item_categories": "category_id",
    "item_variations": "variation_id",
    "order_fees": "fee_id",
    "order_positions": "position_id",
    "question_options": "option_id",
    "reusable_media": "medium_id",
}
#: Nested columns whose rows are a table of their own.
UNNESTED = {
    "attendees": {"values"},
    "checkin_list_positions": {"answers", "checkins"},
    "items": {"addons", "bundles", "program_times", "variations"},
    "order_positions": {"answers"},
    "orders": {"fees", "invoices", "items", "payments", "positions", "refunds", "tickets"},
    "questions": {"options"},
}
#: Hashed addresses, which tell people apart where personal columns are left out: table → column, and what it becomes.
HASHED = {
    "customers": ("email", "email_hash", "hash"),
    "order_positions": ("attendee_email", "attendee_email_hash", "hash"),
    "orders": ("email", "email_hash", "hash"),
    "attendee_answers": ("value", "email_hash", "address_hash"),
}
#: How old the rows may be of a table that every run reads in full.
FRESHNESS = {"warn_after": {"count": 36, "period": "hour"}, "error_after": {"count": 7, "period": "day"}}
TYPES = {"boolean": "boolean", "integer": "integer", "number": "number", "array": "json", "object": "json"}


class Column(t.NamedTuple):
    """A column of a source, and what becomes of it in staging."""

    source: str
    name: str
    kind: str
    description: str
    is_personal: bool = False


class Table:
    """A stream as the dbt package sees it."""

    def __init__(self, source: str, tap: str, stream: Stream, variant: Stream | None = None) -> None:
        """Take the stream, and the other form of it that has more columns."""
        self.source, self.tap, self.stream = source, tap, stream
        self.name = str(stream.name)
        properties = {**(variant.schema["properties"] if variant else {}), **stream.schema["properties"]}
        self.properties: dict[str, dict[str, t.Any]] = properties
        #: Also what is not always there.
        self.keys = list((variant or stream).primary_keys)
        self.columns = list(self._columns())
        self.is_read_in_full = stream.replication_method == "FULL_TABLE"

    @property
    def model(self) -> str:
        """The staging model's name."""
        return f"stg_{self.source}__{self.name}"

    @property
    def summary(self) -> str:
        """What a row is."""
        text = inspect.cleandoc(type(self.stream).__doc__ or "").partition("\n\n")[0]
        return " ".join(text.replace("``", "`").split())

    def _columns(self) -> Iterator[Column]:
        for name, field in self.properties.items():
            if SECRET in field.get(SENSITIVITY, "") or name in UNNESTED.get(self.name, ()) or name == "unknown_fields":
                continue
            yield Column(
                name, self._name(name), self._kind(name), field.get("description", ""), is_personal=_is_personal(field)
            )
        if self.name in HASHED:
            source, name, kind = HASHED[self.name]
            yield Column(source, name, kind, "SHA-256 of the e-mail address in small letters, with the var `salt`.")

    def _name(self, name: str) -> str:
        field = self.properties[name]
        if (self.name, name) in NAMES_OF_TABLE:
            return NAMES_OF_TABLE[self.name, name]
        if name == "id":
            return IDS.get(self.name, f"{re.sub('ies$', 'y', self.name).removesuffix('s')}_id")
        if name == "position":
            return "position_id" if self.name in OF_POSITIONS else "sort_order"
        if name == "default":
            return "is_default"
        if name in REFERENCES and "integer" in field["type"]:
            return f"{name}_id"
        return NAMES.get(name, name)

    def _kind(self, name: str) -> str:
        field = self.properties[name]
        if field.get(KIND) == "translated":
            return "translated"
        if field.get(KIND) == "decimal":
            is_rate = "rate" in name or "percent" in name or name.startswith("valid_number")
            return "rate" if is_rate else "money"
        kind = next(kind for kind in field["type"] if kind != "null")
        return TYPES.get(kind) or {"date-time": "time", "date": "date"}.get(field.get("format", ""), "text")

    def key(self) -> list[str]:
        """Return the key's columns as staging calls them."""
        return [self._name(name) for name in self.keys]

    def references(self, tables: dict[str, Table]) -> Iterator[tuple[list[str], Table, list[str]]]:
        """Yield columns, and the table and columns that they refer to."""
        names = {column.name for column in self.columns}
        if self.source == "ticketing":
            if "event_id" in names and self.name != "events":
                yield ["event_id"], tables["events"], ["event_id"]
            if "attendee_id" in names and self.name != "attendees":
                yield ["attendee_id"], tables["attendees"], ["attendee_id"]
            if "order_id" in names and self.name.startswith("order_"):
                yield ["order_id"], tables["orders"], ["order_id"]
            return
        if {"organizer", "event"} <= names and self.name != "events":
            yield ["organizer", "event"], tables["events"], ["organizer", "event"]
        elif "organizer" in names and self.name != "organizers":
            yield ["organizer"], tables["organizers"], ["organizer"]
        if {"organizer", "order_code"} <= names and self.name != "orders":
            yield ["organizer", "order_code"], tables["orders"], ["organizer", "order_code"]
        for reference, other in REFERENCES.items():
            name = f"{reference}_id"
            if name in names and other not in {self.name, *DELETABLE}:
                yield [name], tables[other], tables[other].key()


def _is_personal(field: dict[str, t.Any]) -> bool:
    """Return whether a field or something inside it is about people, or opens doors."""
    inner = [*field.get("properties", {}).values(), *([field["items"]] if field.get("items") else [])]
    return SENSITIVITY in field or any(_is_personal(one) for one in inner)


def tables() -> dict[str, dict[str, Table]]:
    """Return all tables, by source and name."""
    by_event = {stream.name: stream for stream in streams(TapTicketing, partition_by_event=True)}
    return {
        "organizers": {
            str(stream.name): Table("organizers", TapOrganizers.name, stream) for stream in streams(TapOrganizers)
        },
        "ticketing": {
            str(stream.name): Table("ticketing", TapTicketing.name, stream, by_event.get(stream.name))
            for stream in streams(TapTicketing)
        },
    }


def documents() -> dict[Path, str]:
    """Return the text that each generated file of the package should have."""
    found: dict[Path, str] = {}
    for source, of_source in tables().items():
        tap = next(iter(of_source.values())).tap
        head = f"# {HEAD.format(tap=tap).capitalize()}\n"
        folder = PACKAGE / "models" / "staging" / source
        found[folder / f"_{source}__sources.yml"] = head + _yaml(_sources(source, of_source))
        found[folder / f"_{source}__models.yml"] = head + _yaml(
            {"models": [_model(one, of_source) for one in of_source.values()]}
        )
        for one in of_source.values():
            found[folder / f"{one.model}.sql"] = _sql(one)
    return found


def _sources(source: str, of_source: dict[str, Table]) -> dict[str, t.Any]:
    variable = f"{source}_schema"
    return {
        "sources": [
            {
                "name": source,
                "description": f"What {next(iter(of_source.values())).tap} reads, as a loader left it.",
                "database": f"{{{{ var('{source}_database', target.database) }}}}",
                "schema": (f"{{{{ var('{variable}', env_var('DBT_{variable.upper()}', '{SCHEMAS[source]}')) }}}}"),
                "config": {"loaded_at_query": "{{ ticketing.loaded_at(this) }}", "freshness": FRESHNESS},
                "tables": [_table(table) for table in of_source.values()],
            }
        ]
    }


def _table(table: Table) -> dict[str, t.Any]:
    return {
        "name": table.name,
        "description": table.summary,
        # Where only changes are read, old rows are no sign of anything.
        **({} if table.is_read_in_full else {"config": {"freshness": None}}),
        "data_tests": [{"ticketing.loaded_key": {"arguments": {"columns": table.keys}}}],
        "columns": [
            {"name": name, "quote": True, "description": field.get("description", "")}
            for name, field in table.properties.items()
        ],
    }


def _model(table: Table, of_source: dict[str, Table]) -> dict[str, t.Any]:
    tests = [
        {
            "ticketing.refers_to": {
                "name": f"{table.model}__{'_'.join(columns)}",
                "arguments": {"columns": columns, "to": f"ref('{parent.model}')", "fields": fields},
            }
        }
        for columns, parent, fields in table.references(of_source)
    ]
    columns = []
    for column in table.columns:
        note = " Personal." if column.is_personal else ""
        columns.append({"name": column.name, "description": column.description + note})
        if column.kind == "time":
            columns.append(
                {"name": f"{column.name}_local", "description": f"{column.description} In the event's time zone."}
            )
    return {
        "name": table.model,
        "description": f"{table.summary} From `{table.name}` of {table.tap}.",
        **({"data_tests": tests} if tests else {}),
        "columns": columns,
    }


def _sql(table: Table) -> str:
    lines = [f"{{# {HEAD.format(tap=table.tap).capitalize()} #}}", "{{ ticketing.staged("]
    lines += [f"    source('{table.source}', '{table.name}'),", "    ["]
    for column in table.columns:
        mark = "personal" if column.is_personal else ""
        lines.append(f"        ('{column.source}', '{column.name}', '{column.kind}', '{mark}'),")
    lines += ["    ],"]
    names = {column.name for column in table.columns}
    if table.source == "ticketing":
        lines.append("    zone=ticketing.text(var('ticketing_timezone')),")
    elif table.name == "events":
        lines.append("    zone=\"coalesce(timezone, 'UTC')\",")
    elif "event" in names and "timezone" not in names:
        lines.append("    events=ref('stg_organizers__events'),")
    return "\n".join([*lines, ") }}", ""])


def _yaml(data: dict[str, t.Any]) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)


# --- the page about the marts -----------------------------------------------------------------------------------------

Model = dict[str, t.Any]


def marts() -> list[Model]:
    """Return what the package says of its marts."""
    text = (PACKAGE / "models" / "marts" / "_marts.yml").read_text(encoding="utf-8")
    found: list[Model] = yaml.safe_load(text)["models"]
    return found


def diagram(models: list[Model]) -> str:
    """Return how the marts refer to each other, for Mermaid."""
    lines = ["erDiagram"]
    for model in models:
        refers = [test["ticketing.refers_to"]["arguments"] for test in model.get("data_tests", ())]
        lines += [
            f"  {test['to'][len('ref(') + 1 : -2]} ||--o{{ {model['name']} : {test['columns'][0]}" for test in refers
        ]
    for model in models:
        lines.append(f"  {model['name']} {{")
        references = {test["ticketing.refers_to"]["arguments"]["columns"][0] for test in model.get("data_tests", ())}
        for column in model["columns"]:
            name = column["name"]
            key = "PK" if "unique" in column.get("data_tests", ()) else "FK" if name in references else ""
            if key:
                lines.append(f"    text {name} {key}")
        lines.append("  }")
    return "\n".join(lines)


def chapters(models: list[Model]) -> str:
    """Return a chapter about each mart, with its columns."""
    lines = [f"```mermaid\n{diagram(models)}\n```\n"]
    for model in models:
        rows = [(f"`{column['name']}`", column["description"]) for column in model["columns"]]
        lines += [f"### {model['name']}\n", model["description"] + "\n", table(("Column", "Meaning"), rows)]
    return "\n".join(lines)


def answered() -> str:
    """Return a chapter about each question that the package answers, with its query."""
    return "\n".join(f"### {one.file.stem}\n\n{one.text}\n\n```sql\n{one.query}\n```\n" for one in questions())
