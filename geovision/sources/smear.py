"""How far a height raster smears the walls of buildings, and what its cells say without that.

Image matching and gridding mix what lies round a cell. How far they do shows in profiles across the walls of
buildings; and as footprints say along which lines surfaces may break, it can be undone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.sources.burn import burn_ids
from geovision.sources.footprint_set import Footprints
from geovision.sources.height_grid import HeightGrid
from geovision.sources.raster_info import Cut
from geovision.sources.resample import PixelGrid

__all__ = [
    "PROFILE_M",
    "Sharp",
    "Smear",
    "WallProfiles",
    "coarser",
    "measure_smear",
    "sharpened",
    "smear_of",
    "wall_profiles",
]

F64 = NDArray[np.float64]

PROFILE_M = 2.5
"""Profiles run so far to both sides of the outline."""
_AWAY_M = np.arange(-PROFILE_M, PROFILE_M + 0.125, 0.25)
_ENDS = 3
_APART_M = 1.0
_LEAST_DROP_M = 1.5
_LEAST_PROFILES = 30
_MOST_PROFILES = 1000
_OF_GRID = ((0.5, 0.8), (0.289, 0.41))
"""Standard deviation, in cells, of what reading a grid bilinearly adds to smears of so many cells. A sharp
step comes out as a ramp of one cell, wherever it stands in it; one smeared over cells as read through a
triangle of two. Between them as measured on steps of known width."""
_SPREAD_STEP_M = 0.05
_SPREADS_M = np.round(np.arange(0.0, 1.3, _SPREAD_STEP_M), 3)
_MOST_OFFSET_M = 1.0
_OFFSETS_M = np.round(np.arange(-_MOST_OFFSET_M, _MOST_OFFSET_M + 0.05, 0.1), 3)
_PRIOR_PROFILES = 8
_LEAST_SPREAD = 0.35
"""In cells; what smears less than this is as good as sharp."""
_FINE_M = 0.3
"""Surfaces are worked out on cells no larger than this."""
_BOX = 0.289
"""Standard deviation of a mean over a square, in its sides."""
_REACH_SPREADS = 3.0
_RIM_M = 1.0
_LEAST_INSIDE = 0.4
"""A cell with a smaller share inside the outline says nothing of the building."""
_NOISE_M = 0.1
_CHUNK = 64


@dataclass(frozen=True)
class Smear:
    """What a height raster does to walls, the same all over it."""

    spread_m: float = 0.0
    """Standard deviation of the smear; 0 where it is sharp or too few walls show it."""
    offset_m: float = 0.0
    """How far outside the outlines the steps stand: eaves that hang over, surfaces that grew."""


@dataclass(frozen=True)
class WallProfiles:
    """Heights across free walls."""

    owner: NDArray[np.int64]
    """Footprint that each belongs to."""
    heights: F64
    """[profiles, places] from 2.5 m inside to 2.5 m outside, a quarter of a metre apart."""


@dataclass(frozen=True)
class Sharp:
    """The cells of one building without the smear: a window of the raster."""

    row: int
    column: int
    points: F64
    """[rows, columns, 3] the middle of what each cell has inside the outline, and the height there; NaN
    where a cell has too little inside."""


def measure_smear(footprints: Footprints, dsm: HeightGrid) -> Smear:
    """From profiles across free walls, a metre apart: the medians of the widths and places of their steps."""
    return smear_of([wall_profiles(footprints, dsm)], dsm.cell_m)


def smear_of(seen: Sequence[WallProfiles], cell_m: float) -> Smear:
    """What profiles of one raster, seen in any number of windows, say of it.

    Every profile is compared with smeared steps; the smear is that under which half of the profiles, each
    with its step where it fits best, leave least over. Given in whole centimetres, which is finer than it is
    known: one profile more or less does not change it.
    """
    heights = np.concatenate([np.zeros((0, len(_AWAY_M))), *(one.heights for one in seen)])
    if len(heights) < _LEAST_PROFILES:
        return Smear()
    # Evenly, so that no window counts for more than its walls.
    chosen = np.linspace(0, len(heights) - 1, min(len(heights), _MOST_PROFILES)).astype(np.int64)
    heights = heights[chosen]
    misfits = [_step_misfits(heights, _as_read(spread, cell_m)) for spread in _SPREADS_M.tolist()]
    best = np.array([np.median(misfit.min(axis=0)) for misfit in misfits])
    at = int(best.argmin())
    spread = float(_SPREADS_M[at])
    if 0 < at < len(best) - 1:
        before, here, after = best[at - 1 : at + 2]
        spread += _SPREAD_STEP_M * 0.5 * float(before - after) / max(float(before - 2 * here + after), 1e-12)
    good = misfits[at].min(axis=0) <= best[at]
    offset = float(np.median(_OFFSETS_M[misfits[at].argmin(axis=0)][good]))
    return Smear(round(spread, 2) if spread >= _LEAST_SPREAD * cell_m else 0.0, round(offset, 2))


def coarser(dsm: HeightGrid, smear: Smear) -> tuple[HeightGrid, Smear]:
    """The means of as many cells as hold no more than one would, where a raster is finer than it is sharp.

    Blocks are counted from the world's origin: windows of one raster agree.
    """
    step = int(smear.spread_m / dsm.cell_m)
    if step < 2:
        return dsm, smear
    skip_c = int(-round(dsm.left / dsm.cell_m) % step)
    skip_r = int(round(dsm.top / dsm.cell_m) % step)
    height, width = (dsm.values.shape[0] - skip_r) // step, (dsm.values.shape[1] - skip_c) // step
    if height < 1 or width < 1:
        return dsm, smear
    cut = dsm.values[skip_r : skip_r + height * step, skip_c : skip_c + width * step].astype(np.float64)
    blocks = cut.reshape(height, step, width, step)
    known = np.isfinite(blocks)
    count = known.sum(axis=(1, 3))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, blocks, 0.0).sum(axis=(1, 3)) / count
    values = np.where(2 * count > step * step, mean, np.nan)
    left = round(dsm.left + skip_c * dsm.cell_m, 6)
    top = round(dsm.top - skip_r * dsm.cell_m, 6)
    spread = float(np.hypot(smear.spread_m, _BOX * step * dsm.cell_m))
    return HeightGrid(values, left, top, step * dsm.cell_m), Smear(spread, smear.offset_m)


def sharpened(
    footprints: Footprints, wanted: NDArray[np.bool_], dsm: HeightGrid, smear: Smear, *, threads: int = 0
) -> Iterator[Sharp]:
    """The cells of every wanted building without the smear, in their order.

    Heights are worked out whose smeared values are those of the raster and that consist of planes as far as
    that is possible, with breaks along outlines only. A building depends on nothing farther from it than
    three spreads and a metre, and the outlines there.
    """
    import shapely

    from geovision import _kernel

    polygons = footprints.polygons()
    offsets = _offsets(footprints, dsm, smear)
    grown = shapely.buffer(polygons, offsets, join_style="mitre")
    tree = shapely.STRtree(polygons)
    fine = max(1, int(np.ceil(dsm.cell_m / _FINE_M - 1e-9)))
    spread = smear.spread_m / dsm.cell_m * fine
    rows = np.flatnonzero(wanted).tolist()
    for first in range(0, len(rows), _CHUNK):
        chunk = [
            _Patch(row, polygons, grown, offsets, tree, dsm, smear, fine)
            for row in rows[first : first + _CHUNK]
        ]
        usable = [patch for patch in chunk if np.isfinite(patch.heights).any()]
        found = iter(
            _kernel.sharpen_heights(
                [patch.heights for patch in usable],
                [patch.labels for patch in usable],
                [spread] * len(usable),
                fine,
                _NOISE_M,
                threads,
            )
        )
        for patch in chunk:
            known = np.isfinite(patch.heights).any()
            yield patch.cells(next(found) if known else np.full(patch.labels.shape, np.nan))


class _Patch:
    """The window round a building, and whose the fine cells in it are."""

    def __init__(
        self,
        building: int,
        polygons: NDArray[np.object_],
        grown: NDArray[np.object_],
        offsets: F64,
        tree: Any,
        dsm: HeightGrid,
        smear: Smear,
        fine: int,
    ) -> None:
        import shapely

        pad = _REACH_SPREADS * smear.spread_m + _RIM_M
        west, south, east, north = polygons[building].bounds
        x, y = dsm.centres()
        self.column, last_c = np.searchsorted(x, [west - pad, east + pad]).tolist()
        self.row, last_r = np.searchsorted(-y, [-(north + pad), -(south - pad)]).tolist()
        self.heights = np.ascontiguousarray(dsm.values[self.row : last_r, self.column : last_c], np.float64)
        self.fine, self.cell_m = fine, dsm.cell_m / fine
        self.left = dsm.left + self.column * dsm.cell_m
        self.top = dsm.top - self.row * dsm.cell_m
        near = tree.query(shapely.box(west - pad, south - pad, east + pad, north + pad))
        order = [*(other for other in sorted(near.tolist()) if other != building), building]
        # Grown outlines may overlap; what is inside an outline itself is that building's.
        own = [k for k in order if offsets[k] > 0]
        owner = np.array([k + 1 for k in order + own] + [0], np.int32)
        grid = PixelGrid(self.left, self.top, self.cell_m)
        cut = Cut(0, 0, self.heights.shape[1] * fine, self.heights.shape[0] * fine)
        self.labels = owner[burn_ids([*grown[order], *polygons[own]], grid, cut)]
        self.inside = burn_ids([polygons[building]], grid, cut) + 1

    def cells(self, heights: F64) -> Sharp:
        """Means over what each cell has inside."""
        rows, columns = self.heights.shape
        inside = self.inside.astype(np.float64)
        x = self.left + (np.arange(inside.shape[1]) + 0.5) * self.cell_m
        y = self.top - (np.arange(inside.shape[0]) + 0.5) * self.cell_m

        def total(values: F64) -> F64:
            return np.asarray(values.reshape(rows, self.fine, columns, self.fine).sum(axis=(1, 3)))

        count = total(inside)
        enough = (count >= _LEAST_INSIDE * self.fine**2) & np.isfinite(self.heights)
        sums = [total(inside * x), total(inside * y[:, None]), total(np.where(inside > 0, heights, 0.0))]
        with np.errstate(invalid="ignore", divide="ignore"):
            points = np.stack([np.where(enough, one / count, np.nan) for one in sums], axis=-1)
        return Sharp(self.row, self.column, points)


def _offsets(footprints: Footprints, dsm: HeightGrid, smear: Smear) -> F64:
    """[buildings] of each building's own steps, drawn towards that of the raster where it has few."""
    seen = wall_profiles(footprints, dsm)
    offsets = np.full(len(footprints), smear.offset_m)
    misfits = _step_misfits(seen.heights, _as_read(smear.spread_m, dsm.cell_m))
    places = _OFFSETS_M[misfits.argmin(axis=0)]
    for building in np.unique(seen.owner).tolist():
        own = places[seen.owner == building]
        total = _PRIOR_PROFILES * smear.offset_m + len(own) * float(np.median(own))
        offsets[building] = total / (_PRIOR_PROFILES + len(own))
    return np.round(offsets, 3)


