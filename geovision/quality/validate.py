"""`validate`: is a file what it should be? One front for every format."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from geovision.errors import InputError, UsageError
from geovision.quality.codes import CODES
from geovision.quality.findings import ValidationReport
from geovision.quality.polyhedra import GeometryRules

__all__ = ["validate"]

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
        path: CityJSON (.city.json, .json), CityJSONSeq (.city.jsonl, .jsonl).
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
    rules = GeometryRules(snap=snap, planarity=planarity, threads=threads)
    try:
        _checker_of(source)(source, report, rules, progress or (lambda done: None))
    except OSError as error:
        remedy = "Check the path and its permissions"
        raise InputError(str(source), f"cannot be read ({error.strerror})", remedy) from error
    return report


def _checker_of(path: Path) -> Checker:
    from geovision.quality.valid_cityjson import check_cityjson, check_cityjsonseq

    name = path.name.lower()
    suffix = path.suffix.lower()
    if not path.exists():
        raise InputError(str(path), "is not there", "Check the path")
    if name.endswith((".city.jsonl", ".city.jsonseq")):
        return check_cityjsonseq
    if name.endswith(".city.json"):
        return check_cityjson
    if suffix in (".json", ".jsonl"):
        kind = _json_kind(path)
        if kind == "CityJSON":
            return check_cityjson if suffix == ".json" else check_cityjsonseq
    raise UsageError(str(path), "is of no format that can be validated", f"Use one of {', '.join(KNOWN)}")


KNOWN = (".city.json", ".city.jsonl")


def _json_kind(path: Path) -> str:
    """What a JSON file says it is, from its beginning."""
    import re

    with path.open("rb") as file:
        head = file.read(65_536).decode("utf-8", errors="replace")
    found = re.search(r'"type"\s*:\s*"(CityJSON)"', head)
    return found.group(1) if found else ""
