"""The smear and the waves of a scene's height raster, from footprints all over it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from geovision.sources.footprint_set import Footprints
from geovision.sources.grid import Bounds, widened
from geovision.sources.height_grid import HeightGrid
from geovision.sources.smear import PROFILE_M, Smear, smear_of, wall_profiles
from geovision.sources.waves import REACH_M, Waves, ground_errors, waves_of

__all__ = ["measured_smear", "measured_waves"]

_SAMPLE = 128
"""Footprints that are looked at; their windows take a second to read even from a slow disk."""


def measured_smear(footprints: Footprints, read: Callable[[Bounds], HeightGrid | None]) -> Smear:
    """Measure on up to 128 footprints, drawn from all over their layer.

    Args:
        footprints: of the scene, with their neighbours known.
        read: gives the heights of bounds, None where there are none.
    """
    seen, cell_m = [], 0.0
    boxes = footprints.boxes()
    for place in _sample(boxes):
        grid = read(widened(Bounds(*boxes[place].tolist()), PROFILE_M + 1.0))
        if grid is None:
            continue
        one = footprints.take([place, *footprints.neighbours(place)])
        seen.append(wall_profiles(one, grid, only=0))
        cell_m = grid.cell_m
    return smear_of(seen, cell_m)


def measured_waves(footprints: Footprints, read: Callable[[str, Bounds], HeightGrid | None]) -> Waves:
    """The same for what its cells err by together, on the open ground round those footprints.

    Args:
        footprints: of the scene.
        read: gives the heights of a role, "dsm" or "dtm", within bounds; None where there are none.
    """
    import shapely

    seen, cell_m = [], 1.0
    boxes = footprints.boxes()
    tree = shapely.STRtree(shapely.box(*boxes.T))
    for place in _sample(boxes):
        area = widened(Bounds(*boxes[place].tolist()), REACH_M)
        dsm, dtm = read("dsm", area), read("dtm", area)
        if dsm is None or dtm is None:
            continue
        near = np.sort(tree.query(shapely.box(*widened(area, REACH_M))))
        seen.append(ground_errors(footprints.take(near.tolist()), dsm, dtm))
        cell_m = dsm.cell_m
    return waves_of(seen, cell_m)


def _sample(boxes: NDArray[np.float64]) -> list[int]:
    """Rows drawn by a hash of their place, in its order.

    A footprint that comes, goes or moves changes one of them at most, whatever their order: what is measured
    stays nearly the same, and rounded quite the same, so that a batch that is planned again repeats little.
    """
    places = np.round(boxes, 2)
    keys = np.array([hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in places], "S8")
    return [int(row) for row in np.argsort(keys, kind="stable")[:_SAMPLE]]
