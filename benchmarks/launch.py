"""Run one command and tell what it took. A process of its own, and small.

A process starts with the peak memory of the one that it was forked from, so the forking is done by something smaller
than everything that is measured.
"""

import json
import os
import subprocess
import sys
import time


def main() -> None:
    """Take where output and messages go, and the command; print what it took as JSON."""
    out, err, *command = sys.argv[1:]
    with open(out, "wb") as stdout, open(err, "wb") as stderr:  # noqa: PTH123
        started = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        _, status, used = os.wait4(process.pid, 0)
        ended = time.monotonic()
    scale = 1 if sys.platform == "darwin" else 1024
    print(
        json.dumps(
            {
                "started": started,
                "wall": ended - started,
                "cpu": used.ru_utime + used.ru_stime,
                "memory": used.ru_maxrss * scale,
                "status": os.waitstatus_to_exitcode(status),
            }
        )
    )


if __name__ == "__main__":
    main()
