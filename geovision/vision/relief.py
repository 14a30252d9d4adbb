"""Buildings from heights alone, by rules and without weights: what is high, and smooth as roofs are.

Crowns of trees are rough: neighbouring cells see a leaf, a branch or the ground. Roofs are planes, if small
ones. So a cell is building where some plane near it fits what was measured, where it is high enough, and
where enough of that lies together; what is as high beside it, within a metre, is added. The rules stand
beside the networks as another model, `relief`, and are what a network has to beat.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.vision.card import ModelCard
from geovision.vision.inputs import channels_of, validity_of

__all__ = ["RELIEF", "Relief", "ReliefRules", "relief_card", "roughness"]

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

RELIEF = "relief"
"""Name of the model that these rules are."""


@dataclass(frozen=True, kw_only=True)
class ReliefRules:
    """What a building is in heights above the ground."""

    least_m: float = 1.9
    """Lower than this are cars, hedges and walls; sheds begin at 2 m."""
    plane_m: float = 1.2
    """Side of the planes that are looked for; never under three cells."""
    rough_m: float = 0.2
    """Largest deviation of heights from such a plane; half a cell more, because a raster smears walls."""
    narrow_m: float = 1.5
    """What is narrower is no building: walls, hedges, single cells."""
    grow_m: float = 1.0
    """Edges of roofs are rough (eaves, half-filled cells): they are added this far out."""


def roughness(heights: F32, radius: int) -> F32:
    """[rows, columns] deviation (m) of the heights round each cell from the plane that fits them best.

    >>> y, x = np.mgrid[:9, :9].astype(np.float32)
    >>> bool(roughness(2 + 0.5 * x - 0.2 * y, 1)[1:-1, 1:-1].max() < 1e-3)
    True

    Args:
        heights: finite.
        radius: the planes are squares of 2 radius + 1 cells.
    """
    side = 2 * radius + 1
    z = np.pad(heights.astype(np.float64), radius, mode="edge")
    # Differences of squares lose digits where heights are large, so these are taken from a level nearby.
    z -= z.mean()
    steps = np.arange(-radius, radius + 1, dtype=np.float64)
    ones = np.ones(side)
    count, spread = side * side, side * float(steps @ steps)
    rows, rows_tilted = _along(z, ones, 0), _along(z, steps, 0)
    total = _along(rows, ones, 1)
    across, down = _along(rows, steps, 1), _along(rows_tilted, ones, 1)
    squares = _along(_along(z * z, ones, 0), ones, 1)
    rest = squares - total**2 / count - (across**2 + down**2) / spread
    return np.asarray(np.sqrt(np.maximum(rest, 0) / count), np.float32)


def _along(values: NDArray[np.float64], weights: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Weighted sums of as many neighbours as there are weights, along one axis."""
    length = values.shape[axis] - len(weights) + 1
    out = None
    for index, weight in enumerate(weights.tolist()):
        part = values[index : index + length] if axis == 0 else values[:, index : index + length]
        out = weight * part if out is None else out + weight * part
    return np.asarray(out)


