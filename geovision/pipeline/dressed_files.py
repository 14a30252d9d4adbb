"""Files with facades, from programs on disk: once all of them are known, walls look across tiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from geovision.formats.atlas import PhotoSource
from geovision.formats.attributes import PROGRAM
from geovision.formats.cityjson import open_cityjsonseq
from geovision.formats.glb import write_glb
from geovision.formats.programs import iter_programs
from geovision.model.table import ProgramTable
from geovision.pipeline.dresser import FACADE_LOD, FacadeDresser

__all__ = ["known_programs", "write_dressed_glbs", "write_dressed_seq"]

Columns = dict[str, list[Any]]


def known_programs(programs: Path, columns: Path) -> Iterator[tuple[ProgramTable, Columns]]:
    """Programs with what the table of buildings, in the same order, knows of them."""
    import pyarrow.parquet as pq

    names = [name for name in pq.read_schema(columns).names if name not in ("id", "geometry")]
    known, first = pq.read_table(columns, columns=names), 0
    for table in iter_programs(programs):
        rows = known.slice(first, len(table))
        first += len(table)
        yield table, {name: rows[name].to_pylist() for name in names}


def write_dressed_seq(
    path: Path, programs: Path, columns: Path, dresser: FacadeDresser, *, crs: str | None, threads: int = 0
) -> None:
    """CityJSON features with facades as geometry, one a building.

    Args:
        path: the file.
        programs: of all buildings.
        columns: the table of buildings.
        dresser: what they look like.
        crs: of the coordinates.
        threads: 0 for all cores.
    """
    with open_cityjsonseq(path, crs=crs, lod=FACADE_LOD, threads=threads) as features:
        for table, known in known_programs(programs, columns):
            for first in range(0, len(table), _ROWS):
                part = table.slice(first, min(first + _ROWS, len(table)))
                own = {name: values[first : first + _ROWS] for name, values in known.items()}
                features.write(dresser.opened(part), own | {PROGRAM: part.to_dicts()})


def write_dressed_glbs(
    paths: Sequence[tuple[Path, int]],
    programs: Path,
    columns: Path,
    dresser: FacadeDresser,
    *,
    photo: PhotoSource | None = None,
    crs: str | None,
    threads: int = 0,
) -> None:
    """GLBs with facades and materials, each of so many of the programs in their order.

    Args:
        paths: files, and how many buildings each has; those without one are not written.
        programs: of all buildings.
        columns: the table of buildings.
        dresser: what they look like.
        photo: for roofs, in place of their materials.
        crs: of the coordinates.
        threads: 0 for all cores.
    """
    batches = known_programs(programs, columns)
    rest: tuple[ProgramTable, Columns] | None = None
    for path, count in paths:
        pieces: list[tuple[ProgramTable, Columns]] = []
        missing = count
        while missing:
            table, known = rest or next(batches)
            taken = min(missing, len(table))
            pieces.append((table.slice(0, taken), {name: values[:taken] for name, values in known.items()}))
            left = {name: values[taken:] for name, values in known.items()}
            rest = (table.slice(taken, len(table)), left) if taken < len(table) else None
            missing -= taken
        if pieces:
            path.parent.mkdir(exist_ok=True)
            own = {name: [v for _, known in pieces for v in known[name]] for name in pieces[0][1]}
            table = ProgramTable.concat([table for table, _ in pieces])
            _write_glb(path, dresser, table, own, photo, crs, threads)


def _write_glb(
    path: Path,
    dresser: FacadeDresser,
    table: ProgramTable,
    columns: Mapping[str, list[Any]],
    photo: PhotoSource | None,
    crs: str | None,
    threads: int,
) -> None:
    full = dresser.form == "full"
    base, walls, elements = dresser.instances(table)
    solids = dresser.opened(table) if full else base
    write_glb(
        path,
        solids,
        attributes=columns,
        crs=crs,
        photo=photo,
        looks=dresser.looks(table, solids),
        facades=None if full else (base, walls, elements),
        threads=threads,
    )


_ROWS = 2048
"""Buildings with facades that are held at a time."""
