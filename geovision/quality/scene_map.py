"""Buildings from above, batch after batch, on one raster of fixed size: hill-shaded, with cast shadows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision import _kernel
from geovision.mesh import Solids
from geovision.model.labels import Label
from geovision.model.table import ProgramTable
from geovision.quality.preview import ROOF_KIND_COLOURS

__all__ = ["SceneMap", "bounds_of"]

Bounds = tuple[float, float, float, float]

GROUND = (236, 233, 226)
_CHIMNEY = (120, 105, 100)
# North-west and half high, as relief on maps is lit; readers see the inside out otherwise.
SUN_AZIMUTH, SUN_ELEVATION = 315.0, 45.0
_SHADOW = 0.74
# Samples a pixel, each way.
_FINE = 2
_LEAST_CELL = 0.02


def bounds_of(table: ProgramTable) -> Bounds | None:
    """West, south, east, north of the outlines; None without any."""
    if not len(table.xy):
        return None
    west, south = table.xy.min(axis=0).tolist()
    east, north = table.xy.max(axis=0).tolist()
    return west, south, east, north


class SceneMap:
    """A picture of a scene from above that is added to. Memory follows the picture, not the scene.

    Args:
        bounds: west, south, east, north of all that will be added, in metres.
        size: width and height in pixels; the scene is in the middle, with a margin.
        threads: 0 for all cores; the picture does not depend on it.
    """

    def __init__(self, bounds: Bounds, size: tuple[int, int], *, threads: int = 0) -> None:
        west, south, east, north = bounds
        self.size, self._threads = size, threads
        self._width, self._height = size[0] * _FINE, size[1] * _FINE
        wide, high = max(east - west, 1.0) * 1.06, max(north - south, 1.0) * 1.06
        self._cell = max(wide / self._width, high / self._height, _LEAST_CELL)
        self._left = (west + east) / 2 - self._cell * self._width / 2
        self._top = (south + north) / 2 + self._cell * self._height / 2
        shape = (self._height, self._width)
        self._colour = np.empty((*shape, 3), np.uint8)
        self._colour[:] = GROUND
        self._top_z = np.full(shape, -np.inf, np.float32)
        # Over the building's own ground: what throws the shadow.
        self._rise = np.zeros(shape, np.float32)

    @property
    def metres_per_pixel(self) -> float:
        """Of the finished picture."""
        return self._cell * _FINE

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        """Where a place is in the finished picture."""
        return (x - self._left) / self.metres_per_pixel, (self._top - y) / self.metres_per_pixel

    def add(self, table: ProgramTable, solids: Solids) -> None:
        """Draw the solids of a table of programs; buildings without one are left out."""
        arrays = solids.arrays()
        counts = np.diff(arrays["triangle_offsets"])
        building = np.repeat(np.arange(len(counts)), counts)
        if not len(building):
            return
        face = np.asarray(arrays["triangle_face"]) + np.repeat(arrays["face_offsets"][:-1], counts)
        corners = self._corners(arrays, building)
        ground = self._ground(arrays)
        colours = self._colours(table, arrays, face, building, corners)
        low = corners[:, :, :2].min(axis=(0, 1))
        high = corners[:, :, :2].max(axis=(0, 1))
        first = np.clip(np.floor(low / self._cell).astype(int) - 1, 0, (self._width - 1, self._height - 1))
        last = np.clip(np.ceil(high / self._cell).astype(int) + 1, first + 1, (self._width, self._height))
        # y runs down on the picture and up in the kernel.
        flipped = corners * (1.0, -1.0, 1.0)
        z, index = _kernel.rasterize_top(
            flipped.reshape(-1, 3),
            np.arange(3 * len(flipped), dtype=np.int32).reshape(-1, 3),
            float(first[0] * self._cell),
            float(-first[1] * self._cell),
            self._cell,
            int(last[0] - first[0]),
            int(last[1] - first[1]),
            threads=self._threads,
        )
        window = slice(first[1], last[1]), slice(first[0], last[0])
        self._put(window, z, index, colours, (corners[:, :, 2], building, ground))
        self._put_small(index, building, corners, colours)

    def _corners(self, arrays: dict[str, Any], building: NDArray[np.int64]) -> NDArray[np.float64]:
        """Corners of triangles: metres right of and below the picture's corner, and height."""
        first = np.asarray(arrays["vertex_offsets"])[building]
        at = np.asarray(arrays["triangles"]).reshape(-1, 3) + first[:, None]
        local = np.asarray(arrays["vertices"]).reshape(-1, 3)[at] * float(arrays["grid"])
        origin = np.asarray(arrays["origin"]).reshape(-1, 3)[building] - (self._left, self._top, 0.0)
        corners: NDArray[np.float64] = (local + origin[:, None, :]) * (1.0, -1.0, 1.0)
        return corners

    def _ground(self, arrays: dict[str, Any]) -> NDArray[np.float64]:
        """Lowest height of every building; those without vertices have none to ask for."""
        offsets = np.asarray(arrays["vertex_offsets"])
        z = np.asarray(arrays["vertices"]).reshape(-1, 3)[:, 2]
        full = np.flatnonzero(np.diff(offsets))
        ground = np.zeros(len(offsets) - 1)
        if len(full):
            ground[full] = np.minimum.reduceat(z, offsets[:-1][full]) * float(arrays["grid"])
        lowest: NDArray[np.float64] = ground + np.asarray(arrays["origin"]).reshape(-1, 3)[:, 2]
        return lowest

    def _colours(
        self,
        table: ProgramTable,
        arrays: dict[str, Any],
        face: NDArray[np.int64],
        building: NDArray[np.int64],
        corners: NDArray[np.float64],
    ) -> NDArray[np.uint8]:
        part = np.asarray(arrays["face_part"])[face]
        kinds = table.roof_kind[table.part_offsets[:-1][building] + np.maximum(part, 0)]
        colours = np.array(ROOF_KIND_COLOURS, np.float64)[kinds]
        other = np.isin(np.asarray(arrays["face_label"])[face], (Label.CHIMNEY, Label.PARAPET))
        colours[other] = _CHIMNEY
        # On the picture y runs down, so that the upward normal comes out with its y turned as well.
        normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 1] - corners[:, 0])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        azimuth, elevation = math.radians(SUN_AZIMUTH), math.radians(SUN_ELEVATION)
        sun = np.array(
            [
                math.sin(azimuth) * math.cos(elevation),
                -math.cos(azimuth) * math.cos(elevation),
                math.sin(elevation),
            ]
        )
        # Level roofs keep their colour as it is in the legend.
        shade = 0.45 + 0.55 * np.clip(normal @ sun, 0.0, 1.0) / sun[2]
        shaded = np.rint(colours * np.minimum(shade, 1.18)[:, None])
        out: NDArray[np.uint8] = np.clip(shaded, 0, 255).astype(np.uint8)
        return out

    def _put(
        self,
        window: tuple[slice, slice],
        z: NDArray[np.float32],
        index: NDArray[np.int32],
        colours: NDArray[np.uint8],
        heights: tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]],
    ) -> None:
        _, building, ground = heights
        seen = (index >= 0) & (z > self._top_z[window])
        drawn = index[seen]
        self._top_z[window][seen] = z[seen]
        self._rise[window][seen] = z[seen] - ground[building[drawn]]
        self._colour[window][seen] = colours[drawn]

    def _put_small(
        self,
        index: NDArray[np.int32],
        building: NDArray[np.int64],
        corners: NDArray[np.float64],
        colours: NDArray[np.uint8],
    ) -> None:
        """A cell for each building that is too small to cover the middle of any."""
        if self._cell < 1.0:
            return
        lost = np.ones(int(building[-1]) + 1, bool)
        lost[building[index[index >= 0]]] = False
        first = np.flatnonzero(np.diff(building, prepend=-1))
        first = first[lost[building[first]]]
        middle = corners[first].mean(axis=1)
        column = np.clip((middle[:, 0] / self._cell).astype(int), 0, self._width - 1)
        row = np.clip((middle[:, 1] / self._cell).astype(int), 0, self._height - 1)
        free = ~np.isfinite(self._top_z[row, column])
        self._colour[row[free], column[free]] = colours[first[free]]

    def picture(self) -> NDArray[np.uint8]:
        """The map as (height, width, 3) in sRGB."""
        light = np.where(self._shadow(), _SHADOW, 1.0).astype(np.float32)
        light *= self._outlines()
        fine = self._colour * light[..., None]
        pixels = fine.reshape(self.size[1], _FINE, self.size[0], _FINE, 3).mean(axis=(1, 3))
        out: NDArray[np.uint8] = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
        return out

    def _shadow(self) -> NDArray[np.bool_]:
        """Cells that something towards the sun stands over."""
        step = math.tan(math.radians(SUN_ELEVATION)) * self._cell * math.sqrt(2.0)
        reach = min(int(float(self._rise.max(initial=0.0)) / step) + 1, 400)
        shadow = np.zeros(self._rise.shape, bool)
        # The sun stands in the north-west, so that its rays run along the diagonal of the cells.
        for k in range(1, min(reach, *self._rise.shape)):
            shadow[k:, k:] |= self._rise[:-k, :-k] - k * step > self._rise[k:, k:] + 0.05
        return shadow

    def _outlines(self) -> NDArray[np.float32]:
        """Darker where heights jump: borders of buildings and steps in roofs."""
        light = np.ones(self._rise.shape, np.float32)
        if self._cell > 0.6:
            return light
        for axis in (0, 1):
            jump = np.abs(np.diff(self._rise, axis=axis)) > 1.0
            before = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
            light[before][jump] = 0.62
        return light
