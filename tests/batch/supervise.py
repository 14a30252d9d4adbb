"""A supervisor to be killed: `main([RUN, WHERE])` does a run, and dies where it is told.

WHERE is `record-before:N` or `record-after:N`, round the Nth commit to the manifest, or `clock` for a clock
that jumps by a day, back and forth, whenever it is asked. Steps of a tile are up to `tests.batch.jobs`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from geovision.batch.attempts import Attempt
from geovision.batch.journal import SqliteJournal
from geovision.batch.running import run
from geovision.errors import GeovisionError

__all__ = ["main"]


def main(arguments: Sequence[str]) -> int:
    folder, where = Path(arguments[0]), arguments[1] if len(arguments) > 1 else ""
    if where.startswith("record"):
        _die_at_record(where)
    if where == "clock":
        _jump()
    try:
        return run(folder).exit_code
    except GeovisionError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _die_at_record(where: str) -> None:
    when, _, count = where.partition(":")
    plain, left = SqliteJournal.write, [int(count)]

    def write(self: SqliteJournal, attempts: Sequence[Attempt]) -> None:
        left[0] -= 1
        if left[0] == 0 and when == "record-before":
            os.kill(os.getpid(), signal.SIGKILL)
        plain(self, attempts)
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    SqliteJournal.write = write  # type: ignore[method-assign]


def _jump() -> None:
    plain, asked = time.time, [0]

    def jumping() -> float:
        asked[0] += 1
        return plain() + (86_400.0 if asked[0] % 2 else -86_400.0)

    time.time = jumping


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
