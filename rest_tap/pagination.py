"""Which page is next, and is this the last one: decided from values, without I/O.

A pagination belongs to one reading of one list. It names the first steps, and after
each answer the steps that have become known by it. Steps carry a position; positions
give the order in which rows come out, whatever order the answers arrive in. Steps that
do not need each other's answers are named at once, so they can be asked for ahead.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import typing as t
from urllib.parse import parse_qs

import msgspec

from rest_tap.errors import BrokenAnswer
from rest_tap.times import parse_time

if t.TYPE_CHECKING:
    from rest_tap.request import Params
    from rest_tap.schema import Record

#: The organizers' service cuts larger pages to this size (pretix 2026.8).
PAGE_SIZE = 50


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One request of a list.

    Attributes:
        position: Place in the order of output, compared as a tuple.
        params: Query parameters that this step adds to those of the list.
    """

    position: tuple[int, ...]
    params: Params


@dataclasses.dataclass(slots=True)
class Answer:
    """What one page said.

    Attributes:
        rows: The records of the page.
        envelope: What stood around them; empty where the server sent a bare list.
        server_time: When the server began to work on the page, as it says itself.
        received: When the page arrived here, by this machine's clock, in UTC.
        is_complete: Whether all rows have come that the list tells of, as of its last page.
    """

    rows: list[Record]
    envelope: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    server_time: str | None = None
    received: str = ""
    is_complete: bool = True

    @property
    def is_bare(self) -> bool:
        """Whether the rows came without an envelope, which would tell whether there are more."""
        return bool(self.rows) and not self.envelope

    @property
    def count(self) -> int | None:
        """How many rows the server says the list has, where it says so."""
        count = self.envelope.get("count")
        return count if isinstance(count, int) and not isinstance(count, bool) else None


class Pagination(t.Protocol):
    """The one question a reader of a list has: what to ask next.

    Attributes:
        ordered_by: The field that the rows are ordered by, where that is certain; rows
            then repeat only next to each other.
        count: How many rows the list has, as far as the server told.
    """

    ordered_by: str | None
    count: int | None

    def first(self) -> t.Sequence[Step]:
        """Return the steps known before any answer."""
        ...

    def following(self, step: Step, answer: Answer) -> t.Sequence[Step]:
        """Return the steps that this answer makes known, in order of position."""
        ...

    def tells(self, step: Step) -> bool:
        """Return whether the answer may make steps known; if not, it need not be looked at ahead."""
        ...

    def ends_at(self, step: Step, status: int) -> bool:
        """Return whether this status, in place of a page, says that the list is over."""
        ...

    def moved(self, step: Step, answer: Answer) -> t.Sequence[Step] | None:
        """Return the steps to go on with instead, where this page shows that rows moved.

        Asked page by page in the order of output, before the page's rows are used.
        """
        ...

    def again(self, distinct: int) -> t.Sequence[Step]:
        """Return the steps of another reading, where the list did not come complete.

        Args:
            distinct: How many different rows have come so far.
        """
        ...


class _OnePass:
    """A list of which one reading is enough."""

    ordered_by: str | None = None
    count: int | None = None

    def tells(self, step: Step) -> bool:  # noqa: ARG002
        """Return True: each answer names the next step."""
        return True

    def ends_at(self, step: Step, status: int) -> bool:  # noqa: ARG002
        """Return False: no status ends such a list."""
        return False

    def moved(self, step: Step, answer: Answer) -> t.Sequence[Step] | None:  # noqa: ARG002
        """Return None: rows cannot move, or it does no harm."""
        return None

    def again(self, distinct: int) -> t.Sequence[Step]:  # noqa: ARG002
        """Return nothing: one reading is complete."""
        return []


class SinglePage(_OnePass):
    """A list that comes whole in one answer."""

    def __init__(self, params: Params | None = None) -> None:
        """Take the parameters of the only request."""
        self.params = params or {}

    def first(self) -> t.Sequence[Step]:
        """Return the only step."""
        return [Step((0,), self.params)]

    def tells(self, step: Step) -> bool:  # noqa: ARG002
        """Return False: there is only one step."""
        return False

    def following(self, step: Step, answer: Answer) -> t.Sequence[Step]:  # noqa: ARG002, D102
        return []


