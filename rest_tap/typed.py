"""The fast path of a page: decoded into objects of its stream's types, and encoded from these.

A page usually fits its schema, and then no value has to be looked at: decoding it into these types
is the proof. What types cannot say is checked by column: whether all texts of a field are times,
and whether these are in UTC.

A page that does not fit takes the slow path as a whole, on which :mod:`rest_tap.records` makes records
fit: where a value is not of its type, a key is missing, or a field comes that no schema names. Such
names are learnt first, as far as they are few, so that a server that is newer than the schema is read
as fast. Both paths write the same bytes: the fields in the order of the schema, then the unknown ones
by name.

Nested records are decoded from the page a second time, since their streams have fields, and leave fields out,
of their own.
"""

from __future__ import annotations

import itertools
import operator
import typing as t

import msgspec

from rest_tap.floats import exact
from rest_tap.nested import nested_records
from rest_tap.normalise import NUMBER_TYPE, WHOLE_TYPE
from rest_tap.redact import masked
from rest_tap.schema import UNKNOWN_FIELDS, is_closed, kind_of, needs_escape
from rest_tap.selection import Deselection
from rest_tap.times import check_days, check_times, texts_to_utc

if t.TYPE_CHECKING:
    from rest_tap.nested import NestedList
    from rest_tap.schema import Record, Schema
    from rest_tap.unexpected import Unexpected

#: Returns the body of an answer; its rows are typed ones, or else records in the order of the schema.
Decode = t.Callable[[bytes], t.Any]

#: The field of a typed row that has its nested records, which no server sends.
NESTED = "_nested"
#: Names that no schema has and are learnt, of each kind of object.
NAMES_LEARNT = 64

_decode = msgspec.json.Decoder(float_hook=exact).decode
_numbers: t.Any = list[NUMBER_TYPE | None]


class TypedRow(msgspec.Struct):
    """A row whose values are of the types in the schema. It is read like a record, by the names of its fields."""

    if t.TYPE_CHECKING:  # msgspec would take these for fields
        #: Attribute of each field.
        attributes: t.ClassVar[dict[str, str]]
        #: What else is to be done with such objects.
        steps: t.ClassVar[Steps]
        #: The nested records of other streams, by stream; unset once the row is finished.
        nested: dict[str, list[TypedRow]] | msgspec.UnsetType

    def get(self, name: str, default: t.Any = None) -> t.Any:
        """Return the value of a field as it came, or the default where it did not come."""
        attribute = self.attributes.get(name)
        value = msgspec.UNSET if attribute is None else getattr(self, attribute)
        return default if value is msgspec.UNSET else value

    def __getitem__(self, name: str) -> t.Any:
        """Return the value of a field that has come."""
        value = self.get(name, msgspec.UNSET)
        if value is msgspec.UNSET:
            raise KeyError(name)
        return value

    def items(self) -> t.Iterable[tuple[str, t.Any]]:
        """Return all that has come, by name."""
        record: Record = _decode(msgspec.json.encode(self))
        record.pop(NESTED, None)
        return record.items()


def column(rows: t.Sequence[Record], name: str) -> list[t.Any]:
    """Return the values of a field in the rows of one page, as they came; None where it did not come."""
    if not rows or not isinstance(rows[0], TypedRow):
        return [row.get(name) for row in rows]
    # All rows of a page are of the same type; to ask each of them by name costs several times as much.
    attribute = type(rows[0]).attributes.get(name)
    if attribute is None:
        return [None] * len(rows)
    values = map(operator.attrgetter(attribute), rows)
    return [None if value is msgspec.UNSET else value for value in values]


def typed_records(rows: t.Iterable[t.Any], stream: str) -> list[t.Any]:
    """Return the nested records of a stream in the rows of a page; only as long as these are not finished."""
    return [record for row in rows for record in row.nested[stream]]


