"""Streams that the setting ``extra_streams`` declares: which place a path gives them, and their classes.

A declaration becomes a class like those in :mod:`tap_organizers.streams`, with the same facts, so
nothing else has to know that there are such streams. Its path says where the list stands: the last
placeholder is the key of a row of the parent, and those before it are the parent's own.
"""

from __future__ import annotations

import contextlib
import typing as t
from urllib.parse import urlsplit

from rest_tap.errors import BrokenAnswer
from rest_tap.extra import NUMBERED, SINGLE, Errors, Extra, check_keys, read_declarations
from rest_tap.paging import Paginator, SinglePage
from rest_tap.rereading import SWEEP
from rest_tap.stream import own_keys
from rest_tap.wording import join_names
from tap_organizers.client import OrganizersStream
from tap_organizers.incremental import EventIncrementalStream, IncrementalStream
from tap_organizers.streams import STREAMS
from tap_organizers.streams.catalog import CheckinLists, Items, SeriesDates
from tap_organizers.streams.organization import Teams
from tap_organizers.streams.parents import (
    AllEventsStream,
    EventChildStream,
    Events,
    OrganizerChildStream,
    Organizers,
)
from tap_organizers.streams.people import GiftCards

if t.TYPE_CHECKING:
    from rest_tap.paging import Page
    from rest_tap.schema import Record, Schema
    from rest_tap.stream import Context

StreamClass = type[OrganizersStream]

#: The setting.
SETTING = "extra_streams"
#: Placeholders that stand for a row of the same stream in every path; for others, 'parent' names the stream.
PLACEHOLDERS: t.Mapping[str, StreamClass] = {
    kind.child_key: kind for kind in (Organizers, Events, Items, CheckinLists, Teams, GiftCards)
}
#: Names that the state and the tree use for something else than a stream of the catalog.
RESERVED_NAMES = (SWEEP, SeriesDates.name)


class ExtraStream(OrganizersStream):
    """A list that the settings declare."""

    is_extra = True
    #: The placeholder that stands for the parent's row.
    placeholder: t.ClassVar[str] = ""
    #: Whether one answer holds everything.
    is_single: t.ClassVar[bool] = False

    def contexts(self, parent: Record, context: Context) -> t.Iterable[Context]:
        """Return the keys of the parent's row; a list below nothing is one shard's, and read by each account."""
        if not self.placeholder:
            return self.scope.accounts.contexts() if self.scope.shards.owns(self.name) else ()
        (key,) = own_keys(t.cast("StreamClass", self.parent_stream_type))
        return ({**context, self.placeholder: parent[key]},)

    def paginator(self, context: Context) -> Paginator:
        """Return how the list is paged."""
        return SinglePage(self.params) if self.is_single else super().paginator(context)

    def read(self, body: t.Any) -> Page:
        """Return the rows of a decoded answer; an object in place of a list is one row.

        Raises:
            BrokenAnswer: It is not what the declaration says.
        """
        if self.is_single and not self.records_key and isinstance(body, dict):
            body = [body]
        page = super().read(body)
        if len(page.rows) > 1 and not self.own_keys:
            msg = "the answer has more than one row, and primary_keys names no field that tells them apart"
            raise BrokenAnswer(msg)
        return page


def name_of(kind: StreamClass) -> str:
    """Return the name of a stream by its class."""
    return str(t.cast("t.Any", kind).name)


def extra_streams(given: t.Any, api_url: str = "") -> tuple[StreamClass, ...]:
    """Return the classes of the streams that are declared, in their order.

    Args:
        given: What the setting says.
        api_url: Where the API begins; paths go on from there.

    Raises:
        ConfigValidationError: It is wrong, with all that is.
    """
    errors = Errors()
    if not isinstance(given, (list, tuple)):
        errors.add(SETTING, "has to be a list of objects")
        given = ()
    built_in = {name_of(kind): kind for kind in STREAMS}
    declared = read_declarations(SETTING, given, (*built_in, *RESERVED_NAMES), errors)
    root = ""
    with contextlib.suppress(ValueError):  # what is no address is told when it is asked
        root = urlsplit(api_url).path.rstrip("/")
    for extra in declared:
        if root and extra.path.startswith(f"{root}/"):
            errors.add(f"{extra.place}.path", f"{root} is part of api_url already; the path begins after it")
    made = ClassBuilder(declared, built_in, errors).build_all()
    errors.raise_any()
    return made


