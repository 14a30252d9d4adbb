"""What the roof network is to say of a building: its parts, in the frame that its tokens are in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geovision.model.kinds import RoofKind
from geovision.model.roofs import AZIMUTH, BREAK, COUNT, INSET, OFFSET, REAR_EAVE, RIDGE
from geovision.vision.roofs.frames import Frames, owners
from geovision.vision.roofs.towns import Buildings

__all__ = ["KINDS", "PARTS", "SIZES", "Directions", "Targets", "directions_of", "same_kind", "targets_of"]

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

PARTS = 3
"""Parts that the network can say; larger ones first where there are more."""
KINDS = len(RoofKind)
SIZES = 4
"""Values of a part: eave, ridge, and two of its kind (`_shape`)."""

_NONE, _DIRECTED, _AXIS = 0, 1, 2
_WAY = {
    RoofKind.SKILLION: _DIRECTED,
    RoofKind.SALTBOX: _DIRECTED,
    RoofKind.SIDE_HIPPED: _DIRECTED,
    RoofKind.SAWTOOTH: _DIRECTED,
    RoofKind.GABLED: _AXIS,
    RoofKind.HALF_HIPPED: _AXIS,
    RoofKind.HIPPED: _AXIS,
    RoofKind.GAMBREL: _AXIS,
    RoofKind.BUTTERFLY: _AXIS,
    RoofKind.ROUND: _AXIS,
}
"""Whether a roof faces a direction, or has an axis alone; others have neither."""


def same_kind(kind: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Kinds, where a cone and a pyramid on a round plan are one: facets tell them apart, and scans do not."""
    return np.where(kind == RoofKind.CONE, RoofKind.PYRAMIDAL, kind).astype(np.uint8)


@dataclass(frozen=True)
class Directions:
    """Which way parts face, in the building's own frame."""

    way: NDArray[np.uint8]
    """[parts] 0 none, 1 a direction, 2 an axis."""
    down: F64
    """[parts, 2] unit vector downhill of the first slope; towards the hip of a side-hipped roof."""


@dataclass(frozen=True)
class Targets:
    """Parts of a batch of buildings in the frames of their tokens; what is not there has a weight of 0."""

    present: F32
    """[buildings, PARTS]"""
    kind: NDArray[np.int32]
    """[buildings, PARTS]"""
    box: F32
    """[buildings, PARTS, 4] middle and half sides, in half lengths of the building."""
    direction: F32
    """[buildings, PARTS, 4] cosine and sine of the direction, then of twice of it."""
    direction_weight: F32
    """[buildings, PARTS, 4]"""
    sizes: F32
    """[buildings, PARTS, SIZES]"""
    sizes_weight: F32
    count: NDArray[np.int32]
    """[buildings] parts, from 0 for one to PARTS - 1 for PARTS and more."""


def directions_of(buildings: Buildings) -> Directions:
    """Which way the parts face; a roof without an azimuth faces across the long side of its part."""
    parts = len(buildings.kind)
    kinds = buildings.kind.astype(np.int64)
    way = np.array([_WAY.get(RoofKind(kind), _NONE) for kind in range(KINDS)], np.uint8)[kinds]
    azimuth = np.radians(buildings.slots[:, AZIMUTH].astype(np.float64))
    down = np.stack([np.sin(azimuth), np.cos(azimuth)], axis=1)
    unknown = ~np.isfinite(azimuth)
    down[unknown] = _across(buildings)[unknown]
    quads = np.diff(buildings.corner_offsets) == 4
    way[unknown & ~quads] = _NONE
    hipped = kinds == RoofKind.SIDE_HIPPED
    # The end to the left of who looks out along the azimuth is end 0.
    left = np.stack([-down[:, 1], down[:, 0]], axis=1)
    end = np.where(np.nan_to_num(buildings.slots[:, COUNT]) > 0.5, -1.0, 1.0)[:, None]
    down = np.where(hipped[:, None], left * end, down)
    assert len(down) == parts
    return Directions(way, np.nan_to_num(down))