class Steps(t.NamedTuple):
    """What has to be done with objects of one type besides decoding them, by attribute."""

    times: list[str]
    days: list[str]
    #: Fields of numbers, decoded as any type: msgspec would drop digits of a field declared as float.
    numbers: list[str]
    left_out: list[str]
    #: What is reported of unexpected fields: attribute, path of the object, name, and whether it is kept.
    unexpected: list[tuple[str, str, str, bool]]
    #: Of a row only: the fields that no schema names, and the attribute of the column that keeps them.
    unknown: dict[str, str]
    unknown_fields: str
    #: Objects inside these, with what is done as they are decoded, and as they are written.
    inner_decoded: list[Inner]
    inner_written: list[Inner]


class Inner(t.NamedTuple):
    """The objects that stand in one field of others."""

    attribute: str
    is_list: bool
    steps: Steps


class _NoValue:
    """A type that no value has, for fields that the server must not send."""


class Unsupported(Exception):  # noqa: N818 - says what is the matter
    """The types here cannot express a schema, so all pages of the stream take the slow path."""


class Shape:
    """What is known of the objects in one place: the fields of the schema, and others that have come."""

    __slots__ = (
        "_fields",
        "_inner",
        "_is_closed",
        "_is_supported",
        "_left_out",
        "_only",
        "_path",
        "_plain_types",
        "learnt",
    )

    def __init__(
        self,
        declared: Schema,
        catalog: Schema,
        deselection: Deselection,
        *,
        known: t.Container[str] = (),
        path: str = "",
    ) -> None:
        """Take what the schemas say of the objects.

        Args:
            declared: The stream's own schema, which names all fields that are expected.
            catalog: The catalog's, which the loader gets: values are of its types.
            deselection: Fields that are dropped before a record is written.
            known: The fields that a record has; of the objects inside, those that either schema names.
            path: Where the objects are, as it is reported.
        """
        expected, columns = declared.get("properties", {}), catalog.get("properties", {})
        names = [*expected, *(name for name in columns if name not in expected)]
        if not path:
            names = [*(name for name in names if name in known and name != UNKNOWN_FIELDS), UNKNOWN_FIELDS]
        self._fields: dict[str, Schema] = {name: columns.get(name, {}) for name in names}
        self._is_closed = is_closed(declared)
        self._is_supported = bool(path) or NESTED not in self._fields
        self._path = path
        self._left_out = frozenset(deselection.names)
        self._only = deselection.only
        self._inner: dict[str, Shape] = {}
        self._plain_types: dict[str, t.Any] = {}
        #: Fields that no schema names.
        self.learnt: set[str] = set()
        for name in self._fields.keys() - self._left_out:
            inner, is_list = _objects(self._fields[name])
            inner_declared, is_declared_list = _objects(expected.get(name, {}))
            here = f"{path}.{name}" if path else name
            if inner.get("properties"):
                inner_deselection = deselection.inner.get(name, Deselection())
                self._inner[name] = Shape(
                    inner_declared, inner, inner_deselection, path=f"{here}[]" if is_list else here
                )
            if inner_declared.get("properties") and (not inner.get("properties") or is_list != is_declared_list):
                self._is_supported = False

    def plain(self, name: str) -> t.Any:
        """Return the type of a field's values, without null."""
        found = self._plain_types.get(name)
        if found is None:
            found = self._plain_types[name] = _plain(self._fields[name])
        return found

    def values(self, name: str, required: t.Collection[str]) -> t.Any:
        """Return the type of a list of a field's values, which are null in no record if it is required."""
        return t.cast("t.Any", list)[
            self.plain(name) if name in required else _or_null(self.plain(name), {"type": "null"})
        ]

    def learn(self, record: Record) -> bool:
        """Take note of the fields of a record that no schema names; return whether there are new ones."""
        new = {name for name in record.keys() - self._fields.keys() - self.learnt if _can_be_named(name)}
        self.learnt |= set(sorted(new)[: NAMES_LEARNT - len(self.learnt)])
        found = bool(new & self.learnt)
        for name, shape in self._inner.items():
            value = record.get(name)
            for inner in value if isinstance(value, list) else (value,):
                if isinstance(inner, dict):
                    found |= shape.learn(inner)
        return found

    def count_learnt(self) -> int:
        """Return how many fields have come that no schema names, also inside objects."""
        return len(self.learnt) + sum(shape.count_learnt() for shape in self._inner.values())

    def ordered(self, record: Record) -> Record:
        """Return a record with its fields in the order in which objects of the type are encoded."""
        known = {name: record[name] for name in self._fields if name in record}
        if len(known) < len(record):
            known.update((name, record[name]) for name in sorted(record.keys() - known.keys()))
        for name, shape in self._inner.items():
            value = known.get(name)
            if isinstance(value, dict):
                known[name] = shape.ordered(value)
            elif isinstance(value, list):
                known[name] = [shape.ordered(inner) if isinstance(inner, dict) else inner for inner in value]
        return known

    def row_type(self, required: t.Collection[str], parent_keys: t.Collection[str] = ()) -> t.Any:
        """Return a type for rows.

        Args:
            required: Fields that none of them may lack.
            parent_keys: Fields that do not come from the server.

        Raises:
            Unsupported: The types here cannot express the schema.
        """
        return self._struct(TypedRow, required, parent_keys)

    def _object_type(self) -> t.Any:
        """Return a type for objects inside rows.

        Raises:
            Unsupported: The types here cannot express the schema.
        """
        return self._struct(None, (), ())

    def _struct(self, base: t.Any, required: t.Collection[str], parent_keys: t.Collection[str]) -> t.Any:
        if not self._is_supported:
            raise Unsupported
        attributes: dict[str, str] = {}
        declared: list[tuple[t.Any, ...]] = []
        steps = Steps([], [], [], [], [], {}, "", [], [])
        for name in (*self._fields, *sorted(self.learnt)):
            attribute = attributes[name] = f"f{len(attributes)}"
            schema = self._fields.get(name, {})
            is_unnamed = self._only is not None and name not in self._only
            is_left_out = is_unnamed or name in self._left_out
            if is_left_out:
                steps.left_out.append(attribute)
            if base is not None and name in self.learnt:
                steps.unknown[name] = attribute
            elif is_unnamed or (name in self.learnt and self._is_closed):
                steps.unexpected.append((attribute, self._path, name, not is_unnamed))
            if base is not None and name == UNKNOWN_FIELDS:
                kind: t.Any = _NoValue
                steps = steps._replace(unknown_fields="" if is_left_out else attribute)
            elif is_left_out or name in parent_keys:
                kind = t.Any
            else:
                kind = self._field_type(name, schema, attribute, steps)
            if name in required and name not in parent_keys:
                if is_left_out:
                    raise Unsupported
                declared.append((attribute, kind))
            else:
                declared.append((attribute, _or_null(kind, schema), msgspec.UNSET))
        ours = {"nested": NESTED} if base else {}
        declared += [(attribute, _NoValue, msgspec.UNSET) for attribute in ours]
        return msgspec.defstruct(
            "TypedRow" if base else "Inner",
            declared,
            bases=(base,) if base else (),
            namespace={"attributes": attributes, "steps": steps},
            rename={**{attribute: name for name, attribute in attributes.items()}, **ours},
            forbid_unknown_fields=True,
            kw_only=True,
            gc=False,
        )

    def _field_type(self, name: str, schema: Schema, attribute: str, steps: Steps) -> t.Any:
        """Return the type of a field, without null, and add the steps that its values take."""
        shape = self._inner.get(name)
        items = schema.get("items", {}) if kind_of(schema) == "array" else None
        if shape is not None:
            inner = shape._object_type()  # noqa: SLF001 - another one of the same class
            place = Inner(attribute, items is not None, inner.steps)
            if inner.steps.times or inner.steps.days or inner.steps.numbers or inner.steps.inner_decoded:
                steps.inner_decoded.append(place)
            if inner.steps.left_out or inner.steps.unexpected or inner.steps.inner_written:
                steps.inner_written.append(place)
            return inner if items is None else t.cast("t.Any", list)[_or_null(inner, items)]
        if items is not None:
            if items.get("format") in {"date-time", "date"} or "items" in items or kind_of(items) == "number":
                raise Unsupported
            return t.cast("t.Any", list)[_or_null(_plain(items), items)]
        if kind_of(schema) == "number":
            if "null" not in schema["type"]:
                raise Unsupported
            steps.numbers.append(attribute)
            return t.Any
        {"date-time": steps.times, "date": steps.days}.get(schema.get("format", ""), []).append(attribute)
        return _plain(schema)


