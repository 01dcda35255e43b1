"""Run one command in the place of another, with its input and output, and note what it took.

python -S -E timed.py NOTE COMMAND …
"""

import json
import os
import signal
import subprocess
import sys


def main() -> int:
    """Run the command; its exit status is ours."""
    note, *command = sys.argv[1:]
    process = subprocess.Popen(command)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: process.send_signal(number))
    _, status, used = os.wait4(process.pid, 0)
    taken = {"cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss * 1024}
    with open(note, "w", encoding="utf-8") as file:  # noqa: PTH123 - small, and started in no time
        json.dump(taken, file)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
