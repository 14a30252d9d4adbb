"""Crops of tiles: turned, mirrored, scaled and shifted, with everything that points turned along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.vision.data.tile import NO_KIND, Tile

__all__ = ["Crop", "CropRules", "cut"]

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class CropRules:
    """How crops are drawn."""

    size: int = 256
    """Rows and columns."""
    cell_m: tuple[float, float] = (0.25, 0.45)
    """Cell sizes of crops, drawn between the two whatever the tile's own is."""
    turned: bool = True
    """By any angle; else by quarter turns only."""
    on_building: float = 0.5
    """Share of crops that are centred near a building, where the tile has any: balances the classes."""


@dataclass(frozen=True)
class Crop:
    """A crop before it is dressed for the network: layers of its tile on a grid of its own."""

    cell_m: float
    layers: dict[str, NDArray[Any]]
    """By the names of `Tile`; image and ndsm are float32 and NaN outside of the tile."""


def cut(tile: Tile, rules: CropRules, rng: np.random.Generator) -> Crop:
    """A random crop."""
    size, cell_m = rules.size, float(np.exp(rng.uniform(*np.log(rules.cell_m))))
    angle = rng.uniform(0, 2 * np.pi) if rules.turned else 0.5 * np.pi * rng.integers(4)
    mirrored = bool(rng.integers(2))
    scale = cell_m / tile.cell_m
    row, column = _places(_centre(tile, rules, scale, rng), size, scale, angle, mirrored)
    return Crop(cell_m, _sampled(tile, row, column, angle, mirrored))


def _centre(tile: Tile, rules: CropRules, scale: float, rng: np.random.Generator) -> tuple[float, float]:
    shape = tile.ids.shape
    half = 0.5 * rules.size * scale
    if rng.random() < rules.on_building and (tile.ids >= 0).any():
        on = np.flatnonzero(tile.ids >= 0)
        row, column = divmod(int(on[rng.integers(len(on))]), shape[1])
        place = [row + rng.uniform(-half, half) / 2, column + rng.uniform(-half, half) / 2]
    else:
        place = [rng.uniform(0, side) for side in shape]
    # Little of a crop lies outside the tile, where the tile is large enough for that.
    inside = [
        np.clip(at, min(half, side / 2), max(side - half, side / 2))
        for at, side in zip(place, shape, strict=True)
    ]
    return float(inside[0]), float(inside[1])


def _places(
    centre: tuple[float, float], size: int, scale: float, angle: float, mirrored: bool
) -> tuple[F32, F32]:
    """Rows and columns of the tile, in cells, at the centres of the crop's cells."""
    offset = ((np.arange(size) - size / 2 + 0.5) * scale).astype(np.float32)
    east = -offset if mirrored else offset
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    # North is minus the row: a turn by `angle` counter-clockwise as seen on the map.
    column = centre[1] - 0.5 + cosine * east[None, :] + sine * offset[:, None]
    row = centre[0] - 0.5 - sine * east[None, :] + cosine * offset[:, None]
    return row.astype(np.float32), column.astype(np.float32)


_FILL: dict[str, Any] = {"ids": -1, "kind": NO_KIND, "image_valid": False, "known": False}
_SMOOTH = ("image", "ndsm", "height")
"""Layers that are read between cells; of the others the nearest cell counts."""


def _sampled(tile: Tile, row: F32, column: F32, angle: float, mirrored: bool) -> dict[str, NDArray[Any]]:
    rows, columns = tile.ids.shape
    top, bottom = _span(row, rows)
    left, right = _span(column, columns)
    row, column = row - np.float32(top), column - np.float32(left)
    corners = _Corners(row, column, (bottom - top, right - left))
    near = np.clip(np.rint(row), 0, bottom - top - 1) * (right - left)
    flat = (near + np.clip(np.rint(column), 0, right - left - 1)).astype(np.intp)
    out: dict[str, NDArray[Any]] = {}
    for name, layer in tile.arrays().items():
        part = layer[..., top:bottom, left:right]
        bands = part.reshape(-1, part.shape[-2] * part.shape[-1])
        if name in _SMOOTH:
            taken = np.stack([corners.between(band) for band in bands])
        else:
            taken = np.stack([band.take(flat) for band in bands])
            taken[:, corners.outside] = _FILL.get(name, 0)
        out[name] = taken[0] if layer.ndim == 2 else taken
    turn(out, angle, mirrored)
    return out


def _span(places: F32, count: int) -> tuple[int, int]:
    """The cells of one axis that a crop can need; at least one."""
    first = int(np.clip(np.floor(places.min()) - 1, 0, count - 1))
    return first, int(np.clip(np.ceil(places.max()) + 2, first + 1, count))


class _Corners:
    """The four cells round each place, and how much each counts."""

    def __init__(self, row: F32, column: F32, shape: tuple[int, int]) -> None:
        rows, columns = shape
        slack = 0.5
        self.outside = (row < -slack) | (column < -slack) | (row > rows - slack) | (column > columns - slack)
        top, left = np.floor(row), np.floor(column)
        down, right = row - top, column - left
        upper, lower = (np.clip(top + k, 0, rows - 1).astype(np.intp) * columns for k in (0, 1))
        west, east = (np.clip(left + k, 0, columns - 1).astype(np.intp) for k in (0, 1))
        self._cells = (upper + west, upper + east, lower + west, lower + east)
        self._shares = ((1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right)

    def between(self, band: NDArray[Any]) -> F32:
        """Bilinear values; NaN outside, and where one of the four is NaN."""
        pairs = zip(self._cells, self._shares, strict=True)
        out = np.asarray(sum(share * band.take(cell) for cell, share in pairs), np.float32)
        out[self.outside] = np.nan
        return out


def turn(layers: dict[str, NDArray[Any]], angle: float, mirrored: bool) -> None:
    """Turn what points somewhere, in place: directions of a tile as the crop sees them."""
    if "frame" in layers:
        z = (layers["frame"][0].astype(np.float32) + 1j * layers["frame"][1]) * np.exp(-4j * angle)
        z = np.conj(z) if mirrored else z
        layers["frame"] = np.stack([z.real, z.imag]).astype(np.float32) / 127
    if "normal" in layers:
        east, north, up = layers["normal"].astype(np.float32) / 127
        cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        east, north = cosine * east + sine * north, cosine * north - sine * east
        layers["normal"] = np.stack([-east if mirrored else east, north, up])