#: Page sizes of repeated readings: other borders between pages, so that other rows fall
#: on them where the server's order has ties.
OTHER_SIZES = (47, 43, 41, 37, 31, 29, 23)

#: Pages made known at once, whatever ``count`` or ``next`` say.
PAGES_AT_ONCE = 1000
LONGEST_NUMBER = 18
#: How often a list may be read on from the same place because rows were deleted.
STANDSTILLS = 10
#: How often a last page may hold fewer rows than its count says.
SHORT_PAGES = 3
#: By how much a row may be older than the filter says: its time may be meant in another zone.
A_DAY = dt.timedelta(days=1)


class PageNumber:
    """Numbered pages: ``?page=1&page_size=50`` → ``{"count", "next", "results"}``.

    Once the first page has told ``count``, all others are known. The last of them is
    believed only if it has no ``next``: the list may have grown, or ``count`` lied.

    Page numbers are offsets into a query that the server runs anew for every page.
    Where its order has ties, or rows vanish meanwhile, pages repeat some rows and drop
    others (docs/pretix.md, "Pages"). So the different rows are counted, and as long as
    they are fewer than ``count``, or ``count`` fell while reading, the list is read
    again with other page borders.
    """

    def __init__(
        self,
        params: Params | None = None,
        *,
        page_size: int = PAGE_SIZE,
    ) -> None:
        """Take the parameters of every page, and the rows to ask for at once."""
        self.ordered_by: str | None = None
        self.params = dict(params or {})
        self.sizes = (page_size, *OTHER_SIZES)
        self.sweep = 0
        #: How many rows the list has, as the last page said.
        self.count: int | None = None
        self._fell = False
        self._last_known = 1
        self._expected = 0
        self._before = 0

    def _step(self, page: int) -> Step:
        return Step(
            (self.sweep, page),
            {**self.params, "page": str(page), "page_size": str(self.sizes[self.sweep])},
        )

    def first(self) -> t.Sequence[Step]:
        """Return the first page."""
        return [self._step(1)]

    def tells(self, step: Step) -> bool:
        """Return whether this is the last page known so far."""
        sweep, page = step.position
        return sweep == self.sweep and page >= self._last_known

    def following(self, step: Step, answer: Answer) -> t.Sequence[Step]:
        """Return all further pages after the first, or one more after the last known.

        Raises:
            BrokenAnswer: ``next`` does not lead on.
        """
        page = step.position[-1]
        if not self.tells(step):
            return []
        if answer.is_bare:
            return self._following_bare(page, answer)
        follower = following_page(page, answer)
        if follower is None:
            return []
        if page == 1:
            self._expected = math.ceil((answer.count or 0) / len(answer.rows))
        elif page > self._expected and fingerprint(answer.rows) == self._before:
            msg = f"page {page} is the same as the one before, and names a next one"
            raise BrokenAnswer(msg)
        self._before = fingerprint(answer.rows)
        self._last_known = min(max(follower, self._expected), page + PAGES_AT_ONCE)
        return [self._step(number) for number in range(page + 1, self._last_known + 1)]

    def _following_bare(self, page: int, answer: Answer) -> t.Sequence[Step]:
        """Return the page behind a full one; a server that does not page repeats itself there."""
        before, self._before = self._before, fingerprint(answer.rows)
        if len(answer.rows) < self.sizes[self.sweep] or before == self._before:
            return []
        self._last_known = page + 1
        return [self._step(page + 1)]

    def ends_at(self, step: Step, status: int) -> bool:
        """Return whether it is a 404 past the first page: rows went while we read."""
        return status == 404 and step.position[-1] > 1  # noqa: PLR2004

    def moved(self, step: Step, answer: Answer) -> t.Sequence[Step] | None:
        """Note how the count develops; what is missing is read again at the end."""
        if step.position[-1] == 1:
            self._fell = False
        elif not answer.rows and not answer.envelope.get("next"):
            # Rows went, or the count was never true: what is behind is not there either.
            self._fell = self.count is not None
            return []
        elif self.count is not None and answer.count is not None and answer.count < self.count:
            self._fell = True
        self.count = answer.count if answer.envelope else self.count
        return None

    def again(self, distinct: int) -> t.Sequence[Step]:
        """Return the first page of another sweep, where rows are missing."""
        complete = self.count is None or (distinct >= self.count and not self._fell)
        if complete or self.sweep + 1 == len(self.sizes):
            return []
        self.sweep += 1
        self._last_known = 1
        return [self._step(1)]