class Relief:
    """The rules behind the interface of a network that runs: input [1, rows, columns, channels]."""

    outputs = ("building", "boundary", "frame", "height")

    def __init__(self, cell_m: float, rules: ReliefRules | None = None) -> None:
        """Say how large a cell is.

        Args:
            cell_m: size of a cell of the input, which a network does not need to know.
            rules: the defaults where they are left out.
        """
        if not (math.isfinite(cell_m) and cell_m > 0):
            raise UsageError("cell_m", f"is {cell_m}; expected metres above 0", "Give the size of a cell")
        self.cell_m, self.rules = cell_m, rules or ReliefRules()

    @property
    def reach(self) -> int:
        """Cells beyond which nothing changes what a cell is taken for."""
        radius, narrow, grow = self._sizes()
        # The last opening and the mean of directions reach farthest; the rest is what feeds them.
        return 4 + 2 * radius + math.ceil(4 * narrow + grow) + 2 * _wide(narrow) + 4

    def _sizes(self) -> tuple[int, float, float]:
        """Radius of the planes, and of the two discs, in cells."""
        rules, cell = self.rules, self.cell_m
        return (
            max(1, round(0.5 * rules.plane_m / cell)),
            max(1.0, 0.5 * rules.narrow_m / cell),
            max(1.0, rules.grow_m / cell),
        )

    def run(self, x: F32) -> dict[str, F32]:
        """Logits of building and of the walls between buildings; directions of walls; the heights."""
        z = x[0, ..., channels_of("ndsm").start]
        valid = x[0, ..., validity_of("ndsm")] > 0
        building, boundary = self.find(z, valid)
        heights = np.stack([z, np.full_like(z, math.log(0.1))], axis=-1)
        return {
            "building": _logit(building)[None, ..., None],
            "boundary": _logit(boundary)[None, ..., None],
            "frame": _directions(building, self._sizes()[1])[None],
            "height": heights[None],
        }

    def find(self, z: F32, valid: Mask | None = None) -> tuple[F32, F32]:
        """[rows, columns] how sure it is that a cell is building, and that two buildings meet there."""
        radius, narrow, grow = self._sizes()
        rules = self.rules
        there = np.isfinite(z) if valid is None else valid & np.isfinite(z)
        z = _filled(np.where(there, z, 0).astype(np.float32), there)
        limit = rules.rough_m + 0.15 * max(self.cell_m - 0.5, 0.0)
        high = z > rules.least_m
        # The best plane that holds a cell, not the one round it: up to a ridge or an eave, roofs are smooth.
        rough = _lowest(roughness(np.clip(z, -2, 80), radius), radius)
        # What a wide gap was filled with is smooth, but was not measured.
        seen = there if there.all() else ~_grown(~_grown(there, narrow), narrow)
        core = _opened(high & (rough < limit) & seen, narrow)
        found = _opened(_grown(core, grow) & high, narrow)
        calm = np.clip(1 - rough / (4 * limit), 0, 1)
        sure = np.where(found, 0.6 + 0.38 * calm, 0.03).astype(np.float32)
        return sure, _parted(z, found, self.cell_m)


def _logit(p: F32) -> F32:
    return np.asarray(np.log(p / (1 - p)), np.float32)


def _filled(z: F32, there: Mask) -> F32:
    """Gaps up to four cells wide take the mean of what is beside them; larger ones are at the ground."""
    if there.all():
        return z
    known = there.copy()
    for _ in range(4):
        total, count = np.zeros_like(z), np.zeros_like(z)
        for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            total += _moved(np.where(known, z, 0), down, right)
            count += _moved(known, down, right)
        new = ~known & (count > 0)
        z = np.where(new, total / np.maximum(count, 1), z)
        known |= new
    return z


