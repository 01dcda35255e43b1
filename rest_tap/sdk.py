"""Where the tap enters the SDK by a door that is not public.

Read in singer-sdk 0.54.9 and 0.55.0b7; ``tests/rest_tap/test_sdk_seams.py`` fails when one of these changes.
Everything else in this project uses public hooks.

* ``Stream._sync_records`` is replaced: the SDK's goes through parents and children one
  record at a time, in one thread, with a SCHEMA, a STATE and two timers for every
  parent. :class:`rest_tap.sync.Run` does the same work for a whole tree of streams.
* ``Stream._write_state_message`` and ``finalize_state_progress_markers`` do nothing:
  they would leave an empty bookmark for every stream; the run writes STATE itself.
* ``Stream._write_schema_message``, ``_write_activate_version_message``,
  ``_write_batch_message`` and ``_stream_version`` are used as they are.
"""

from __future__ import annotations

import logging
import typing as t

from singer_sdk import Stream
from singer_sdk.helpers._batch import BatchConfig
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from rest_tap import batches

if t.TYPE_CHECKING:
    from singer_sdk.helpers import types

__all__ = ["BatchConfig", "SeamStream"]


class SeamStream(Stream):
    """A stream whose tree is synced by the tap's run instead of by the SDK."""

    def sync_tree(self) -> None:
        """Sync this stream and all below it. To be said by the subclass."""
        raise NotImplementedError

    def _sync_records(
        self,
        context: types.Context | None = None,  # noqa: ARG002 - only roots come here
        *,
        write_messages: bool = True,  # noqa: ARG002 - the run writes batches, too
    ) -> t.Generator[dict[str, t.Any], t.Any, t.Any]:
        self.sync_tree()
        yield from ()

    def _write_state_message(self) -> None:
        return

    def finalize_state_progress_markers(self, state: dict[str, t.Any] | None = None) -> None:
        """Do nothing: this tap's bookmarks have no progress markers."""

    def announce(self) -> None:
        """Write what comes before the first record of a child: SCHEMA, ACTIVATE_VERSION.

        For a root, :meth:`Stream.sync` has already done it.
        """
        if self.parent_stream_type is None:
            return
        self._write_schema_message()
        if self.replication_method == REPLICATION_FULL_TABLE and self.emit_activate_version_messages:
            self._stream_version = self._initialized_at // 1000
            self._write_activate_version_message(self._stream_version)

    def write_batch(self, config: BatchConfig, records: list[dict[str, t.Any]]) -> None:
        """Write records to a batch file, and the BATCH message that names it."""
        name = f"{self.tap_name}--{self.name}"
        url = batches.write(name, self.stream_maps[0].transformed_schema, records, config)
        self._write_batch_message(encoding=config.encoding, manifest=[url])


#: Lines of the SDK that say nothing here: an error has a line of its own, and which stream
#: stands below which is in the documentation.
SAID_ELSEWHERE = (
    "An unhandled error occurred",
    "Added '%s' as child stream",
    "Skipping deselected stream",
    "Config validation failed",
)


def quiet(logger: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
    """Leave out what the SDK logs and this tap says better."""
    if isinstance(logger, logging.LoggerAdapter):  # a stream's, since singer-sdk 0.55
        logger = logger.logger
    if not any(isinstance(known, _Quiet) for known in logger.filters):
        logger.addFilter(_Quiet())


class _Quiet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(SAID_ELSEWHERE)