def following_page(page: int, answer: Answer) -> int | None:
    """Return the number of the page that follows this one, or None after the last.

    Raises:
        BrokenAnswer: ``next`` does not lead on.
    """
    if answer.is_bare:
        msg = "the answer is a list instead of an object, which does not tell whether there is more"
        raise BrokenAnswer(msg)
    follower = next_page(answer.envelope.get("next"))
    if follower is None:
        return None
    if follower <= page:
        msg = f"page {page} names page {follower} as the next one"
        raise BrokenAnswer(msg)
    if not answer.rows:
        msg = "an empty page names a next one"
        raise BrokenAnswer(msg)
    return follower


def fingerprint(rows: list[Record]) -> int:
    """Return what tells two pages apart; the rows themselves change as they are written."""
    return hash(msgspec.json.encode(rows))


def next_page(link: object) -> int | None:
    """Return the page number that a ``next`` link names; its host is not looked at.

    Raises:
        BrokenAnswer: There is a link, but no page number in it.
    """
    if link is None or link == "":
        return None
    # Not ``urlsplit``: it would look at the host, and may refuse it.
    query = link.partition("?")[2].partition("#")[0] if isinstance(link, str) else ""
    numbers = parse_qs(query).get("page", [])
    if len(numbers) != 1 or not numbers[0].isdecimal() or len(numbers[0]) > LONGEST_NUMBER:
        msg = "the link to the next page names no page number"
        raise BrokenAnswer(msg)
    return int(numbers[0])