def _moved(values: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    """Each cell's neighbour; 0 where there is none."""
    out = np.zeros_like(values)
    rows, columns = values.shape
    out[max(-down, 0) : rows - max(down, 0), max(-right, 0) : columns - max(right, 0)] = values[
        max(down, 0) : rows - max(-down, 0), max(right, 0) : columns - max(-right, 0)
    ]
    return out


def _lowest(values: F32, radius: int) -> F32:
    """The lowest of the squares of 2 radius + 1 cells."""
    for axis in (0, 1):
        padded = np.pad(values, [(radius, radius) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        length = values.shape[axis]
        parts = [
            padded[k : k + length] if axis == 0 else padded[:, k : k + length] for k in range(2 * radius + 1)
        ]
        values = np.minimum.reduce(parts)
    return values


def _disc(radius: float) -> list[tuple[int, int]]:
    steps = range(-math.floor(radius), math.floor(radius) + 1)
    return [(a, b) for a in steps for b in steps if a * a + b * b <= radius * radius]


def _grown(mask: Mask, radius: float) -> Mask:
    """Cells within a radius of the mask: rows of a disc, each by doubling steps to the sides."""
    out = mask.copy()
    widths = {down: max(right for a, right in _disc(radius) if a == down) for down, _ in _disc(radius)}
    wide = {0: mask}
    for width in range(1, max(widths.values()) + 1):
        last = wide[width - 1]
        wide[width] = last | _moved(mask, 0, width).astype(bool) | _moved(mask, 0, -width).astype(bool)
    for down, width in widths.items():
        out |= _moved(wide[width], down, 0).astype(bool)
    return out


def _opened(mask: Mask, radius: float) -> Mask:
    """Without what is narrower than a disc. The raster's border does not make things narrow."""
    pad = math.floor(radius)
    padded = np.pad(mask, pad, mode="edge")
    core = ~_grown(~padded, radius)
    return _grown(core, radius)[pad:-pad, pad:-pad]


# Where two buildings meet there is a step, or the valley between two gables: heights that far to both sides
# differ by so much, or both lie above. Eaves and steep roofs are marked too; that parts nothing, because what
# is marked goes to the building beside it, and only necks break.
_STEP_REACH_M, _STEP_M = 1.25, 1.4
_DIP_REACH_M, _DIP_M = 1.0, 0.15
_COARSE_M = 0.6
"""Coarser rasters smear walls so far that steps say nothing of who stands where: blocks fall apart."""


def _parted(z: F32, found: Mask, cell_m: float) -> F32:
    """How sure it is that two buildings meet at a cell."""
    out = np.zeros(z.shape, bool)
    if cell_m > _COARSE_M:
        return np.where(out, 0.9, 0.03).astype(np.float32)
    calm = _median(z)
    for ahead, behind in _both_sides(calm, _STEP_REACH_M / cell_m):
        out |= np.abs(ahead - behind) > _STEP_M
    for ahead, behind in _both_sides(calm, _DIP_REACH_M / cell_m):
        out |= np.minimum(ahead, behind) - calm > _DIP_M
    return np.where(out & found, 0.9, 0.03).astype(np.float32)


def _both_sides(z: F32, reach: float) -> Iterator[tuple[F32, F32]]:
    """Heights so many cells to one side and to the other, in four directions."""
    straight, slant = max(1, round(reach)), max(1, round(reach / math.sqrt(2)))
    for down, right in ((straight, 0), (0, straight), (slant, slant), (slant, -slant)):
        yield _moved(z, down, right), _moved(z, -down, -right)


def _median(z: F32) -> F32:
    """Of the nine cells round each."""
    padded = np.pad(z, 1, mode="edge")
    rows, columns = z.shape
    parts = [padded[a : a + rows, b : b + columns] for a in range(3) for b in range(3)]
    return np.asarray(np.median(np.stack(parts), axis=0), np.float32)


def _wide(narrow: float) -> int:
    """Half the side of the squares over which directions of walls are averaged."""
    return max(2, math.ceil(2 * narrow))


def _directions(building: F32, narrow: float) -> F32:
    """[rows, columns, 2] cosine and sine of four times the direction of the walls nearby."""
    blurred = building.astype(np.float64)
    for axis in (0, 1, 0, 1):
        pad = [(1, 1) if a == axis else (0, 0) for a in (0, 1)]
        blurred = _along(np.pad(blurred, pad, mode="edge"), np.array([0.25, 0.5, 0.25]), axis)
    right, down = np.zeros_like(blurred), np.zeros_like(blurred)
    right[:, 1:-1] = blurred[:, 2:] - blurred[:, :-2]
    down[1:-1] = blurred[2:] - blurred[:-2]
    # Rows run south; a wall and its normal differ by a right angle, which four times is a whole turn.
    steep = right - 1j * down
    length = np.abs(steep)
    turned = np.where(length > 1e-9, steep**4 / np.maximum(length, 1e-9) ** 3, 0)
    half = _wide(narrow)
    ones = np.ones(2 * half + 1)
    parts = []
    for part in (turned.real, turned.imag):
        rows = _along(np.pad(part, [(half, half), (0, 0)]), ones, 0)
        parts.append(_along(np.pad(rows, [(0, 0), (half, half)]), ones, 1))
    size = np.hypot(*parts)
    return np.stack([part / np.maximum(size, 1e-9) for part in parts], axis=-1).astype(np.float32)


def relief_card() -> ModelCard:
    """What the rules take and give, as for a network."""
    return ModelCard(
        name=RELIEF,
        kind="scene",
        network={"rules": RELIEF},
        groups=("ndsm",),
        multiple=1,
        gsd_m=0.25,
        gsd_range_m=(0.2, 1.0),
        outputs={"building": 1, "boundary": 1, "frame": 2, "height": 2},
        limits=(
            "Houses of a row whose roofs go on into each other come out as one; steep ones may be cut.",
            "Flat tops of dense hedges, lorries and containers over 1.9 m are taken for buildings.",
        ),
    )
