"""Lots: the strips along a block's longer streets are cut into rows of houses or into parcels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from geovision.procedural.blocks import Blocks
from geovision.procedural.plans import I64, Batch, Bool, Role, Shape
from geovision.procedural.rng import F64, U64, Keyed, combine, name_key
from geovision.procedural.style import BLOCK_TYPES, USES, Lots, Style

__all__ = ["LOTS_PER_BLOCK", "Parcels", "Strips", "build_rows", "cut_parcels", "cut_strips"]

LOTS_PER_BLOCK = 4096
"""Buildings of a block are numbered below this, annexes in its upper half."""
_YARD_M = 2.0
_SHED_GARDEN_M = 6.5
"""A garden is at least this much longer than the shed in it."""
_MIN_HOUSE_M = 4.2
_PARTY_M = 0.3
"""Between an extension and the line of the party wall."""


@dataclass
class Strips:
    """Halves of blocks along a street, in frames whose x runs along it and whose y runs into the block."""

    block: I64
    side: I64
    keys: U64
    origin: F64
    along: F64
    low: F64
    high: F64
    """Usable range of x over the whole depth."""
    depth: F64

    def take(self, index: I64 | Bool) -> Strips:
        """Some of the strips."""
        return Strips(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def world(self, x: F64, y: F64) -> F64:
        """Points from frame coordinates: (strips, n) twice to (strips, n, 2)."""
        inward = _inward(self)
        return np.asarray(
            self.origin[:, None] + self.along[:, None] * x[..., None] + inward[:, None] * y[..., None]
        )


def cut_strips(blocks: Blocks, which: Bool) -> Strips:
    """The two strips of each chosen block."""
    index = np.flatnonzero(which)
    block, side = np.repeat(index, 2), np.tile([0, 2], len(index))
    rows = np.arange(len(block))
    ring = blocks.ring[block][rows[:, None], (side[:, None] + np.arange(4)) % 4]
    along = ring[:, 1] - ring[:, 0]
    length = np.linalg.norm(along, axis=1)
    along = along / length[:, None]
    local = ring - ring[:, :1]
    x = local[..., 0] * along[:, None, 0] + local[..., 1] * along[:, None, 1]
    y = local[..., 1] * along[:, None, 0] - local[..., 0] * along[:, None, 1]
    depth = np.minimum(y[:, 2], y[:, 3]) / 2
    low = np.maximum(0.0, x[:, 3] * depth / y[:, 3])
    high = np.minimum(length, length + (x[:, 2] - length) * depth / y[:, 2])
    keys = combine(blocks.keys[block], side)
    return Strips(block, side, keys, ring[:, 0], along, low, high, depth)


def _depths(strips: Strips, lots: Lots, draws: Keyed) -> tuple[F64, F64]:
    """Setback and house depth, so that a yard is left."""
    setback = np.minimum(lots.setback_m.sample(draws, "setback"), 0.35 * strips.depth)
    depth = np.minimum(lots.depth_m.sample(draws, "depth"), strips.depth - setback - _YARD_M)
    return setback, depth


def build_rows(blocks: Blocks, style: Style, seed: int, kind: str) -> list[Batch]:
    """Rows of houses with shared walls: neighbours have the same corner bits."""
    strips = cut_strips(blocks, blocks.kind == BLOCK_TYPES.index(kind))
    lots = style.lots[kind]
    draws = Keyed(seed, strips.keys)
    setback, depth = _depths(strips, lots, draws)
    space = strips.high - strips.low
    good = (depth > 5.5) & (space > 2 * _MIN_HOUSE_M)
    strips, draws, setback, depth, space = (
        strips.take(good),
        draws.take(good),
        setback[good],
        depth[good],
        space[good],
    )
    if not len(strips.block):
        return []
    frontage = lots.frontage_m.sample(draws, "frontage")
    gap = lots.gap_m.sample(draws, "gap")
    run = np.maximum(np.round(lots.run.sample(draws, "run")), 1.0)
    run = np.minimum(run, np.floor(space / np.maximum(frontage, _MIN_HOUSE_M)))
    rows = np.maximum(np.round((space + gap) / (run * frontage + gap)), 1.0)
    width = (space - (rows - 1) * gap) / (rows * run)
    squeezed = width < _MIN_HOUSE_M
    rows = np.where(squeezed, np.maximum(rows - 1, 1.0), rows)
    width = np.minimum((space - (rows - 1) * gap) / (rows * run), 1.5 * frontage)
    count = (rows * run).astype(np.int64)
    index = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count)
    row, place = number // run[index], number % run[index]
    base = strips.low[index] + row * (run * width + gap)[index]
    # The far wall of a house and the near wall of the next are the same expression, hence the same bits.
    left, right = base + place * width[index], base + (place + 1) * width[index]
    row_keys = combine(strips.keys[index], row.astype(np.int64), name_key("row"))
    # Each row may stand a little further back than the next.
    front = (
        setback[index]
        + 0.8 * (Keyed(seed, row_keys).uniform("stagger") - 0.5) * np.minimum(setback, 1.0)[index]
    )
    back = front + depth[index]
    mine = strips.take(index)
    ring = mine.world(
        np.stack([left, right, right, left], axis=1), np.stack([front, front, back, back], axis=1)
    )
    last = place == run[index] - 1
    free_end = np.where(last, 0, np.where(place == 0, 1, -1)).astype(np.int8)
    lot = mine.side * (LOTS_PER_BLOCK // 8) + number
    batch = Batch(
        rings=[[ring]],
        shapes=(Shape.QUAD,),
        use=np.full(len(index), USES.index(kind), np.int8),
        keys=combine(blocks.keys[mine.block], lot, name_key("house")),
        group=row_keys,
        order=mine.block * LOTS_PER_BLOCK + lot,
        attached=run[index] > 1,
        front=(0,),
        free_end=free_end,
    )
    sheds = _sheds(batch, mine, left, right, style, seed)
    return [*_extended(batch, mine, left, right, back, style, seed), sheds]


def _sheds(batch: Batch, strips: Strips, left: F64, right: F64, style: Style, seed: int) -> Batch:
    """Sheds at the far ends of the gardens, to one side, where they keep off the houses' extensions."""
    keys = combine(batch.keys, name_key("shed"))
    draws = Keyed(seed, keys)
    width = np.minimum(1.8 + 1.8 * draws.uniform("shed/w"), right - left - 2 * _PARTY_M)
    depth = 2.0 + 2.4 * draws.uniform("shed/d")
    rear = strips.depth - 0.4 - 0.8 * draws.uniform("shed/y")
    house = np.asarray(batch.rings[0][0])
    garden = strips.depth - ((house[:, 3] - strips.origin) * _inward(strips)).sum(axis=1)
    has = draws.chance("shed", style.plans.row_shed) & (garden > depth + _SHED_GARDEN_M)
    at_right = draws.chance("shed/right", 0.5)
    start = np.where(at_right, right - _PARTY_M - width, left + _PARTY_M)
    return Batch(
        rings=[[_box(strips, start, start + width, rear - depth, rear)]],
        shapes=(Shape.QUAD,),
        use=np.full(len(keys), USES.index("annex"), np.int8),
        keys=keys,
        group=keys,
        order=batch.order + LOTS_PER_BLOCK // 2,
    ).take(has)


