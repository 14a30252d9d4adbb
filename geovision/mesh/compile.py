"""`mesh`: programs in, solids out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from geovision.errors import GeometryError, UsageError
from geovision.mesh.provenance import spread
from geovision.mesh.solids import Solids
from geovision.model.labels import Status, status_error
from geovision.model.table import ProgramTable

if TYPE_CHECKING:
    from geovision.model.program import Program

__all__ = ["LODS", "MIN_EDGE_M", "mesh"]

LODS = ("1.1", "1.2", "1.3", "2.2", "2.3")
"""Levels of detail that have solids. Level 0 is made of polygons: see `lod0`."""

MIN_EDGE_M = 0.01
"""No published edge is shorter than this, in metres."""


def mesh(
    programs: Program | Sequence[Program] | ProgramTable,
    *,
    lod: str = "2.2",
    threads: int = 0,
    on_error: Literal["raise", "record"] = "raise",
    polygons: bool = True,
) -> Solids:
    """Closed, oriented, labelled solids of building programs.

    Args:
        programs: one program, a list, or a table of them.
        lod: "1.1" one block without parts under 10 m2, "1.2" one block, "1.3" a block per part,
            "2.2" roofs with superstructures, "2.3" the same with roof overhangs.
        threads: worker threads; 0 takes all cores. The result does not depend on it.
        on_error: "raise" stops at the first building without a solid, "record" lists it in
            ``Solids.failures`` and keeps the others.
        polygons: also keep faces as polygons with holes, not only as triangles.

    Raises:
        GeometryError: a building has no solid and ``on_error`` is "raise"; it says why and what to do.

    >>> from geovision.model import Hipped, Part, Program
    >>> part = Part(shell=[(0, 0), (12, 0), (12, 8), (0, 8)], eave_height=5.0, roof=Hipped(ridge_height=8.0))
    >>> solids = mesh(Program(id="house", parts=[part]))
    >>> solids[0].status.name, len(solids[0].triangles)
    ('OK', 16)
    """
    from geovision import _kernel

    if lod not in LODS:
        raise UsageError(
            f"lod {lod!r}", "is not a level of detail with solids", f"Use one of {', '.join(LODS)}"
        )
    if on_error not in ("raise", "record"):
        raise UsageError(f"on_error {on_error!r}", "is not known", 'Use "raise" or "record"')
    table = _as_table(programs)
    arrays = _kernel.compile_solids(
        table.kernel_arrays(),
        lod=round(float(lod) * 10),
        threads=threads,
        min_edge=MIN_EDGE_M,
        polygons=polygons,
    )
    spread(table, arrays)
    solids = Solids(arrays, table.ids)
    if on_error == "raise":
        _raise_first(solids)
    return solids


def _as_table(programs: Any) -> ProgramTable:
    if isinstance(programs, ProgramTable):
        return programs
    if isinstance(programs, Sequence) and not isinstance(programs, str):
        return ProgramTable.from_programs(programs)
    return ProgramTable.from_programs([programs])


def _raise_first(solids: Solids) -> None:
    failed = np.flatnonzero(solids.status != Status.OK)
    if not len(failed):
        return
    first = status_error(solids.ids[failed[0]], int(solids.status[failed[0]]))
    if len(failed) == 1:
        raise first
    more = f"{first.problem} ({len(failed) - 1} more of {len(solids)} buildings failed)"
    raise GeometryError(first.thing, more, first.remedy, status=first.status)