class TypedPages:
    """Decodes the pages of one stream."""

    def __init__(
        self,
        shape: Shape,
        *,
        required: t.Collection[str],
        records_key: str,
        envelope: t.Iterable[str],
    ) -> None:
        """Prepare the decoder; types are compiled when a page comes.

        Args:
            shape: What is known of its rows.
            required: Fields that no record may lack.
            records_key: Where the rows stand in an answer.
            envelope: What else in an answer is looked at.
        """
        self._shape = shape
        self._required = required
        self._records_key = records_key
        self._envelope = tuple(envelope)
        #: The decoders, by the names of the parents' keys.
        self._decoders: dict[frozenset[str], t.Any] = {}

    def decoder(self, parent_keys: Record, nested: t.Sequence[NestedStream] = ()) -> Decode | None:
        """Return what decodes the pages of a list, or None if all of its pages take the slow path.

        Args:
            parent_keys: The parents' keys, which every row of the list gets.
            nested: The streams that are nested in the rows; these are typed only if all of them are.
        """
        try:
            self._compiled(frozenset(parent_keys))
            for name, value in parent_keys.items():
                msgspec.convert(value, self._shape.plain(name))
            nested_decoder = NestedDecoder(self._records_key, nested)
        except (Unsupported, msgspec.ValidationError, OverflowError):
            return None
        return lambda content: self._decode(content, parent_keys, nested_decoder)

    def _compiled(self, parent_keys: frozenset[str]) -> t.Any:
        """Return the decoder for rows that get these keys of their parents."""
        decoder = self._decoders.get(parent_keys)
        if decoder is None:
            row = self._shape.row_type(self._required, parent_keys)
            fields: list[t.Any] = [
                ("rows", t.cast("t.Any", list)[row]),
                *((f"e{at}", t.Any, msgspec.UNSET) for at in range(len(self._envelope))),
            ]
            names = {"rows": self._records_key, **{f"e{at}": name for at, name in enumerate(self._envelope)}}
            decoder = msgspec.json.Decoder(msgspec.defstruct("Answer", fields, rename=names), float_hook=exact)
            self._decoders[parent_keys] = decoder
        return decoder

    def _decode(self, content: bytes, parent_keys: Record, nested: NestedDecoder) -> t.Any:
        try:
            answer = self._compiled(frozenset(parent_keys)).decode(content)
            _check_rows(answer.rows)
            nested.attach(content, answer.rows)
        except (msgspec.ValidationError, OverflowError):
            return self._decode_records(content, parent_keys, nested)
        envelope = {name: getattr(answer, f"e{at}") for at, name in enumerate(self._envelope)}
        present = {name: value for name, value in envelope.items() if value is not msgspec.UNSET}
        return {self._records_key: answer.rows, **present}

    def _decode_records(self, content: bytes, parent_keys: Record, nested: NestedDecoder) -> t.Any:
        """Return an answer with rows as records, unless these teach names that let them be typed ones."""
        body = _decode(content)
        rows = body.get(self._records_key) if isinstance(body, dict) else None
        if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
            if sum(self._shape.learn(row) for row in rows) + nested.learn(rows):
                self._decoders.clear()
                return self._decode(content, parent_keys, nested)
            for row in rows:
                row.update((name, value) for name, value in parent_keys.items() if name not in row)
            body[self._records_key] = [self._shape.ordered(row) for row in rows]
        return body


