"""SQLite files from strangers: read only, bounded, without a journal beside them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

__all__ = ["open_sqlite"]

_STEPS = 1_000_000
_MOST_STEPS = 100
"""Millions, over the life of a connection."""
_MOST_VALUE_BYTES = 1 << 27


def open_sqlite(path: Path) -> sqlite3.Connection:
    """A connection that can neither write nor run on for ever; every failure is an `sqlite3.Error`.

    Tables may be views with a stranger's SQL in them. The file is left after 100 million steps of SQLite's
    machine, more than counting the tiles of a country takes, and no value is over 128 MiB.
    """
    base = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
    )
    base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_VALUE_BYTES)
    base.execute("PRAGMA trusted_schema = OFF")
    base.execute("PRAGMA cell_size_check = ON")
    _stop_after(base)
    return base


def _stop_after(base: sqlite3.Connection) -> None:
    done = 0

    def step() -> int:
        nonlocal done
        done += 1
        return done > _MOST_STEPS

    base.set_progress_handler(step, _STEPS)
