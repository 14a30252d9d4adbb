"""The columns of a `ProgramTable`: names, types, which offsets cut which; cutting, picking, joining rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geovision.errors import ProgramError

ROOF_SLOTS = 8
SUPER_SLOTS = 7

Columns = dict[str, NDArray[Any]]
Range = tuple[int, int]


class Column(NamedTuple):
    """`level` is what the column has one row for; offsets have one more."""

    dtype: type[np.generic]
    level: str
    width: int = 0
    # For offsets: the level that they cut into.
    cuts: str = ""
    needed: bool = False


# In an order in which every level is known before the columns that cut it further.
COLUMNS: dict[str, Column] = {
    "ground_z": Column(np.float64, "buildings", needed=True),
    "part_offsets": Column(np.int64, "buildings", cuts="parts", needed=True),
    "roof_kind": Column(np.uint8, "parts", needed=True),
    "eave": Column(np.float64, "parts", needed=True),
    "base": Column(np.float64, "parts"),
    "overhang": Column(np.float64, "parts"),
    "roof_shift": Column(np.float64, "parts", width=2),
    "roof_params": Column(np.float64, "parts", width=ROOF_SLOTS, needed=True),
    "ring_offsets": Column(np.int64, "parts", cuts="rings", needed=True),
    "vertex_offsets": Column(np.int64, "rings", cuts="vertices", needed=True),
    "xy": Column(np.float64, "vertices", width=2, needed=True),
    "edge_pitch": Column(np.float64, "vertices"),
    "face_offsets": Column(np.int64, "parts", cuts="faces"),
    "face_ring_offsets": Column(np.int64, "faces", cuts="face_rings"),
    "face_vertex_offsets": Column(np.int64, "face_rings", cuts="face_vertices"),
    "face_xy": Column(np.float64, "face_vertices", width=2),
    "face_plane": Column(np.float64, "faces", width=3),
    "super_offsets": Column(np.int64, "buildings", cuts="supers"),
    "super_kind": Column(np.uint8, "supers"),
    "super_part": Column(np.int32, "supers"),
    "super_params": Column(np.float64, "supers", width=SUPER_SLOTS),
}
OFFSETS = {name: column for name, column in COLUMNS.items() if column.cuts}


def _refuse(field: str, value: object, problem: str, remedy: str) -> ProgramError:
    return ProgramError("(table)", field, value, remedy, problem=problem)


def complete(given: Mapping[str, Any]) -> Columns:
    """The given columns converted, checked and joined by the defaults of the others."""
    unknown = sorted(set(given) - set(COLUMNS))
    if unknown:
        raise _refuse(unknown[0], None, "there is no such column", f"Use: {', '.join(COLUMNS)}")
    missing = [name for name, column in COLUMNS.items() if column.needed and given.get(name) is None]
    if missing:
        raise _refuse(missing[0], None, "the column is missing", "Give it")
    _check_companions(given)
    columns = {name: _convert(name, given[name]) for name in COLUMNS if given.get(name) is not None}
    counts = {"buildings": len(columns["ground_z"])}
    for name, column in COLUMNS.items():
        rows = counts[column.level]
        if name not in columns:
            columns[name] = _default(name, rows)
        expected = rows + (1 if column.cuts else 0)
        if len(columns[name]) != expected:
            raise _refuse(
                name,
                columns[name].shape,
                f"it has {len(columns[name])} rows but there are {rows} {column.level}",
                f"Give {expected} rows",
            )
        if column.cuts:
            counts[column.cuts] = _check_offsets(name, columns[name])
    return columns


def _check_companions(given: Mapping[str, Any]) -> None:
    """Faces and superstructures come whole or not at all."""
    for prefix in ("face_", "super_"):
        names = [name for name in COLUMNS if name.startswith(prefix)]
        missing = [name for name in names if given.get(name) is None]
        if missing and len(missing) < len(names):
            raise _refuse(
                missing[0], None, f"some {prefix}... columns are given, not this one", "Give all or none"
            )


def _convert(name: str, values: Any) -> NDArray[Any]:
    column = COLUMNS[name]
    array = np.asarray(values)
    wanted = np.dtype(column.dtype)
    if array.dtype.kind not in ("iuf" if wanted.kind == "f" else "iu") and array.size:
        raise _refuse(
            name, array.dtype.name, f"it cannot serve as {wanted.name}", f"Convert it to {wanted.name}"
        )
    if wanted.kind in "iu" and array.size and array.dtype != wanted:
        bounds = np.iinfo(wanted)
        if int(array.min()) < bounds.min or int(array.max()) > bounds.max:
            raise _refuse(name, int(array.max()), f"it does not fit {wanted.name}", "Give smaller codes")
    shape = (-1, column.width) if column.width else (-1,)
    right = array.ndim == len(shape) and (not column.width or array.shape[1] == column.width)
    if not right and array.size:
        expected = f"(n, {column.width})" if column.width else "(n,)"
        raise _refuse(name, array.shape, f"its shape should be {expected}", "Reshape it")
    return np.ascontiguousarray(array.reshape(shape), dtype=wanted)


def _default(name: str, rows: int) -> NDArray[Any]:
    column = COLUMNS[name]
    if column.cuts:
        return np.zeros(rows + 1, dtype=column.dtype)
    shape = (rows, column.width) if column.width else (rows,)
    fill = np.nan if name == "edge_pitch" else 0
    return np.full(shape, fill, dtype=column.dtype)


def _check_offsets(name: str, offsets: NDArray[Any]) -> int:
    if offsets[0] != 0:
        raise _refuse(name, int(offsets[0]), "offsets begin with 0", "Subtract the first one")
    steps = np.diff(offsets)
    if steps.size and steps.min() < 0:
        row = int(np.argmin(steps))
        raise _refuse(
            f"{name}/{row + 1}", int(offsets[row + 1]), "offsets never fall", "Give a cumulative sum"
        )
    return int(offsets[-1])


def record_list(name: str, values: Sequence[Any] | None, rows: int) -> list[Any] | None:
    """A per-row list, checked for its length."""
    if values is None:
        return None
    found = values if isinstance(values, list) else list(values)
    if len(found) != rows:
        raise _refuse(
            name, len(found), f"it has {len(found)} entries for {rows} rows", f"Give {rows} entries"
        )
    return found


def empty_columns() -> Columns:
    """Needed columns of a table without rows."""
    return {
        name: np.zeros((0, column.width) if column.width else (1 if column.cuts else 0,), dtype=column.dtype)
        for name, column in COLUMNS.items()
        if column.needed
    }


def row_ranges(columns: Columns, start: int, stop: int) -> dict[str, Range]:
    """What buildings start to stop own on every level."""
    rows = len(columns["ground_z"])
    start, stop = max(0, min(start, rows)), max(0, min(stop, rows))
    ranges = {"buildings": (start, max(start, stop))}
    for name, column in OFFSETS.items():
        first, last = ranges[column.level]
        ranges[column.cuts] = (int(columns[name][first]), int(columns[name][last]))
    return ranges


def cut(columns: Columns, ranges: Mapping[str, Range]) -> Columns:
    """The columns between the ranges, with offsets that begin with 0."""
    cut_columns: Columns = {}
    for name, column in COLUMNS.items():
        first, last = ranges[column.level]
        if column.cuts:
            offsets = columns[name][first : last + 1]
            cut_columns[name] = offsets - offsets[0]
        else:
            cut_columns[name] = columns[name][first:last]
    return cut_columns


def pick(columns: Columns, rows: NDArray[np.int64]) -> tuple[Columns, NDArray[np.int64]]:
    """The columns of the given buildings, and the parts that they own."""
    picked = {"buildings": rows}
    result: Columns = {}
    for name, column in COLUMNS.items():
        index = picked[column.level]
        if column.cuts:
            starts, sizes = columns[name][index], columns[name][index + 1] - columns[name][index]
            offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
            # Row numbers of all pieces, one after another: piece start plus the place within the piece.
            picked[column.cuts] = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], sizes)
            result[name] = offsets
        else:
            result[name] = columns[name][index]
    return result, picked["parts"]


def join(tables: Sequence[Columns]) -> Columns:
    """All rows of several tables."""
    joined: Columns = {}
    for name, column in COLUMNS.items():
        if column.cuts:
            ends = np.cumsum([0] + [int(table[name][-1]) for table in tables])
            pieces = [table[name][1:] + end for table, end in zip(tables, ends, strict=False)]
            joined[name] = np.concatenate([np.zeros(1, np.int64), *pieces])
        else:
            joined[name] = np.concatenate([table[name] for table in tables])
    return joined