def _inward(strips: Strips) -> F64:
    return np.stack([-strips.along[:, 1], strips.along[:, 0]], axis=1)


def _extended(
    batch: Batch, strips: Strips, left: F64, right: F64, back: F64, style: Style, seed: int
) -> list[Batch]:
    """Some houses get an extension at the rear, as wide as the house or less, and some a bay at the front."""
    rear, has_rear = _rear_extension(batch, strips, left, right, back, style, seed)
    bay, has_bay = _front_bay(batch, strips, left, right, style, seed)
    built = []
    for with_rear in (False, True):
        for with_bay in (False, True):
            some = (has_rear == with_rear) & (has_bay == with_bay)
            added = [ring[some] for ring, wanted in ((rear, with_rear), (bay, with_bay)) if wanted]
            # Their roofs slope away from the house: their first edge is on its wall, or their third is.
            fronts = [2] * with_rear + [0] * with_bay
            house = batch.take(some)
            built.append(
                replace(
                    house,
                    rings=[house.rings[0], *([ring] for ring in added)],
                    shapes=(Shape.QUAD,) * (1 + len(added)),
                    roles=(Role.MAIN,) + (Role.EXTENSION,) * len(added),
                    front=(0, *fronts),
                )
            )
    return built


def _rear_extension(
    batch: Batch, strips: Strips, left: F64, right: F64, back: F64, style: Style, seed: int
) -> tuple[F64, Bool]:
    draws, row = Keyed(seed, batch.keys), Keyed(seed, batch.group)
    whole = draws.chance("extension/whole", 0.4)
    # Full-width ones of a row are equally deep: neighbours share the whole wall. The others keep off it.
    wished = style.parts.extension_depth_m
    depth = np.where(whole, wished.sample(row, "extension/depth"), wished.sample(draws, "extension/depth"))
    depth = np.minimum(depth, strips.depth - back - 1.0)
    has = draws.chance("extension", style.parts.extension) & (depth > 1.5)
    width = (right - left) * (0.42 + 0.25 * draws.uniform("extension/share"))
    at_right = draws.chance("extension/right", 0.5)
    start = np.where(whole, left, np.where(at_right, right - _PARTY_M - width, left + _PARTY_M))
    stop = np.where(whole, right, np.where(at_right, right - _PARTY_M, left + _PARTY_M + width))
    return _box(strips, start, stop, back, back + depth), has