class NestedStream(t.NamedTuple):
    """What is known of the records of one stream that stand in the rows of another one.

    Attributes:
        name: The stream's name.
        shape: What is known of its records.
        required: Fields that no record may lack.
        parent_keys: The parents' keys, which every record gets.
        lists: Where in a row the records stand.
    """

    name: str
    shape: Shape
    required: t.Collection[str]
    parent_keys: Record
    lists: t.Sequence[NestedList]


class NestedPlan(t.NamedTuple):
    """How the records of one stream are taken out of decoded objects, by attributes.

    Attributes:
        stream: The stream's name.
        lists: The attribute with the next list, for the objects on each level.
        copied: What the records get from the objects on each level: the attribute there, and that of a record.
        copied_types: All these attributes of a record, with the types of lists of their values.
    """

    stream: str
    lists: list[str]
    copied: list[list[tuple[str, str]]]
    copied_types: list[tuple[str, t.Any]]


class NestedDecoder:
    """Decodes the nested records of a list's pages.

    It decodes pages by itself, since the same objects have other fields in the row that they stand in.
    """

    def __init__(self, records_key: str, streams: t.Sequence[NestedStream]) -> None:
        """Compile the types.

        Args:
            records_key: Where the rows stand in an answer.
            streams: The streams that are nested in them.

        Raises:
            Unsupported: The types here cannot express a schema.
            ValidationError: A key of a parent is not of its type.
        """
        self._records_key = records_key
        self._streams = streams
        #: How many names that no schema has the decoders know.
        self._learnt = 0
        #: Decoders, each of lists with different names, and how the records are taken out of what they return.
        self._decoders: list[tuple[t.Any, list[NestedPlan]]] = []
        for stream in streams:
            for name, value in stream.parent_keys.items():
                msgspec.convert(value, stream.shape.plain(name))
        self._compile()

    def learn(self, rows: list[Record]) -> bool:
        """Take note of fields that no schema names; return whether there are any that the decoders do not know.

        These may come from other lists of the same stream.
        """
        for stream in self._streams:
            for row in rows:
                for record in nested_records(row, stream.lists):
                    stream.shape.learn(record)
        is_new = self._learnt < self._count_learnt()
        if is_new:
            self._compile()
        return is_new

    def _count_learnt(self) -> int:
        return sum(stream.shape.count_learnt() for stream in self._streams)

    def attach(self, content: bytes, rows: list[TypedRow]) -> None:
        """Add to the rows of an answer their nested records.

        Raises:
            ValidationError: Something is not of its type.
            OverflowError: A time is not within the years that there are, once it is in UTC.
        """
        if not self._streams:
            return
        for row in rows:
            row.nested = {}
        for decoder, plans in self._decoders:
            objects = decoder.decode(content).rows
            for plan in plans:
                found = _collect(objects, plan.lists, plan.copied)
                for row, records in zip(rows, found, strict=True):
                    t.cast("dict[str, list[TypedRow]]", row.nested)[plan.stream] = records
                flat = list(itertools.chain.from_iterable(found))
                for attribute, kind in plan.copied_types:
                    msgspec.convert(list(map(operator.attrgetter(attribute), flat)), kind)
                _check_rows(flat)

    def _compile(self) -> None:
        self._learnt = self._count_learnt()
        self._decoders = []
        left = list(self._streams)
        while left:
            by_field: dict[str, NestedStream] = {}
            for stream in left:
                by_field.setdefault(stream.lists[0].field, stream)
            now = list(by_field.values())
            left = [stream for stream in left if stream not in now]
            self._decoders.append(self._decoder(now))

    def _decoder(self, streams: list[NestedStream]) -> tuple[t.Any, list[NestedPlan]]:
        """Return a decoder for streams whose records stand in lists of different names, and a plan for each stream."""
        plans: list[NestedPlan] = []
        outer: _Fields = {}
        for stream in streams:
            copied = {name for level in stream.lists for name in level.keys}
            inner = stream.shape.row_type([name for name in stream.required if name not in copied], stream.parent_keys)
            attributes = inner.attributes
            plan = NestedPlan(stream.name, [], [], [])
            for level in reversed(stream.lists):
                fields = outer if level is stream.lists[0] else {}
                fields |= {f"value_{own}": (t.Any, own) for own in level.keys.values()}
                fields[f"list_{level.field}"] = (t.cast("t.Any", list)[inner] | None, level.field)
                plan.lists.insert(0, f"list_{level.field}")
                plan.copied.insert(0, [(f"value_{own}", attributes[name]) for name, own in level.keys.items()])
                plan.copied_types.extend(
                    (attributes[name], stream.shape.values(name, stream.required)) for name in level.keys
                )
                if fields is not outer:
                    inner = _object(fields)
            plans.append(plan)
        rows = t.cast("t.Any", list)[_object(outer)]
        answer = msgspec.defstruct("Answer", [("rows", rows)], rename={"rows": self._records_key})
        return msgspec.json.Decoder(answer, float_hook=exact), plans