def _across(buildings: Buildings) -> F64:
    """[parts, 2] across the long side of each shell."""
    xy, offsets = buildings.corners.astype(np.float64), buildings.corner_offsets
    owner = owners(offsets)
    following = np.arange(1, len(xy) + 1)
    following[offsets[1:] - 1] = offsets[:-1]
    edge = xy[following] - xy
    length = np.hypot(edge[:, 0], edge[:, 1])
    normal = np.stack([edge[:, 1], -edge[:, 0]], axis=1) / np.maximum(length, 1e-9)[:, None]
    longest = np.lexsort((-length, owner))[offsets[:-1]]
    return np.asarray(normal[longest[: len(offsets) - 1]] if len(owner) else np.zeros((0, 2)))


def targets_of(frames: Frames, level: F64, buildings: Buildings, directions: Directions) -> Targets:
    """Parts as the network is to say them, of buildings whose heights are given from `level`."""
    count = len(buildings)
    owner = owners(buildings.part_offsets)
    corner = owners(buildings.corner_offsets)
    local = frames.into(buildings.corners.astype(np.float64), owner[corner])
    low = np.minimum.reduceat(local, buildings.corner_offsets[:-1], axis=0)
    high = np.maximum.reduceat(local, buildings.corner_offsets[:-1], axis=0)
    area = np.prod(high - low, axis=1)
    order = np.lexsort((-area, owner))
    rank = np.empty(len(owner), np.int64)
    rank[order] = np.arange(len(owner)) - buildings.part_offsets[owner[order]]
    kept = np.flatnonzero(rank < PARTS)
    at = (owner[kept], rank[kept])
    out = _empty(count)
    out.present[at] = 1
    out.kind[at] = same_kind(buildings.kind)[kept]
    out.box[at] = np.concatenate([(low + high) / 2, (high - low) / 2], axis=1)[kept]
    down = frames.rotated(directions.down, owner)[kept]
    x, y = down.T
    out.direction[at] = np.stack([x, y, x * x - y * y, 2 * x * y], axis=1)
    way = directions.way[kept, None]
    out.direction_weight[at] = np.concatenate(
        [np.repeat(way == _DIRECTED, 2, axis=1), np.repeat(way != _NONE, 2, axis=1)], axis=1
    )
    values = _shape(buildings, frames.scale[owner], level[owner])[kept]
    out.sizes[at] = np.nan_to_num(values)
    out.sizes_weight[at] = np.isfinite(values)
    out.count[:] = np.minimum(np.diff(buildings.part_offsets), PARTS) - 1
    return out


def _empty(count: int) -> Targets:
    def zeros(*shape: int) -> F32:
        return np.zeros((count, *shape), np.float32)

    return Targets(
        zeros(PARTS),
        np.zeros((count, PARTS), np.int32),
        zeros(PARTS, 4),
        zeros(PARTS, 4),
        zeros(PARTS, 4),
        zeros(PARTS, SIZES),
        zeros(PARTS, SIZES),
        np.zeros(count, np.int32),
    )


def _shape(buildings: Buildings, scale: F64, level: F64) -> F64:
    """[parts, SIZES]: eave and ridge over the level, in half lengths; then, by kind, a share of the height or
    of the width, and a setback in half lengths. NaN where a kind has none.
    """
    slots = buildings.slots.astype(np.float64)
    eave, kind = buildings.eave.astype(np.float64), buildings.kind
    rise = np.maximum(slots[:, RIDGE] - eave, 1e-3)
    third, fourth = np.full(len(eave), np.nan), slots[:, INSET] / scale
    broken = np.isin(kind, [RoofKind.HALF_HIPPED, RoofKind.MANSARD, RoofKind.GAMBREL])
    third[broken] = ((slots[:, BREAK] - eave) / rise)[broken]
    third[kind == RoofKind.SALTBOX] = slots[kind == RoofKind.SALTBOX, OFFSET]
    third[kind == RoofKind.SAWTOOTH] = slots[kind == RoofKind.SAWTOOTH, COUNT] / 8
    salt = kind == RoofKind.SALTBOX
    fourth[salt] = ((slots[:, REAR_EAVE] - eave) / scale)[salt]
    return np.stack([(eave - level) / scale, (slots[:, RIDGE] - level) / scale, third, fourth], axis=1)
