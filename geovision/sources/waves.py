"""How much the heights of a raster err together: the waves of a matched surface, as open ground shows them.

Image matching smooths, so that neighbouring cells share their errors. A hundred cells on a roof then say no
more than the few waves that fit on it; where the terrain is known, the raster's heights over open ground show
how high and how long they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geovision.sources.footprint_set import Footprints
from geovision.sources.height_grid import HeightGrid

__all__ = ["BIN_M", "REACH_M", "GroundErrors", "Waves", "ground_errors", "lags_of", "waves_of"]

F64 = NDArray[np.float64]

BIN_M = 0.005
"""Differences are counted in bins so wide."""
REACH_M = 14.0
"""Ground is looked at so far round footprints."""
_CLEAR_M = 2.5
"""No ground is looked at so near to them: walls smear, and eaves hang over."""
_OPEN_M = 0.4
"""What stands higher over the middle of the ground is none."""
_LAGS_M = 6.0
_MOST_LAGS = 12
_BINS = 161
_LEAST_PAIRS = 200
_LEAST_SHARE = 0.16
_LEAST_WAVE_M, _MOST_WAVE_M = 0.02, 0.2
_AREA_PER_SQUARE = 0.45
"""Area that counts as one measurement, over the square of the distance at which half of an error is still
shared. A whole wave is some five times that; but roofs differ in ridges, hips and steps, which are sharper
than waves and not mistaken for them as easily. From fits of sixteen generated scenes."""
_SIGMA_OF_MIDDLE = 1.4826


@dataclass(frozen=True)
class Waves:
    """What cells of a height raster err by, the same all over it."""

    own_m: float = 0.0
    """Standard deviation of what each cell errs by itself; 0 where too little ground shows it."""
    shared_m: float = 0.0
    """Standard deviation of what neighbours share; 0 where they share nothing."""
    area_m2: float = 0.0
    """That counts as one measurement, of what neighbours share."""

    @property
    def sigma_m(self) -> float:
        """Standard deviation of a cell's height in all."""
        return float(np.hypot(self.own_m, self.shared_m))

    def of_means(self, cells: int) -> Waves:
        """Those of the means of so many cells by so many."""
        return Waves(self.own_m / cells, self.shared_m, self.area_m2)

    def share(self, cell_m: float) -> float:
        """What a cell counts of one that errs by itself, in the mean over many.

        >>> Waves(0.05, 0.0, 0.0).share(0.5), round(Waves(0.0, 0.1, 1.0).share(0.5), 4)
        (1.0, 0.25)
        """
        if self.shared_m <= 0:
            return 1.0
        together = max(1.0, self.area_m2 / cell_m**2)
        sums = self.own_m**2 + self.shared_m**2 * together
        return float(np.clip(self.sigma_m**2 / sums, _LEAST_SHARE, 1.0))


@dataclass(frozen=True)
class GroundErrors:
    """How far the errors of two cells of open ground differ, by how many cells they are apart."""

    lags: tuple[int, ...]
    """Cells."""
    counts: NDArray[np.int64]
    """[lags, bins] pairs by the size of their difference, in bins of `BIN_M`; the last holds what is more."""


def lags_of(cell_m: float) -> tuple[int, ...]:
    """The distances, in cells, that errors are compared over: neighbours first, and up to 6 m.

    >>> lags_of(0.5), lags_of(1.0)
    ((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), (1, 2, 3, 4, 5, 6))
    """
    most = max(4, round(_LAGS_M / cell_m))
    return tuple(sorted({1, 2, *np.linspace(1, most, min(most, _MOST_LAGS)).round().astype(int).tolist()}))


def ground_errors(footprints: Footprints, dsm: HeightGrid, dtm: HeightGrid) -> GroundErrors:
    """Of a window, along its rows and columns. Cells near a footprint, or above the ground, say nothing."""
    import shapely

    x, y = dsm.centres()
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    over = dsm.values.astype(np.float64) - dtm.at(grid.reshape(-1, 2)).reshape(dsm.values.shape)
    near = shapely.union_all(shapely.buffer(footprints.polygons(), _CLEAR_M))
    over[shapely.contains_xy(near, grid[..., 0], grid[..., 1])] = np.nan
    low = over[np.abs(over) < 2 * _OPEN_M]
    middle = float(np.median(low)) if len(low) else 0.0
    over[~(np.abs(over - middle) < _OPEN_M)] = np.nan
    lags = lags_of(dsm.cell_m)
    counts = np.zeros((len(lags), _BINS), np.int64)
    for row, lag in enumerate(lags):
        for apart in (over[:, lag:] - over[:, :-lag], over[lag:] - over[:-lag]):
            size = np.abs(apart[np.isfinite(apart)]) / BIN_M
            counts[row] += np.bincount(np.minimum(size, _BINS - 1).astype(np.int64), minlength=_BINS)
    return GroundErrors(lags, counts)


def waves_of(seen: Sequence[GroundErrors], cell_m: float) -> Waves:
    """What the ground of any number of windows says of their raster.

    Half of the variance of differences rises with the distance: from what cells err by themselves to all that
    they err by. Medians, as there is a hedge or a car on some ground. Given in whole millimetres and 0.05 m²,
    which is finer than it is known: one window more or less does not change it.
    """
    counts = sum((one.counts for one in seen), np.zeros((len(lags_of(cell_m)), _BINS), np.int64))
    if counts.sum(axis=1).min() < _LEAST_PAIRS:
        return Waves()
    half = np.maximum.accumulate([(_SIGMA_OF_MIDDLE * _median(row)) ** 2 / 2 for row in counts])
    whole = float(half[-max(1, len(half) // 4) :].mean())
    # Errors that are shared start level: the first two lags lie on a parabola over the own part.
    own = float(np.clip((4 * half[0] - half[1]) / 3, 0.0, whole))
    shared = min(whole - own, _MOST_WAVE_M**2)
    if shared < _LEAST_WAVE_M**2:
        return Waves(_rounded(np.sqrt(whole), 0.001))
    rise = np.concatenate([[0.0], np.clip((half - own) / (whole - own), 0.0, 1.0)])
    middle = float(np.interp(0.5, rise, cell_m * np.array([0, *lags_of(cell_m)])))
    area = _rounded(_AREA_PER_SQUARE * middle**2, 0.05)
    return Waves(_rounded(np.sqrt(own), 0.001), _rounded(np.sqrt(shared), 0.001), area)


def _rounded(value: float, step: float) -> float:
    return round(round(float(value) / step) * step, 6)


def _median(counts: NDArray[np.int64]) -> float:
    """Metres."""
    below = np.concatenate([[0], np.cumsum(counts)])
    return BIN_M * float(np.interp(0.5 * below[-1], below, np.arange(len(below))))