def wall_profiles(footprints: Footprints, dsm: HeightGrid, *, only: int | None = None) -> WallProfiles:
    """Heights across free walls, a metre apart, where they show a wall; of all buildings or of one."""
    owner, place, normal = _stations(footprints)
    low, high = _extent(dsm)
    seen = ((place > low) & (place < high)).all(axis=1) & (True if only is None else owner == only)
    owner, place, normal = owner[seen], place[seen], normal[seen]
    at = place[:, None, :] + _AWAY_M[None, :, None] * normal[:, None, :]
    heights = dsm.at(at.reshape(-1, 2)).reshape(at.shape[:2])
    drop = heights[:, :_ENDS].mean(axis=1) - heights[:, -_ENDS:].mean(axis=1)
    usable = np.isfinite(heights).all(axis=1) & (np.nan_to_num(drop) >= _LEAST_DROP_M)
    return WallProfiles(owner[usable], heights[usable])


def _extent(dsm: HeightGrid) -> tuple[F64, F64]:
    rows, columns = dsm.values.shape
    low = np.array([dsm.left, dsm.top - rows * dsm.cell_m])
    return low, low + np.array([columns, rows]) * dsm.cell_m


def _as_read(spread_m: float, cell_m: float) -> float:
    """Standard deviation of a step smeared so far, as profiles through a grid show it."""
    return float(np.hypot(spread_m, cell_m * np.interp(spread_m / cell_m, *_OF_GRID)))


