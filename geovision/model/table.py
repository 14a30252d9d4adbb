"""`ProgramTable`: many programs as columns, in the arrays that the kernel reads.

Ragged columns are flat arrays with int64 offsets (CSR), as in `cpp/include/geovision/types.hpp`. Nothing here
makes an object per building unless it is asked to. This module needs NumPy alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError, short
from geovision.model import table_layout as layout

if TYPE_CHECKING:
    import pyarrow as pa

    from geovision.model.program import Program
    from geovision.model.table_checks import Problem

__all__ = ["ProgramTable"]

Scalar = bool | int | float | str | None
RECORDS = ("ids", "part_ids", "attributes", "facade", "provenance")


class ProgramTable:
    """A batch of programs in columns; the columns are attributes with the names of the kernel's fields.

    >>> xy = np.array([[0.0, 0], [8, 0], [8, 5], [0, 5]] * 2)
    >>> table = ProgramTable.from_arrays(
    ...     ground_z=np.zeros(2), part_offsets=np.arange(3), roof_kind=np.array([0, 5]),
    ...     eave=np.array([3.0, 4.0]),
    ...     roof_params=np.array([[np.nan] * 8, [6.0] + [np.nan] * 7]),
    ...     ring_offsets=np.arange(3), vertex_offsets=np.arange(3) * 4, xy=xy)
    >>> len(table), table.ids[1], table[1].parts[0].roof.kind
    (2, '1', 'pyramidal')
    """

    ground_z: NDArray[np.float64]
    part_offsets: NDArray[np.int64]
    roof_kind: NDArray[np.uint8]
    eave: NDArray[np.float64]
    base: NDArray[np.float64]
    overhang: NDArray[np.float64]
    roof_shift: NDArray[np.float64]
    roof_params: NDArray[np.float64]
    ring_offsets: NDArray[np.int64]
    vertex_offsets: NDArray[np.int64]
    xy: NDArray[np.float64]
    edge_pitch: NDArray[np.float64]
    face_offsets: NDArray[np.int64]
    face_ring_offsets: NDArray[np.int64]
    face_vertex_offsets: NDArray[np.int64]
    face_xy: NDArray[np.float64]
    face_plane: NDArray[np.float64]
    super_offsets: NDArray[np.int64]
    super_kind: NDArray[np.uint8]
    super_part: NDArray[np.int32]
    super_params: NDArray[np.float64]

    def __init__(self, columns: Mapping[str, NDArray[Any]], records: Mapping[str, list[Any] | None]) -> None:
        """Use `from_arrays` or `from_programs`; this takes columns that are already checked."""
        self._columns = dict(columns)
        # Per building, or per part for part_ids; None where every row has its default.
        self._records = dict(records)
        for name, column in columns.items():
            setattr(self, name, column)

    @classmethod
    def from_arrays(
        cls,
        *,
        ids: Sequence[str] | None = None,
        part_ids: Sequence[str] | None = None,
        attributes: Sequence[Mapping[str, Scalar]] | None = None,
        facade: Sequence[Mapping[str, Any] | None] | None = None,
        provenance: Sequence[Mapping[str, str]] | None = None,
        **columns: Any,
    ) -> ProgramTable:
        """A table straight from arrays; work is per call, not per building.

        Needed: ground_z, part_offsets, roof_kind, eave, roof_params, ring_offsets, vertex_offsets, xy. The
        rest has defaults (base 0, overhang 0, no roof shift, no edge pitch, no faces, no superstructures; ids
        "0", "1" ...).
        Shapes, types and offsets are checked here, values by `validate`.
        """
        arrays = layout.complete(columns)
        buildings, parts = len(arrays["ground_z"]), len(arrays["roof_kind"])
        records = {
            "ids": layout.record_list("ids", ids, buildings),
            "part_ids": layout.record_list("part_ids", part_ids, parts),
            "attributes": layout.record_list("attributes", attributes, buildings),
            "facade": layout.record_list("facade", facade, buildings),
            "provenance": layout.record_list("provenance", provenance, buildings),
        }
        return cls(arrays, records)

    @classmethod
    def from_programs(cls, programs: Sequence[Program]) -> ProgramTable:
        """The columnar twin of a list of programs; `to_programs` gives them back without loss."""
        from geovision.model.program import Program
        from geovision.model.table_objects import columns_of

        for row, program in enumerate(programs):
            if not isinstance(program, Program):
                raise UsageError(
                    f"programs[{row}] = {short(program)}",
                    f"is a {type(program).__name__}, not a Program",
                    "Give Program objects; Program.from_dict and read_programs make them",
                )
        return cls.from_arrays(**columns_of(programs))

    def to_programs(self) -> list[Program]:
        """Every row as a validated `Program`; the first bad one raises a `ProgramError`."""
        return list(self)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Every row as plain JSON values that `Program.from_dict` takes, several times as fast as programs.

        Nothing is checked, and what is at its default is left out.

        >>> from geovision.model import Flat, Part, Program
        >>> box = Program(id="a", parts=[Part(shell=[(0, 0), (4, 0), (4, 4)], eave_height=3, roof=Flat())])
        >>> (row,) = ProgramTable.from_programs([box]).to_dicts()
        >>> sorted(row), Program.from_dict(row) == box
        (['id', 'parts', 'provenance', 'schema'], True)
        """
        from geovision.model.table_objects import lean_dict

        return [lean_dict(self, row) for row in range(len(self))]

    def __len__(self) -> int:
        return len(self.ground_z)

    def __iter__(self) -> Iterator[Program]:
        from geovision.model.table_objects import program_at

        return (program_at(self, index) for index in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Program: ...
    @overload
    def __getitem__(self, index: slice) -> ProgramTable: ...
    def __getitem__(self, index: int | slice) -> Program | ProgramTable:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            return (
                self.slice(start, max(start, stop)) if step == 1 else self.take(np.arange(start, stop, step))
            )
        from geovision.model.table_objects import program_at

        row = index + len(self) if index < 0 else index
        if not 0 <= row < len(self):
            raise IndexError(f"row {index} of a table of {len(self)} programs")
        return program_at(self, row)

    def __repr__(self) -> str:
        return f"ProgramTable({len(self)} programs, {len(self.roof_kind)} parts, {len(self.xy)} vertices)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ProgramTable) or len(self) != len(other):
            return NotImplemented if not isinstance(other, ProgramTable) else False
        same = all(
            np.array_equal(column, other._columns[name], equal_nan=column.dtype.kind == "f")
            for name, column in self._columns.items()
        )
        return same and all(getattr(self, name) == getattr(other, name) for name in RECORDS)

    __hash__ = None  # type: ignore[assignment]

    @property
    def ids(self) -> list[str]:
        """Id per building; made from the row number where none were given."""
        return self._record("ids", lambda: [str(index) for index in range(len(self))])

    @property
    def part_ids(self) -> list[str]:
        """Id per part; its index within the building where none were given."""
        return self._record(
            "part_ids", lambda: [str(i) for size in np.diff(self.part_offsets).tolist() for i in range(size)]
        )

    @property
    def attributes(self) -> list[dict[str, Scalar]]:
        """Attributes per building."""
        return self._record("attributes", lambda: [{} for _ in range(len(self))])

    @property
    def facade(self) -> list[dict[str, Any] | None]:
        """Facade per building."""
        return self._record("facade", lambda: [None] * len(self))

    @property
    def provenance(self) -> list[dict[str, str]]:
        """Provenance per building."""
        return self._record("provenance", lambda: [{"default": "given"} for _ in range(len(self))])

    def records(self, name: str) -> list[Any] | None:
        """Ids, part_ids, attributes, facade or provenance as given; None where every row has the default."""
        return self._records[name]

    def _record(self, name: str, default: Callable[[], list[Any]]) -> list[Any]:
        rows = self._records[name]
        if rows is None:
            # Kept, so that what a caller changes in the list stays.
            rows = self._records[name] = default()
        return rows

    def attribute_columns(self) -> dict[str, list[Scalar]]:
        """Attributes as columns, in order of first appearance; None where a building has none.

        >>> ProgramTable.empty().attribute_columns()
        {}
        """
        rows = self._records["attributes"] or []
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: [row.get(name) for row in rows] for name in names}

    def columns(self) -> dict[str, NDArray[Any]]:
        """All numeric columns by name."""
        return dict(self._columns)

    def kernel_arrays(self) -> dict[str, NDArray[Any]]:
        """The columns as the kernel takes them: C-contiguous, of the right types, copied where needed."""
        return {
            name: np.ascontiguousarray(column, dtype=layout.COLUMNS[name].dtype)
            for name, column in self._columns.items()
        }

    def validate(self) -> list[Problem]:
        """Cheap vectorised checks of every row (finite, heights, ring sizes), for on_error="record".

        What they do not see (a ring that crosses itself) the kernel reports as a status.
        """
        from geovision.model.table_checks import problems_of

        return problems_of(self)

    @classmethod
    def empty(cls) -> ProgramTable:
        """A table without rows."""
        return cls(layout.complete(layout.empty_columns()), dict.fromkeys(RECORDS))

    def slice(self, start: int, stop: int) -> ProgramTable:
        """Rows start to stop; data columns are views of this table's."""
        ranges = layout.row_ranges(self._columns, start, stop)
        columns = layout.cut(self._columns, ranges)
        records: dict[str, list[Any] | None] = {}
        for name, rows in self._records.items():
            first, last = ranges["parts" if name == "part_ids" else "buildings"]
            records[name] = None if rows is None else rows[first:last]
        if records["ids"] is None:
            # An id stays with its building wherever the row goes.
            first, last = ranges["buildings"]
            records["ids"] = [str(index) for index in range(first, last)]
        return ProgramTable(columns, records)

    def take(self, rows: Sequence[int] | NDArray[np.integer[Any]] | NDArray[np.bool_]) -> ProgramTable:
        """The given rows, by number or by mask, in the given order."""
        index = np.asarray(rows)
        index = np.flatnonzero(index) if index.dtype == bool else index.astype(np.int64)
        columns, picked_parts = layout.pick(self._columns, index)
        ids = self.ids
        records: dict[str, list[Any] | None] = {"ids": [ids[row] for row in index.tolist()]}
        for name in ("attributes", "facade", "provenance"):
            values = self._records[name]
            records[name] = None if values is None else [values[row] for row in index.tolist()]
        parts = self._records["part_ids"]
        records["part_ids"] = None if parts is None else [parts[row] for row in picked_parts.tolist()]
        return ProgramTable(columns, records)

    @classmethod
    def concat(cls, tables: Sequence[ProgramTable]) -> ProgramTable:
        """All rows of several tables, in order. Ids that were never given are numbered anew."""
        tables = [table for table in tables if len(table)]
        if not tables:
            return cls.empty()
        if len(tables) == 1:
            return tables[0]
        columns = layout.join([table._columns for table in tables])
        records: dict[str, list[Any] | None] = {}
        for name in tables[0]._records:
            known = any(table._records[name] is not None for table in tables)
            records[name] = [row for table in tables for row in getattr(table, name)] if known else None
        return cls(columns, records)

    def to_arrow(self) -> pa.Table:
        """One row per building, parts and superstructures nested; the schema version is in the metadata."""
        from geovision.model.table_arrow import to_arrow

        return to_arrow(self)

    @classmethod
    def from_arrow(cls, table: pa.Table) -> ProgramTable:
        """The inverse of `to_arrow`."""
        from geovision.model.table_arrow import from_arrow

        return from_arrow(table)
