"""What the roof network reads: cells of the heights over a footprint, and its walls, as tokens.

The box round the footprint is divided into at most `CELLS` cells. Each is described by the middle heights of
its four quarters (middles, not means: a tree or an outlier in a cell is no reason to lift it), in a frame of
the footprint, in units of half its length. The order of points does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geovision.vision.roofs.frames import Frames, owners

__all__ = [
    "CELLS",
    "CELL_FEATURES",
    "EDGES",
    "EDGE_FEATURES",
    "WHOLE_FEATURES",
    "Outlines",
    "Tokens",
    "tokens_of",
]

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

CELLS = 48
EDGES = 12
QUARTERS = 4
_QUARTER_FEATURES = 6
CELL_FEATURES = 5 + QUARTERS * _QUARTER_FEATURES
EDGE_FEATURES = 9
WHOLE_FEATURES = 8

_CLIP = 3.0
_FINE = 8.0
"""Differences within a cell are small; they come out near 1 by this."""


@dataclass(frozen=True)
class Outlines:
    """Rings of many buildings, the shell of each first."""

    ring_offsets: I64
    vertex_offsets: I64
    xy: F64
    shared: NDArray[np.bool_]
    """[vertices] whether the edge that starts there is shared with a neighbour."""

    def shells(self) -> tuple[F64, I64]:
        """The shells alone, and where each begins."""
        first = self.ring_offsets[:-1]
        sizes = self.vertex_offsets[first + 1] - self.vertex_offsets[first]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        items = np.arange(offsets[-1]) + np.repeat(self.vertex_offsets[first] - offsets[:-1], sizes)
        return self.xy[items], offsets


@dataclass(frozen=True)
class Tokens:
    """What a batch of buildings looks like to the network; all float32."""

    cells: F32
    """[buildings, CELLS, CELL_FEATURES]"""
    edges: F32
    """[buildings, EDGES, EDGE_FEATURES]"""
    whole: F32
    """[buildings, WHOLE_FEATURES]"""
    mask: F32
    """[buildings, CELLS + EDGES] 1 where there is a token."""
    level: F64
    """[buildings] metres above the ground that heights are given from: the middle of the roof."""
    middle: I64
    """[buildings, CELLS, QUARTERS] the point with the middle height of each quarter, -1 without one."""

    def arrays(self) -> dict[str, F32]:
        """The inputs of the network by their names."""
        return {"cells": self.cells, "edges": self.edges, "whole": self.whole, "mask": self.mask}


def tokens_of(frames: Frames, outlines: Outlines, points: F64, offsets: I64) -> Tokens:
    """Tokens of buildings.

    Args:
        frames: of their shells.
        outlines: of the buildings.
        points: [n, 3] on the roofs, heights above each one's ground.
        offsets: [buildings + 1] of the points.
    """
    owner = owners(offsets)
    grid = _grid(frames)
    local = frames.into(points[:, :2], owner)
    key, spot = _quarter_of(frames, grid, local, owner)
    stats = _Quarters(key, spot, points[:, 2], len(frames))
    cells, middle, level = _cells(frames, grid, stats)
    edges, edge_mask = _edges(frames, outlines)
    filled = np.asarray(np.any(middle >= 0, axis=2))
    mask = np.concatenate([filled, edge_mask], axis=1).astype(np.float32)
    whole = _whole(frames, outlines, np.diff(offsets), filled, level)
    return Tokens(cells, edges, whole, mask, level, middle)


def _grid(frames: Frames) -> I64:
    """[buildings, 2] cells along both axes."""
    ratio = frames.half[:, 1] / np.maximum(frames.half[:, 0], 1e-9)
    swapped = ratio > 1
    flat = np.where(swapped, 1 / np.maximum(ratio, 1e-9), ratio)
    short = np.clip(np.rint(np.sqrt(CELLS * flat)), 1, 6).astype(np.int64)
    long = CELLS // short
    return np.stack([np.where(swapped, short, long), np.where(swapped, long, short)], axis=1)


def _quarter_of(frames: Frames, grid: I64, local: F64, owner: I64) -> tuple[I64, F64]:
    """The quarter of a cell that each point lies in, and where in the cell, from -1 to 1."""
    box = frames.half / frames.scale[:, None]
    share = (local / np.maximum(box[owner], 1e-9) + 1) / 2 * grid[owner]
    cell = np.clip(np.floor(share), 0, grid[owner] - 1).astype(np.int64)
    spot = np.clip(2 * (share - cell) - 1, -1, 1)
    side = (spot >= 0).astype(np.int64)
    index = cell[:, 1] * grid[owner, 0] + cell[:, 0]
    return (owner * CELLS + index) * QUARTERS + 2 * side[:, 1] + side[:, 0], spot


class _Quarters:
    """Middle heights of the quarters of cells, and what lies about them."""

    def __init__(self, key: I64, spot: F64, z: F64, buildings: int) -> None:
        total = buildings * CELLS * QUARTERS
        order = np.lexsort((z, key))
        self.count = np.bincount(key, minlength=total)
        start = np.cumsum(self.count) - self.count
        there = self.count > 0
        self.middle = np.full(total, -1)
        self.middle[there] = order[(start + self.count // 2)[there]]
        self.z, self.spread = np.zeros(total), np.zeros(total)
        self.z[there] = z[self.middle[there]]
        low = order[(start + self.count // 4)[there]]
        high = order[(start + 3 * self.count // 4)[there]]
        self.spread[there] = z[high] - z[low]
        weight = 1 / np.maximum(self.count, 1)
        self.spot = np.stack([np.bincount(key, spot[:, k], minlength=total) * weight for k in (0, 1)], axis=1)


def _cells(frames: Frames, grid: I64, stats: _Quarters) -> tuple[F32, I64, F64]:
    count = len(frames)
    shape = (count, CELLS, QUARTERS)
    there: NDArray[np.bool_] = np.asarray(stats.count > 0).reshape(shape)
    z = np.where(there, stats.z.reshape(shape), np.nan)
    filled = np.asarray(np.any(there, axis=2))
    level, middle = np.zeros(count), np.zeros((count, CELLS))
    some = filled.any(axis=1)
    if some.any():
        level[some] = np.nanmedian(z[some].reshape(int(some.sum()), -1), axis=1)
        middle[filled] = np.nanmedian(z[filled], axis=1)
    scale = frames.scale[:, None]
    height = np.where(filled, (middle - level[:, None]) / scale, 0)
    rise = np.where(there, (z - middle[:, :, None]) / scale[:, :, None], 0) * _FINE
    spread = stats.spread.reshape(shape) / scale[:, :, None] * _FINE
    spot = stats.spot.reshape(*shape, 2)
    number = np.log1p(stats.count.reshape(shape)) / 3
    quarters = np.stack([rise, spread, spot[..., 0], spot[..., 1], number, there], axis=3)
    index = np.arange(CELLS)
    column, row = index % grid[:, :1], index // grid[:, :1]
    place = [
        ((2 * place + 1) / grid[:, k : k + 1] - 1) * frames.half[:, k : k + 1] / scale
        for k, place in enumerate((column, row))
    ]
    share = there.mean(axis=2)
    number = np.log1p(stats.count.reshape(shape).sum(axis=2)) / 4
    own = np.stack([*place, height, share, number], axis=2)
    features = np.concatenate([own, quarters.reshape(count, CELLS, -1)], axis=2)
    features = np.clip(features, -_CLIP, _CLIP) * filled[:, :, None]
    return features.astype(np.float32), stats.middle.reshape(shape), level


def _edges(frames: Frames, outlines: Outlines) -> tuple[F32, NDArray[np.bool_]]:
    """The longest walls, in the order of the outline."""
    count = len(frames)
    ring = owners(outlines.vertex_offsets)
    owner = owners(outlines.ring_offsets)[ring]
    xy = frames.into(outlines.xy, owner)
    sizes = len(xy)
    following = np.arange(1, sizes + 1)
    following[outlines.vertex_offsets[1:] - 1] = outlines.vertex_offsets[:-1]
    edge = xy[following] - xy
    length = np.hypot(edge[:, 0], edge[:, 1])
    way = edge / np.maximum(length, 1e-9)[:, None]
    before = np.empty(sizes, np.int64)
    before[following] = np.arange(sizes)
    # Sine of the turn at the first and at the last corner; below 0 where the outline is reflex.
    turn = way[before, 0] * way[:, 1] - way[before, 1] * way[:, 0]
    turn = np.where(frames.mirrored[owner], -turn, turn)
    middle = xy + edge / 2
    mirrored = frames.mirrored[owner, None]
    normal = np.where(mirrored, -1.0, 1.0) * np.stack([way[:, 1], -way[:, 0]], axis=1)
    ends = np.stack([turn, turn[following]], axis=1)
    ends = np.where(mirrored, ends[:, ::-1], ends)
    hole = np.arange(sizes) >= outlines.vertex_offsets[outlines.ring_offsets[:-1] + 1][owner]
    features = np.column_stack([middle, normal, length, ends, outlines.shared, hole])
    order = np.lexsort((-length, owner))
    start = np.searchsorted(owner[order], np.arange(count))
    rank = np.empty(sizes, np.int64)
    rank[order] = np.arange(sizes) - start[owner[order]]
    kept = rank < EDGES
    out = np.zeros((count, EDGES, EDGE_FEATURES), np.float32)
    mask = np.zeros((count, EDGES), bool)
    out[owner[kept], rank[kept]] = np.clip(features[kept], -_CLIP, _CLIP)
    mask[owner[kept], rank[kept]] = True
    return out, mask


def _whole(frames: Frames, outlines: Outlines, points: I64, filled: NDArray[np.bool_], level: F64) -> F32:
    """Sizes, and how well the building is seen."""
    box = 4 * frames.half[:, 0] * frames.half[:, 1]
    corners = np.diff(outlines.vertex_offsets)[outlines.ring_offsets[:-1]]
    holes = np.diff(outlines.ring_offsets) - 1
    features = np.stack(
        [
            np.log(frames.scale / 6),
            frames.half[:, 0] / frames.scale,
            frames.half[:, 1] / frames.scale,
            np.log1p(points / np.maximum(box, 1)) / 2,
            filled.mean(axis=1),
            level / 10,
            np.log(np.maximum(corners, 3) / 4),
            np.minimum(holes, 1),
        ],
        axis=1,
    )
    whole: F32 = np.clip(features, -_CLIP, _CLIP).astype(np.float32)
    return whole
