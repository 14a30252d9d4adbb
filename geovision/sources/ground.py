"""The ground under and round buildings: from a DTM, from ground points, or from a filter of our own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geovision.sources.footprint_set import Footprints
from geovision.sources.height_grid import HeightGrid

__all__ = ["GROUND_REACH_M", "OutlineGround", "Terrain", "filter_ground", "filter_reach_m", "outline_ground"]

F64 = NDArray[np.float64]

GROUND_REACH_M = 20.0
"""Farther than this from a place, a ground point says nothing about it."""
MAX_OBJECT_M = 36.0
_STEP_M = 1.0
_BASE_QUANTILE = 0.05


def filter_reach_m(cell_m: float = 1.0) -> float:
    """Farther than this from a point, nothing changes what `filter_ground` takes it for."""
    # Two openings' half widths, and the cells that rounding, the pit test and the last plane look at.
    return MAX_OBJECT_M + 9.0 * cell_m


def filter_ground(xyz: F64, *, cell_m: float = 1.0, max_object_m: float = MAX_OBJECT_M) -> NDArray[np.bool_]:
    """Which of some unclassified points [n, 3] are ground.

    The lowest points of square cells are opened with squares of growing size; what stands out and is
    narrower than `max_object_m` is no ground. Leave out points that are known to lie on buildings: then the
    size of buildings does not matter.

    >>> x, y = np.meshgrid(np.arange(0.5, 40), np.arange(0.5, 40))
    >>> house = (abs(x - 20) < 5) & (abs(y - 20) < 5)
    >>> points = np.stack([x, y, 0.1 * x + 6 * house], axis=-1).reshape(-1, 3)
    >>> bool((filter_ground(points) == ~house.ravel()).all())
    True
    """
    from geovision import _kernel

    return _kernel.filter_ground(xyz, cell=cell_m, max_object=max_object_m).astype(bool)


@dataclass(frozen=True)
class Terrain:
    """Heights of the bare earth: a DTM where it has some, else a surface through ground points."""

    points: F64
    """[n, 3] ground."""
    dtm: HeightGrid | None = None
    threads: int = 0

    def heights(self, xy: F64) -> F64:
        """[n] at places [n, 2]; NaN where nothing is known within `GROUND_REACH_M`."""
        from geovision import _kernel

        if self.dtm is None:
            return _kernel.terrain_at(self.points, xy, GROUND_REACH_M, self.threads)
        found = self.dtm.at(xy)
        gaps = np.flatnonzero(np.isnan(found))
        if len(gaps) and len(self.points):
            found[gaps] = _kernel.terrain_at(self.points, xy[gaps], GROUND_REACH_M, self.threads)
        return found

    def heights_of_many(self, xy: F64) -> F64:
        """`heights`, for many places close together: bilinear between whole metres, each worked out once."""
        if self.dtm is not None or not len(xy):
            return self.heights(xy)
        cell = np.floor(xy)
        # Far places make no cell; they have no terrain either.
        cell[~(np.abs(cell) < 2**30).all(axis=1)] = 2**30
        key = cell[:, 0].astype(np.int64) * 2**31 + cell[:, 1].astype(np.int64)
        _, first, place = np.unique(key, return_index=True, return_inverse=True)
        corners = cell[first]
        found = np.zeros(len(xy))
        for right, up in ((0, 0), (1, 0), (0, 1), (1, 1)):
            z = self.heights(corners + np.array([right, up]))[place.reshape(-1)]
            part = xy - cell
            found += z * np.abs(1 - right - part[:, 0]) * np.abs(1 - up - part[:, 1])
        return found


@dataclass(frozen=True)
class OutlineGround:
    """Terrain along the outlines of buildings."""

    base: F64
    """[buildings] what the walls stand on: the 5 % quantile of the terrain along the shell, metre by metre;
    NaN where it is not known. Walls then reach the ground all round, and a pit or a stray ground point does
    not pull the building down."""
    vertex_z: F64
    """[vertices] terrain at each vertex; the base where it is not known there."""


def outline_ground(footprints: Footprints, terrain: Terrain) -> OutlineGround:
    """Base heights and ground polygons of buildings."""
    query, owner = _samples(footprints)
    z = terrain.heights(np.concatenate([footprints.xy, query]))
    vertex_z, sample_z = z[: len(footprints.xy)], z[len(footprints.xy) :]
    base = _quantiles(sample_z, owner, len(footprints))
    rings = np.diff(footprints.ring_offsets)
    of_vertex = np.repeat(np.repeat(np.arange(len(rings)), rings), np.diff(footprints.vertex_offsets))
    return OutlineGround(base, np.where(np.isfinite(vertex_z), vertex_z, base[of_vertex]))


def _samples(footprints: Footprints) -> tuple[F64, NDArray[np.int64]]:
    """Places along the shells, a metre apart and starting at every vertex, and whose they are."""
    cuts = footprints.vertex_offsets
    shells = footprints.ring_offsets[:-1]
    first, sizes = cuts[shells], cuts[shells + 1] - cuts[shells]
    owner = np.repeat(np.arange(len(shells)), sizes)
    within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    start = footprints.xy[first[owner] + within]
    end = footprints.xy[first[owner] + (within + 1) % sizes[owner]]
    steps = np.maximum(np.ceil(np.hypot(*(end - start).T) / _STEP_M), 1).astype(np.int64)
    edge = np.repeat(np.arange(len(steps)), steps)
    part = (np.arange(int(steps.sum())) - np.repeat(np.cumsum(steps) - steps, steps)) / steps[edge]
    return start[edge] + part[:, None] * (end - start)[edge], owner[edge]


def _quantiles(values: F64, owner: NDArray[np.int64], count: int) -> F64:
    """The low quantile of the finite values of each owner: one that was measured, not a mean of two."""
    finite = np.isfinite(values)
    values, owner = values[finite], owner[finite]
    values = values[np.lexsort((values, owner))]
    sizes = np.bincount(owner, minlength=count)
    place = np.cumsum(sizes) - sizes + np.floor(_BASE_QUANTILE * np.maximum(sizes - 1, 0)).astype(np.int64)
    found = np.full(count, np.nan)
    held = sizes > 0
    found[held] = values[place[held]]
    return found