def _step_misfits(heights: F64, spread: float) -> F64:
    """[offsets, profiles] mean squares of what profiles leave over a smeared step at each of `_OFFSETS_M`.

    Outside is level ground and inside a slope; both and the drop are free, and the step is
    smeared as a whole: with u = (offset - away) / spread, the share of the roof is the normal distribution
    function of u, and what there is of it lies spread * density(u) / share further in.
    """
    misfits = np.empty((len(_OFFSETS_M), len(heights)))
    for row, offset in enumerate(_OFFSETS_M):
        u = (offset - _AWAY_M) / spread
        share = _normal(u)
        slope = share * _AWAY_M - spread * np.exp(-0.5 * u**2) / np.sqrt(2 * np.pi)
        basis, _ = np.linalg.qr(np.stack([np.ones(len(u)), share, slope], axis=1))
        rest = heights - (heights @ basis) @ basis.T
        misfits[row] = (rest**2).mean(axis=1)
    return misfits


def _normal(u: F64) -> F64:
    """The normal distribution function to 1e-5 (Abramowitz and Stegun 26.2.16)."""
    t = 1 / (1 + 0.33267 * np.abs(u))
    tail = np.exp(-0.5 * u**2) / np.sqrt(2 * np.pi) * t * (0.4361836 + t * (-0.1201676 + 0.9372980 * t))
    below: F64 = np.where(u > 0, 1 - tail, tail)
    return below


