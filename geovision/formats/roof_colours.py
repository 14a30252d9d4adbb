"""Colours of roofs from an orthophoto: one a building, of the part of the roof that the sun is on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision import _kernel
from geovision.formats.atlas import PhotoSource, near_each_other
from geovision.mesh.textures import linear, srgb
from geovision.model.labels import Label

__all__ = ["RoofColours", "roof_colours"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_LEAST_PIXELS = 12
_LEAST_SHARE = 0.15
"""Of a roof's pixels that the sun has to be on."""
_APART = 1.6
"""How many times as bright as shade the sun is at least; less is one slope and another."""
_LEAF = (1.15, 1.6)
"""How much more green than red and than blue leaves are, in linear light; copper has more blue."""
_COLOURED = (Label.ROOF, Label.DORMER_ROOF)


@dataclass(frozen=True)
class RoofColours:
    """What a photo says of roofs.

    Attributes:
        colour: [buildings, 3] sRGB.
        pixels: [buildings] that it was taken from; 0 where the photo says nothing.
    """

    colour: NDArray[np.uint8]
    pixels: I64

    @property
    def known(self) -> NDArray[np.bool_]:
        """Buildings whose roof was seen."""
        return self.pixels > 0


def roof_colours(arrays: Mapping[str, Any], photo: PhotoSource) -> RoofColours:
    """The median colour of each roof's pixels, without its border and without what lies in shade.

    Leaves of trees above are left out. Pixels are parted into bright and dark by Otsu's threshold on the
    logarithm of their light. Where both are many and the bright ones 1.6 times as bright, the dark ones are
    shade (of a ridge, a tree, a neighbour) and count no more.

    Args:
        arrays: of the solids, in the CRS of the photo.
        photo: by area.
    """
    offsets, origin = np.asarray(arrays["vertex_offsets"]), np.asarray(arrays["origin"]).reshape(-1, 3)
    counts = np.diff(offsets)
    owner = np.repeat(np.arange(len(counts)), counts)
    places = origin[owner] + arrays["grid"] * np.asarray(arrays["vertices"]).reshape(-1, 3)
    of_triangle = np.repeat(np.arange(len(counts)), np.diff(arrays["triangle_offsets"]))
    label = arrays["face_label"][arrays["triangle_face"] + arrays["face_offsets"][of_triangle]]
    triangles = np.asarray(arrays["triangles"]).reshape(-1, 3) + offsets[of_triangle][:, None]
    colour, pixels = np.zeros((len(counts), 3), np.uint8), np.zeros(len(counts), np.int64)
    rows = np.flatnonzero(counts)
    if not len(rows):
        return RoofColours(colour, pixels)
    starts = offsets[:-1][rows]
    boxes = np.hstack(
        [np.minimum.reduceat(places[:, :2], starts), np.maximum.reduceat(places[:, :2], starts)]
    )
    for members in near_each_other(boxes):
        seen = np.flatnonzero(np.isin(of_triangle, rows[members]))
        box = (*boxes[members, :2].min(axis=0).tolist(), *boxes[members, 2:].max(axis=0).tolist())
        found = _pixels(places, triangles[seen], of_triangle[seen], photo, box)
        if found is None:
            continue
        triangle, light = found
        on_roof = np.isin(label[seen[triangle]], _COLOURED)
        building, light = of_triangle[seen[triangle[on_roof]]], light[on_roof]
        if not len(building):
            continue
        order = np.argsort(building, kind="stable")
        for piece in np.split(order, np.flatnonzero(np.diff(building[order])) + 1):
            if len(piece) >= _LEAST_PIXELS:
                lit = _lit(_leafless(light[piece]))
                row = building[piece[0]]
                colour[row], pixels[row] = srgb(np.median(lit, axis=0)), len(lit)
    return RoofColours(colour, pixels)


def _pixels(
    places: F64, triangles: I64, owner: I64, photo: PhotoSource, box: tuple[float, float, float, float]
) -> tuple[I64, F64] | None:
    """The triangle and the linear light of every pixel that lies well inside a building's roof."""
    cell = photo.cell_m
    # Always the same lattice, so that a building's colour does not depend on what is near it.
    west, south = (math.floor(low / cell - 1) * cell for low in box[:2])
    east, north = (math.ceil(high / cell + 1) * cell for high in box[2:])
    picture = photo((west, south, east, north), cell)
    if picture is None:
        return None
    height, width = picture.pixels.shape[:2]
    left, _, _, top = picture.bounds
    used, index = np.unique(triangles, return_inverse=True)
    shift = np.array([left, top, 0.0])
    _, hit = _kernel.rasterize_top(
        places[used] - shift, index.reshape(-1, 3).astype(np.int32), 0.0, 0.0, cell, width, height, 1
    )
    inside = hit >= 0
    if picture.missing is not None:
        inside &= ~picture.missing
    # A border is one to a neighbour's roof too, whether that is looked at with it or not.
    own = np.where(inside, owner[np.maximum(hit, 0)], -1)
    core = inside.copy()
    for axis in (0, 1):
        for step in (1, -1):
            core &= np.roll(own, step, axis) == own
    return hit[core].astype(np.int64), linear(picture.pixels[core])


def _leafless(light: F64) -> F64:
    """Pixels without the tree that hangs over a roof; a roof that is mostly green is green itself."""
    red, green, blue = light.T
    leaf = (green > _LEAF[0] * red) & (green > _LEAF[1] * blue)
    return light[~leaf] if np.count_nonzero(leaf) <= len(light) / 2 else light


def _lit(light: F64) -> F64:
    """Pixels without those in shade."""
    bright = np.log(light @ (0.2126, 0.7152, 0.0722) + 1e-4)
    order = np.sort(bright)
    count = np.arange(1, len(order))
    below = np.cumsum(order)[:-1] / count
    above = (order.sum() - np.cumsum(order)[:-1]) / (len(order) - count)
    between = count * (len(order) - count) * (above - below) ** 2
    cut = int(between.argmax())
    share = 1 - count[cut] / len(order)
    parted = above[cut] - below[cut] > math.log(_APART) and _LEAST_SHARE <= share <= 1 - _LEAST_SHARE / 2
    return light[bright > order[cut]] if parted else light
