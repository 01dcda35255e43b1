"""Ways to read a list page by page: decided from values, without I/O.

Every way is a :class:`Paginator`. :class:`Walk` goes through the pages of one; the run
and the tests use the same one.
"""

from rest_tap.paging.base import Page, PageRequest, Paginator, SinglePage
from rest_tap.paging.cursor import Cursor
from rest_tap.paging.keyset import Keyset
from rest_tap.paging.page_number import PageNumber
from rest_tap.paging.time_windows import TimeWindows
from rest_tap.paging.uncounted import UncountedPages
from rest_tap.paging.walk import Walk

__all__ = [
    "Cursor",
    "Keyset",
    "Page",
    "PageNumber",
    "PageRequest",
    "Paginator",
    "SinglePage",
    "TimeWindows",
    "UncountedPages",
    "Walk",
]