class Keyset(_OnePass):
    """Always the first page, filtered from the last value that was read.

    ``ordering=FIELD&SINCE=<value of the last row>``: no offset is involved, so nothing
    is skipped whatever changes meanwhile, and every row is a place to resume from. The
    filter is inclusive; rows that carry the last value come again, and the reader
    drops them.

    Where a whole page carries one value (a bulk edit), the filter cannot move. Further
    pages of the same filter are read until the value changes, and then the same pages
    backwards: a row that is edited meanwhile leaves the stretch, and those behind it
    move to the front (docs/pretix.md, "Changes"), past a reader who goes forward, but towards
    one who comes back. Rows behind the stretch are left to the filter that begins at the
    first of them, so that at any moment all is complete up to the last row handed out.
    """

    def __init__(
        self,
        field: str,
        since_parameter: str,
        since: str | None,
        params: Params | None = None,
    ) -> None:
        """Start after a value, or at the beginning of the list.

        Args:
            field: The field that rows are ordered by.
            since_parameter: The inclusive filter on that field.
            since: Value to start from; None reads from the first row.
            params: Parameters of every page.
        """
        self.field = self.ordered_by = field
        self.since_parameter = since_parameter
        self.since = since
        self.params = {**(params or {}), "ordering": field}
        #: Which way a stretch of one value is being read: up, down, or looking behind it.
        self._way = "up"
        #: Its last page, and the first value behind it, as far as seen.
        self._top = 1
        self._behind: str | None = None
        self._short = self._circles = 0

    def _step(self, number: int, page: int) -> Step:
        since = {} if self.since is None else {self.since_parameter: self.since}
        return Step(
            (number,),
            {**self.params, **since, "page": str(page), "page_size": str(PAGE_SIZE)},
        )

    def first(self) -> t.Sequence[Step]:
        """Return the first request of the chain."""
        return [self._step(0, 1)]

    def following(self, step: Step, answer: Answer) -> t.Sequence[Step]:
        """Return the next link of the chain.

        Rows behind a stretch of one value are taken out of the answer: they come again.

        Raises:
            BrokenAnswer: The rows are not in order, the filter had no effect, or ``next``
                leads nowhere.
        """
        number, page = step.position[0] + 1, int(str(step.params["page"]))
        more = following_page(page, answer) is not None
        values = [parse_time(row.get(self.field)) for row in answer.rows]
        if None in values or values != sorted(t.cast("t.Any", values)):
            msg = f"the rows are not in the order of {self.field}, so they cannot be read on from it"
            raise BrokenAnswer(msg)
        times, since = t.cast("list[dt.datetime]", values), parse_time(self.since)
        if since is not None and times and times[0] < since - A_DAY:
            msg = f"the filter {self.since_parameter} has no effect"
            raise BrokenAnswer(msg)
        tied = since is not None and (not times or times[-1] <= since)
        if page == 1 and self._way == "up" and not (tied and more):
            if not more and len(answer.rows) < (answer.count or 0):
                # A row was deleted in this moment, or the server left some out: ask again.
                self._short += 1
                if self._short > SHORT_PAGES:
                    msg = f"the last page has {len(answer.rows)} rows, but a count of {answer.count}"
                    raise BrokenAnswer(msg)
                more = True
            if more and answer.rows:
                self.since = str(answer.rows[-1][self.field])
            return [self._step(number, 1)] if more else []
        self._top = max(self._top, page if times else page - 1)
        inside = sum(at <= t.cast("dt.datetime", since) for at in times)
        if inside < len(times):
            if self._behind is None or times[inside] < t.cast("dt.datetime", parse_time(self._behind)):
                self._behind = str(answer.rows[inside][self.field])
            del answer.rows[inside:]
        turn = self._turn(page, goes_on=tied and more)
        return [self._step(number, turn)] if turn else []

    def _turn(self, page: int, *, goes_on: bool) -> int:
        """Return the page to ask for next on the way through a stretch; 0 if the list ends in it.

        Raises:
            BrokenAnswer: The list neither ends nor goes on.
        """
        if self._way == "up":
            if goes_on:
                return page + 1
            self._way = "down"
        if self._way == "down":
            if page > 1:
                return page - 1
            if self._behind is None:
                # The list ends in this stretch. What was edited meanwhile stands behind it.
                self._way = "behind"
                return self._top
            self.since = self._behind
        elif self._behind is None:
            if not goes_on:
                return 0
            self._circles += 1
            if self._circles > STANDSTILLS:
                msg = f"page {self._top} names a next one, but there is none"
                raise BrokenAnswer(msg)
        self._way, self._top, self._behind = "up", 1, None
        return 1

    def ends_at(self, step: Step, status: int) -> bool:
        """Return whether a further page of a tie is gone: its rows were edited meanwhile."""
        return status == 404 and step.params["page"] != "1"  # noqa: PLR2004


