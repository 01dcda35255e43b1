"""How a list ended: a value, from which exit status, bookmarks, versions and summary are made."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

if t.TYPE_CHECKING:
    from rest_tap.errors import ApiError


class Ending(enum.Enum):
    """How reading one list ended."""

    #: Every row that the server counts has come.
    COMPLETE = "complete"
    #: It was read to its end, but fewer rows came than the server counts, or some could not be written.
    INCOMPLETE = "incomplete"
    #: The credential may not read it.
    DENIED = "denied"
    #: It was answered without rows, because the credential may not read these.
    WITHHELD = "withheld"
    #: What it belongs to was deleted while the run went on.
    GONE = "gone"
    #: The server does not have this list.
    ABSENT = "absent"
    #: It could not be read to its end.
    FAILED = "failed"
    #: The run ended before it did: a signal, the time budget, the record limit of a test.
    STOPPED = "stopped"
    #: Settings, a shard or a stream map left it, or rows of it, out of this run.
    LEFT_OUT = "left out"


#: Endings that say that the credential may not read a list.
NOT_ALLOWED = frozenset({Ending.DENIED, Ending.WITHHELD})


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """How one list ended.

    Attributes:
        stream: Name of the stream.
        context: Keys of what the list belongs to.
        ending: How it ended.
        error: Why it ended early, where an error was the reason.
        from_start: Whether it was read from its beginning, and not on from a bookmark or date.
        is_certain: False if rows may be hidden that could not be checked for, so that the bookmark stays.
    """

    stream: str
    context: t.Mapping[str, t.Any]
    ending: Ending
    error: ApiError | None = None
    from_start: bool = True
    is_certain: bool = True

    @property
    def moves_bookmark(self) -> bool:
        """Return whether the list was read to its end, so that the next run can go on from there."""
        return self.is_certain and self.ending in {Ending.COMPLETE, Ending.INCOMPLETE}