#: The types and names of fields, by attribute.
_Fields = dict[str, tuple[t.Any, str]]


def _object(fields: _Fields) -> t.Any:
    """Return a type for objects that ignores all but these fields; those that hold lists are required."""
    declared = [(name, kind, None) if kind is t.Any else (name, kind) for name, (kind, _) in fields.items()]
    names = {attribute: name for attribute, (_, name) in fields.items()}
    return msgspec.defstruct("Object", declared, rename=names, kw_only=True, gc=False)


def _collect(objects: list[t.Any], lists: list[str], copied: list[list[tuple[str, str]]]) -> list[list[TypedRow]]:
    """Return the nested records of each object, with what they get from it."""
    found: list[list[t.Any]] = [items or [] for items in map(operator.attrgetter(lists[0]), objects)]
    if len(lists) > 1:
        inner = iter(_collect(list(itertools.chain.from_iterable(found)), lists[1:], copied[1:]))
        found = [list(itertools.chain.from_iterable(itertools.islice(inner, len(items)))) for items in found]
    for own, attribute in copied[0]:
        for value, items in zip(map(operator.attrgetter(own), objects), found, strict=True):
            for item in items:
                setattr(item, attribute, value)
    return found


def finish(rows: list[TypedRow], parent_keys: Record, unexpected: Unexpected) -> None:
    """Prepare rows for encoding: add parents' keys, drop what is left out, convert times, set unknown fields aside.

    Args:
        rows: The rows of a page, or some of them, as they came.
        parent_keys: The parents' keys.
        unexpected: Counts the fields that no schema names.
    """
    kind = type(rows[0])
    steps, attributes = kind.steps, kind.attributes
    if rows[0].nested is not msgspec.UNSET:
        for row in rows:
            row.nested = msgspec.UNSET
    for name, value in parent_keys.items():
        attribute = attributes[name]
        for row in rows:
            setattr(row, attribute, value)
    for attribute in steps.times:
        _to_utc(rows, attribute)
    for row in rows if steps.unknown else ():
        found = {name: value for name in steps.unknown if (value := row.get(name, msgspec.UNSET)) is not msgspec.UNSET}
        for name, value in found.items():
            unexpected.count_unknown("", name, value, is_kept=bool(steps.unknown_fields))
            setattr(row, steps.unknown[name], msgspec.UNSET)
        if found and steps.unknown_fields:
            setattr(row, steps.unknown_fields, found)
    _finish(rows, steps, unexpected)


