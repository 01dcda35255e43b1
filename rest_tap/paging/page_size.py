"""How many rows are asked for at once: the parameters ``page`` and ``page_size`` have their names here.

All pages of a list are asked for with :data:`PAGE_SIZE` rows, the first one too. It cannot have a size of its own: the
server takes ``page=2`` as an offset of as many rows as the request asks for, and ``page_number.py`` and
``time_windows.py`` divide the count by the rows of the first page to know how many pages there are.

A list that did not come complete, or that part of it whose rows have one and the same time, is read again with
:data:`OTHER_SIZES`. A request that only asks how many rows there are has the parameters :data:`ONE_ROW`. Lists that
come whole, go by a cursor, or give no count have no size to ask for.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from rest_tap.paging.base import PageRequest
    from rest_tap.request import Params

_NOT_FOUND = 404
#: Rows to ask for at once. pretix cuts larger pages to this size (2026.8).
PAGE_SIZE = 50
#: Page sizes of further passes: other borders between pages, so that other rows fall
#: on them where the server's order has ties.
OTHER_SIZES = (47, 43, 41, 37, 31, 29, 23)

#: The parameters for the number of a page, from 1, and for its size.
PAGE_PARAMETER, SIZE_PARAMETER = "page", "page_size"


def page_params(number: int, size: int = PAGE_SIZE) -> dict[str, str]:
    """Return the parameters that ask for a page."""
    return {PAGE_PARAMETER: str(number), SIZE_PARAMETER: str(size)}


def page_number(request: PageRequest) -> int:
    """Return the number of the page that a request asks for."""
    return int(str(request.params[PAGE_PARAMETER]))


def is_past_end(request: PageRequest, status: int) -> bool:
    """Return whether it is a 404 past the first page: rows before it were deleted or changed while we read."""
    return status == _NOT_FOUND and page_number(request) > 1


class PageSizes:
    """The page size of each pass of a list, one pass after another.

    Attributes:
        size: That of the current pass.
    """

    def __init__(self) -> None:
        """Begin with the first pass."""
        self.size = PAGE_SIZE
        self._others = list(OTHER_SIZES)

    def advance(self) -> bool:
        """Turn to the size of the next pass; return whether there is one."""
        if not self._others:
            return False
        self.size = self._others.pop(0)
        return True


#: The first row of a list comes with the number of all.
ONE_ROW: Params = page_params(1, 1)
