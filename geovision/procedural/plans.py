"""Plans: outlines of buildings as arrays, many at once.

Buildings of one make (same number of parts, rings and corners) form a `Batch`; batches of a tile are put
together as `Parts`, the flat arrays from which roofs are drawn. Rings are open; shells run counter-clockwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from geovision.procedural.rng import F64, U64

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

__all__ = ["GRID", "Batch", "Parts", "Role", "Shape", "assemble", "ragged_take", "to_grid"]

GRID = 0.001
"""Plan coordinates and heights are whole millimetres, as in the kernel."""


class Shape(IntEnum):
    """What a part's outline is; decides which roofs it can bear."""

    QUAD = 0
    """Four corners, convex."""
    ROUND = 1
    """Nearly regular, six corners or more."""
    GENERAL = 2
    """Any simple polygon."""
    HOLED = 3
    """Any polygon with holes."""


class Role(IntEnum):
    """What a part is within its building."""

    MAIN = 0
    WING = 1
    TOWER = 2
    EXTENSION = 3
    """Built on behind, one storey."""
    LEVEL = 4
    """Another level of a flat roof."""
    PENTHOUSE = 5
    """On top of a flat roof, set back from its walls."""


@dataclass
class Batch:
    """Buildings of one make: `rings[k]` holds the rings of part k, each an array (buildings, corners, 2)."""

    rings: list[list[F64]]
    shapes: tuple[Shape, ...]
    use: npt.NDArray[np.int8]
    """(buildings,) index into USES."""
    keys: U64
    group: U64
    """Buildings of a row share this key, and with it heights and roof."""
    order: I64
    """Place of each building in the tile."""
    roles: tuple[Role, ...] = (Role.MAIN,)
    attached: Bool | bool = False
    """Shares a wall with a neighbour."""
    front: npt.NDArray[np.int8] | tuple[int, ...] = (-1,)
    """The edge that the first slope faces, -1 for free choice: per part, or per building and part."""
    free_end: npt.NDArray[np.int8] | int = -1
    """Which end of a row the building closes: 0 or 1 as in side_hipped, -1 none, 2 both."""
    forced: npt.NDArray[np.int16] | int = -1
    """Roof kind that it must have, -1 for free choice."""

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, index: I64 | Bool) -> Batch:
        """Some of the buildings."""

        def part(value: object) -> object:
            return value[index] if isinstance(value, np.ndarray) else value

        return Batch(
            [[ring[index] for ring in rings] for rings in self.rings],
            self.shapes,
            self.use[index],
            self.keys[index],
            self.group[index],
            self.order[index],
            self.roles,
            part(self.attached),  # type: ignore[arg-type]
            part(self.front),  # type: ignore[arg-type]
            part(self.free_end),  # type: ignore[arg-type]
            part(self.forced),  # type: ignore[arg-type]
        )


@dataclass
class Parts:
    """Parts of many buildings in order, as flat arrays."""

    keys: U64
    group: U64
    use: npt.NDArray[np.int8]
    attached: Bool
    free_end: npt.NDArray[np.int8]
    forced: npt.NDArray[np.int16]
    order: I64
    part_offsets: I64
    shape: npt.NDArray[np.int8]
    role: npt.NDArray[np.int8]
    front: npt.NDArray[np.int8]
    ring_offsets: I64
    vertex_offsets: I64
    xy: F64
    levels: F64 | None = None
    """(buildings,) storeys where they are known, else NaN."""
    building: I64 = field(init=False)
    """(parts,) the building of each part."""

    def __post_init__(self) -> None:
        self.building = np.repeat(np.arange(len(self.keys)), np.diff(self.part_offsets))

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def plain(self) -> Bool:
        """(buildings,) whether a building is one part, but for extensions."""
        added = np.add.reduceat(self.role == Role.EXTENSION, self.part_offsets[:-1]) if len(self) else 0
        return np.asarray(np.diff(self.part_offsets) - added == 1)

    def corners(self, part: I64) -> F64:
        """The four corners of quadrilateral parts: (n, 4, 2)."""
        start = self.vertex_offsets[self.ring_offsets[part]]
        return np.asarray(self.xy[start[:, None] + np.arange(4)])


def to_grid(xy: F64) -> F64:
    """Coordinates on the millimetre grid, so that equal corners are equal bits."""
    return np.round(xy, 3)


def ragged_take(offsets: I64, index: I64) -> tuple[I64, I64]:
    """Offsets of the chosen rows of a CSR array, and where their items lie in it."""
    sizes = np.diff(offsets)[index]
    fresh = np.concatenate(([0], np.cumsum(sizes)))
    items = np.arange(fresh[-1]) + np.repeat(offsets[:-1][index] - fresh[:-1], sizes)
    return fresh.astype(np.int64), items


def assemble(batches: Sequence[Batch]) -> Parts:
    """Put batches together; buildings come out in the order of `Batch.order`."""
    batches = [batch for batch in batches if len(batch)]
    columns = [_columns(batch) for batch in batches]

    def join(name: str, empty: npt.DTypeLike = np.int64) -> npt.NDArray[Any]:
        return np.concatenate([column[name] for column in columns]) if columns else np.zeros(0, empty)

    offsets = {
        name: np.concatenate(([0], np.cumsum(join(name)))).astype(np.int64)
        for name in ("parts", "rings", "corners")
    }
    order = join("order")
    index = np.argsort(order, kind="stable")
    part_offsets, parts = ragged_take(offsets["parts"], index)
    ring_offsets, rings = ragged_take(offsets["rings"], parts)
    vertex_offsets, vertices = ragged_take(offsets["corners"], rings)
    xy = np.concatenate([column["xy"] for column in columns]) if columns else np.zeros((0, 2))
    return Parts(
        keys=join("keys", np.uint64)[index].astype(np.uint64),
        group=join("group", np.uint64)[index].astype(np.uint64),
        use=join("use")[index].astype(np.int8),
        attached=join("attached")[index].astype(np.bool_),
        free_end=join("free_end")[index].astype(np.int8),
        forced=join("forced")[index].astype(np.int16),
        order=order[index].astype(np.int64),
        part_offsets=part_offsets,
        shape=join("shape")[parts].astype(np.int8),
        role=join("role")[parts].astype(np.int8),
        front=join("front")[parts].astype(np.int8),
        ring_offsets=ring_offsets,
        vertex_offsets=vertex_offsets,
        xy=to_grid(xy[vertices].astype(np.float64)),
    )


def _columns(batch: Batch) -> dict[str, npt.NDArray[Any]]:
    count, parts = len(batch), len(batch.rings)
    flat = [ring for rings in batch.rings for ring in rings]
    front = np.broadcast_to(np.asarray(batch.front), (count, parts))
    return {
        "keys": batch.keys,
        "group": batch.group,
        "use": batch.use,
        "order": batch.order,
        "attached": np.broadcast_to(np.asarray(batch.attached), count),
        "free_end": np.broadcast_to(np.asarray(batch.free_end), count),
        "forced": np.broadcast_to(np.asarray(batch.forced), count),
        "parts": np.full(count, parts),
        "rings": np.tile([len(rings) for rings in batch.rings], count),
        "corners": np.tile([ring.shape[1] for ring in flat], count),
        "shape": np.tile(batch.shapes, count),
        "role": np.tile(batch.roles, count),
        "front": front.reshape(-1),
        "xy": np.concatenate(flat, axis=1).reshape(-1, 2),
    }
