"""Where a height raster lies as a whole too high or too low against the terrain model that comes with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geovision.sources.footprint_set import Footprints
from geovision.sources.height_grid import HeightGrid

__all__ = ["datum_shifts"]

F64 = NDArray[np.float64]

AROUND_M = 12.0
_MOST_M = 0.6
_LEAST_CELLS = 50
_CORE = 0.25
"""Share of the cells that is taken for open ground; grass, hedges and cars lie above it."""
_SCATTER_M = 0.15
"""Wider than this, what is taken for open ground is none."""


def datum_shifts(footprints: Footprints, wanted: NDArray[np.bool_], dsm: HeightGrid, dtm: HeightGrid) -> F64:
    """[buildings] how much higher the DSM is than the DTM on open ground round each; 0 where unseen.

    It is the middle of the shortest interval that holds a quarter of the differences within 0.6 m.
    """
    x, y = dsm.centres()
    shifts = np.zeros(len(footprints))
    boxes = footprints.boxes()
    for building in np.flatnonzero(wanted).tolist():
        west, south, east, north = boxes[building] + (-AROUND_M, -AROUND_M, AROUND_M, AROUND_M)
        first_c, last_c = np.searchsorted(x, [west, east])
        first_r, last_r = np.searchsorted(-y, [-north, -south])
        grid = np.stack(np.meshgrid(x[first_c:last_c], y[first_r:last_r]), axis=-1).reshape(-1, 2)
        over = dsm.values[first_r:last_r, first_c:last_c].reshape(-1) - dtm.at(grid)
        over = np.sort(over[np.abs(over) < _MOST_M])
        core = int(_CORE * len(over))
        if len(over) < _LEAST_CELLS:
            continue
        width = over[core:] - over[: len(over) - core]
        start = int(width.argmin())
        if width[start] <= _SCATTER_M:
            shifts[building] = over[start + core // 2]
    return shifts
