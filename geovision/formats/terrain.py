"""Terrain for publishing: a quadtree of square patches, each a mesh of right-angled triangles with a photo.

Leaves are `SIDE` steps of the finest grid wide; a patch above has every second node of those below, so all
patches have about the same number of triangles. Heights come from a `GroundSource` by window, and what was
read waits on disk: memory follows a patch.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geovision.mesh.rtin import rtin_errors, rtin_finer, rtin_surface, rtin_triangles

__all__ = ["GroundSource", "Patch", "Picture", "Terrain", "filled"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Cells = NDArray[np.bool_]
Box = tuple[float, float, float, float]

SIDE = 128
"""Steps of a patch."""
TOLERANCE_M = 0.05
"""Nodes nearer than this to the line between those that stay are left out, where `MOST_TRIANGLES` allows so
many to stay. A few centimetres in all, and more at cliffs, where such steps add up."""
MOST_TRIANGLES = 8192
REACH_M = 50.0
"""Terrain goes this far beyond the outlines of buildings, and on to the end of the patch."""
EMBEDDED_M = 0.05
"""Walls end this far below the terrain."""
_BORDER = 16
"""Steps round a patch that are read with it, to fill gaps from."""
_CELL = 8
"""Terrain ends where cells of so many steps have no height at all."""


class Picture(NamedTuple):
    """Pixels [height, width, 3] in sRGB, the area that they cover, and which of them know nothing."""

    pixels: NDArray[np.uint8]
    bounds: Box
    missing: NDArray[np.bool_] | None = None


class GroundSource(Protocol):
    """Heights on a lattice of nodes, and colours."""

    @property
    def step_m(self) -> float:
        """Between nodes."""
        ...

    @property
    def origin(self) -> tuple[float, float]:
        """Place of the node at column 0, row 0; rows count northwards."""
        ...

    def heights(self, column: int, row: int, columns: int, rows: int) -> F32:
        """[rows, columns] from a node on, south to north; NaN where nothing is known."""
        ...


@dataclass
class Patch:
    """A square of terrain.

    Attributes:
        place: level, column and row in the quadtree; level 0 is one patch for everything.
        west: of the square.
        heights: [SIDE + 1, SIDE + 1] what the mesh says at the nodes, south to north; where there is no mesh
            it is made up.
        nodes: (n, 2) row and column of the mesh's vertices.
        triangles: (m, 3) of them, counter-clockwise from above.
        off: metres that it is from the finest patches at most.
    """

    place: tuple[int, int, int]
    west: float
    south: float
    side: float
    heights: F64
    nodes: NDArray[np.int64]
    triangles: NDArray[np.int64]
    off: float
    children: list[Patch] = field(default_factory=list)

    @property
    def bounds(self) -> Box:
        """West, south, east, north."""
        return self.west, self.south, self.west + self.side, self.south + self.side

    def vertices(self) -> F64:
        """(n, 3) in the CRS."""
        step = self.side / SIDE
        rows, columns = self.nodes.T
        return np.column_stack(
            [self.west + step * columns, self.south + step * rows, self.heights[rows, columns]]
        )

    def rim(self) -> NDArray[np.int64]:
        """Edges (n, 2) with nothing on their right, counter-clockwise from above."""
        edges = self.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
        count = len(self.nodes)
        forth, back = edges @ (count, 1), edges @ (1, count)
        rim: NDArray[np.int64] = edges[~np.isin(forth, back)]
        return rim


class Terrain:
    """The patches round some boxes; a context, which drops what it keeps on disk. Threads may share it.

    Args:
        source: of the heights.
        boxes: (n, 4) west, south, east, north of what stands on the terrain.
    """

    def __init__(self, source: GroundSource, boxes: F64) -> None:
        self.source = source
        self._lock = threading.Lock()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._known: dict[tuple[int, int], tuple[int, Cells] | None] = {}
        self._leaves = sorted(self._touched(boxes))

    def __enter__(self) -> Terrain:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    @property
    def leaf_m(self) -> float:
        """Side of the finest patches."""
        return SIDE * self.source.step_m

    def _touched(self, boxes: F64) -> set[tuple[int, int]]:
        wide = np.asarray(boxes, np.float64).reshape(-1, 4) + np.array([-1, -1, 1, 1]) * REACH_M
        x, y = self.source.origin
        cells = np.floor((wide - (x, y, x, y)) / self.leaf_m).astype(int)
        found: set[tuple[int, int]] = set()
        for west, south, east, north in np.unique(cells, axis=0).tolist():
            found.update((i, j) for i in range(west, east + 1) for j in range(south, north + 1))
        return found

    def lowest(self, boxes: F64) -> F64:
        """How far down walls must go to end in the finest terrain: per box; NaN where there is none."""
        x, y = self.source.origin
        cells = (np.asarray(boxes, np.float64) - (x, y, x, y)) / self.source.step_m
        low, high = np.floor(cells[:, :2]), np.ceil(cells[:, 2:])
        floor = np.full(len(cells), np.nan)
        known = np.isfinite(cells).all(axis=1)
        for row in np.flatnonzero(known).tolist():
            floor[row] = self._lowest(*low[row].astype(int).tolist(), *high[row].astype(int).tolist())
        return floor - EMBEDDED_M

    def sample(self, x: ArrayLike, y: ArrayLike) -> F64:
        """Heights of the finest patches at points; NaN where there are none."""
        here = np.stack([np.asarray(x, np.float64), np.asarray(y, np.float64)], axis=-1).reshape(-1, 2)
        cells = (here - self.source.origin) / self.source.step_m
        found = np.full(len(cells), np.nan)
        known = np.flatnonzero(np.isfinite(cells).all(axis=1))
        leaves, of_leaf = np.unique(np.floor(cells[known] / SIDE).astype(int), axis=0, return_inverse=True)
        for number, (i, j) in enumerate(leaves.tolist()):
            leaf = self._leaf(i, j)
            if leaf is not None:
                rows = known[of_leaf.reshape(-1) == number]
                found[rows] = _between(leaf[1], cells[rows] - (SIDE * i, SIDE * j))
        return found

    def _lowest(self, west: int, south: int, east: int, north: int) -> float:
        lowest = np.inf
        for i in range(west // SIDE, (east - 1) // SIDE + 1):
            for j in range(south // SIDE, (north - 1) // SIDE + 1):
                leaf = self._leaf(i, j)
                if leaf is not None:
                    rows = slice(max(south - SIDE * j, 0), north - SIDE * j + 1)
                    columns = slice(max(west - SIDE * i, 0), east - SIDE * i + 1)
                    lowest = min(lowest, float(leaf[1][rows, columns].min()))
        return lowest if np.isfinite(lowest) else np.nan

    def _leaf(self, i: int, j: int) -> tuple[F64, F64, Cells] | None:
        """Heights, what the mesh makes of them, and where there is some; None where nothing is known."""
        with self._lock:
            if (i, j) not in self._known:
                self._known[i, j] = self._read(i, j)
            found = self._known[i, j]
            if found is None:
                return None
            at, cells = found
            self._file.seek(at)
            bytes_ = self._file.read(16 * (SIDE + 1) ** 2)
            heights, surface = np.frombuffer(bytes_, np.float64).reshape(2, SIDE + 1, SIDE + 1)
            return heights, surface, cells

    def _read(self, i: int, j: int) -> tuple[int, Cells] | None:
        wide = SIDE + 1 + 2 * _BORDER
        read = self.source.heights(SIDE * i - _BORDER, SIDE * j - _BORDER, wide, wide).astype(np.float64)
        own = np.s_[_BORDER : _BORDER + SIDE + 1, _BORDER : _BORDER + SIDE + 1]
        there = np.isfinite(read[own])[:SIDE, :SIDE]
        blocks = there.reshape(SIDE // _CELL, _CELL, SIDE // _CELL, _CELL)
        cells: Cells = np.asarray(blocks.any(axis=(1, 3)))
        if not cells.any():
            return None
        heights = filled(read)[own]
        self._file.seek(0, 2)
        at = self._file.tell()
        self._file.write(np.stack([heights, _meshed(heights, cells)[1]]).tobytes())
        return at, cells

    def build(self, made: Callable[[Patch], None]) -> Patch | None:
        """Make all patches and hand each to `made`, those below first; gives the top one, None without any.

        What `made` gets is whole; afterwards a patch keeps its place and its children, and no arrays.
        """
        if not self._leaves:
            return None
        first = np.array(self._leaves)
        corner = first.min(axis=0)
        levels = int(np.ceil(np.log2((first - corner).max() + 1)))
        tree = _Tree(self, levels, tuple(corner.tolist()), made)
        top = tree.patch(0, first - corner)
        return None if top is None else top.patch


def _between(nodes: F64, cells: F64) -> F64:
    """Bilinear between nodes."""
    column, row = np.minimum(np.floor(cells).astype(int), SIDE - 1).T
    u, v = cells[:, 0] - column, cells[:, 1] - row
    low = nodes[row, column] * (1 - u) + nodes[row, column + 1] * u
    high = nodes[row + 1, column] * (1 - u) + nodes[row + 1, column + 1] * u
    found: F64 = low * (1 - v) + high * v
    return found


@dataclass
class _Made:
    """A patch, its heights before meshing, where there are some, and how far those are from the finest."""

    patch: Patch
    heights: F64
    cells: Cells
    lost: float
    leaf_off: float


@dataclass
class _Tree:
    terrain: Terrain
    levels: int
    corner: tuple[int, ...]
    made: Callable[[Patch], None]

    def patch(self, level: int, leaves: NDArray[np.int64]) -> _Made | None:
        """The patch of a level over some leaves, those below made before it."""
        x, y = (leaves[0] >> (self.levels - level)).tolist()
        if level == self.levels:
            leaf = self.terrain._leaf(x + self.corner[0], y + self.corner[1])
            return None if leaf is None else self._finish((level, x, y), leaf[0], leaf[2], 0.0, [])
        below = [
            self.patch(level + 1, part) for part in _quarters(leaves >> (self.levels - level - 1), leaves)
        ]
        children = [child for child in below if child is not None]
        if not children:
            return None
        heights = np.full((SIDE + 1, SIDE + 1), np.nan)
        half, across = SIDE // 2, SIDE // _CELL // 2
        cells = np.zeros((2 * across, 2 * across), bool)
        for child in children:
            heights[_quadrant(child.patch, half, 1)] = child.heights[::2, ::2]
            pairs = child.cells.reshape(across, 2, across, 2)
            cells[_quadrant(child.patch, across, 0)] = pairs.any(axis=(1, 3))
        heights = filled(heights)
        finer, lost = rtin_finer(heights), 0.0
        for child in children:
            gap = float(np.abs(finer[_quadrant(child.patch, SIDE, 1)] - child.heights).max())
            lost = max(lost, gap + child.lost)
        return self._finish((level, x, y), heights, cells, lost, children)

    def _finish(
        self, place: tuple[int, int, int], heights: F64, cells: Cells, lost: float, children: list[_Made]
    ) -> _Made:
        errors, surface, tolerance = _meshed(heights, cells)
        nodes, triangles = _covering(*rtin_triangles(errors, tolerance), cells)
        own = float(np.abs(surface - heights).max())
        leaf_off = max([child.leaf_off for child in children], default=own)
        off = own + lost + leaf_off if children else 0.0
        off = max([off, *(child.patch.off for child in children)])
        source, (level, x, y) = self.terrain.source, place
        side = self.terrain.leaf_m * 2 ** (self.levels - level)
        west = source.origin[0] + self.terrain.leaf_m * self.corner[0] + x * side
        south = source.origin[1] + self.terrain.leaf_m * self.corner[1] + y * side
        below = [child.patch for child in children]
        patch = Patch(place, west, south, side, surface, nodes, triangles, off, below)
        self.made(patch)
        empty = np.zeros((0, 3), np.int64)
        patch.heights, patch.nodes, patch.triangles = np.zeros((0, 0)), empty[:, :2], empty
        return _Made(patch, heights, cells, lost, leaf_off)


def _quarters(parents: NDArray[np.int64], leaves: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The leaves of each patch below, by row and column."""
    keys, index = np.unique(parents[:, ::-1], axis=0, return_inverse=True)
    for number in range(len(keys)):
        yield leaves[index.reshape(-1) == number]


