"""All of fitting for a batch of buildings: propose, compare, keep what makes a valid solid."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from geovision.inverse.blocks import block_programs
from geovision.inverse.placement import (
    Place,
    check_place,
    moved_programs,
    place_outlines,
    placed,
    shifted,
    with_overhang,
    with_shift,
)
from geovision.inverse.planar import propose_planar
from geovision.inverse.proposals import Proposals, check_proposals
from geovision.inverse.propose import propose_parametric
from geovision.inverse.roof_points import roof_points, with_base
from geovision.inverse.select import choose
from geovision.mesh import Solids, mesh
from geovision.model.evidence import Evidence
from geovision.model.fit import Fit, FitStatus
from geovision.model.kinds import KIND_NAMES, RoofKind
from geovision.model.table import ProgramTable

__all__ = ["Solved", "solve"]


@dataclass(frozen=True)
class Solved:
    """One program for every building, in their order, with its fit and its solid."""

    table: ProgramTable
    fits: list[Fit]
    solids: Solids
    evidence: list[Evidence]
    """As it was fitted: points and outlines brought together."""


def solve(
    evidence: Sequence[Evidence],
    *,
    kinds: Collection[RoofKind | str] | None = None,
    place: Place = "both",
    proposals: Proposals = "add",
    threads: int = 0,
) -> Solved:
    """Fit every building. Each gets a program with a valid solid; its fit says why where that is a block.

    Args:
        evidence: one entry a building.
        kinds: roof kinds to choose from; all if left out.
        place: what keeps its place where points and footprints lie shifted. "both": walls stand on the
            footprints, so that neighbours share them, and roofs lie where points do. "footprints": roofs
            slide onto the footprints. "points": the walls of each building move by themselves.
        proposals: what programs proposed in the evidence are for; see `geovision.inverse.proposals`.
        threads: 0 for all cores. The result does not depend on it, nor on the order of the buildings.
    """
    check_place(place)
    check_proposals(proposals)
    given = [with_base(item) for item in evidence]
    if not given:
        return Solved(ProgramTable.empty(), [], mesh(ProgramTable.empty()), [])
    placement = place_outlines(given, threads=threads)
    aligned = placed(given, placement, place)
    points = roof_points(aligned)
    named, general = _split(kinds)
    parametric = propose_parametric(aligned, points=points, kinds=named, proposals=proposals, threads=threads)
    evidence, moved = aligned, None
    if place == "both":
        evidence, offset = given, placement.value[:, :2]
        points = roof_points(given) if placement.moved.any() else points
        parametric = replace(parametric, table=with_shift(parametric.table, offset))
    else:
        moved = parametric.shift
        parametric = replace(parametric, table=with_shift(parametric.table, -moved.round(3)))
    if place == "points":
        parametric = replace(parametric, table=moved_programs(parametric.table, parametric.shift.round(3)))
        moved = None
    planar = propose_planar(evidence, points=points, threads=threads)
    chosen = choose(
        evidence, points, parametric, planar, moved=moved, general=general, kinds=named, threads=threads
    )
    # At the level of detail of the fit, overhangs change no solid.
    table = with_overhang(chosen.table, placement.overhangs(given))
    fits, solids = chosen.fits, chosen.solids
    bad = np.flatnonzero(~chosen.valid).tolist()
    if bad:
        simple, simple_fits = block_programs([given[row] for row in bad])
        order = np.arange(len(table))
        order[bad] = len(table) + np.arange(len(bad))
        table = ProgramTable.concat([table, simple]).take(order)
        for row, fit in zip(bad, simple_fits, strict=True):
            fits[row] = replace(fit, status=FitStatus.NO_SOLID)
        solids = mesh(table, threads=threads, on_error="record")
    for row in np.flatnonzero(placement.moved).tolist():
        fits[row] = replace(fits[row], evidence=given[row].digest())
    fits = placement.told(fits, chosen.shift_seen, chosen.shift_sigma)
    seen = [shifted(item, by, place) for item, by in zip(evidence, chosen.shift, strict=True)]
    return Solved(table, fits, solids, seen)


def _split(kinds: Collection[RoofKind | str] | None) -> tuple[list[RoofKind | str] | None, bool]:
    """Named kinds to propose, and whether plane arrangements may be chosen; flat is the simplest of those."""
    if kinds is None:
        return None, True
    planar = (RoofKind.PLANAR, KIND_NAMES[RoofKind.PLANAR])
    named = [kind for kind in kinds if kind not in planar]
    return named or [RoofKind.FLAT], len(named) < len(kinds)
