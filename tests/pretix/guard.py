"""Runs one command and never lets it outlive the test run.

A test run can end in ways in which it cannot tidy up: SIGTERM, SIGKILL, a crash. Whatever happens
to it, the pipe to this process's standard input closes, and that is the sign to end the command
with everything that it started. A line on the pipe means the same for an orderly end; only then are
the files of the run left to the caller.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", help="run the command as this user")
    parser.add_argument("--signal", default="SIGTERM", help="how to ask the command to end")
    parser.add_argument("--patience", type=float, default=10, help="seconds before it is killed")
    parser.add_argument("--remove", help="folder to remove if the caller is gone")
    parser.add_argument("command", nargs="+", help="after a --")
    return parser.parse_args(arguments)


def _end(child: subprocess.Popen[bytes], how: signal.Signals, patience: float) -> int:
    if child.poll() is None:
        child.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(patience)
    # The child leads a process group of its own: nothing it started is left, even if it died first.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    return child.wait()


def main(arguments: list[str]) -> int:
    """Run the command until it ends, the caller asks for its end, or the caller is gone."""
    options = _parse(arguments)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    asked_to_end = False

    def note(number: int, _frame: object) -> None:
        nonlocal asked_to_end
        asked_to_end = asked_to_end or number != signal.SIGCHLD

    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, note)

    # close_fds=False: a listening socket that was handed to us is meant for the command.
    child = subprocess.Popen(
        options.command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        close_fds=False,
        user=options.user,
        group=None if options.user is None else pwd.getpwnam(options.user).pw_gid,
        extra_groups=None if options.user is None else [],
    )
    caller_is_gone = False
    while child.poll() is None and not asked_to_end:
        ready, _, _ = select.select([sys.stdin, wake_read], [], [])
        if wake_read in ready:
            os.read(wake_read, 1024)
        if sys.stdin in ready:
            caller_is_gone = os.read(sys.stdin.fileno(), 1024) == b""
            break
    code = _end(child, signal.Signals[options.signal], options.patience)
    if caller_is_gone and options.remove:
        shutil.rmtree(options.remove, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
