"""Fitting in memory: measurements and footprints in, programs with their fits out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from geovision.errors import GeovisionError, UsageError
from geovision.inverse.placement import Place, check_place
from geovision.inverse.propose import roof_kinds
from geovision.inverse.solver import Solved, solve
from geovision.mesh import Solids
from geovision.model.evidence import Evidence
from geovision.model.fit import Fit, FitTable
from geovision.model.kinds import RoofKind
from geovision.model.table import ProgramTable

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

    from geovision.model.program import Program
    from geovision.sources import Footprints, PointBlock

__all__ = ["Fitted", "Proposer", "fit", "iter_fit", "proposer"]

BATCH = 512
Proposer = Callable[[Sequence[Evidence]], list[Evidence]]


@dataclass(frozen=True)
class Fitted:
    """Programs and fits of the same buildings in the same order.

    >>> square = np.array([[0.0, 0.0], [8.0, 0.0], [8.0, 6.0], [0.0, 6.0]])
    >>> fitted = fit([Evidence("a", np.zeros(3), (square,), attributes={"height": 7.5})])
    >>> fitted.programs[0].parts[0].eave_height, fitted.fits[0].status.name
    (7.5, 'HEIGHT_FROM_ATTRIBUTE')
    """

    programs: ProgramTable
    fits: FitTable
    solids: Solids | None = None
    """Of the programs; None where several batches were joined."""
    problems: list[str] = field(default_factory=list)
    """Footprints that could not be used, and buildings that could not be fitted, with the reason."""

    def __len__(self) -> int:
        return len(self.programs)

    def __iter__(self) -> Iterator[tuple[Program, Fit]]:
        return zip(self.programs, self.fits, strict=True)


def fit(
    evidence: Evidence | Iterable[Evidence] | PointBlock | NDArray[Any],
    footprints: Footprints | GeoDataFrame | None = None,
    *,
    kinds: Collection[RoofKind | str] | None = None,
    place: Place = "both",
    roofs: str | Path | None = None,
    on_error: Literal["raise", "record"] = "record",
    threads: int = 0,
) -> Fitted:
    """Find the program that explains the measurements of every building best, and say how sure that is.

    Args:
        evidence: one `Evidence` or many; or points, as an array [n, 3] or a `PointBlock` with classes.
        footprints: with points: a GeoDataFrame (its `id` column names the buildings) or `Footprints`, in the
            metric CRS of the points.
        kinds: roof kinds to choose from, such as ["flat", "gabled"]; all if left out.
        place: what keeps its place where points show that they lie shifted against a footprint. "both": walls
            stand on the footprints, so that neighbours share them exactly, and roofs lie where the points do
            (`Part.roof_shift`). "footprints" slides the roofs onto them, for points that are known to be
            displaced; "points" moves the walls of each building by itself, and neighbours may part.
            `Fit.shift_x` and its kin say by how much.
        roofs: name or path of a roof network whose proposals are tried too, such as "roof-small"; see
            `geovision.vision.roofs`.
        on_error: "record" lists what could not be used in `Fitted.problems`; "raise" stops at the first.
        threads: 0 for all cores. The result does not depend on it.

    >>> import geopandas, shapely
    >>> x, y = (axis.ravel() for axis in np.meshgrid(np.arange(0.25, 10, 0.5), np.arange(0.25, 6, 0.5)))
    >>> points = np.column_stack([x, y, 8 - abs(y - 3)])
    >>> houses = geopandas.GeoDataFrame({"id": ["1"]}, geometry=[shapely.box(0, 0, 10, 6)], crs="EPSG:28992")
    >>> (program, how), = fit(points, houses)
    >>> how.kind, round(program.parts[0].roof.ridge_height + program.ground_z, 1)
    ('gabled', 8.0)
    """
    problems: list[str] = []
    items = _evidence(evidence, footprints, on_error, problems)
    options: dict[str, Any] = {"kinds": kinds, "place": place, "roofs": roofs}
    batches = list(iter_fit(items, on_error=on_error, threads=threads, **options))
    problems += [problem for batch in batches for problem in batch.problems]
    return Fitted(
        ProgramTable.concat([batch.programs for batch in batches]),
        FitTable([one for batch in batches for one in batch.fits]),
        batches[0].solids if len(batches) == 1 else None,
        problems,
    )


def iter_fit(
    evidence: Iterable[Evidence],
    *,
    kinds: Collection[RoofKind | str] | None = None,
    place: Place = "both",
    roofs: str | Path | Proposer | None = None,
    on_error: Literal["raise", "record"] = "record",
    threads: int = 0,
    batch: int = BATCH,
) -> Iterator[Fitted]:
    """Like `fit`, batch by batch, so that memory does not follow the number of buildings."""
    if on_error not in ("raise", "record"):
        raise UsageError(f"on_error {on_error!r}", "is not known", 'Use "raise" or "record"')
    check_place(place)
    if kinds is not None:
        kinds = roof_kinds(kinds)
    propose = None if roofs is None else roofs if callable(roofs) else proposer(roofs, threads)
    stream = iter(evidence)
    while items := list(islice(stream, batch)):
        problems: list[str] = []
        items = items if propose is None else propose(items)
        try:
            solved = solve(items, kinds=kinds, place=place, threads=threads)
        except GeovisionError:
            if on_error == "raise":
                raise
            solved = _one_by_one(items, kinds, place, threads, problems)
        yield Fitted(solved.table, FitTable(solved.fits), solved.solids, problems)


def proposer(roofs: str | Path, threads: int = 1) -> Proposer:
    """A roof network that is opened once, for `iter_fit` to use again and again.

    Args:
        roofs: name or path.
        threads: 0 for all cores. The proposals do not depend on it.
    """
    from geovision.vision.roofs import RoofProposer

    return RoofProposer(roofs, threads=threads).propose


def _one_by_one(
    items: Sequence[Evidence],
    kinds: Collection[RoofKind | str] | None,
    place: Place,
    threads: int,
    problems: list[str],
) -> Solved:
    """One bad building must not take its batch with it."""
    from geovision.mesh import mesh

    tables, fits, seen = [], [], []
    for item in items:
        try:
            solved = solve([item], kinds=kinds, place=place, threads=threads)
        except GeovisionError as error:
            problems.append(f"building {item.id!r}: {error}")
            continue
        tables.append(solved.table)
        fits += solved.fits
        seen += solved.evidence
    table = ProgramTable.concat(tables)
    return Solved(table, fits, mesh(table, threads=threads, on_error="record"), seen)


def _evidence(
    evidence: Any, footprints: Any, on_error: Literal["raise", "record"], problems: list[str]
) -> Iterable[Evidence]:
    if isinstance(evidence, Evidence):
        return [evidence]
    if footprints is None:
        if isinstance(evidence, np.ndarray) or hasattr(evidence, "xyz"):
            raise UsageError(
                "fit", "was given points but no footprints", "Give footprints as the second argument"
            )
        return list(evidence)
    from geovision.sources import (
        Footprints,
        PointBlock,
        evidence_from_arrays,
        footprints_from_geodataframe,
        prepare_footprints,
    )

    if not isinstance(footprints, Footprints):
        footprints = footprints_from_geodataframe(footprints)
    footprints = prepare_footprints(footprints, on_error=on_error)
    problems += [str(problem) for problem in footprints.problems]
    block = evidence if isinstance(evidence, PointBlock) else PointBlock.of(np.asarray(evidence))
    return evidence_from_arrays(footprints, block)