def _quadrant(child: Patch, half: int, more: int) -> tuple[slice, slice]:
    _, x, y = child.place
    return tuple(slice(at % 2 * half, at % 2 * half + half + more) for at in (y, x))  # type: ignore[return-value]


def _meshed(heights: F64, cells: Cells) -> tuple[F64, F64, float]:
    """Errors, the meshed surface, and the tolerance that keeps the triangles below their most."""
    # Where cells with heights meet those without the mesh has every corner, so that it can end there.
    near = np.pad(cells, 1, mode="edge").astype(np.int8)
    around = near[:-1, :-1] + near[1:, :-1] + near[:-1, 1:] + near[1:, 1:]
    wanted = np.zeros(heights.shape, bool)
    wanted[::_CELL, ::_CELL] = (around > 0) & (around < 4)
    errors = rtin_errors(heights, wanted)
    finite = np.where(np.isfinite(errors), errors, 0.0).reshape(-1)
    most = MOST_TRIANGLES // 2
    tolerance = max(TOLERANCE_M, float(np.partition(finite, -most)[-most]))
    return errors, rtin_surface(heights, errors, tolerance), tolerance


def _covering(
    nodes: NDArray[np.int64], triangles: NDArray[np.int64], cells: Cells
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What lies in cells with heights; no triangle lies in two kinds."""
    middle = nodes[triangles].mean(axis=1)
    rows, columns = (middle // _CELL).astype(int).T
    kept = triangles[cells[rows, columns]]
    used, index = np.unique(kept, return_inverse=True)
    return nodes[used], index.reshape(-1, 3)


def filled(z: F64) -> F64:
    """NaN from around: means of twice the step, and so on, as far as it takes."""
    gaps = ~np.isfinite(z)
    if not gaps.any() or gaps.all():
        return z
    rows, columns = (size + size % 2 for size in z.shape)
    wide = np.full((rows, columns), np.nan)
    wide[: z.shape[0], : z.shape[1]] = z
    blocks = wide.reshape(rows // 2, 2, columns // 2, 2)
    there = np.isfinite(blocks).sum(axis=(1, 3))
    total = np.where(np.isfinite(blocks), blocks, 0.0).sum(axis=(1, 3))
    coarse = filled(np.where(there > 0, total / np.maximum(there, 1), np.nan))
    guess = np.repeat(np.repeat(coarse, 2, axis=0), 2, axis=1)[: z.shape[0], : z.shape[1]]
    return np.where(gaps, guess, z)
