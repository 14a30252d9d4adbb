"""Streets: a tile is cut into blocks by streets that run across it, none quite parallel to the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geovision.procedural.plans import I64
from geovision.procedural.rng import F64, U64, Keyed, combine, name_key
from geovision.procedural.style import BLOCK_TYPES, Style

__all__ = ["Blocks", "lay_out_blocks", "tile_corners"]


@dataclass
class Blocks:
    """Blocks of a tile: corners counter-clockwise, edges 0 and 2 on the longer streets."""

    ring: F64
    """(blocks, 4, 2)"""
    keys: U64
    kind: I64
    """Index into BLOCK_TYPES."""

    def __len__(self) -> int:
        return len(self.keys)


def tile_corners(seed: int, column: int, row: int, grid: tuple[int, int], size: F64, jitter: float) -> F64:
    """A tile's corners; those inside the area are moved, for all tiles that meet there alike."""
    steps: I64 = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.int64) + np.array([column, row], np.int64)
    draws = Keyed(seed, combine(name_key("tile corner"), steps[:, 0], steps[:, 1]))
    shift = np.stack([draws.uniform("x"), draws.uniform("y")], axis=1) - 0.5
    inside = (steps > 0) & (steps < np.array(grid))
    return np.asarray((steps + inside * shift * jitter) * size)


def lay_out_blocks(corners: F64, style: Style, seed: int, key: int, *, showcase: bool) -> Blocks:
    """Cut a tile into blocks, and take half of each street off their edges."""
    layout = style.layout
    tile = Keyed(seed, combine(name_key("tile"), key))
    if tile.chance("turn", 0.4)[0]:
        corners = np.roll(corners, -1, axis=0)
    arterial = float(layout.arterial_width_m.sample(tile, "arterial")[0]) / 2
    half = float(layout.street_width_m.sample(tile, "street")[0]) / 2
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    rows = max(1, round((min(sides[1], sides[3]) - 2 * half) / (_mean(layout.block_depth_m) + 2 * half)))
    columns = max(1, round((min(sides[0], sides[2]) - 2 * half) / (_mean(layout.block_length_m) + 2 * half)))
    left, right = _cuts(tile, "rows", 2, rows, 0.5 * layout.jitter)
    # Cross streets of a row end where they like on the long streets above and below it.
    low, high = np.split(_cuts(tile, "columns", 2 * rows, columns, layout.jitter), 2)
    start = corners[0] + (corners[3] - corners[0]) * left[:, None]
    span = corners[1] + (corners[2] - corners[1]) * right[:, None] - start
    bottom = start[:-1, None] + span[:-1, None] * low[..., None]
    top = start[1:, None] + span[1:, None] * high[..., None]
    ring = np.stack([bottom[:, :-1], bottom[:, 1:], top[:, 1:], top[:, :-1]], axis=2).reshape(-1, 4, 2)
    row, column = (index.ravel() for index in np.indices((rows, columns)))
    rim = np.stack([row == 0, column == columns - 1, row == rows - 1, column == 0], axis=1)
    ring = inset_quads(ring, np.where(rim, arterial, half))
    keys = combine(name_key("block"), key, row, column)
    draws = Keyed(seed, keys)
    kind = draws.pick("block type", np.array([layout.blocks.get(name, 0.0) for name in BLOCK_TYPES]))
    if showcase:
        kind[:3] = BLOCK_TYPES.index("detached")
    good = _usable(ring)
    return Blocks(ring[good], keys[good], kind[good])


def inset_quads(ring: F64, inset: F64) -> F64:
    """Move each edge inwards by its own distance: (n, 4, 2) and (n, 4)."""
    edge = np.roll(ring, -1, axis=1) - ring
    edge /= np.linalg.norm(edge, axis=2, keepdims=True)
    base = ring + np.stack([-edge[..., 1], edge[..., 0]], axis=2) * inset[..., None]
    before, step = np.roll(base, 1, axis=1), np.roll(edge, 1, axis=1)
    gap = base - before
    det = step[..., 0] * edge[..., 1] - step[..., 1] * edge[..., 0]
    along = (gap[..., 0] * edge[..., 1] - gap[..., 1] * edge[..., 0]) / det
    return np.asarray(before + step * along[..., None])


def _mean(dist: object) -> float:
    low, high = dist.bounds()  # type: ignore[attr-defined]
    return float(low + high) / 2


def _cuts(tile: Keyed, name: str, lines: int, count: int, jitter: float) -> F64:
    """On each line the places 0 ... 1 that cut it in `count`, moved by up to `jitter` pieces."""
    numbers = [tile.uniform(f"{name}/{line}/{cut}") for line in range(lines) for cut in range(1, count)]
    shift = np.zeros((lines, count + 1))
    shift[:, 1:-1] = np.array(numbers).reshape(lines, count - 1)
    inner = np.zeros(count + 1)
    inner[1:-1] = jitter
    return (np.arange(count + 1) + (2 * shift - 1) * inner) / count


def _usable(ring: F64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Blocks that are still convex and at least 16 m deep once the streets are taken off."""
    edge = np.roll(ring, -1, axis=1) - ring
    turn = edge[..., 0] * np.roll(edge, -1, axis=1)[..., 1] - edge[..., 1] * np.roll(edge, -1, axis=1)[..., 0]
    unit = edge[:, 0] / np.maximum(np.linalg.norm(edge[:, 0], axis=1, keepdims=True), 1e-9)
    far = ring[:, 2:] - ring[:, :1]
    depth = (unit[:, None, 0] * far[..., 1] - unit[:, None, 1] * far[..., 0]).min(axis=1)
    return np.asarray((turn > 0).all(axis=1) & (depth > 16.0))
