"""Standard output and error, which whoever starts the tap may have closed."""

from __future__ import annotations

import os
import sys
import typing as t

if t.TYPE_CHECKING:
    import click

CLOSED = "standard output is closed: there is nothing to write to"


def fill_closed() -> bool:
    """Put the null device where standard output or error is closed; return whether output was.

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


def guard(command: click.Command, ending: t.Callable[[], t.ContextManager[None]]) -> click.Command:
    """Let a command end in a line, too, where it cannot write even its version.

    Args:
        command: The command.
        ending: Turns errors of the system into lines and exit statuses.
    """
    main = command.main

    def guarded(*args: t.Any, **kwargs: t.Any) -> t.Any:
        with ending():
            if fill_closed():
                raise BrokenPipeError(CLOSED)
            return main(*args, **kwargs)

    command.main = guarded  # type: ignore[method-assign]
    return command
