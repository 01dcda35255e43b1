"""Numbered pages of a list that gives neither its number of rows nor the size of its pages."""

from __future__ import annotations

import typing as t

from rest_tap.number_set import NumberSet, number_of
from rest_tap.paging.base import Page, PageRequest, Paginator

if t.TYPE_CHECKING:
    from rest_tap.request import Params
    from rest_tap.schema import Record

#: Statuses that may say that a page is past the end; so may an error with status 200.
PAST_THE_END = frozenset({200, 400, 404, 410, 416, 422})
#: Where a page may be past the end, one that is so many pages further is, unless the list is very long.
FAR = 1000
#: Readings after the first, at most.
PASSES = 4
#: Pages without anything new after which no more are asked for: a list may grow as fast as it is read.
BARREN_PAGES = 100

#: What a page brings: rows that are new, or some that are, or none; an empty list, null, or an error.
PageKind = t.Literal["new", "mixed", "old", "empty", "null", "error"]


class Odd(t.NamedTuple):
    """A page that brought nothing new.

    Attributes:
        number: Its number.
        kind: What it brought.
        words: What the API says about it, if that is an error.
    """

    number: int
    kind: PageKind
    words: str = ""


class UncountedPages(Paginator):
    """Numbered pages, until one is empty: ``?p=1``, ``?p=2``, … → ``{"data": [...]}``.

    That an empty list ends it is certain. Other pages without a new row (the last one once more, null,
    an error) may be how a server answers past the end, or a failure in the middle, or rows that moved on by a
    page. A page far behind decides: past the end, all pages look alike, and when they are asked for again. A page that
    looks otherwise, and is an error every time, is a failure.

    Where rows are deleted while the list is read, later ones move to pages that were read already, and
    without a count nothing shows it, not even that a list of one page had a second one. So a list with rows
    is read a second time, from its last page to its first: towards the rows that move. New rows at either
    end are rows that were added; those between two known ones had moved, and then it is read once more.

    An error as the end is proven only by a last page that is shorter than those before it.
    """

    def __init__(
        self,
        parameter: str,
        params: Params | None = None,
        *,
        keys: t.Sequence[str] = ("id",),
        records_key: str = "data",
    ) -> None:
        """Take how pages are asked for.

        Args:
            parameter: The query parameter that takes the number of a page, from 1.
            params: Parameters of every page.
            keys: The fields that identify a row of the list.
            records_key: Where the rows stand in an answer.
        """
        self.parameter = parameter
        self.params = dict(params or {})
        self._keys = tuple(keys)
        self._records_key = records_key
        self._known = NumberSet()
        self._pass = 0
        # Of the first pass:
        self._top = 0
        self._barren = 0
        #: The page that may be past the end.
        self._odd = Odd(0, "empty")
        #: The position of the request for the page far behind it, and whether that has rows which count.
        self._probe: tuple[int, ...] = ()
        self._counts_far = False
        #: Which page is asked for to find out: none (0), the odd page once more (1), or the page after it (2).
        self._step = 0
        #: What pages past the end look like, once that is known.
        self._past_the_end: PageKind | None = None
        self._ended_by: PageKind = "empty"
        #: Pages that looked neither like rows nor like the end.
        self._suspects: set[int] = set()
        #: How many rows the pages of a pass have, from its first to its last one.
        self._sizes: list[int] = []
        #: Whether the last page was shorter than all others, which are of one length.
        self._is_short = False
        # Of the current pass, from the last page to the first:
        self._met_known = False
        self._between = 0
        self._moved = False

    def _request(self, number: int, place: int) -> PageRequest:
        return PageRequest((self._pass, place), {**self.params, self.parameter: str(number)})

    def _number(self, request: PageRequest) -> int:
        return int(str(request.params[self.parameter]))

    def first(self) -> t.Sequence[PageRequest]:
        """Return the first page."""
        return [self._request(1, 1)]

    def ends_at(self, request: PageRequest, status: int) -> bool:
        """Return whether an error may stand for the end: any but the first page may be past it."""
        return status in PAST_THE_END and self._number(request) > 1

    # The first pass

    def after(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest]:
        """Return the page that follows, as long as this one may not be the last."""
        number, place = self._number(request), request.position[-1] + 1
        if self._pass:
            return [self._request(number - 1, place)] if number > 1 else []
        kind = self._kind(page)
        if request.position == self._probe:
            return self._after_far(kind, page, place)
        if self._step == 2 and kind != self._odd.kind:  # noqa: PLR2004
            self._suspect()
        if kind in {"new", "mixed"}:
            self._step = 0
            self._note_rows(number, page.rows)
            if kind == "new" or self._past_the_end not in {None, "old"}:
                return [self._request(number + 1, place)]
            return self._look_far(Odd(number, kind), place)
        self._barren += 1
        if kind == "empty" or number == 1 or self._barren > BARREN_PAGES:
            self._ended_by = kind
            return []
        return self._after_barren(number, kind, page, place)

    def _after_barren(self, number: int, kind: PageKind, page: Page, place: int) -> t.Sequence[PageRequest]:
        """Return what to ask for after a page that brought nothing new and is not empty."""
        if self._step and kind == self._odd.kind:
            return self._after_like(place)
        self._step = 0
        odd = Odd(number, kind, page.error.reason if page.error else "")
        if self._past_the_end is None:
            return self._look_far(odd, place)
        self._odd = odd
        return self._after_odd(place)

    def _look_far(self, odd: Odd, place: int) -> t.Sequence[PageRequest]:
        """Return a page far behind an odd one, which shows what pages past the end look like."""
        self._odd = odd
        self._probe = (self._pass, place)
        return [self._request(odd.number + FAR, place)]

    def _after_far(self, kind: PageKind, page: Page, place: int) -> t.Sequence[PageRequest]:
        """Return what to ask for after a far page: past the end it looks like all pages there.

        Where it has rows that came before it is the last page, up to which all have come then.
        """
        if kind in {"mixed", "old"}:
            self._past_the_end = "old"
        elif kind != "new":
            self._past_the_end = kind
        if kind == "mixed" or (kind == "old" and self._odd.kind == "mixed"):
            self._ended_by = "old"
            self._counts_far = True
            for key in self._numbers(page.rows):
                self._known.add(key)
            return []
        return self._after_odd(place)

    def _after_odd(self, place: int) -> t.Sequence[PageRequest]:
        """Return an odd page once more, if it looks like the end; else the page after it."""
        number, kind, _ = self._odd
        if kind == self._past_the_end:
            self._step = 1
            return [self._request(number, place)]
        self._suspect()
        return [self._request(number + 1, place)]

    def _after_like(self, place: int) -> t.Sequence[PageRequest]:
        """Return the page after an odd one that looks the same when asked for again; nothing if both do."""
        if self._step == 1:
            self._step = 2
            return [self._request(self._odd.number + 1, place)]
        self._ended_by = self._odd.kind
        return []

    def _suspect(self) -> None:
        """Take note of a page that was no end and has no rows."""
        if self._odd.kind not in {"mixed", "old"}:
            self._suspects.add(self._odd.number)

    def _kind(self, page: Page) -> PageKind:
        if page.error is not None:
            return "error"
        if page.rows:
            known = [number in self._known for number in self._numbers(page.rows)]
            return "old" if all(known) else "mixed" if any(known) else "new"
        return "null" if page.envelope.get(self._records_key, ()) is None else "empty"

    def _numbers(self, rows: list[Record]) -> list[int]:
        return [number_of([row.get(key) for key in self._keys]) for row in rows]

    def _note_rows(self, number: int, rows: list[Record]) -> None:
        """Take note of a page with new rows."""
        self._sizes.append(len(rows))
        self._top = number
        for key in self._numbers(rows):
            self._known.add(key)

    # The passes after it

    def next_pass(self, distinct: int) -> t.Sequence[PageRequest]:  # noqa: ARG002
        """Return the last page once more, as long as rows may have moved."""
        sizes = self._sizes[::-1] if self._pass else self._sizes
        self._is_short = self._is_short or (len(set(sizes[:-1])) == 1 and sizes[-1] < sizes[0])
        last = max(self._top, *self._suspects, 0)
        is_through = self._pass == PASSES or (self._pass and not self._moved)
        if not last or self._ignores_number or is_through:
            self.doubt = self._doubt()
            return []
        self._pass += 1
        self._sizes = []
        self._met_known = self._moved = False
        self._between = 0
        return [self._request(last, 1)]

    def page_used(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest] | None:
        """Take note of rows that had moved; a page that is an error now as it was before is a failure.

        Raises:
            ApiError: The failure.
        """
        if not self._pass:
            return None
        number = self._number(request)
        if page.error is not None and (self._sizes or number in self._suspects or self._ended_by != "error"):
            raise page.error
        if not page.rows:
            # Pages at the end may be empty now; one with rows behind it should not be.
            self._moved = self._moved or bool(self._sizes)
            return None
        self._sizes.append(len(page.rows))
        for key in reversed(self._numbers(page.rows)):
            if key not in self._known:
                self._between += self._met_known
                self._known.add(key)
            elif self._between:
                self._moved = True
            else:
                self._met_known = True
        return None

    def take_rows(self, request: PageRequest, page: Page) -> list[Record]:
        """Return all rows of the page; those of a far one only if it is the last."""
        return page.rows if request.position != self._probe or self._counts_far else []

    # The end

    @property
    def _ignores_number(self) -> bool:
        """Whether the server seems to answer with page 1, whatever page is asked for."""
        return self._ended_by == "old" and self._odd.kind == "old" and self._top == 1

    def _doubt(self) -> str | None:
        number, kind, words = self._odd
        if self._moved:
            return "rows moved from page to page, however often it was read"
        if self._barren > BARREN_PAGES:
            return f"{BARREN_PAGES} pages brought nothing new; the list may grow as fast as it is read"
        if self._ended_by == "null" and not self._top:
            return "its first page has null in place of rows"
        if self._ignores_number:
            return f"page {number} has the same rows as page 1; does the server know the parameter {self.parameter!r}?"
        if kind == "error" and self._ended_by == "error" and not self._is_short:
            return f"page {number} is answered with an error, which may be the end of the list or a failure: {words}"
        return None

    def is_complete(self, distinct: int) -> bool:  # noqa: ARG002
        """Return whether it is certain that all rows have come."""
        return self.doubt is None
