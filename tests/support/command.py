"""Runs the real commands, many times and fast.

To start Python and import the SDK takes a second or more, so one process does it once and
then forks for each command: its own process with its own arguments, environment, pipes,
signals and exit code, as from a shell. Run as a program, this module is that process.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
CLASSES = {
    "tap-organizers": ("tap_organizers.tap", "TapOrganizers"),
    "tap-ticketing": ("tap_ticketing.tap", "TapTicketing"),
}
PATIENCE = 30.0
#: Variable that makes waits between retries short.
DO_NOT_WAIT = "TESTS_DO_NOT_WAIT"


@dataclass
class Finished:
    """What a command left behind."""

    code: int
    #: What it wrote to standard output; of a command that was killed, the end may be missing
    #: from the middle of a character on.
    output: bytes
    #: The same of standard error.
    log: bytes
    #: Kilobytes of memory that it took at most.
    peak: int = 0

    @property
    def stdout(self) -> str:
        """What it wrote to standard output, all of it text."""
        return self.output.decode()

    @property
    def stderr(self) -> str:
        """What it wrote to standard error, all of it text."""
        return self.log.decode()

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The Singer messages, each a line."""
        return [json.loads(line) for line in self.output.splitlines()]

    def records(self, stream: str) -> list[dict[str, Any]]:
        """The records of one stream."""
        return [
            message["record"]
            for message in self.messages
            if message["type"] == "RECORD" and message["stream"] == stream
        ]

    @property
    def errors(self) -> list[str]:
        """What the log says at level ERROR, or above, without time and name."""
        return [line.split("|", 3)[3].strip() for line in self._logged("ERROR") + self._logged("CRITICAL")]

    @property
    def warnings(self) -> list[str]:
        """What the log says at level WARNING, less what the SDK says of the oldest Python."""
        return [line.split("|", 3)[3].strip() for line in self._logged("WARNING") if "SingerSDKPythonEOL" not in line]

    def _logged(self, level: str) -> list[str]:
        return [line for line in self.stderr.splitlines() if f"| {level:8s} |" in line]


@dataclass
class Command:
    """A command that runs."""

    pid: int
    server: Server
    stdout: IO[bytes]
    stderr: IO[bytes]
    read: list[bytes] = field(default_factory=list)
    _drain: threading.Thread | None = None

    def line(self) -> bytes:
        """Return the next line of standard output; empty when it has ended."""
        line = self.stdout.readline()
        self.read.append(line)
        return line

    def drain(self) -> None:
        """Go on reading standard output, so that the process never waits for its reader."""
        self._drain = threading.Thread(target=lambda: self.read.extend(self.stdout), daemon=True)
        self._drain.start()

    def signal(self, number: int) -> None:
        """Send a signal to the process."""
        os.kill(self.pid, number)

    def finish(self) -> Finished:
        """Wait for the end."""
        if self._drain is not None:
            self._drain.join(PATIENCE)
            if self._drain.is_alive():
                self.signal(signal.SIGKILL)
                self._drain.join()
        rest = b"" if self.stdout.closed else self.stdout.read()
        code = self.server.wait()
        self.stdout.close()
        self.stderr.seek(0)
        log = self.stderr.read()
        self.stderr.close()
        return Finished(code, b"".join(self.read) + rest, log, self.server.peak)


class Server:
    """The process that forks."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.command", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
            )
        self._socket = ours
        self._socket.settimeout(PATIENCE)
        self._running = 0
        #: Kilobytes that the last command took at most.
        self.peak = 0

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], stderr: IO[bytes]) -> Command:
        """Start a command; one at a time, so one that a failed test has left is ended."""
        if self._running:
            self._kill()
            self.wait()
        reading, writing = os.pipe()
        order = json.dumps({"argv": list(arguments), "environment": dict(environment)}).encode()
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123
            _send(self._socket, order, [nothing.fileno(), writing, stderr.fileno()])
        os.close(writing)
        self._running = _receive(self._socket)[0]["pid"]
        return Command(self._running, self, os.fdopen(reading, "rb"), stderr)

    def wait(self) -> int:
        """Return the exit status of the command; kill it if it does not end."""
        try:
            ended = _receive(self._socket)[0]
            code: int = ended["code"]
            self.peak = ended["peak"]
        except TimeoutError:
            self._kill()
            _receive(self._socket)
            raise
        finally:
            self._running = 0
        return code

    def close(self) -> None:
        """End the process, and a command that a failed test has left."""
        if self._running:
            self._kill()
        self._socket.close()
        self._process.wait(timeout=PATIENCE)

    def _kill(self) -> None:
        # It may have ended by itself, with nobody having asked how.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._running, signal.SIGKILL)


def _send(to: socket.socket, message: bytes, descriptors: Sequence[int] = ()) -> None:
    socket.send_fds(to, [b"%08d" % len(message)], descriptors)
    to.sendall(message)


def _receive(of: socket.socket) -> tuple[Any, list[int]]:
    head, descriptors, _, _ = socket.recv_fds(of, 8, 3)
    if not head:
        raise EOFError
    left, parts = int(head), []
    while left:
        parts.append(of.recv(left))
        left -= len(parts[-1])
    return json.loads(b"".join(parts)), descriptors


def serve(descriptor: int) -> None:
    """Import the taps, then fork for each order; return in the child, to be the command."""
    for module, _ in CLASSES.values():
        if importlib.util.find_spec(module) is not None:
            importlib.import_module(module)
    gc.freeze()  # or each child would copy what it looks through for garbage
    with socket.socket(fileno=descriptor) as orders:
        while True:
            try:
                order, descriptors = _receive(orders)
            except EOFError:
                os._exit(0)
            pid = os.fork()
            if pid == 0:
                break
            for number in descriptors:
                os.close(number)
            _send(orders, json.dumps({"pid": pid}).encode())
            _, status, usage = os.wait4(pid, 0)
            ended = {"code": os.waitstatus_to_exitcode(status), "peak": usage.ru_maxrss}
            _send(orders, json.dumps(ended).encode())
    for number, inherited in enumerate(descriptors):
        os.dup2(inherited, number)
        os.close(inherited)
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    sys.argv = order["argv"]


def _do_not_wait() -> None:
    limiter = importlib.import_module("rest_tap.limiter").RateLimiter
    sleep, hold = limiter.sleep, limiter.hold
    limiter.sleep = lambda self, seconds: sleep(self, min(seconds, 0.01))
    limiter.hold = lambda self, seconds: hold(self, min(seconds, 0.01))


def main() -> None:
    """Be the server, and after each fork the command: what the installed script does."""
    serve(int(sys.argv[1]))
    if os.environ.pop(DO_NOT_WAIT, None):
        _do_not_wait()
    module, name = CLASSES[sys.argv[0]]
    try:
        getattr(importlib.import_module(module), name).cli()
    except SystemExit as ending:
        if not isinstance(ending.code, (int, type(None))):
            raise
        _end(ending.code or 0)
    else:
        _end(0)


def _end(code: int) -> None:
    """End as the interpreter does, except that it does not take all modules apart.

    To do that, each child would copy nearly all pages of its parent, which takes longer than most commands.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        sys.exit(code)  # the interpreter says what it has to say
    os._exit(code)


if __name__ == "__main__":
    main()
