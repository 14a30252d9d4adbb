"""Programs on disk between the pass that places them and the pass that writes them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.model.table import ProgramTable
from geovision.model.table_layout import COLUMNS

__all__ = ["Batch", "Spool", "plan_boxes"]

Values = NDArray[np.object_]
Columns = Mapping[str, Values]

CHUNK = 16_384
"""Buildings a file: what is read back at once."""
_RECORDS = ("part_ids", "attributes", "facade", "provenance")


@dataclass(frozen=True)
class Batch:
    """Programs with the columns of their property table, row by row; column "id" is always there."""

    table: ProgramTable
    columns: Columns

    def __len__(self) -> int:
        return len(self.table)

    def slice(self, start: int, stop: int) -> Batch:
        """Rows start to stop; views."""
        return Batch(
            self.table.slice(start, stop), {k: values[start:stop] for k, values in self.columns.items()}
        )

    def take(self, rows: NDArray[np.int64]) -> Batch:
        """The given rows in the given order."""
        return Batch(self.table.take(rows), {name: values[rows] for name, values in self.columns.items()})

    @staticmethod
    def concat(batches: Sequence[Batch]) -> Batch:
        """All rows of several batches; a column that some lack has gaps there."""
        if len(batches) == 1:
            return batches[0]
        names = dict.fromkeys(name for batch in batches for name in batch.columns)
        columns = {
            name: np.concatenate(
                [
                    batch.columns[name] if name in batch.columns else objects([None] * len(batch))
                    for batch in batches
                ]
            )
            for name in names
        }
        return Batch(ProgramTable.concat([batch.table for batch in batches]), columns)


def objects(values: Sequence[Any]) -> Values:
    """Plain values as an array of objects, which is picked from faster than a list."""
    array = np.empty(len(values), object)
    array[:] = values
    return array


def plan_boxes(table: ProgramTable) -> NDArray[np.float64]:
    """West, south, east, north of each building's outline; NaN where it has none or is not finite."""
    boxes = np.full((len(table), 4), np.nan)
    ends = table.vertex_offsets[table.ring_offsets[table.part_offsets]]
    some = np.flatnonzero(np.diff(ends))
    if len(some):
        # A segment of reduceat ends where the next one begins, and those without a vertex are left out.
        boxes[some, :2] = np.minimum.reduceat(table.xy[: ends[-1]], ends[some])
        boxes[some, 2:] = np.maximum.reduceat(table.xy[: ends[-1]], ends[some])
    boxes[~(np.isfinite(boxes).all(axis=1) & np.isfinite(table.ground_z))] = np.nan
    return boxes


@dataclass
class Spool:
    """Chunks of programs in a folder, and in memory the place of every one of them.

    Attributes:
        whole: whether programs come back with all that they say; else without attributes, facade and
            provenance, which geometry does not need.
        boxes: west, south, east, north per building, once `finish` was called.
        ground: its ground height.
        hashes: of its id; another process has other ones.
        sums: checksums of its id.
    """

    folder: Path
    whole: bool = False
    boxes: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4)))
    ground: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    hashes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    sums: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))
    _waiting: list[Batch] = field(default_factory=list)
    _chunks: int = 0
    _pieces: list[tuple[NDArray[Any], ...]] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Append programs."""
        self._waiting.append(batch)
        if sum(map(len, self._waiting)) >= CHUNK:
            rows = Batch.concat(self._waiting)
            whole = len(rows) // CHUNK * CHUNK
            for start in range(0, whole, CHUNK):
                self._write(rows.slice(start, start + CHUNK))
            self._waiting = [rows.slice(whole, len(rows))] if whole < len(rows) else []

    def finish(self) -> None:
        """No more programs will come."""
        if self._waiting:
            self._write(Batch.concat(self._waiting))
        if self._pieces:
            self.boxes, self.ground, self.hashes, self.sums = map(
                np.concatenate, zip(*self._pieces, strict=True)
            )
        self._waiting, self._pieces = [], []

    def __len__(self) -> int:
        return len(self.ground)

    def gather(self, rows: NDArray[np.int64]) -> Batch:
        """The programs at these places, in this order; each chunk is read once."""
        chunks = np.unique(rows // CHUNK)
        found: list[Batch] = []
        places = np.empty(len(rows), np.int64)
        for chunk in chunks.tolist():
            mine = np.flatnonzero(rows // CHUNK == chunk)
            batch = self._read(chunk)
            first = sum(map(len, found))
            if 2 * len(mine) > len(batch):
                found.append(batch)
                places[mine] = first + rows[mine] % CHUNK
            else:
                found.append(batch.take(rows[mine] % CHUNK))
                places[mine] = first + np.arange(len(mine))
        return Batch.concat(found).take(places)

    def _write(self, batch: Batch) -> None:
        columns = {name: values.tolist() for name, values in batch.columns.items()}
        numbers = {name: array for name, values in columns.items() if (array := _numbers(values)) is not None}
        texts = {name: values for name, values in columns.items() if name not in numbers}
        with self._path(self._chunks).open("xb") as file:
            for column in batch.table.columns().values():
                np.save(file, column, allow_pickle=False)
            records = {name: batch.table.records(name) for name in _RECORDS} if self.whole else {}
            for part in (list(numbers), texts, records):
                text = json.dumps(part, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
                np.save(file, np.frombuffer(text.encode(), np.uint8), allow_pickle=False)
            for array in numbers.values():
                np.save(file, array, allow_pickle=False)
        ids = columns["id"]
        self._pieces.append(
            (
                plan_boxes(batch.table),
                np.array(batch.table.ground_z),
                np.array([hash(name) for name in ids], np.int64),
                np.array([zlib.crc32(name.encode()) for name in ids], np.uint32),
            )
        )
        self._chunks += 1

    def _read(self, chunk: int) -> Batch:
        with self._path(chunk).open("rb") as file:
            arrays = {name: np.load(file, allow_pickle=False) for name in COLUMNS}
            parts = (json.loads(np.load(file, allow_pickle=False).tobytes()) for _ in range(3))
            names, columns, records = parts
            columns |= {name: np.load(file, allow_pickle=False).tolist() for name in names}
        table = ProgramTable.from_arrays(ids=columns["id"], **records, **arrays)
        return Batch(table, {name: objects(values) for name, values in columns.items()})

    def _path(self, chunk: int) -> Path:
        return self.folder / f"{chunk}.programs"


def _numbers(values: Sequence[Any]) -> NDArray[Any] | None:
    """A column of one kind of numbers without gaps as an array: far quicker to keep than as text."""
    kinds = set(map(type, values))
    kind = next(iter(kinds)) if len(kinds) == 1 else None
    if kind not in (bool, int, float):
        return None
    try:
        return np.array(values, {bool: np.bool_, int: np.int64, float: np.float64}[kind])
    except OverflowError:
        return None


def runs(counts: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """Runs of neighbours that have at most `most` together, or one alone: first and one past the last.

    >>> list(runs([3, 3, 9, 1], 6))
    [(0, 2), (2, 3), (3, 4)]
    """
    first = total = 0
    for place, count in enumerate(counts):
        if place > first and total + count > most:
            yield first, place
            first, total = place, 0
        total += count
    if first < len(counts):
        yield first, len(counts)