def _stations(footprints: Footprints) -> tuple[NDArray[np.int64], F64, F64]:
    """Places along free walls, whose they are, and the outward normals there."""
    cuts = footprints.vertex_offsets
    ring = np.repeat(np.arange(len(cuts) - 1), np.diff(cuts))
    vertex = np.arange(len(footprints.xy))
    following = np.where(vertex + 1 < cuts[ring + 1], vertex + 1, cuts[ring])
    owner = np.repeat(np.arange(len(footprints)), np.diff(footprints.ring_offsets))[ring]
    start, end = footprints.xy, footprints.xy[following]
    length = np.hypot(*(end - start).T)
    use = np.flatnonzero((footprints.edge_neighbour < 0) & (length > _APART_M))
    start, end, length = start[use], end[use], length[use]
    steps = np.maximum(np.floor(length / _APART_M), 1).astype(np.int64)
    edge = np.repeat(np.arange(len(steps)), steps)
    part = (np.arange(int(steps.sum())) - np.repeat(np.cumsum(steps) - steps, steps) + 0.5) / steps[edge]
    along = (end - start) / length[:, None]
    normal = np.column_stack([along[:, 1], -along[:, 0]])
    return owner[use[edge]], start[edge] + part[:, None] * (end - start)[edge], normal[edge]