class Stretches(_OnePass):
    """Numbered pages of a list ordered by a time that rows never change.

    All pages of a stretch can be asked for at once, unlike a :class:`Keyset`. What can
    shift them is only a deleted row, and the server tells by a smaller ``count``: then,
    wherever pages do not add up to their ``count`` or repeat what was read, and after
    every ``longest`` pages (deep offsets are slow on the server), a new stretch begins
    at the last row that is certain.

    New rows would hide deleted ones from the count. So, where the API has a filter for
    it, the first page is a stretch of its own, and what follows is bounded by the
    server's time on it; rows that are newer still make up a last stretch. What that one
    loses has to be read again some other time.
    """

    def __init__(  # noqa: PLR0913 - a filter each
        self,
        field: str,
        since_parameter: str,
        since: str | None,
        params: Params | None = None,
        *,
        before_parameter: str = "",
        margin: dt.timedelta = dt.timedelta(0),
        longest: int = 200,
    ) -> None:
        """Start from a moment, or at the beginning of the list.

        Args:
            field: The time that the list is ordered by, in its default order.
            since_parameter: The inclusive filter on that field.
            since: Value to start from; None reads from the first row.
            params: Parameters of every page.
            before_parameter: The exclusive upper bound of that field, if there is one.
            margin: How long before the server's time no new row is to be expected.
            longest: Pages of one stretch.
        """
        self.field = self.ordered_by = field
        self.since_parameter = since_parameter
        self.params = dict(params or {})
        self.longest = longest
        self.before_parameter = before_parameter
        self.margin = margin
        self._since = since
        #: Where new rows begin, once that is known, and whether this stretch ends there.
        self._bound: dt.datetime | None = None
        self._is_bounded = False
        self._stretch = 0
        self._last_known = 1
        self._stuck = 0
        # Of the rows already handed out, in their order:
        self._counted: int | None = None
        self._size = 0
        self._certain: object = since
        #: Where the last stretch began because rows were missing, and how often in a row it did.
        self._begun_at: object = since

    def _step(self, page: int) -> Step:
        since = {} if self._since is None else {self.since_parameter: self._since}
        if self._is_bounded and self._bound is not None:
            since[self.before_parameter] = self._bound.isoformat()
        return Step(
            (self._stretch, page),
            {**self.params, **since, "page": str(page), "page_size": str(PAGE_SIZE)},
        )

    def _begin(self, since: object) -> t.Sequence[Step]:
        self._since = None if since is None else str(since)
        start = parse_time(since)
        self._is_bounded = self._bound is not None and (start is None or start < self._bound)
        self._stretch += 1
        self._last_known = 1
        return [self._step(1)]

    def first(self) -> t.Sequence[Step]:
        """Return the first page of the first stretch."""
        return [self._step(1)]

    def tells(self, step: Step) -> bool:
        """Return whether this is the last page known so far."""
        stretch, page = step.position
        return stretch == self._stretch and page >= self._last_known

    def following(self, step: Step, answer: Answer) -> t.Sequence[Step]:
        """Return the rest of the stretch after its first page, or the next stretch.

        Raises:
            BrokenAnswer: ``next`` does not lead on.
        """
        page = step.position[-1]
        follower = following_page(page, answer)
        if not self.tells(step):
            return []
        if follower is None:
            return self._begin(self._bound.isoformat()) if self._is_bounded and self._bound else []
        last = answer.rows[-1].get(self.field)
        if self._bound is None and self.before_parameter:
            began = parse_time(answer.server_time) or t.cast("dt.datetime", parse_time(answer.received))
            self._bound = (began - self.margin).astimezone(dt.timezone.utc)
            if last is not None:
                return self._begin(last)
        if page >= self.longest and last is not None and last != self._since:
            return self._begin(last)
        if page == 1 and answer.count:
            pages = math.ceil(answer.count / len(answer.rows))
            self._last_known = min(max(follower, pages), self.longest)
        else:
            self._last_known = min(follower, page + PAGES_AT_ONCE)
        return [self._step(number) for number in range(page + 1, self._last_known + 1)]

    def ends_at(self, step: Step, status: int) -> bool:
        """Return whether a page is gone because rows before it were deleted."""
        return status == 404 and step.position[-1] > 1  # noqa: PLR2004

    def moved(self, step: Step, answer: Answer) -> t.Sequence[Step] | None:
        """Return a new stretch from the last certain row, if rows are missing behind it.

        Raises:
            BrokenAnswer: That leads nowhere, again and again: the count is not true. Or the
                rows are in another order, so that there is no place to go on from.
        """
        page = step.position[-1]
        if page == 1:
            self._counted, self._size = answer.count, len(answer.rows)
        times = [at for row in answer.rows if (at := parse_time(row.get(self.field))) is not None]
        if times != sorted(times):
            msg = f"the rows are not in the order of {self.field}, so they cannot be read on from it"
            raise BrokenAnswer(msg)
        certain = parse_time(self._certain)
        if (certain is not None and times and times[0] < certain) or not self._adds_up(page, answer):
            self._stuck = self._stuck + 1 if self._certain == self._begun_at else 0
            self._begun_at = self._certain
            if self._stuck > STANDSTILLS:
                msg = "the count of rows falls with each page or is too large, but no row is missing"
                raise BrokenAnswer(msg)
            return self._begin(self._certain)
        if answer.rows:
            self._certain = answer.rows[-1].get(self.field)
        return None

    def _adds_up(self, page: int, answer: Answer) -> bool:
        """Return whether the pages of a stretch hold all rows so far, as their count tells."""
        if self._counted is None:
            return True
        if answer.count is None or answer.count < self._counted:
            return False
        if answer.envelope.get("next"):
            return len(answer.rows) >= self._size
        return (page - 1) * self._size + len(answer.rows) >= answer.count


