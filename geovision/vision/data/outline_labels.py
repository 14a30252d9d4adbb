"""Labels that follow from the outlines alone: the band along walls, their directions, lines of parcels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geovision.vision.data.filters import blurred, grown, sobel

__all__ = ["BAND_M", "boundary_of", "frame_of", "parcels_of"]

BAND_M = 1.0
"""Width of the band along outlines."""
_FRAME_REACH_M = 2.5
"""Walls up to about this far away tell the direction at a place."""

I32 = NDArray[np.int32]


def boundary_of(ids: I32, cell_m: float) -> NDArray[np.bool_]:
    """Cells within half of `BAND_M` of an outline, walls between two buildings included.

    >>> boundary_of(np.array([[-1, 0, 0, 0, 0, 0, 0, 1, 1, 1]], np.int32), 0.5).astype(int).tolist()
    [[1, 1, 0, 0, 0, 0, 1, 1, 0, 0]]
    """
    return grown(_steps(ids), max(round(BAND_M / 2 / cell_m) - 1, 0))


def _steps(ids: I32) -> NDArray[np.bool_]:
    """Cells with another id beside them."""
    out = np.zeros(ids.shape, bool)
    across, down = ids[:, 1:] != ids[:, :-1], ids[1:] != ids[:-1]
    out[:, 1:] |= across
    out[:, :-1] |= across
    out[1:] |= down
    out[:-1] |= down
    return out


def frame_of(ids: I32, cell_m: float) -> NDArray[np.int8]:
    """[2, rows, columns] 127 times cosine and sine of 4t, t the direction of the walls near a cell.

    Directions are those of the gradient of the blurred mask, to the fourth power, so that walls at right
    angles agree, averaged with the gradient's strength as weight.
    """
    # Neighbours of a row share walls that the mask does not show, but those are at right angles to it.
    mask = blurred((ids >= 0).astype(np.float32), max(round(0.4 / cell_m), 1))
    east, north = sobel(mask)
    z = east + 1j * north
    size = np.abs(z)
    with np.errstate(invalid="ignore", divide="ignore"):
        fourth = np.where(size > 1e-3, z**4 / size**3, 0)
    reach = max(round(_FRAME_REACH_M / 2 / cell_m), 1)
    mean = blurred(np.stack([fourth.real, fourth.imag], axis=-1).astype(np.float32), reach)
    length = np.linalg.norm(mean, axis=-1, keepdims=True)
    unit = np.where(length > 1e-4, mean / np.maximum(length, 1e-12), 0)
    return np.ascontiguousarray(np.round(127 * unit).astype(np.int8).transpose(2, 0, 1))


def parcels_of(ids: I32) -> NDArray[np.bool_]:
    """Lines half way between buildings, as the parcels of a map would run."""
    return _steps(_nearest(ids)) if (ids >= 0).any() else np.zeros(ids.shape, bool)


def _nearest(ids: I32) -> I32:
    """The building nearest to every cell, by jump flooding; exact but for a few cells."""
    rows, columns = ids.shape
    y, x = np.mgrid[:rows, :columns].astype(np.int32)
    far = np.int32(4 * max(rows, columns))
    seed_y, seed_x = np.where(ids >= 0, y, far), np.where(ids >= 0, x, far)
    best = (seed_y - y) ** 2 + (seed_x - x) ** 2
    step = 1 << (max(rows, columns) - 1).bit_length()
    while step >= 1:
        for dy in (-step, 0, step):
            for dx in (-step, 0, step):
                there = (np.clip(y[:, :1] + dy, 0, rows - 1), np.clip(x[:1] + dx, 0, columns - 1))
                other_y, other_x = seed_y[there], seed_x[there]
                gap = (other_y - y) ** 2 + (other_x - x) ** 2
                closer = gap < best
                best = np.where(closer, gap, best)
                seed_y, seed_x = np.where(closer, other_y, seed_y), np.where(closer, other_x, seed_x)
        step //= 2
    return np.asarray(ids[np.clip(seed_y, 0, rows - 1), np.clip(seed_x, 0, columns - 1)])
