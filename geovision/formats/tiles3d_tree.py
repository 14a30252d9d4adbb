"""The quadtree of a tileset: which buildings a tile holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Node", "Square", "morton_codes", "plan_tree"]

MAX_LEVEL = 20
"""Cells of the deepest level are a millionth of the scene wide."""

LEAF_SIDE_M = 2000.0
"""No leaf is wider, so that float32 positions in its frame are exact to a tenth of a millimetre."""


@dataclass(frozen=True)
class Square:
    """The plan square that is divided, in the frame of the tileset's root."""

    west: float
    south: float
    side: float


@dataclass
class Node:
    """A cell, the range of buildings in it in Morton order, and the cells that it is divided into."""

    level: int
    x: int
    y: int
    begin: int
    end: int
    children: list[Node] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Level, column and row, as in the names of files."""
        return f"{self.level}/{self.x}/{self.y}"

    def walk(self) -> Iterator[Node]:
        """All cells from here down, children before their parents."""
        for child in self.children:
            yield from child.walk()
        yield self


def morton_codes(points: NDArray[np.float64], square: Square) -> NDArray[np.uint64]:
    """Places of points (n, 2) along the Z-curve of the deepest level; two bits a level, row before column."""
    cells = (points - (square.west, square.south)) * (2**MAX_LEVEL / square.side)
    whole = np.clip(cells, 0, 2**MAX_LEVEL - 1).astype(np.uint64)
    return _spread(whole[:, 0]) | _spread(whole[:, 1]) << np.uint64(1)


def _spread(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A zero bit behind every bit."""
    for shift, mask in ((16, 0x0000FFFF0000FFFF), (8, 0x00FF00FF00FF00FF), (4, 0x0F0F0F0F0F0F0F0F)):
        value = (value | value << np.uint64(shift)) & np.uint64(mask)
    value = (value | value << np.uint64(2)) & np.uint64(0x3333333333333333)
    result: NDArray[np.uint64] = (value | value << np.uint64(1)) & np.uint64(0x5555555555555555)
    return result


def plan_tree(codes: NDArray[np.uint64], square: Square, most: int) -> Node:
    """Divide sorted codes until a cell has at most `most` buildings; the root is always divided once."""
    root = Node(0, 0, 0, 0, len(codes))
    open_nodes = [root]
    while open_nodes:
        node = open_nodes.pop()
        small = node.end - node.begin <= most and square.side / 2**node.level <= LEAF_SIDE_M
        if node.level == MAX_LEVEL or (small and node.level > 0):
            continue
        base = (codes[node.begin] >> np.uint64(2 * (MAX_LEVEL - node.level))) << np.uint64(2)
        shift = np.uint64(2 * (MAX_LEVEL - node.level - 1))
        edges = [base + np.uint64(quarter) << shift for quarter in range(1, 4)]
        cuts = np.searchsorted(codes[node.begin : node.end], np.array(edges, np.uint64)) + node.begin
        bounds = [node.begin, *cuts.tolist(), node.end]
        for quarter in range(4):
            begin, end = bounds[quarter], bounds[quarter + 1]
            if begin < end:
                x, y = 2 * node.x + quarter % 2, 2 * node.y + quarter // 2
                node.children.append(Node(node.level + 1, x, y, begin, end))
        open_nodes += node.children
    return root