def _finish(objects: list[t.Any], steps: Steps, unexpected: Unexpected) -> None:
    """Drop the fields that are left out, and count unexpected ones, also inside objects."""
    for attribute, path, name, is_kept in steps.unexpected:
        for value in map(operator.attrgetter(attribute), objects):
            if value is not msgspec.UNSET:
                unexpected.count_unknown(path, name, value, is_kept=is_kept)
    for attribute in steps.left_out:
        for one in objects:
            setattr(one, attribute, msgspec.UNSET)
    for inner in steps.inner_written:
        if found := _objects_in(objects, inner):
            _finish(found, inner.steps, unexpected)


def _check_rows(rows: list[TypedRow]) -> None:
    """Check what the types could not say of rows, and put the times inside them into UTC.

    Raises:
        ValidationError: A text is no time.
        OverflowError: A time is not within the years that there are, once it is in UTC.
    """
    if not rows:
        return
    steps = type(rows[0]).steps
    for attribute in steps.times:
        # The rows themselves are read as they came, so these become UTC when they are written.
        check_times(_texts(rows, attribute))
    _check_days_and_numbers(rows, steps)
    _check_inner(rows, steps)


def _check_inner(objects: list[t.Any], steps: Steps) -> None:
    for inner in steps.inner_decoded:
        if found := _objects_in(objects, inner):
            for attribute in inner.steps.times:
                _to_utc(found, attribute)
            _check_days_and_numbers(found, inner.steps)
            _check_inner(found, inner.steps)


