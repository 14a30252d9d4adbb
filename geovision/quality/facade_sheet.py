"""Draws the walls of a building as elevations, side by side: what a style looks like, without a mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from geovision.mesh.elements import OPENINGS, ElementKind, Elements
from geovision.mesh.walls import Side, Walls

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

__all__ = ["draw_sheet"]

Colour = tuple[int, int, int]
_SKY, _GROUND, _INK = (228, 235, 241), (150, 146, 138), (70, 70, 74)
_GLASS, _GLASS_LIGHT, _DARK = (52, 66, 82), (92, 112, 132), (34, 36, 40)
_GAP_MM, _SKY_MM, _BELOW_MM = 1200, 1200, 700
_OVER = 2
"""Drawn larger and scaled down, for smooth edges."""
_BIG = 3600
_AWAY = {ElementKind.RAILING: 2, ElementKind.CANOPY: 2, ElementKind.BALCONY: 2, ElementKind.STEPS: 3}


def draw_sheet(
    walls: Walls, elements: Elements, building: int = 0, *, pixels_m: float = 36.0
) -> npt.NDArray[np.uint8]:
    """[height, width, 3] picture of all walls of a building in their order, the ground under them.

    Args:
        walls: of a batch.
        elements: of the same batch.
        building: which one.
        pixels_m: pixels per metre; fewer where the picture would be over 1,800 pixels wide or high.
    """
    from PIL import Image, ImageDraw

    first, last = walls.building_offsets[building : building + 2].tolist()
    rows = range(first, last)
    wide = sum(int(walls.length[row]) + _GAP_MM for row in rows) + _GAP_MM
    base = walls.corner[first:last, 2]
    low = int(base.min()) if len(base) else 0
    tall = max((int(walls.corner[row, 2]) - low + int(walls.height[row]) for row in rows), default=0)
    scale = min(pixels_m * _OVER / 1000, _BIG / wide, _BIG / (tall + _SKY_MM + _BELOW_MM))
    size = (max(1, round(wide * scale)), max(1, round((tall + _SKY_MM + _BELOW_MM) * scale)))
    image = Image.new("RGB", size, _SKY)
    draw = ImageDraw.Draw(image)
    left = _GAP_MM
    for row in rows:
        up = tall + _SKY_MM + low - int(walls.corner[row, 2])
        _Elevation(draw, scale, left, up, size).wall(walls, elements, building, row)
        left += int(walls.length[row]) + _GAP_MM
    small = (max(1, size[0] // _OVER), max(1, size[1] // _OVER))
    return np.asarray(image.resize(small, Image.Resampling.BOX))


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (int(min(255, max(0, channel * factor))) for channel in colour)
    return red, green, blue


class _Elevation:
    """One wall on the sheet: millimetres in its frame to pixels."""

    def __init__(self, draw: ImageDraw, scale: float, left: int, up: int, size: tuple[int, int]) -> None:
        self._draw, self._scale, self._left, self._up, self._size = draw, scale, left, up, size

    def _at(self, s: float, z: float) -> tuple[float, float]:
        return (self._left + s) * self._scale, (self._up - z) * self._scale

    def _box(self, box: tuple[float, float, float, float], colour: Colour) -> None:
        s0, s1, z0, z1 = box
        if s1 <= s0 or z1 <= z0:
            return
        (x0, y1), (x1, y0) = self._at(s0, z0), self._at(s1, z1)
        self._draw.rectangle(
            (round(x0), round(y0), max(round(x1) - 1, round(x0)), max(round(y1) - 1, round(y0))), colour
        )

    def wall(self, walls: Walls, elements: Elements, building: int, row: int) -> None:
        """The polygon, what is on it, the terrain before it."""
        length = int(walls.length[row])
        paint = _rgb(elements.wall_colour[building])
        for number, ring in enumerate(walls.rings(row)):
            points = [self._at(s, z) for s, z in ring.tolist()]
            if len(points) > 2:
                self._draw.polygon(points, _SKY if number else paint)
        own = self._of(elements, building, row)
        for index in own:
            if elements.kind[index] in OPENINGS:
                self._opening(elements, index)
        things = [index for index in own if elements.kind[index] not in OPENINGS]
        for index in sorted(things, key=lambda index: _rank(elements, index)):
            self._thing(elements, index, paint)
        self._terrain(walls, row, length)
        self._name(walls, row, length)

    @staticmethod
    def _of(elements: Elements, building: int, row: int) -> list[int]:
        first, last = elements.building_offsets[building : building + 2].tolist()
        return [first + i for i in np.flatnonzero(elements.wall[first:last] == row).tolist()]

    def _opening(self, elements: Elements, index: int) -> None:
        s0, s1, z0, z1 = (
            int(column[index]) for column in (elements.s0, elements.s1, elements.z0, elements.z1)
        )
        colour = _rgb(elements.colour[index])
        kind = ElementKind(elements.kind[index])
        self._box((s0, s1, z0, z1), _DARK)
        # The reveal's shadow falls from above.
        shadow = min(60, int(elements.depth[index]) // 3)
        s0, s1, z1 = s0 + 15, s1 - 15, z1 - shadow
        self._box((s0, s1, z0, z1), colour)
        across, up, frame, mullion, panel, glass = _design(elements, int(elements.design[index]), kind)
        if not glass:
            for z in range(z0 + 250, z1, 250):
                self._box((s0, s1, z, z + 20), _shade(colour, 0.85))
            return
        bottom = z0 + frame + int(panel * (z1 - z0))
        if panel > 0:
            self._box((s0 + frame, s1 - frame, z0 + frame, bottom - frame), _shade(colour, 0.86))
        wide, tall = (s1 - s0 - 2 * frame + mullion) / across, (z1 - frame - bottom + mullion) / up
        for i in range(across):
            for j in range(up):
                left, low = s0 + frame + i * wide, bottom + j * tall
                self._pane((left, left + wide - mullion, low, low + tall - mullion))

    def _pane(self, box: tuple[float, float, float, float]) -> None:
        s0, s1, z0, z1 = box
        self._box(box, _GLASS)
        self._box((s0, s1, z0 + (z1 - z0) * 0.62, z1), _GLASS_LIGHT)

    def _thing(self, elements: Elements, index: int, paint: Colour) -> None:
        s0, s1, z0, z1 = (
            int(column[index]) for column in (elements.s0, elements.s1, elements.z0, elements.z1)
        )
        colour, depth = _rgb(elements.colour[index]), int(elements.depth[index])
        kind = ElementKind(elements.kind[index])
        shadow = min(depth // 3, 300)
        if kind == ElementKind.RAILING:
            self._railing(elements, index, colour)
            return
        if kind == ElementKind.FRAME:
            self._frame(elements, index, colour)
            return
        if kind not in (ElementKind.STEPS, ElementKind.PILASTER):
            self._box((s0, s1, z0 - shadow, z0), _shade(paint, 0.72))
        self._box((s0, s1, z0, z1), colour)
        if kind == ElementKind.STEPS:
            for z in range(z0, z1, 175):
                self._box((s0, s1, z, z + 25), _shade(colour, 0.75))
        self._box((s0, s1, z1 - min(30, (z1 - z0) // 3), z1), _shade(colour, 1.12))

    def _railing(self, elements: Elements, index: int, colour: Colour) -> None:
        s0, s1, z0, z1 = box = _rectangle(elements, index)
        design = int(elements.design[index])
        if design >= 0:
            self._box(box, _GLASS_LIGHT if elements.glass[design] else colour)
        else:
            for s in range(s0, s1, 110):
                self._box((s, s + 22, z0, z1), colour)
        self._box((s0, s1, z1 - 50, z1), colour)

    def _frame(self, elements: Elements, index: int, colour: Colour) -> None:
        s0, s1, z0, z1 = _rectangle(elements, index)
        edge = 90
        for part in ((s0, s0 + edge, z0, z1), (s1 - edge, s1, z0, z1), (s0, s1, z1 - edge, z1)):
            self._box(part, colour)

    def _terrain(self, walls: Walls, row: int, length: int) -> None:
        left, right = (int(z) for z in walls.ground[row])
        points = [
            self._at(-_GAP_MM / 2, left), self._at(0, left), self._at(length, right),
            self._at(length + _GAP_MM / 2, right),
        ]  # fmt: skip
        bottom = self._size[1]
        self._draw.polygon([*points, (points[-1][0], bottom), (points[0][0], bottom)], _GROUND)

    def _name(self, walls: Walls, row: int, length: int) -> None:
        x, y = self._at(length / 2, -_BELOW_MM * 0.45 + min(0, int(walls.ground[row].min())))
        text = Side(walls.side[row]).name.lower()
        self._draw.text((x, min(y, self._size[1] - 12)), text, fill=_INK, anchor="mm", font_size=13 * _OVER)


def _rank(elements: Elements, index: int) -> tuple[int, int]:
    return _AWAY.get(ElementKind(elements.kind[index]), 1), int(elements.depth[index])


def _rectangle(elements: Elements, index: int) -> tuple[int, int, int, int]:
    s0, s1, z0, z1 = (int(row[index]) for row in (elements.s0, elements.s1, elements.z0, elements.z1))
    return s0, s1, z0, z1


def _design(elements: Elements, row: int, kind: ElementKind) -> tuple[int, int, int, int, float, bool]:
    if row < 0:
        return 1, 1, 60, 40, 0.55 if kind == ElementKind.DOOR else 0.0, kind != ElementKind.GARAGE_DOOR
    return (
        int(elements.panes_across[row]),
        int(elements.panes_up[row]),
        int(elements.frame[row]),
        int(elements.mullion[row]),
        float(elements.panel[row]),
        bool(elements.glass[row]),
    )


def _rgb(colour: npt.NDArray[np.uint8]) -> Colour:
    red, green, blue = colour.tolist()
    return red, green, blue