class ClassBuilder:
    """Builds the classes of declared streams, a parent's before those of its children."""

    def __init__(self, declared: t.Iterable[Extra], built_in: t.Mapping[str, StreamClass], errors: Errors) -> None:
        """Take the declarations.

        Args:
            declared: Those that are right in themselves.
            built_in: The streams of the code, by name.
            errors: Where to take note of what is wrong.
        """
        self._declared = {extra.given.name: extra for extra in declared}
        self._built_in = built_in
        self._errors = errors
        self._made: dict[str, StreamClass | None] = {}
        #: The names of the streams that are being made, each the parent of the one before.
        self._chain: list[str] = []

    def build_all(self) -> tuple[StreamClass, ...]:
        """Return a class for each declaration that is right."""
        return tuple(kind for name in self._declared if (kind := self._kind(name)) is not None)

    def _kind(self, name: str) -> StreamClass | None:
        """Return the class of a declared stream; None if it cannot be one."""
        if name not in self._made:
            self._chain.append(name)
            self._made[name] = self._make(self._declared[name])
            self._chain.pop()
        return self._made[name]

    def _make(self, extra: Extra) -> StreamClass | None:
        given, before = extra.given, len(self._errors.lines)
        parent = self._parent(extra)
        if len(self._errors.lines) > before or (parent is None and extra.placeholders):
            return None
        parent_keys = keys_below(parent, extra.placeholders)
        check_keys(extra, parent_keys, self._errors)
        bases = self._bases(extra, parent)
        if len(self._errors.lines) > before:
            return None
        facts: dict[str, t.Any] = {
            "__doc__": given.description or f"The list that {extra.place} declares.",
            "__module__": __name__,
            "name": given.name,
            "path": extra.path,
            "parent_stream_type": parent,
            "parent_keys": parent_keys,
            "placeholder": extra.placeholders[-1] if extra.placeholders else "",
            "properties": extra.properties,
            "primary_keys": tuple(given.primary_keys),
            "params": {name: tuple(one) if isinstance(one, list) else one for name, one in given.params.items()},
            "is_single": given.paging == SINGLE,
            "is_optional": given.paging == SINGLE,
            "records_key": given.records_key or ("results" if given.paging == NUMBERED else ""),
            "permission": " ".join(given.permission.split()) or None,
            "selected_by_default": given.selected_by_default,
        }
        if given.replication_key:
            ways = ("replication_key", "since_parameter", "tie_breaker")
            facts |= {name: getattr(given, name) for name in ways}
        return t.cast("StreamClass", type(f"Extra_{given.name}", bases, facts))

    def _bases(self, extra: Extra, parent: StreamClass | None) -> tuple[type, ...]:
        """Return the base classes: those of the lists on its level, and of how it is read."""
        level = {Organizers: OrganizerChildStream, Events: EventChildStream}.get(parent or OrganizersStream)
        if not extra.given.replication_key:
            return (ExtraStream, level) if level else (ExtraStream,)
        if level is None:
            place = f"{extra.place}.replication_key"
            self._errors.add(place, "only lists of an organizer or of an event can be read on from a bookmark")
            return (ExtraStream,)
        way = IncrementalStream if level is OrganizerChildStream else EventIncrementalStream
        return (ExtraStream, way, level)

    def _parent(self, extra: Extra) -> StreamClass | None:
        """Return the stream whose rows the list stands below; None without one, or where something is wrong."""
        given, placeholders = extra.given, extra.placeholders
        if not placeholders:
            if given.parent:
                self._errors.add(f"{extra.place}.path", f"has no placeholder for a row of {join_names([given.parent])}")
            return None
        last = placeholders[-1]
        known = PLACEHOLDERS.get(last)
        if known is not None and given.parent not in ("", name_of(known)):
            self._errors.add(f"{extra.place}.parent", f"{{{last}}} is always a row of {name_of(known)}")
            return None
        if known is None and not given.parent:
            word = join_names([_shown([last])], map(_shown, zip(PLACEHOLDERS)))
            words = f"{word} is none of {_shown(PLACEHOLDERS)}"
            self._errors.add(f"{extra.place}.path", f"{words}; set 'parent' to the stream whose key it is")
            return None
        parent = known or self._declared_parent(extra)
        if parent is None or not self._can_be_parent(extra, parent):
            return None
        above = tuple(parent.parent_keys)
        if placeholders[:-1] != above:
            wanted, there = _shown((*above, last)), _shown(placeholders[:-1]) or "nothing"
            words = f"a row of {name_of(parent)} takes {wanted}; before {{{last}}} stands {there}"
            self._errors.add(f"{extra.place}.path", words)
            return None
        return parent

    def _declared_parent(self, extra: Extra) -> StreamClass | None:
        """Return the stream that a declaration names as its parent."""
        name, place = extra.given.parent, f"{extra.place}.parent"
        if name in self._built_in:
            return self._built_in[name]
        if name not in self._declared:
            names = [*self._built_in, *self._declared]
            self._errors.add(place, f"there is no stream {join_names([name], names)}, or its own declaration is wrong")
            return None
        if name in self._chain:
            circle = [*self._chain[self._chain.index(name) :], name]
            self._errors.add(place, f"stands below itself: {' below '.join(circle)}")
            return None
        return self._kind(name)

    def _can_be_parent(self, extra: Extra, parent: StreamClass) -> bool:
        """Return whether there is a list below each row of a stream, in every run."""
        place, name = f"{extra.place}.parent", name_of(parent)
        instead = "declare the list once more, as a stream to be read in full, and name that one"
        if issubclass(parent, IncrementalStream):
            self._errors.add(place, f"{name} is read on from a bookmark, so not every row comes; {instead}")
        elif parent.nested_in is not None or not parent.path:
            self._errors.add(place, f"{name} is cut out of the rows of another stream; {instead}")
        elif issubclass(parent, AllEventsStream):
            self._errors.add(place, f"{name} is the list of all events at once; {instead}")
        elif len(own_keys(parent)) != 1:
            self._errors.add(place, f"a row of {name} has more than one key of its own, or none")
        else:
            return True
        return False


def keys_below(parent: StreamClass | None, placeholders: tuple[str, ...]) -> dict[str, Schema]:
    """Return the keys that a path gives to every row of its list."""
    if parent is None:
        return {}
    if parent is Organizers:
        return dict(OrganizerChildStream.parent_keys)
    if parent is Events:
        return dict(EventChildStream.parent_keys)
    (key,) = own_keys(parent)
    schema = {**parent.properties[key], "description": f"Key of the row of {name_of(parent)}: its {key}."}
    return {**parent.parent_keys, placeholders[-1]: schema}


def _shown(names: t.Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)
