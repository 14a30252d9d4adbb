"""`validate`: is a file what it should be? One front for every format."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from pathlib import Path

from geovision.confine import reading
from geovision.errors import InputError, UsageError
from geovision.model.fit import METADATA_KEY
from geovision.quality.codes import CODES
from geovision.quality.findings import ValidationReport
from geovision.quality.polyhedra import GeometryRules

__all__ = ["files_of", "validate"]

Progress = Callable[[int], None]
Checker = Callable[[Path, ValidationReport, GeometryRules, Progress], None]


def validate(
    path: str | os.PathLike[str],
    *,
    planarity: float = 0.01,
    snap: float = 0.001,
    ignore: Collection[int] = (),
    limit: int = 20,
    threads: int = 0,
    progress: Callable[[int], None] | None = None,
) -> ValidationReport:
    """Check a file or a folder: geometry, semantics, numbers, CRS, ids, structure.

    Codes are val3dity's where it has one (`geovision.quality.codes.CODES` lists all). A level is judged only
    where the one below it is sound: rings, polygons, shells, solids.

    Args:
        path: CityJSON (.city.json, .json), CityJSONSeq (.city.jsonl, .jsonl), GLB, OBJ, PLY, STL, programs
            (.json, .jsonl, .parquet; with their fits where those lie beside), GeoParquet, GeoPackage,
            FlatGeobuf, GeoJSON, or a folder of 3D Tiles.
        planarity: metres that a vertex may lie outside the plane of its polygon.
        snap: metres; points nearer than this are one point.
        ignore: codes to leave out.
        limit: how many findings of a code are kept; the counts are of all.
        threads: 0 for all cores; the report does not depend on it.
        progress: called with the number of bytes read so far.

    Raises:
        UsageError: the format is not one that is known here.
        InputError: there is no such file, or it may not be read.

    >>> import geovision, pathlib, tempfile
    >>> part = geovision.Part(shell=[(0, 0), (8, 0), (8, 5), (0, 5)], eave_height=3.0,
    ...                       roof=geovision.Gabled(ridge_height=5.0))
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "house.city.jsonl"
    >>> geovision.write_cityjsonseq(path, geovision.mesh(geovision.Program(id="a", parts=[part])))
    >>> report = geovision.validate(path)
    >>> report.primitives, report.codes  # the geometry is sound, but nobody said where it is
    (1, {821})
    """
    source = Path(path)
    unknown = sorted(set(ignore) - set(CODES))
    if unknown:
        raise UsageError(f"code {unknown[0]}", "is not one of those known here", "See validate --codes")
    report = ValidationReport(str(source), ignored=frozenset(ignore), limit=limit)
    reading(str(source))
    rules = GeometryRules(snap=snap, planarity=planarity, threads=threads)
    try:
        _checker_of(source)(source, report, rules, progress or (lambda done: None))
    except OSError as error:
        remedy = "Check the path and its permissions"
        raise InputError(str(source), f"cannot be read ({error.strerror})", remedy) from error
    return report


def files_of(path: Path) -> list[Path]:
    """What there is to validate at a path: itself, or what a folder holds; a tileset is one thing."""
    if not path.is_dir() or (path / "tileset.json").is_file():
        return [path]
    found: list[Path] = []
    for item in sorted(path.iterdir()):
        known = item.name.lower().endswith((".city.json", ".city.jsonl", *SUFFIXES))
        if item.is_dir():
            found += files_of(item)
        elif known:
            found.append(item)
    return found


SUFFIXES = (".glb", ".obj", ".ply", ".stl", ".parquet", ".gpkg", ".fgb")


def _checker_of(path: Path) -> Checker:
    from geovision.quality.valid_cityjson import check_cityjson, check_cityjsonseq
    from geovision.quality.valid_meshes import MESH_CHECKERS
    from geovision.quality.valid_programs import check_fits, check_programs
    from geovision.quality.valid_tables import TABLE_SUFFIXES, check_table
    from geovision.quality.valid_tiles import check_tileset

    name, suffix = path.name.lower(), path.suffix.lower()
    if not path.exists():
        raise InputError(str(path), "is not there", "Check the path")
    if path.is_dir():
        if (path / "tileset.json").is_file():
            return check_tileset
        raise UsageError(
            str(path),
            "is a folder without a tileset.json",
            "Give its files, or a tileset; files_of lists them",
        )
    found: Checker | None = None
    if name.endswith((".city.jsonl", ".city.jsonseq")):
        found = check_cityjsonseq
    elif name.endswith(".city.json"):
        found = check_cityjson
    elif suffix in MESH_CHECKERS:
        found = MESH_CHECKERS[suffix]
    elif suffix in (".json", ".jsonl"):
        head = _head(path)
        if re.search(r'"type"\s*:\s*"CityJSON"', head):
            found = check_cityjson if suffix == ".json" else check_cityjsonseq
        elif re.search(r'"geometricError"|"boundingVolume"', head):
            found = check_tileset
        else:
            found = check_programs
    elif suffix in (".parquet", ".pq"):
        found = {"geo": check_table, "fits": check_fits}.get(_parquet_kind(path), check_programs)
    elif suffix in TABLE_SUFFIXES:
        found = check_table
    if found is None:
        raise UsageError(str(path), "is of no format that can be validated", f"Use one of {', '.join(KNOWN)}")
    return found


KNOWN = (
    *(".city.json", ".city.jsonl", ".glb", ".obj", ".ply", ".stl"),
    *(".gpkg", ".fgb", ".geojson", "GeoParquet", "programs as .json, .jsonl or .parquet"),
    "a folder of 3D Tiles",
)


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(65_536).decode("utf-8", errors="replace")


def _parquet_kind(path: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            keys = file.metadata.metadata or {}
    except (pa.ArrowException, OSError):
        # Whatever it is, its name says programs; the checker says what is wrong.
        return "programs"
    if b"geo" in keys:
        return "geo"
    return "fits" if METADATA_KEY in keys else "programs"
