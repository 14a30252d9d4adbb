"""Manifests for shards on a shared file system: lines that are only ever appended, a file for each shard."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from geovision.batch.attempts import Attempt
from geovision.batch.journal import Row
from geovision.errors import OutputError

__all__ = ["PartJournal", "read_lines", "written_line"]


_NEEDED = {"id", "key", "digest", "number", "state"}


def written_line(attempt: Attempt) -> bytes:
    """An attempt as a line that says itself whether it is whole: checksum, blank, JSON."""
    text = json.dumps(attempt.to_dict(), ensure_ascii=True, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def read_lines(content: bytes) -> Iterator[Attempt]:
    """Attempts of the lines that are whole; a torn or damaged one is as if it had not been written.

    >>> line = written_line(Attempt("0_0", "ab", 1, "done", "x"))
    >>> [one.state for one in read_lines(line + line[:-7])]
    ['done']
    """
    for plain in _whole_lines(content):
        try:
            yield Attempt.from_dict(plain)
        except (ValueError, TypeError, KeyError):
            continue


def _whole_lines(content: bytes) -> Iterator[dict[str, Any]]:
    for line in content.split(b"\n"):
        stated, _, text = line.partition(b" ")
        try:
            if len(stated) == 8 and int(stated, 16) == zlib.crc32(text):
                yield json.loads(text)
        except ValueError:
            continue


class PartJournal:
    """Attempts of one shard, appended to a file of its own and forced to disk.

    Args:
        path: the file; it is made where it is not there, unless it is only read.
        read_only: leave it as it is.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        self._file: int | None = None
        if read_only:
            return
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            size = os.fstat(self._file).st_size
            # What a kill tore off must not swallow the next line.
            if size and os.pread(self._file, 1, size - 1) != b"\n":
                os.write(self._file, b"\n")
        except OSError as error:
            raise _unwritten(path, error) from error

    def write(self, attempts: Sequence[Attempt]) -> None:
        """Append lines in one write."""
        assert self._file is not None
        lines = b"".join(map(written_line, attempts))
        try:
            while lines:
                lines = lines[os.write(self._file, lines) :]
            os.fsync(self._file)
        except OSError as error:
            raise _unwritten(self._path, error) from error

    def rows(self) -> Iterator[Row]:
        """Key, digest, number and state of every attempt."""
        for one in self._last().values():
            yield one["key"], one["digest"], one["number"], one["state"]

    def empty(self) -> Iterator[tuple[str, str]]:
        """Key and digest of tiles that were done and had nothing to write."""
        for one in self._last().values():
            if one["state"] == "done" and not one.get("outputs"):
                yield one["key"], one["digest"]

    def attempts(self) -> Iterator[Attempt]:
        """Every attempt, as its last line has it."""
        for one in self._last().values():
            yield Attempt.from_dict(one)

    def _last(self) -> dict[str, dict[str, Any]]:
        """By id, as plain values: a million are read when a run goes on."""
        try:
            content = self._path.read_bytes()
        except OSError as error:
            raise OutputError(
                f"manifest {self._path}", f"cannot be read ({error})", "Check the disk and the rights"
            ) from error
        return {one["id"]: one for one in _whole_lines(content) if one.keys() >= _NEEDED}

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _unwritten(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"manifest {path}",
        f"cannot be written ({error.strerror})",
        "Check that the folder may be written to and has space",
    )
