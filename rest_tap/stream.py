"""A list endpoint as an SDK stream: the class attributes that a stream declares, and the hooks that it may override.

Streams know neither the tap nor the run. Most hooks return values and have no side effects. Those that have some begin
a reading (``paginator``, ``restart``) or take note of how far it has come (``received``, ``page_read``, ``list_read``,
``forget``): the run calls each of them once for each reading, page or list, in order.
"""

from __future__ import annotations

import abc
import functools
import itertools
import typing as t

from singer_sdk.singerlib.catalog import (
    REPLICATION_FULL_TABLE,
    REPLICATION_INCREMENTAL,
    Metadata,
    MetadataMapping,
)

from rest_tap.checks import config_error
from rest_tap.errors import ApiError, BrokenAnswer, ErrorAnswer
from rest_tap.nested import NestedList, nested_records
from rest_tap.paging import Page, PageNumber, Paginator
from rest_tap.replies import api_words
from rest_tap.request import Params, fill_path
from rest_tap.schema import Record, Schema, record_schema, sensitive
from rest_tap.sdk import SeamStream, quiet
from rest_tap.sweep import NO_SWEEP, Sweep
from rest_tap.typed import TypedRow, typed_records

if t.TYPE_CHECKING:
    from singer_sdk import Tap
    from singer_sdk.singerlib import Catalog

    from rest_tap.state import State

Context = t.Mapping[str, t.Any]


class Supplement(t.NamedTuple):
    """Another way to read a list that did not come complete: by the rows of another list beside it.

    Attributes:
        stream: Name of the stream whose rows are gone through.
        field: The field of its rows that the list can be filtered by.
        parameter: The filter's query parameter.
    """

    stream: str
    field: str
    parameter: str

    def paginator(self, row: Record) -> Paginator:
        """Return how the part of the list is paged that belongs to one row."""
        return PageNumber({self.parameter: str(row[self.field])})


