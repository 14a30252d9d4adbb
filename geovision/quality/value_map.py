"""Maps of a value per building: footprints drawn once as row numbers, then coloured as often as wanted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.model.table import ProgramTable

__all__ = ["RAMPS", "FootprintRaster", "ramp"]

# From good to bad, or from little to much; told apart by readers who see no red or no green.
RAMPS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "residual": ((38, 102, 120), (90, 168, 142), (236, 210, 120), (226, 120, 66), (158, 32, 52)),
    "confidence": ((158, 32, 52), (226, 120, 66), (236, 210, 120), (92, 150, 190), (40, 80, 150)),
}
PAPER, UNKNOWN = (247, 245, 240), (196, 194, 190)
_FINE = 2


def ramp(name: str, share: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Colours for numbers from 0 to 1; those outside get the end's, NaN grey.

    >>> ramp("residual", np.array([0.0, 1.0])).tolist()
    [[38, 102, 120], [158, 32, 52]]
    """
    stops = np.array(RAMPS[name], np.float64)
    place = np.linspace(0.0, 1.0, len(stops))
    known = np.isfinite(share)
    clipped = np.clip(np.where(known, share, 0.0), 0.0, 1.0)
    colours = np.column_stack([np.interp(clipped, place, stops[:, k]) for k in range(3)])
    colours[~known] = UNKNOWN
    out: NDArray[np.uint8] = np.rint(colours).astype(np.uint8)
    return out


class FootprintRaster:
    """Outlines of buildings on a raster of fixed size, batch after batch; a cell holds a row number.

    Args:
        bounds: west, south, east, north in metres.
        width: pixels of the finished map; its height follows the bounds, between 0.3 and 0.7 of that.
    """

    def __init__(self, bounds: tuple[float, float, float, float], width: int) -> None:
        from PIL import Image, ImageDraw

        west, south, east, north = bounds
        wide, high = max(east - west, 1.0), max(north - south, 1.0)
        self.size = width, int(np.clip(width * high / wide, 0.3 * width, 0.7 * width))
        self._cell = max(wide / (0.97 * self.size[0]), high / (0.97 * self.size[1])) / _FINE
        self._left = (west + east) / 2 - self._cell * self.size[0] * _FINE / 2
        self._top = (south + north) / 2 + self._cell * self.size[1] * _FINE / 2
        self._rows: Any = Image.new("I", (self.size[0] * _FINE, self.size[1] * _FINE), -1)
        self._draw = ImageDraw.Draw(self._rows)

    @property
    def metres_per_pixel(self) -> float:
        """Of the finished map."""
        return self._cell * _FINE

    def add(self, table: ProgramTable, rows: NDArray[np.int64]) -> None:
        """Draw the outlines of all parts; small ones as a cell at least."""
        pixels = (table.xy - (self._left, self._top)) * (1 / self._cell, -1 / self._cell)
        places = pixels.tolist()
        row_of_part = np.repeat(rows, np.diff(table.part_offsets)).tolist()
        rings, corners = table.ring_offsets.tolist(), table.vertex_offsets.tolist()
        for part, row in enumerate(row_of_part):
            path: list[list[float]] = []
            for ring in range(rings[part], rings[part + 1]):
                # Holes hang on the first corner by an edge there and back, so that one path holds all.
                ring_path = places[corners[ring] : corners[ring + 1]]
                path += [*ring_path, ring_path[0], path[0]] if path else [*ring_path, ring_path[0]]
            self._draw.polygon([(x, y) for x, y in path], fill=row)

    def coloured(self, colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A map with one colour a row, (height, width, 3)."""
        rows = np.asarray(self._rows)
        palette = np.concatenate([np.asarray(colours, np.uint8).reshape(-1, 3), [PAPER]]).astype(np.uint8)
        fine = palette[np.where(rows < 0, len(palette) - 1, rows)].astype(np.float32)
        width, height = self.size
        pixels = fine.reshape(height, _FINE, width, _FINE, 3).mean(axis=(1, 3))
        out: NDArray[np.uint8] = np.rint(pixels).astype(np.uint8)
        return out
