"""What a report is made of: programs and fits of a folder, as columns, and the facts beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.bounded import parse_json, read_bytes
from geovision.errors import InputError
from geovision.formats.programs import iter_programs
from geovision.model.fit import METADATA_KEY, SCHEMA, FitStatus
from geovision.model.table import ProgramTable

__all__ = ["FitColumns", "ReportSources", "find_sources", "read_fits"]

NUMBERS = ("confidence", "within_0p2", "within_0p1", "rmse", "nmad", "density", "coverage")
ROWS = 8192
_FACTS_BYTES = 64 << 20
_REMEDY = "Give the folder that geovision build wrote, or the .parquet file of geovision fit"


@dataclass(frozen=True)
class ReportSources:
    """Where things are, and what is known of the run."""

    programs: Path
    fits: Path
    out: Path
    """Where the report goes unless something else is said."""
    run: dict[str, Any] = field(default_factory=dict)
    index: dict[str, Any] = field(default_factory=dict)

    def tables(self) -> Iterator[ProgramTable]:
        """The programs, block by block."""
        return iter_programs(self.programs, rows=ROWS, on_error="record", failures=[])


@dataclass(frozen=True)
class FitColumns:
    """The fits as columns; covariances and alternatives, which are most of the file, are not read."""

    ids: list[str]
    kinds: list[str]
    status: NDArray[np.uint8]
    """`FitStatus` codes."""
    points: NDArray[np.int64]
    numbers: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.ids)

    def rows_of(self, ids: list[str], first: int) -> NDArray[np.int64]:
        """Rows of buildings by id; -1 for those without a fit. `first` is where they are if nobody moved."""
        if self.ids[first : first + len(ids)] == ids:
            return np.arange(first, first + len(ids))
        if not self._rows:
            self._rows.update({name: row for row, name in enumerate(self.ids)})
        return np.array([self._rows.get(name, -1) for name in ids], np.int64)

    _rows: dict[str, int] = field(default_factory=dict, repr=False, compare=False)


def find_sources(path: str | Path) -> ReportSources:
    """Programs and fits of a folder that `geovision build` wrote, or beside a file of `geovision fit`."""
    source = Path(path)
    folder = source if source.is_dir() else source.parent
    programs = source / "programs.parquet" if source.is_dir() else source
    fits = programs.with_name(f"{programs.stem}.fits{programs.suffix}")
    for name in (programs, fits):
        if not name.is_file():
            raise InputError(str(name), "is not there", _REMEDY)
    out = folder / "report.html" if source.is_dir() else source.with_name(f"{source.stem}.report.html")
    if not source.is_dir():
        return ReportSources(programs, fits, out)
    return ReportSources(programs, fits, out, _facts(folder / "run.json"), _facts(folder / "index.json"))


def _facts(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    remedy = "Remove it, or build again"
    facts = parse_json(read_bytes(path, _FACTS_BYTES, str(path), remedy), str(path), remedy)
    return facts if isinstance(facts, dict) else {}


def read_fits(path: Path) -> FitColumns:
    """The columns of a file of fits that a report shows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ["id", "kind", "status", "points", *NUMBERS]
    try:
        with pq.ParquetFile(path) as file:
            found = (file.schema_arrow.metadata or {}).get(METADATA_KEY)
            if found != SCHEMA.encode():
                raise InputError(str(path), f"is no file of fits of this version ({found!r})", _REMEDY)
            table = file.read(columns=names)
        return _fit_columns(table)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise InputError(str(path), f"is no Parquet file of fits ({error})", _REMEDY) from error


def _fit_columns(table: Any) -> FitColumns:
    codes = {status.name.lower(): int(status) for status in FitStatus}
    return FitColumns(
        [str(name) for name in table["id"].to_pylist()],
        [str(kind) for kind in table["kind"].to_pylist()],
        np.array([codes[name] for name in table["status"].to_pylist()], np.uint8),
        table["points"].to_numpy(zero_copy_only=False).astype(np.int64),
        {name: table[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in NUMBERS},
    )