class ListStream(SeamStream, abc.ABC):
    """A list that is read page by page.

    A subclass states ``name``, ``path``, ``properties`` and ``primary_keys``; its level
    (the base class it derives from) states ``parent_stream_type`` and ``parent_keys``.
    A method in a subclass marks an oddity of that list.
    """

    #: Path below ``api_url``, with the context's keys as ``{placeholders}``.
    path: t.ClassVar[str] = ""
    #: GET, or POST where the list is asked for by a POST.
    method: t.ClassVar[str] = "GET"
    #: The fields of a record, without the parents' keys.
    properties: t.ClassVar[dict[str, Schema]] = {}
    #: The parents' keys, which are added to every record.
    parent_keys: t.ClassVar[dict[str, Schema]] = {}
    #: Query parameters of every page.
    params: t.ClassVar[Params] = {}
    #: Where the rows stand in an answer.
    records_key: t.ClassVar[str] = "results"
    #: What else stands there and is looked at.
    envelope: t.ClassVar[tuple[str, ...]] = ("count", "next")
    #: What identifies a record; the parents' keys are among them where they have to be.
    primary_keys: tuple[str, ...] = ()
    #: What identifies a row of the list, where that is not the record's own part of its key.
    row_keys: t.ClassVar[tuple[str, ...]] = ()
    #: Statuses after which this list is not asked for again, whatever the retry policy says.
    no_retry_statuses: t.ClassVar[frozenset[int]] = frozenset()
    #: Field of the parent's rows that these rows are nested in: they need no request.
    nested_in: str | None = None
    #: For such a stream: keys to add, and the fields of the parent's row they come from.
    nested_keys: t.ClassVar[t.Mapping[str, str]] = {}
    #: Lists inside those rows that its records stand in, where they are not those rows themselves.
    inner_lists: t.ClassVar[tuple[NestedList, ...]] = ()
    #: Stream with the same list below each of its rows, for servers that lack this one.
    fallback: t.ClassVar[str] = ""
    #: Another way to read the list where it does not come complete.
    supplement: t.ClassVar[Supplement | None] = None
    #: Streams keep no partitions: the SDK's list of them is searched for every record
    #: and copied for every STATE (2,000 parents: 78 s and 250 MB of STATE).
    state_partitioning_keys: t.ClassVar[t.Sequence[str]] = ()
    #: A replication method that the catalog asks for and the stream does not have.
    unknown_method: str | None = None
    #: Whether the lists have all rows that exist, and not only those of today: a loader would
    #: take the others for deleted, so records of a stream that has not carry no version.
    lists_everything: t.ClassVar[bool] = True
    #: Whether the settings declare it, so that what it lacks is no fault of this project.
    is_extra: t.ClassVar[bool] = False
    #: What this run reads from its beginning; set before each run.
    sweep: Sweep = NO_SWEEP

    def __init__(self, tap: Tap, state: State) -> None:
        """Build the schema from the declared fields.

        Args:
            tap: The tap, for the SDK.
            state: Where bookmarks are kept.
        """
        super().__init__(
            tap,
            schema=record_schema({**self.parent_keys, **self.properties}, self.primary_keys),
        )
        self.state = state
        #: Selected streams whose records are nested in this one's rows, once the tree is built.
        self.nested_streams: t.Sequence[ListStream] = ()
        #: Selected streams with a list of their own, whose records stand in this one's rows, too.
        self.companions: t.Sequence[ListStream] = ()
        quiet(self.logger)

    @property
    def identity(self) -> tuple[str, ...]:
        """Return the fields that identify a row of the list."""
        return self.row_keys or self.own_keys

    @functools.cached_property
    def own_keys(self) -> tuple[str, ...]:
        """Return the primary keys that the row itself carries, whatever others a catalog names."""
        return own_keys(type(self))

    def parent_columns(self, context: Context) -> Record:
        """Return the parents' keys that its records get."""
        columns = self.schema["properties"]
        return {name: value for name, value in context.items() if name in columns}

    @property
    def replication_methods(self) -> tuple[str, ...]:
        """Return the replication methods that a catalog can choose from."""
        return (REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL) if self.replication_key else (REPLICATION_FULL_TABLE,)

    def apply_catalog(self, catalog: Catalog) -> None:
        """Take from a catalog the selection and the keys; the replication key stays that of the class.

        The loader gets the keys that the catalog names, so they are in every record.

        Raises:
            ConfigValidationError: It names a key that is no field of the stream.
        """
        replication_key = self.replication_key
        super().apply_catalog(catalog)
        self.replication_key = replication_key
        entry = catalog.get_stream(self.name)
        if entry is None:
            return
        if self.forced_replication_method not in (None, *self.replication_methods):
            self.unknown_method, self.forced_replication_method = self.forced_replication_method, None
        if entry.key_properties is None:
            self.primary_keys = entry.key_properties = self.primary_keys or type(self).primary_keys
        declared, read = self.schema["properties"], self.effective_schema.setdefault("properties", {})
        for key in self.primary_keys:
            if key not in declared:
                raise config_error(f"the catalog entry of {self.name} names the key {key!r}, which is no field of it")
            read.setdefault(key, declared[key])
            if ("properties", key) in entry.metadata:
                entry.metadata["properties", key].inclusion = Metadata.InclusionType.AUTOMATIC

    @property
    def metadata(self) -> MetadataMapping:
        """Return the catalog's metadata; secrets are deselected by default."""
        is_new = self._metadata is None
        metadata = super().metadata
        if is_new and self._tap_input_catalog is None:
            for crumb in self.deselected_by_default():
                metadata[crumb] = Metadata(inclusion=Metadata.InclusionType.AVAILABLE, selected_by_default=False)
        return metadata

    def deselected_by_default(self) -> list[tuple[str, ...]]:
        """Return the breadcrumbs of fields that are left out unless the catalog selects them."""
        return sensitive(self.schema, "secret")

    @functools.cached_property
    def nested_lists(self) -> tuple[NestedList, ...]:
        """Return the lists in a row that the records stand in, the outermost first; none where rows are records."""
        return (NestedList(self.nested_in, self.nested_keys), *self.inner_lists) if self.nested_in else ()

    @property
    def writes_rows_as_they_come(self) -> bool:
        """Return whether no method of the class changes rows or nested records before they are written."""
        own = type(self)
        return all(getattr(own, name) is getattr(ListStream, name) for name in ("received", "rows", "page_records"))

    def get_records(self, context: t.Any) -> t.Iterator[Record]:  # noqa: ARG002
        """Do nothing: the run reads the lists of all streams together."""
        yield from ()

    # Where there are lists, and which of them this run reads

    def is_wanted(self, context: Context) -> bool:  # noqa: ARG002
        """Return whether this run reads the lists below one row of the parent; shards share them."""
        return True

    def contexts(self, parent: Record, context: Context) -> t.Iterable[Context]:  # noqa: ARG002
        """Return the contexts to read this list in, below one row of the parent.

        Args:
            parent: The parent's row; says whether there is anything to ask for.
            context: What the parent's ``get_child_context`` made of it.
        """
        return (context,)

    def expected_rows(self, parent: Record) -> int | None:  # noqa: ARG002
        """Return how many rows the list has by the parent's row, where that says so."""
        return None

    def accepts(self, row: Record, context: Context) -> bool:  # noqa: ARG002
        """Return whether the user wants this row (and what is below it)."""
        return True

    def is_settled(self, row: Record) -> bool:  # noqa: ARG002
        """Return whether the lists below a row hardly change any more, so that reading them by the sweep is enough."""
        return False

    def sweep_keys(self, context: Context) -> tuple[str, ...]:
        """Return what names the place of a list in the sweep."""
        return (self.name, *map(str, context.values()))

    def is_swept(self, context: Context) -> bool:
        """Return whether the sweep has the list read from its beginning in this run."""
        return self.sweep.is_due(self.sweep_keys(context))

    def is_left_to_sweep(self, streams: t.Iterable[str], context: Context) -> bool:
        """Return whether the list, below something settled, is left to a later run.

        Args:
            streams: The streams that are made of it and of what is below it.
            context: What it belongs to.
        """
        return self.sweep.defers(streams, self.sweep_keys(context))

    # How a list is read

    def bookmarked_streams(self) -> list[ListStream]:
        """Return the selected streams that get records from this list."""
        return [stream for stream in (self, *self.nested_streams) if stream.selected]

    @property
    def is_incremental(self) -> bool:
        """Return whether every stream that this list serves goes on from its bookmark."""
        return all(stream.replication_method == REPLICATION_INCREMENTAL for stream in self.bookmarked_streams())

    @property
    def is_narrowed(self) -> bool:
        """Return whether lists without a bookmark are read from the setting start_date, not from their beginning."""
        return False

    def skips_older(self, context: Context) -> bool:  # noqa: ARG002
        """Return whether this run skips the rows of the list that are older than the setting start_date."""
        return False

    def list_path(self, context: Context) -> str:
        """Return the path of the list in this context, percent-encoded."""
        return fill_path(self.path, context)

    def account(self, context: Context) -> str:  # noqa: ARG002
        """Return the name of the account that reads the list; empty where there is one."""
        return ""

    def paginator(self, context: Context) -> Paginator:  # noqa: ARG002
        """Begin to read the list, from its start or from a bookmark; return how it is paged."""
        return PageNumber(self.params, keys=self.identity)

    def restart(self, error: ApiError, context: Context) -> Paginator | None:  # noqa: ARG002
        """Begin to read the list once more after an error on its first page, if that may help; return how."""
        return None

    def reads_all(self, context: Context) -> bool:  # noqa: ARG002
        """Return whether this run reads the list from its beginning, or goes on with doing so."""
        return True

    def reads_under_version(self, context: Context) -> bool:
        """Return whether all rows since the list's beginning came under the version of this run."""
        return self.reads_all(context)

    def includes_all(self, companion: ListStream, context: Context) -> bool:  # noqa: ARG002
        """Return whether this list, as read by this run and those before, includes all records of a companion."""
        return False

    def includes_all_under_version(self, companion: ListStream, context: Context) -> bool:  # noqa: ARG002
        """Return whether all of these records came under the version of this run."""
        return False

    def read(self, body: t.Any) -> Page:
        """Return the rows of a decoded answer.

        Raises:
            BrokenAnswer: It is not what the contract says; never taken for an empty page.
        """
        if isinstance(body, list):
            return Page(checked_rows(body))
        if not isinstance(body, dict):
            raise BrokenAnswer(f"the answer is {_kind(body)} instead of an object")
        if self.records_key not in body:
            if "error" in body:
                raise ErrorAnswer(f"the API answered with an error: {api_words(body) or 'it does not say which'}")
            raise BrokenAnswer(f"the answer has no {self.records_key!r}")
        return Page(checked_rows(body[self.records_key]), body)

    # Its rows

    def received(
        self,
        rows: list[Record],
        context: Context,  # noqa: ARG002
        passes: t.Callable[[Record], bool],  # noqa: ARG002
    ) -> list[Record]:
        """Take note of the new rows of a page before anything is made of them; return those to go on with.

        Args:
            rows: The rows, as they came.
            context: The context of the list.
            passes: Whether the stream's own maps let a row through.
        """
        return rows

    def rows(self, row: Record, context: Context) -> t.Iterable[Record]:  # noqa: ARG002
        """Return the stream's records that stand in one row of its list.

        For a stream that is nested in its parent's rows, ``row`` is the parent's.
        """
        if not self.nested_lists:
            return (row,)
        return nested_records(row, self.nested_lists)

    def page_records(
        self,
        page: Page,  # noqa: ARG002
        rows: t.Sequence[Record],
        context: Context,
    ) -> t.Iterable[Record]:
        """Return the stream's records of one page.

        Args:
            page: The page, with what stands around its rows.
            rows: The rows of the page that are new and wanted.
            context: The context of the list.
        """
        if rows and isinstance(rows[0], TypedRow):
            # Only pages of streams that write rows as they come are typed, so no override of ``rows`` is passed over.
            return typed_records(rows, self.name) if self.nested_lists else rows
        return itertools.chain.from_iterable(self.rows(row, context) for row in rows)

    # Taking note

    def page_read(self, context: Context, page: Page) -> None:
        """Take note that a page's rows are written."""

    def list_read(self, context: Context, page: Page) -> None:
        """Take note that the whole list is written; ``page`` is its last one."""

    def forget(self, context: Context) -> None:
        """Take note that the next run that reads the list begins it anew, so that nothing has to be kept of it."""


def own_keys(stream: type[ListStream]) -> tuple[str, ...]:
    """Return the part of a stream's key that its rows carry."""
    return tuple(key for key in stream.primary_keys if key not in stream.parent_keys)


def checked_rows(rows: t.Any) -> list[Record]:
    """Return rows that are sure to be objects.

    Raises:
        BrokenAnswer: They are not.
    """
    if not isinstance(rows, list):
        raise BrokenAnswer(f"the rows are {_kind(rows)} instead of a list")
    for kind in dict.fromkeys(map(type, rows)):
        if kind is not dict and not issubclass(kind, TypedRow):
            row = next(row for row in rows if type(row) is kind)
            raise BrokenAnswer(f"a row is {_kind(row)} instead of an object")
    return rows


def _kind(value: object) -> str:
    return {dict: "an object", list: "a list", str: "a text", type(None): "null"}.get(
        type(value), f"a {type(value).__name__}"
    )
