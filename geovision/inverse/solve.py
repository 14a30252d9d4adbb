"""All of fitting for a batch of buildings: propose, compare, keep what makes a valid solid."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from geovision.inverse.blocks import block_programs
from geovision.inverse.propose import propose_parametric
from geovision.inverse.roof_points import with_base
from geovision.mesh import Solids, mesh
from geovision.model.evidence import Evidence
from geovision.model.fit import Fit, FitStatus
from geovision.model.kinds import RoofKind
from geovision.model.labels import Status
from geovision.model.table import ProgramTable

__all__ = ["Solved", "solve"]


@dataclass(frozen=True)
class Solved:
    """One program for every building, in their order, with its fit and its solid."""

    table: ProgramTable
    fits: list[Fit]
    solids: Solids


def solve(
    evidence: Sequence[Evidence],
    *,
    kinds: Collection[RoofKind | str] | None = None,
    threads: int = 0,
) -> Solved:
    """Fit every building. Each gets a program with a valid solid; its fit says why where that is a block.

    Args:
        evidence: one entry a building.
        kinds: roof kinds to choose from; all if left out.
        threads: 0 for all cores. The result does not depend on it, nor on the order of the buildings.
    """
    evidence = [with_base(item) for item in evidence]
    found = propose_parametric(evidence, kinds=kinds, threads=threads)
    table, fits = found.table, list(found.fits)
    solids = mesh(table, threads=threads, on_error="record")
    bad = {problem.index for problem in table.validate()}
    bad |= set(np.flatnonzero(solids.status != Status.OK).tolist())
    if bad:
        rows = sorted(bad)
        simple, simple_fits = block_programs([evidence[row] for row in rows])
        order = np.arange(len(table))
        order[rows] = len(table) + np.arange(len(rows))
        table = ProgramTable.concat([table, simple]).take(order)
        for row, fit in zip(rows, simple_fits, strict=True):
            fits[row] = replace(fit, status=FitStatus.NO_SOLID)
        solids = mesh(table, threads=threads, on_error="record")
    return Solved(table, fits, solids)
