"""The ground under and round buildings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geovision.sources.footprint_set import Footprints

__all__ = ["Ground", "outline_ground"]

F64 = NDArray[np.float64]

GROUND_REACH_M = 20.0
"""Farther than this from an outline the ground says nothing about its building."""
_STEP_M = 1.0
_BASE_QUANTILE = 0.05


@dataclass(frozen=True)
class Ground:
    """Terrain along outlines."""

    base: F64
    """[buildings] what the walls stand on: the 5 % quantile of the terrain along the shell, metre by metre.
    So a wall reaches the ground all round, and a pit or a stray point does not pull the building down."""
    known: NDArray[np.bool_]
    """[buildings]"""
    vertex_z: F64
    """[vertices] terrain at each vertex."""


def outline_ground(footprints: Footprints, ground: F64, *, threads: int = 0) -> Ground:
    """Terrain along the outlines of buildings, from ground points [n, 3]."""
    from geovision import _kernel

    query, owner = _samples(footprints)
    places = np.concatenate([footprints.xy, query])
    z = _kernel.terrain_at(ground, places, GROUND_REACH_M, threads)
    vertex_z, sample_z = z[: len(footprints.xy)], z[len(footprints.xy) :]
    base = np.full(len(footprints.ids), np.nan)
    cuts = np.searchsorted(owner, np.arange(len(base) + 1))
    for building in range(len(base)):
        values = sample_z[cuts[building] : cuts[building + 1]]
        values = values[np.isfinite(values)]
        if len(values):
            base[building] = np.quantile(values, _BASE_QUANTILE, method="lower")
    return Ground(base, np.isfinite(base), _without_gaps(vertex_z, base, footprints))


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


def _without_gaps(vertex_z: F64, base: F64, footprints: Footprints) -> F64:
    """A vertex that no ground is near of stands on the building's base."""
    rings = np.diff(footprints.ring_offsets)
    of_ring = np.repeat(np.arange(len(rings)), rings)
    of_vertex = np.repeat(of_ring, np.diff(footprints.vertex_offsets))
    return np.where(np.isfinite(vertex_z), vertex_z, base[of_vertex])
