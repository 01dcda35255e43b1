"""How a command ends: its exit status, and one line in the log that says why.

| | |
|---|---|
| everything was read, or the time budget is spent | 0 |
| a setting is wrong, a list could not be read, the loader went away, a disk is full | 1 |
| a signal | 128 and its number |

A bug of this project ends in a traceback.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import typing as t

from singer_sdk.exceptions import ConfigValidationError, MapExpressionError, StreamMapConfigError

from rest_tap.errors import ApiError, StopRun
from rest_tap.wording import one_line

if t.TYPE_CHECKING:
    import logging

    import click

#: The exit status of a run that failed.
FAILED = 1
#: Errors of the system that are about the disk below standard output or batch files.
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

STDOUT_CLOSED = "standard output is closed: there is nothing to write to"


def replace_closed_streams() -> bool:
    """Put the null device in place of a closed standard output or error; return whether output was closed.

    Otherwise the next file or connection that is opened would get its number, and with it
    what is written there.
    """
    was_closed = sys.stdout is None
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_WRONLY)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
    return was_closed


def guard(command: click.Command, logger: logging.Logger) -> click.Command:
    """Make a click command end with one line in the log where standard output is closed.

    Args:
        command: The command.
        logger: For the line.
    """
    main = command.main

    def guarded(*args: t.Any, **kwargs: t.Any) -> t.Any:
        with exit_on_error(logger):
            if replace_closed_streams():
                raise BrokenPipeError(STDOUT_CLOSED)
            return main(*args, **kwargs)

    command.main = guarded  # type: ignore[method-assign]
    return command


@contextlib.contextmanager
def exit_on_error(logger: logging.Logger) -> t.Iterator[None]:
    """Turn every way in which a run can end, except a bug, into a line in the log and an exit status."""
    try:
        yield
    except StopRun as stop:
        logger.warning("%s; the next run goes on from the last STATE", stop)
        sys.exit(128 + stop.signum if stop.signum else 0)
    except ApiError as error:
        reason = str(error)
    except ConfigValidationError as error:
        reason = "; ".join(error.errors) or str(error)
    except (MapExpressionError, StreamMapConfigError) as error:
        reason = f"the setting stream_maps does not work: {error}"
    except OSError as error:
        if (found := _why_not_written(error)) is None:
            raise
        reason = found
        # The interpreter would flush standard output once more and complain.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    else:
        return
    # One line, also where a name in it has several.
    logger.error("%s", one_line(reason))
    sys.exit(FAILED)


def _why_not_written(error: OSError) -> str | None:
    """Return why messages could not be written; None for an error of anything else."""
    if isinstance(error, BrokenPipeError):
        return STDOUT_CLOSED if str(error) == STDOUT_CLOSED else "the loader has closed the pipe"
    return f"cannot write: {error.strerror}" if error.errno in NO_ROOM else None
