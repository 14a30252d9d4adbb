"""Where attempts are recorded: a protocol, and SQLite for a run on one machine."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from geovision.batch.attempts import Attempt, State
from geovision.errors import EnvironmentFault, OutputError

__all__ = ["Journal", "Row", "SqliteJournal"]

Row = tuple[str, str, int, State]
"""Key, digest, number and state: what decides what is due."""


class Journal(Protocol):
    """A record of attempts that outlives whoever writes it. One writer at a time; readers at any time."""

    def write(self, attempts: Sequence[Attempt]) -> None:
        """Record attempts, all or none; they survive the death of this process from when it returns.

        A row replaces the one that has its id.
        """

    def rows(self) -> Iterator[Row]:
        """What is recorded of each attempt, briefly."""

    def empty(self) -> Iterator[tuple[str, str]]:
        """Key and digest of tiles that were done and had nothing to write."""

    def attempts(self) -> Iterator[Attempt]:
        """Everything that is recorded."""

    def close(self) -> None:
        """Let go of what is open."""


_TABLE = """CREATE TABLE IF NOT EXISTS attempts (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, digest TEXT NOT NULL, number INTEGER NOT NULL,
    state TEXT NOT NULL, facts TEXT NOT NULL) WITHOUT ROWID"""


class SqliteJournal:
    """Attempts in a SQLite file with a write-ahead log, which needs a local disk.

    Args:
        path: the file; it is made where it is not there, unless it is only read.
        read_only: leave it as it is.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        try:
            if read_only:
                self._base = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
                return
            self._base = sqlite3.connect(path)
            mode = self._base.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            # A commit survives the death of the process; that of the machine may take the last ones, and
            # their tiles are found whole, or done again.
            self._base.execute("PRAGMA synchronous=NORMAL")
            self._base.execute(_TABLE)
            self._base.commit()
        except sqlite3.Error as error:
            raise OutputError(f"manifest {path}", f"cannot be opened ({error})", _REMEDY) from error
        if mode != "wal":
            self._base.close()
            raise EnvironmentFault(
                f"manifest {path}",
                f"cannot have a write-ahead log here (its journal is {mode!r})",
                "Use a local disk, or run shards (--shard 1/1), whose manifest is plain lines",
            )

    def write(self, attempts: Sequence[Attempt]) -> None:
        """Record attempts in one transaction."""
        values = [
            (one.id, one.key, one.digest, one.number, one.state, json.dumps(one.to_dict()))
            for one in attempts
        ]
        try:
            with self._base:
                self._base.executemany("INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?)", values)
        except sqlite3.Error as error:
            raise OutputError(f"manifest {self._path}", f"cannot be written ({error})", _REMEDY) from error

    def rows(self) -> Iterator[Row]:
        """Key, digest, number and state of every attempt."""
        yield from self._read("SELECT key, digest, number, state FROM attempts")

    def empty(self) -> Iterator[tuple[str, str]]:
        """Key and digest of tiles that were done and had nothing to write."""
        where = "WHERE state = 'done' AND facts NOT LIKE '%\"outputs\": %'"
        yield from self._read(f"SELECT key, digest FROM attempts {where}")

    def attempts(self) -> Iterator[Attempt]:
        """Every attempt, tile by tile."""
        for (text,) in self._read("SELECT facts FROM attempts ORDER BY key, number"):
            yield Attempt.from_dict(json.loads(text))

    def _read(self, query: str) -> Iterator[Any]:
        try:
            yield from self._base.execute(query)
        except sqlite3.Error as error:
            raise OutputError(
                f"manifest {self._path}",
                f"cannot be read ({error})",
                "Move it away: tiles that are whole in the run folder are found again by the next run",
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


_REMEDY = "Check that the folder may be written to and has space"