class Cursor(_OnePass):
    """``since`` = the cursor of the last row read; the list ends with an empty page.

    Where answers tell the ``total`` of the list, a list that came short of it is read
    once more from its beginning. A reading that goes on from a bookmark came short if
    ``total`` has grown by more than what came.
    """

    def __init__(
        self,
        field: str,
        parameter: str,
        since: str | None,
        params: t.Mapping[str, str] | None = None,
        *,
        total: int | None = None,
    ) -> None:
        """Start after a cursor, or at the beginning.

        Args:
            field: The field of the last row that holds the cursor.
            parameter: The query parameter that takes it.
            since: Cursor to start from; None reads from the first row.
            params: Parameters of every page.
            total: The list's ``total`` when ``since`` was its last row, if it is known.
        """
        self.field = field
        self.parameter = parameter
        self.params = dict(params or {})
        self.since = since
        #: The list's ``total`` as last told.
        self.total: int | None = None
        #: Whether the list came from its beginning, though it was to go on from a cursor.
        self.restarted = False
        self._resumed = since is not None
        self._total_before = total
        self._passed: set[int] = set()
        self._sweep = 0

    def _step(self, number: int) -> Step:
        since = {} if self.since is None else {self.parameter: self.since}
        return Step((self._sweep, number), {**self.params, **since})

    def first(self) -> t.Sequence[Step]:
        """Return the first request of the chain."""
        return [self._step(0)]

    def following(self, step: Step, answer: Answer) -> t.Sequence[Step]:
        """Return the request after the last row, or nothing after an empty page.

        Raises:
            BrokenAnswer: The last row has no cursor, or one that was passed before, which
                would go on for ever.
        """
        total = answer.envelope.get("total")
        if isinstance(total, int) and not isinstance(total, bool):
            self.total = total
            self.count = self.count if self._resumed else total
        if not answer.rows:
            return []
        cursor = answer.rows[-1].get(self.field)
        if not isinstance(cursor, (str, int)) or isinstance(cursor, bool) or cursor == "":
            msg = f"the last row of a page has no {self.field} to go on from"
            raise BrokenAnswer(msg)
        if str(cursor) == self.since or hash(str(cursor)) in self._passed:
            msg = f"the cursor {self.field} does not move on"
            raise BrokenAnswer(msg)
        self.since = str(cursor)
        # Numbers of 8 bytes and not the texts: there is one for each page of the run.
        self._passed.add(hash(self.since))
        return [self._step(step.position[-1] + 1)]

    def again(self, distinct: int) -> t.Sequence[Step]:
        """Return the first step once more, if the list told of more rows than came."""
        if self._sweep or self.total is None:
            return []
        expected = self.total
        if self._resumed:
            # All that there is came after the cursor: the server did not know it.
            self.restarted = 0 < self.total <= distinct
            expected = 0 if self._total_before is None else self.total - self._total_before
        if distinct >= expected:
            return []
        self.restarted = self._resumed
        self._resumed = False
        self._sweep += 1
        self.count = self.total
        self.since = None
        self._passed.clear()
        return [self._step(0)]
