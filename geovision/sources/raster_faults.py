"""Cells of buildings without what is wrong with their height raster: its smear, and its datum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geovision.model.evidence import Evidence, PointKind, PointSource
from geovision.sources.cells import LEAST_SIGMA_M, SIGMA_PER_CELL
from geovision.sources.datum import datum_shifts
from geovision.sources.footprint_set import Footprints
from geovision.sources.height_grid import HeightGrid
from geovision.sources.smear import Sharp, Smear, sharpened
from geovision.sources.waves import Waves

__all__ = ["RasterFaults"]

F64 = NDArray[np.float64]

_SIGMA_PER_SPREAD = 0.15
"""What was worked out from one smear is shared by neighbouring cells, errors too."""


class RasterFaults:
    """Mends the evidence of the wanted buildings, which have to come in their order."""

    def __init__(
        self,
        footprints: Footprints,
        wanted: NDArray[np.bool_],
        dsm: HeightGrid,
        dtm: HeightGrid | None,
        smear: Smear,
        waves: Waves,
        threads: int,
    ) -> None:
        self._dsm, self._smear, self._waves = dsm, smear, waves
        self._shifts = None if dtm is None else datum_shifts(footprints, wanted, dsm, dtm)
        smeared = smear.spread_m > 0
        self._sharp = sharpened(footprints, wanted, dsm, smear, threads=threads) if smeared else None

    def mended(self, evidence: Evidence, building: int) -> Evidence:
        """The evidence with its cells set right; LiDAR stays as it is."""
        sharp = None if self._sharp is None else next(self._sharp)
        cells = np.flatnonzero(evidence.point_source == PointSource.CELL)
        if not len(cells):
            return evidence
        if sharp is not None:
            evidence = self._sharpened(evidence, cells, sharp)
        if self._shifts is not None and self._shifts[building]:
            points = evidence.points.copy()
            points[cells, 2] -= self._shifts[building]
            evidence = replace(evidence, points=points)
        return self._waving(evidence, cells)

    def _waving(self, evidence: Evidence, cells: NDArray[np.int64]) -> Evidence:
        """With what neighbouring cells err by together."""
        if self._waves.shared_m <= 0:
            return evidence
        sigma = evidence.point_sigma.copy()
        sigma[cells] = np.hypot(sigma[cells], np.float32(self._waves.shared_m))
        share = self._waves.share(self._dsm.cell_m) if 2 * len(cells) > len(sigma) else 1.0
        return replace(evidence, point_sigma=sigma, point_share=share)

    def _sharpened(self, evidence: Evidence, cells: NDArray[np.int64], sharp: Sharp) -> Evidence:
        new = self._heights_of(evidence.points[cells, :2] + evidence.origin[:2], sharp)
        known = np.isfinite(new).all(axis=1)
        points, sigma, kind = evidence.points.copy(), evidence.point_sigma.copy(), evidence.point_kind.copy()
        points[cells[known]] = new[known] - evidence.origin
        spread = _SIGMA_PER_SPREAD * self._smear.spread_m
        sigma[cells[known]] = np.linalg.norm([LEAST_SIGMA_M, SIGMA_PER_CELL * self._dsm.cell_m, spread])
        # What cells looked like with their smear says nothing; those outside are a mix with the wall.
        kind[cells[known]] = PointKind.UNKNOWN
        kind[cells[~known]] = PointKind.OTHER
        return replace(evidence, points=points, point_sigma=sigma, point_kind=kind)

    def _heights_of(self, xy: F64, sharp: Sharp) -> F64:
        """[n, 3] what became of the cells round places; NaN where they lie outside the building."""
        cell = self._dsm.cell_m
        column = np.floor(np.round((xy[:, 0] - self._dsm.left) / cell, 6)).astype(np.int64) - sharp.column
        row = np.floor(np.round((self._dsm.top - xy[:, 1]) / cell, 6)).astype(np.int64) - sharp.row
        rows, columns = sharp.points.shape[:2]
        held = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        found = np.full((len(xy), 3), np.nan)
        found[held] = sharp.points[row[held], column[held]]
        return found
