"""Footprints that agree with their neighbours: overlaps settled, shared walls noded once."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from geovision.errors import InputError
from geovision.sources.footprint_set import Footprints, polygon_arrays
from geovision.sources.repair import repair_polygons

__all__ = ["prepare_footprints", "shared_edges"]

I64 = npt.NDArray[np.int64]


def prepare_footprints(
    footprints: Footprints,
    *,
    grid_m: float = 0.001,
    snap_m: float = 0.05,
    on_error: Literal["record", "raise"] = "record",
) -> Footprints:
    """Footprints on the kernel's grid, whose neighbours share walls exactly; `edge_neighbour` says with whom.

    Args:
        footprints: as read by `read_footprints`, all of a scene or at least all that may touch.
        grid_m: step of the grid that coordinates are put on; the kernel's own is 1 mm.
        snap_m: outlines closer than this are one line.
        on_error: "raise" stops at the first footprint that cannot serve; "record" lists it in `problems`.
    """
    if not 0 < grid_m <= snap_m < 10 or not math.isfinite(snap_m):
        raise InputError(
            f"grid_m = {grid_m}, snap_m = {snap_m}",
            "are not 0 < grid_m <= snap_m < 10",
            "Leave them out, or give metres",
        )
    if on_error == "raise" and footprints.problems:
        problem = footprints.problems[0]
        raise InputError(
            f"footprint {problem.id!r}", problem.reason, "Mend it, or pass on_error='record' to leave it out"
        )
    found = _on_grid(footprints, grid_m)
    return replace(found, edge_neighbour=shared_edges(found, grid_m))


def _on_grid(footprints: Footprints, grid_m: float) -> Footprints:
    """Coordinates rounded to the grid; what that made invalid is repaired."""
    polygons = replace(footprints, xy=np.round(footprints.xy / grid_m) * grid_m).polygons()
    found = repair_polygons(polygons, footprints.ids)
    ring_offsets, vertex_offsets, xy = polygon_arrays(found.polygons)
    return replace(
        footprints,
        ids=found.ids,
        ring_offsets=ring_offsets,
        vertex_offsets=vertex_offsets,
        xy=np.round(xy / grid_m) * grid_m,
        attributes=[footprints.attributes[row] for row in found.rows] if footprints.attributes else [],
        problems=footprints.problems + found.problems,
        repairs=footprints.repairs + found.repairs,
        edge_neighbour=np.full(len(xy), -1, np.int32),
    )


def shared_edges(footprints: Footprints, grid_m: float = 0.001) -> npt.NDArray[np.int32]:
    """[edges] index of the footprint that has the same edge the other way round, -1 for none.

    An edge that more than one footprint has on one side (they overlap) is shared with nobody.
    """
    xy = np.round(footprints.xy / grid_m).astype(np.int64)
    count = len(xy)
    result = np.full(count, -1, np.int32)
    if not count:
        return result
    _, node = np.unique(xy, axis=0, return_inverse=True)
    node = node.reshape(-1).astype(np.int64)
    after = np.arange(1, count + 1)
    after[footprints.vertex_offsets[1:] - 1] = footprints.vertex_offsets[:-1]
    key = node * count + node[after]
    twin = node[after] * count + node
    order = np.argsort(key, kind="stable")
    first = np.searchsorted(key[order], twin, side="left")
    matches = np.searchsorted(key[order], twin, side="right") - first
    own = np.searchsorted(key[order], key, side="right") - np.searchsorted(key[order], key, side="left")
    single = (matches == 1) & (own == 1)
    rings = np.repeat(np.arange(len(footprints)), np.diff(footprints.ring_offsets))
    owner = np.repeat(rings, np.diff(footprints.vertex_offsets))
    other = owner[order[np.minimum(first, count - 1)]]
    single &= other != owner
    result[single] = other[single]
    return result
