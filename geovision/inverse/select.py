"""The choice between the parametric program and the plane arrangement, by description length."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import erf, sqrt

import numpy as np
from numpy.typing import NDArray

from geovision.inverse.blocks import block_programs
from geovision.inverse.canopy import propose_under_canopy
from geovision.inverse.confidence import PLANAR_CONFIDENCE, kind_confidence
from geovision.inverse.planar import Planar
from geovision.inverse.plane_sigma import plane_covariances
from geovision.inverse.propose import Parametric
from geovision.inverse.roof_points import RoofPoints
from geovision.inverse.score import Misfit, NoiseModel, inside_points, measure
from geovision.mesh import Solids, mesh
from geovision.mesh.heights import roof_heights
from geovision.model.evidence import Evidence
from geovision.model.fit import Fit, FitStatus, Runner
from geovision.model.kinds import KIND_NAMES, RoofKind
from geovision.model.labels import Status
from geovision.model.rings import check_rings
from geovision.model.table import ProgramTable

__all__ = ["Chosen", "choose"]

F64 = NDArray[np.float64]

PARAMETER_NATS = 5.0
"""Price of a free parameter of a named kind."""
POOR_SHARE = 0.6
"""A program that explains fewer of the points is called poor."""
DOUBTFUL_SHARE = 0.75
"""Where planes explain fewer, a block is looked at as well."""
SURE = 0.95
"""Points that err by less than would leave so many within 0.2 m all count as if they did not err."""
FAR_SIGMAS = 2.0
"""Cells farther from a roof than this tell which side they err to ..."""
ONE_SIDED = 0.8
"""... and where more of them than this lie above, it is leaves that they show."""
WILD_SIGMAS = 3.0
"""Where half of the cells err by more, chance has laid a roof through the middle of leaves."""
FAR_APART_M = 1.5
"""Points farther apart are held to all of these shares, however much they err."""
HEADROOM_M = 1.0
"""A ridge or chimney may stand this far, and two spacings, above the highest point."""
SPIRE_NATS = 1000.0
"""Price of a metre beyond that."""
PLANAR = KIND_NAMES[RoofKind.PLANAR]


@dataclass(frozen=True)
class Chosen:
    """One program for every building, in their order."""

    table: ProgramTable
    fits: list[Fit]
    solids: Solids
    valid: NDArray[np.bool_]
    """False where neither candidate makes a valid solid."""
    shift: F64
    """[buildings, 2] metres east and north by which the roof of a named kind was moved off its footprint."""
    shift_seen: F64
    """[buildings, 2] by how much points lie off the footprint, as that roof shows it, however little."""
    shift_sigma: F64
    """[buildings, 2] of that; 0 where the roof cannot tell, as planes cannot."""


def choose(
    evidence: Sequence[Evidence],
    points: RoofPoints,
    parametric: Parametric,
    planar: Planar,
    *,
    moved: F64 | None = None,
    general: bool = True,
    kinds: Collection[RoofKind | str] | None = None,
    threads: int = 0,
) -> Chosen:
    """Take for every building the candidate whose misfit and price sum to less; the named kind when they tie.

    With `general` false the plane arrangement may only step in where no named kind makes a solid. All are
    compared through their solids, by the distances of the same points under the same noise model, so that it
    does not matter how they were found. Where much stays unexplained a block at the level that most points
    share is a candidate as well, and so is the best single roof under the lowest points; one of these is
    taken where the best roof leaves four points in ten: chance fits roofs to the leaves of a tree, one for
    every few of its points.

    `moved` is [buildings, 2] metres by which points lie off the named programs, where those do not say so.
    """
    count = len(evidence)
    inside = inside_points(points, planar.inside)
    noise = NoiseModel.of(planar.scatter, planar.spacing, inside.share)
    points_of = np.diff(inside.point_offsets)
    can = _can_explain(inside, planar.spacing)
    doubtful = np.flatnonzero((planar.explained < DOUBTFUL_SHARE * can) & (points_of > 0) & general)
    blocks, block_fits = block_programs([evidence[row] for row in doubtful.tolist()], poor=True)
    # A raster has one height a cell, the upper one, and its low cells are the smear of walls.
    leafy = doubtful[[evidence[row].cell_m == 0 for row in doubtful.tolist()]]
    under = propose_under_canopy(evidence, points, leafy, kinds=kinds, threads=threads)
    table = ProgramTable.concat([parametric.table, planar.table, blocks, under.table])
    solids = mesh(table, threads=threads, on_error="record")
    which = np.concatenate([np.arange(count), planar.rows, doubtful, leafy])
    if moved is not None:
        moved = np.concatenate([moved, np.zeros((len(table) - count, 2))])
    misfit = measure(solids, inside, which, noise, shift=moved, threads=threads)
    named_price = PARAMETER_NATS * parametric.parameters + parametric.super_price + parametric.shift_price
    price = np.concatenate(
        [
            named_price + parametric.told_nats,
            planar.price[planar.rows] + parametric.rest_nats[planar.rows],
            np.full(len(doubtful), PARAMETER_NATS),
            PARAMETER_NATS * under.parameters,
        ]
    )
    price += SPIRE_NATS * _overshoot(solids, inside, which, planar.spacing)
    score = np.where(_valid(table, solids), misfit.nats + price, np.inf)
    place = np.full((4, count), -1)
    place[0] = np.arange(count)
    place[1, planar.rows] = count + np.arange(len(planar.rows))
    place[2, doubtful] = count + len(planar.rows) + np.arange(len(doubtful))
    place[3, leafy] = count + len(planar.rows) + len(doubtful) + np.arange(len(leafy))
    scores = np.where(place >= 0, score[place], np.inf)
    named, planes = scores[0], scores[1]
    take_planar = planes < named if general else np.isfinite(planes) & ~np.isfinite(named)
    row_of = np.where(take_planar, place[1], place[0])
    simple = np.min(scores[2:], axis=0)
    loose = (misfit.within_0p2[row_of] < POOR_SHARE * can) & (price[row_of] > PARAMETER_NATS)
    loose &= _under_leaves(evidence, solids, inside, row_of, loose & np.isfinite(simple), moved)
    take_simple = np.isfinite(simple) & (loose | (simple < score[row_of]))
    take_under = take_simple & (scores[3] < scores[2])
    row_of = np.where(take_simple, np.where(take_under, place[3], place[2]), row_of)
    block_of = dict(zip(doubtful.tolist(), block_fits, strict=True))
    under_of = dict(zip(leafy.tolist(), under.fits, strict=True))
    fits = []
    for row, item in enumerate(evidence):
        fit = _fit(item, parametric.fits[row], bool(take_planar[row]), (named[row], planes[row]))
        if take_simple[row]:
            own = under_of[row] if take_under[row] else block_of[row]
            fit = _simple_fit(fit, own, float(simple[row]))
        fits.append(_measured(fit, misfit, int(row_of[row]), _coverage(inside, row, item.area), can[row]))
    chosen, rows = table.take(row_of), np.flatnonzero(take_planar & ~take_simple)
    known = plane_covariances(chosen.take(rows), inside, rows, noise.sigma[rows], threads=threads)
    for row, (paths, covariance) in zip(rows.tolist(), known, strict=True):
        fits[row] = replace(fits[row], parameters=paths, covariance=covariance)
    valid = np.isfinite(score[row_of])
    told = (~take_planar & ~take_simple & valid)[:, None]
    columns = (parametric.shift, parametric.shift_seen, parametric.shift_sigma)
    shifts = (np.where(told, column, 0.0) for column in columns)
    return Chosen(chosen, fits, solids.take(row_of), valid, *shifts)


def _can_explain(inside: RoofPoints, spacing: F64) -> F64:
    """[buildings] the share of the points that lie within 0.2 m of the true roof if they err by their sigma.

    It is 1 where points err one by one: what then lies farther off was not measured badly but is no roof. And
    where they lie far apart: what is on cells of 2 m is the smear of walls as much as any roof.
    """
    can = np.ones(len(inside.share))
    for row in np.flatnonzero(
        (inside.share < 1) & (spacing < FAR_APART_M) & (np.diff(inside.point_offsets) > 0)
    ).tolist():
        sigma = float(np.median(inside.sigma[slice(*inside.point_offsets[row : row + 2])]))
        can[row] = min(1.0, erf(0.2 / (sqrt(2) * sigma)) / SURE)
    return can


def _under_leaves(
    evidence: Sequence[Evidence],
    solids: Solids,
    inside: RoofPoints,
    row_of: NDArray[np.int64],
    rows: NDArray[np.bool_],
    moved: F64 | None,
) -> NDArray[np.bool_]:
    """[buildings] whether what lies off the chosen roof lies above it, as trees do, or all over the place.

    Cells of a raster err upward and downward by a few sigmas; of laser points leaves are taken as given, and
    of cells farther apart that walls were smeared over them.
    """
    leaves = np.ones(len(rows), bool)
    for row in np.flatnonzero(rows).tolist():
        if not 0 < evidence[row].cell_m < FAR_APART_M:
            continue
        solid, span = solids[int(row_of[row])], slice(*inside.point_offsets[row : row + 2])
        xyz = inside.points[span] + (*inside.origin[row, :2], inside.ground_z[row]) - solid.origin
        off = np.zeros(2) if moved is None else moved[row_of[row]]
        rest = (xyz[:, 2] - roof_heights(solid, xyz[:, :2] - off)) / inside.sigma[span]
        above, below = int((rest > FAR_SIGMAS).sum()), int((rest < -FAR_SIGMAS).sum())
        wild = np.nanmedian(np.abs(rest)) > WILD_SIGMAS
        leaves[row] = wild or above > ONE_SIDED * (above + below)
    return leaves


def _overshoot(solids: Solids, inside: RoofPoints, which: NDArray[np.int64], spacing: F64) -> F64:
    """Metres that each solid rises above all points of its building, beyond what may stand between them."""
    highest = np.full(len(inside.ground_z), np.inf)
    some = np.diff(inside.point_offsets) > 0
    starts = inside.point_offsets[:-1][some]
    if len(starts):
        highest[some] = np.maximum.reduceat(inside.points[:, 2], starts) + inside.ground_z[some]
    top = np.full(len(solids), -np.inf)
    filled = np.diff(solids.vertex_offsets) > 0
    starts = solids.vertex_offsets[:-1][filled]
    if len(starts):
        top[filled] = solids.grid * np.maximum.reduceat(solids.vertices[:, 2], starts)
    over: F64 = top + solids.origin[:, 2] - highest[which] - HEADROOM_M - 2 * spacing[which]
    return np.maximum(over, 0.0)


def _simple_fit(fit: Fit, own: Fit, nats: float) -> Fit:
    """The fit of a block, or of a roof under leaves, that was taken because no roof explains the points."""
    others = fit.alternatives
    return replace(
        fit,
        kind=own.kind,
        status=own.status,
        nats=nats,
        confidence=0.0,
        runner_up=others[0].kind if others else "",
        margin=float(others[0].nats - nats) if others else float("nan"),
        parameters=own.parameters,
        covariance=own.covariance,
    )


def _valid(table: ProgramTable, solids: Solids) -> NDArray[np.bool_]:
    valid = np.equal(solids.status, Status.OK)
    for problem in table.validate():
        valid[problem.index] = False
    valid[_crossed(table)] = False
    return valid


def _crossed(table: ProgramTable) -> NDArray[np.int64]:
    """Rows with a face that crosses itself by more than programs allow, as rounding to the grid may make it.

    `validate` leaves that to the programs themselves; only faces that are no simple polygons need the look.
    """
    import shapely

    faces = len(table.face_plane)
    if not faces:
        return np.zeros(0, np.int64)
    ring = np.repeat(np.arange(len(table.face_vertex_offsets) - 1), np.diff(table.face_vertex_offsets))
    face = np.repeat(np.arange(faces), np.diff(table.face_ring_offsets))
    polygons = shapely.polygons(shapely.linearrings(table.face_xy, indices=ring), indices=face)
    doubtful = np.flatnonzero(~shapely.is_valid(polygons))
    rings = [
        [
            table.face_xy[slice(*table.face_vertex_offsets[k : k + 2])]
            for k in range(*table.face_ring_offsets[row : row + 2])
        ]
        for row in doubtful.tolist()
    ]
    bad = doubtful[np.array([check_rings(one) is not None for one in rings], bool)]
    part = np.searchsorted(table.face_offsets, bad, side="right") - 1
    row: NDArray[np.int64] = np.searchsorted(table.part_offsets, part, side="right") - 1
    return row


def _fit(evidence: Evidence, named: Fit, planar: bool, scores: tuple[float, float]) -> Fit:
    """The fit of the chosen candidate, the other among its alternatives, all on the common score."""
    own = scores[1] if planar else scores[0]
    shift = scores[0] - named.nats if named.alternatives else 0.0
    runners = [Runner(kind, nats + shift) for kind, nats in named.alternatives]
    if not runners and np.isfinite(scores[0]):
        runners = [Runner(named.kind, float(scores[0]))]
    if np.isfinite(scores[1]):
        runners.append(Runner(PLANAR, float(scores[1])))
    runners.sort(key=lambda runner: (runner.nats, runner.kind == PLANAR))
    kind = PLANAR if planar else named.kind
    others = [runner for runner in runners if runner.kind != kind]
    return replace(
        named,
        kind=kind,
        status=FitStatus.OK if planar else named.status,
        nats=float(own) if np.isfinite(own) else named.nats,
        runner_up=others[0].kind if others else "",
        margin=float(others[0].nats - own) if others else float("nan"),
        alternatives=tuple(runners),
        parameters=() if planar else named.parameters,
        covariance=None if planar else named.covariance,
        evidence=named.evidence or evidence.digest(),
    )


def _confidence(fit: Fit, explained: float) -> float:
    if fit.kind == PLANAR:
        return PLANAR_CONFIDENCE
    named = [runner.nats - fit.nats for runner in fit.alternatives if runner.kind not in (fit.kind, PLANAR)]
    return kind_confidence(min(named, default=np.inf), fit.kind.count("+") + 1, explained)


def _coverage(inside: RoofPoints, building: int, area: float) -> float:
    """Share of the squares of a metre that hold a point."""
    first, last = inside.point_offsets[building : building + 2]
    corner = np.floor(inside.points[first:last, :2]).astype(np.int64)
    squares = corner[:, 0] << 32 | corner[:, 1] & 0xFFFFFFFF
    # Points follow one another in place: many lie in the square of the one before.
    squares = np.sort(squares[np.flatnonzero(np.diff(squares, append=squares[-1:] ^ 1))])
    seen = np.count_nonzero(np.diff(squares)) + min(len(squares), 1)
    return min(1.0, seen / area) if area > 0 else 0.0


def _measured(fit: Fit, misfit: Misfit, row: int, coverage: float, can: float) -> Fit:
    """With the statistics of its own solid."""
    if misfit.points[row] == 0:
        return fit
    share = float(misfit.within_0p2[row])
    poor = fit.status is FitStatus.OK and share < POOR_SHARE * can
    return replace(
        fit,
        status=FitStatus.POOR if poor else fit.status,
        confidence=_confidence(fit, share),
        points=int(misfit.points[row]),
        within_0p1=float(misfit.within_0p1[row]),
        within_0p2=share,
        rmse=float(misfit.rms[row]),
        nmad=1.4826 * float(misfit.median[row]),
        coverage=coverage,
    )
