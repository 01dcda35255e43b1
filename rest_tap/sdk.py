"""Where the SDK hands over to this project, and where streams write messages through the SDK.

* ``Tap.sync_all`` and ``Tap.run_sync_dry_run`` are replaced, though they are marked as final:
  the SDK's go through parents and children one record at a time, in one thread, with a
  SCHEMA, a STATE and two timers for every parent. :class:`rest_tap.run.Run` does the same
  work for whole trees of streams.
* ``Stream._write_schema_message``, ``_write_activate_version_message``,
  ``_write_batch_message`` and ``_stream_version`` are called as they are.

Other private names of the SDK are used where there is no public hook: in ``tap.py`` for the environment, signals and
the catalog, in ``stream.py`` for metadata, in ``records.py`` for the version. All were read in singer-sdk 0.54.9 and
0.55.0b7; ``tests/rest_tap/test_sdk_seams.py`` lists them, and fails when one of them changes.
"""

from __future__ import annotations

import abc
import logging
import typing as t

from singer_sdk import Stream, Tap
from singer_sdk.helpers._batch import BatchConfig

from rest_tap import batches

__all__ = ["BatchConfig", "SeamStream", "SeamTap"]


class SeamTap(Tap, abc.ABC):
    """A tap that reads all its streams in one run."""

    @abc.abstractmethod
    def read_streams(self, *, is_test: bool = False) -> None:
        """Read all selected streams and write their messages.

        Args:
            is_test: Whether it is a connection test, which ends at each stream's record limit.
        """

    def sync_all(self) -> None:  # type: ignore[misc]
        """Read all selected streams and write their messages."""
        self.read_streams()

    def run_sync_dry_run(  # type: ignore[misc]
        self, dry_run_record_limit: int | None = 1, streams: t.Iterable[Stream] | None = None
    ) -> bool:
        """Read so many records of each stream; return True if nothing was raised."""
        for stream in self.streams.values() if streams is None else streams:
            stream.ABORT_AT_RECORD_COUNT = dry_run_record_limit
            stream.selected = True
        self.read_streams(is_test=True)
        return True


class SeamStream(Stream):
    """A stream whose messages are written by the tap's run instead of by the SDK."""

    @property
    def version(self) -> int | None:
        """Return the version that the stream's records carry."""
        return self._stream_version

    @version.setter
    def version(self, number: int | None) -> None:
        self._stream_version = number

    def announce(self) -> None:
        """Write the SCHEMA, before the first record."""
        self._write_schema_message()

    def activate_version(self) -> None:
        """Write ACTIVATE_VERSION, if the stream's records carry a version."""
        if self._stream_version is not None:
            self._write_activate_version_message(self._stream_version)

    def write_batch(self, config: BatchConfig, records: list[dict[str, t.Any]]) -> None:
        """Write records to a batch file, and the BATCH message that names it."""
        name = f"{self.tap_name}--{self.name}"
        url = batches.write(name, self.stream_maps[0].transformed_schema, records, config)
        self._write_batch_message(encoding=config.encoding, manifest=[url])


#: Log lines of the SDK that are dropped: this project logs each error itself, and the documentation has the tree
#: of streams.
DROPPED_LINES = (
    "Added '%s' as child stream",
    "Config validation failed",
)


def quiet(logger: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
    """Filter out log lines of the SDK that duplicate this project's."""
    if isinstance(logger, logging.LoggerAdapter):  # a stream's, since singer-sdk 0.55
        logger = logger.logger
    if not any(isinstance(known, _Quiet) for known in logger.filters):
        logger.addFilter(_Quiet())


class _Quiet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(DROPPED_LINES)
