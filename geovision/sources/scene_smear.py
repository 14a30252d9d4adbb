"""The smear of a scene's height raster, from footprints all over it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from geovision.sources.footprint_set import Footprints
from geovision.sources.grid import Bounds, widened
from geovision.sources.height_grid import HeightGrid
from geovision.sources.smear import PROFILE_M, Smear, smear_of, wall_profiles

__all__ = ["measured_smear"]

_SAMPLE = 128
"""Footprints that are looked at; their windows take a second to read even from a slow disk."""


def measured_smear(footprints: Footprints, read: Callable[[Bounds], HeightGrid | None]) -> Smear:
    """Measure on up to 128 footprints, spread evenly over their layer.

    Args:
        footprints: of the scene, with their neighbours known.
        read: gives the heights of bounds, None where there are none.
    """
    seen, cell_m = [], 0.0
    boxes = footprints.boxes()
    for place in np.unique(
        np.linspace(0, len(boxes) - 1, min(len(boxes), _SAMPLE)).astype(np.int64)
    ).tolist():
        grid = read(widened(Bounds(*boxes[place].tolist()), PROFILE_M + 1.0))
        if grid is None:
            continue
        one = footprints.take([place, *footprints.neighbours(place)])
        seen.append(wall_profiles(one, grid, only=0))
        cell_m = grid.cell_m
    return smear_of(seen, cell_m)