def _front_bay(
    batch: Batch, strips: Strips, left: F64, right: F64, style: Style, seed: int
) -> tuple[F64, Bool]:
    """A bay or a porch in front of the house, where it is set back far enough."""
    draws = Keyed(seed, batch.keys)
    depth = style.parts.bay_depth_m.sample(draws, "bay/depth")
    front = ((batch.rings[0][0][:, 0] - strips.origin) * _inward(strips)).sum(axis=1)
    has = draws.chance("bay", style.parts.bay) & (front > depth + 0.5)
    width = (right - left) * (0.3 + 0.2 * draws.uniform("bay/share"))
    room = right - left - width - 2 * _PARTY_M
    start = left + _PARTY_M + room * draws.uniform("bay/place")
    return _box(strips, start, start + width, front - depth, front), has


def _box(strips: Strips, start: F64, stop: F64, low: F64, high: F64) -> F64:
    """Rectangles in the frames of their strips."""
    x = np.stack([start, stop, stop, start], axis=1)
    return strips.world(x, np.stack([low, low, high, high], axis=1))


@dataclass
class Parcels:
    """Free-standing building sites: a box (width x depth) in the frame of its strip."""

    strips: Strips
    """One row per parcel."""
    keys: U64
    order: I64
    x: F64
    y: F64
    width: F64
    depth: F64
    back: F64
    """Free depth behind the box."""

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, index: I64 | Bool) -> Parcels:
        """Some of the parcels."""
        rest = {name: getattr(self, name)[index] for name in self.__dataclass_fields__ if name != "strips"}
        return Parcels(strips=self.strips.take(index), **rest)

    def place(self, unit: F64, depth: F64 | None = None) -> F64:
        """Rings from unit coordinates (n, corners, 2) over the box."""
        depth = self.depth if depth is None else depth
        x = self.x[:, None] + unit[..., 0] * self.width[:, None]
        y = self.y[:, None] + unit[..., 1] * depth[:, None]
        return self.strips.world(x, y)


def cut_parcels(blocks: Blocks, style: Style, seed: int, kind: str) -> Parcels:
    """Parcels of nearly equal width along both streets of each block of a kind."""
    strips = cut_strips(blocks, blocks.kind == BLOCK_TYPES.index(kind))
    lots = style.lots[kind]
    draws = Keyed(seed, strips.keys)
    space = strips.high - strips.low
    frontage = lots.frontage_m.sample(draws, "frontage")
    count = np.where(space > 8.0, np.maximum(np.round(space / frontage), 1), 0).astype(np.int64)
    step = space / np.maximum(count, 1)
    index = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count)
    mine = strips.take(index)
    lot = mine.side * (LOTS_PER_BLOCK // 8) + number
    keys = combine(blocks.keys[mine.block], lot, name_key("parcel"))
    own = Keyed(seed, keys)
    setback, depth = _depths(mine, lots, own)
    gap = np.minimum(lots.gap_m.sample(own, "gap"), 0.45 * step[index])
    width = step[index] - gap
    x = mine.low + number * step[index] + gap * (0.35 + 0.3 * own.uniform("shift"))
    parcels = Parcels(
        mine, keys, mine.block * LOTS_PER_BLOCK + lot, x, setback, width, depth, mine.depth - setback - depth
    )
    return parcels.take((width > 4.5) & (depth > 4.5))