def _check_days_and_numbers(objects: list[t.Any], steps: Steps) -> None:
    for attribute in steps.days:
        check_days(_texts(objects, attribute))
    for attribute in steps.numbers:
        values = map(operator.attrgetter(attribute), objects)
        msgspec.convert([value for value in values if value is not msgspec.UNSET], _numbers)


def _objects_in(objects: list[t.Any], inner: Inner) -> list[t.Any]:
    """Return the objects that stand in one field of others."""
    found = [value for value in map(operator.attrgetter(inner.attribute), objects) if value]
    return [item for items in found for item in items if item is not None] if inner.is_list else found


def _texts(objects: list[t.Any], attribute: str) -> list[str]:
    return [value for value in map(operator.attrgetter(attribute), objects) if value.__class__ is str]


def _to_utc(objects: list[t.Any], attribute: str) -> None:
    """Put a field's times into UTC.

    Raises:
        ValidationError: A text is no time.
        OverflowError: A time is not within the years that there are, once it is in UTC.
    """
    texts = _texts(objects, attribute)
    in_utc = texts_to_utc(texts)
    if in_utc is None:
        return
    if len(texts) < len(objects):
        objects = [one for one in objects if getattr(one, attribute).__class__ is str]
    for one, time in zip(objects, in_utc, strict=True):
        setattr(one, attribute, time)


def _plain(schema: Schema) -> t.Any:
    """Return the type of the values of a field, without null; for a time it is text."""
    kind = kind_of(schema)
    if kind is None:
        return t.Any
    if kind == "array":
        return list
    return {"string": str, "object": dict, "integer": WHOLE_TYPE, "number": NUMBER_TYPE, "boolean": bool}[kind]


def _objects(schema: Schema) -> tuple[Schema, bool]:
    """Return what a schema says of the objects in a field, if there are any, and whether it is a list of them."""
    is_list = kind_of(schema) == "array"
    inner = schema.get("items", {}) if is_list else schema
    return (inner, is_list) if kind_of(inner) == "object" else ({}, is_list)


def _or_null(kind: t.Any, schema: Schema) -> t.Any:
    return kind | None if kind is not t.Any and "null" in schema.get("type", ()) else kind


def _can_be_named(name: str) -> bool:
    """Return whether a type can have a field of this name: JSON does not escape it, and it holds no secret."""
    if name in {UNKNOWN_FIELDS, NESTED} or needs_escape(name):
        return False
    return masked(name) == name
