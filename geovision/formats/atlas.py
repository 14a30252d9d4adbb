"""Roof textures: a piece of the orthophoto for each building, packed into one picture a tile.

A roof is seen from straight above, so a place's texture coordinate depends on its plan position alone, and
all faces of a building share one piece.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geovision.formats.materials import LABEL_COLOURS
from geovision.formats.terrain import Box, Picture
from geovision.model.labels import Label

__all__ = ["Atlas", "PhotoSource", "make_atlas", "near_each_other"]

F64 = NDArray[np.float64]

_PAD = 2
"""Pixels round a piece, so that neither filtering nor JPEG mixes in a neighbour's."""
_BLOCK_M = 200.0
"""Pieces this near to each other are cut from one window of the photo."""
_COARSER = 1.2


class PhotoSource(Protocol):
    """An orthophoto by area."""

    @property
    def cell_m(self) -> float:
        """Size of its own pixels."""
        ...

    def __call__(self, area: Box, least_m: float) -> Picture | None:
        """Pixels over an area, `least_m` wide or its own if they are larger; None where it has nothing."""
        ...


@dataclass(frozen=True)
class Atlas:
    """A picture, and where in it every building's roof lies.

    Attributes:
        cell_m: side of a pixel on the ground.
        uv: (vertices, 2) of the solids' vertices, from the upper left corner.
        seen: (buildings,) of which the photo shows something.
    """

    pixels: NDArray[np.uint8]
    cell_m: float
    uv: NDArray[np.float32]
    seen: NDArray[np.bool_]

    def on_roofs(self, arrays: Mapping[str, Any]) -> NDArray[np.bool_]:
        """(faces,) of the solids: whether they show it."""
        building = np.repeat(np.arange(len(self.seen)), np.diff(arrays["face_offsets"]))
        on: NDArray[np.bool_] = np.isin(arrays["face_label"], (Label.ROOF, Label.DORMER_ROOF))
        return on & self.seen[building]


def make_atlas(arrays: Mapping[str, Any], photo: PhotoSource, most: int) -> Atlas | None:
    """The atlas of some solids, or None where there is nothing to show.

    Where the photo has nothing, roofs keep the plain colour.

    Args:
        arrays: of the solids, in the CRS of the photo.
        photo: where the pixels come from.
        most: sides of the atlas in pixels, at most; pixels grow until it is enough.
    """
    offsets, origin = np.asarray(arrays["vertex_offsets"]), np.asarray(arrays["origin"]).reshape(-1, 3)
    counts = np.diff(offsets)
    rows = np.flatnonzero(counts)
    if not len(rows):
        return None
    owner = np.repeat(np.arange(len(counts)), counts)
    plan = origin[owner, :2] + arrays["grid"] * np.asarray(arrays["vertices"]).reshape(-1, 3)[:, :2]
    starts = offsets[:-1][rows]
    boxes = np.hstack([np.minimum.reduceat(plan, starts), np.maximum.reduceat(plan, starts)])
    cell, places, size = _layout(boxes, photo.cell_m, most)
    pixels = np.empty((size[1], size[0], 3), np.uint8)
    pixels[:] = LABEL_COLOURS[Label.ROOF]
    # Of each building the ground place of the atlas's upper left corner.
    corner = np.zeros((len(counts), 2))
    seen = np.zeros(len(counts), bool)
    for members in near_each_other(boxes):
        _paint(pixels, corner, seen, rows, members, boxes, places, cell, photo)
    uv = (plan - corner[owner]) * np.array([1, -1]) / (cell * np.array(size))
    return Atlas(pixels, cell, uv.astype(np.float32), seen)


def _layout(boxes: F64, least_m: float, most: int) -> tuple[float, NDArray[np.int64], tuple[int, int]]:
    """Size of a pixel, upper left pixel of each piece, and width and height of the atlas."""
    area = float(((boxes[:, 2:] - boxes[:, :2]).prod(axis=1)).sum())
    cell = max(least_m, math.sqrt(area) / most)
    while True:
        wide = np.ceil((boxes[:, 2:] - boxes[:, :2]) / cell).astype(int) + 1 + 2 * _PAD
        width = min(most, max(int(wide[:, 0].max()), math.ceil(1.1 * math.sqrt(wide.prod(axis=1).sum()))))
        if wide[:, 0].max() <= most:
            places, height = _shelves(wide, width)
            if height <= most:
                return cell, places, (width, height)
        cell *= _COARSER


def _shelves(wide: NDArray[np.int64], width: int) -> tuple[NDArray[np.int64], int]:
    """Pieces side by side on shelves, the highest first."""
    places = np.zeros_like(wide)
    x = y = shelf = 0
    for row in np.argsort(-wide[:, 1], kind="stable").tolist():
        across, down = wide[row].tolist()
        if x + across > width:
            x, y, shelf = 0, y + shelf, 0
        places[row] = x, y
        x, shelf = x + across, max(shelf, down)
    return places, y + shelf


def near_each_other(boxes: F64) -> Iterator[NDArray[np.int64]]:
    """Rows of boxes near to each other."""
    middle = np.floor((boxes[:, :2] + boxes[:, 2:]) / 2 / _BLOCK_M)
    _, index = np.unique(middle, axis=0, return_inverse=True)
    order = np.argsort(index.reshape(-1), kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(index.reshape(-1)[order])) + 1)


def _paint(
    pixels: NDArray[np.uint8],
    corner: F64,
    seen: NDArray[np.bool_],
    rows: NDArray[np.int64],
    members: NDArray[np.int64],
    boxes: F64,
    places: NDArray[np.int64],
    cell: float,
    photo: PhotoSource,
) -> None:
    """Cut the pieces of some boxes out of one window."""
    low, high = boxes[members, :2].min(axis=0), boxes[members, 2:].max(axis=0)
    margin = (_PAD + 1) * cell
    area = (low[0] - margin, low[1] - margin, high[0] + margin, high[1] + margin)
    picture = photo(area, cell)
    for member in members.tolist():
        west, north = boxes[member, 0], boxes[member, 3]
        x, y = places[member].tolist()
        if picture is None:
            corner[rows[member]] = west - (x + _PAD) * cell, north + (y + _PAD) * cell
            continue
        left = math.floor((west - picture.bounds[0]) / cell + 1e-6) - _PAD
        top = math.floor((picture.bounds[3] - north) / cell + 1e-6) - _PAD
        across = math.ceil((boxes[member, 2] - west) / cell) + 1 + 2 * _PAD
        down = math.ceil((north - boxes[member, 1]) / cell) + 1 + 2 * _PAD
        piece = np.s_[max(top, 0) : top + down, max(left, 0) : left + across]
        found = picture.pixels[piece]
        into = pixels[y : y + found.shape[0], x : x + found.shape[1]]
        there = True if picture.missing is None else ~picture.missing[piece][..., None]
        np.copyto(into, found, where=there)
        seen[rows[member]] = found.size > 0 and bool(np.any(there))
        corner[rows[member]] = picture.bounds[0] + (left - x) * cell, picture.bounds[3] - (top - y) * cell
