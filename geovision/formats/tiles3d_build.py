"""From programs on disk to the tiles of a tileset: plans the quadtree, and has its tiles written."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.formats.atlas import PhotoSource
from geovision.formats.atomic import atomic_write
from geovision.formats.gltf_skin import SkinSettings, texture_files
from geovision.formats.tiles3d_content import ContentWriter, Dresser, Kept, Tile
from geovision.formats.tiles3d_place import Globe
from geovision.formats.tiles3d_schema import TileSchema
from geovision.formats.tiles3d_spool import Batch, Spool, runs
from geovision.formats.tiles3d_tree import Node, Square, morton_codes, plan_tree
from geovision.mesh.compile import mesh
from geovision.mesh.solids import Failure
from geovision.mesh.textures import Finish

__all__ = ["MATERIALS", "Built", "TileBuilder"]

Floats = NDArray[np.float64]
Done = tuple[Tile, Kept | None, list[Failure]]

_RUN = 65_536
"""Buildings that are read from disk at a time."""

_LEAST_ERROR_M = 0.1
"""Coarse tiles are never called nearer to the truth, so that a viewer who is close enough gets the finest."""

_LEAST_SIDE_M = 16.0

MATERIALS = "materials"
"""Folder of the pictures that all tiles share."""


@dataclass
class Built:
    """What came out: the tree of tiles, and where its root stands.

    Attributes:
        matrix: (4, 4), from the root's frame to earth-centred coordinates.
        square: the plan square that the quadtree divides, in the root's frame.
        error: how far nothing at all is from the finest, in metres.
    """

    root: Tile
    matrix: Floats
    square: Square
    error: float
    levels: int
    buildings: int
    failed: list[str]

    @property
    def tiles(self) -> list[Tile]:
        """All tiles."""
        return list(self.root.walk())


@dataclass
class TileBuilder:
    """Settings of a tileset; `build` writes its content."""

    folder: Path
    globe: Globe
    schema: TileSchema
    lods: tuple[str, str]
    compress: bool
    most: int
    workers: int
    progress: Callable[[int, int], None] | None
    floor: Callable[[Floats], Floats] | None = None
    photo: PhotoSource | None = None
    dresser: Dresser | None = None
    skin: SkinSettings | None = None

    def build(self, spool: Spool) -> Built:
        """Write all tiles of the programs in `spool`."""
        rows, places, failed = self._placed(spool)
        if not len(rows):
            return Built(Tile("0/0/0"), np.eye(4), Square(0, 0, 1), 0.0, 0, 0, failed)
        matrix = self._root(spool.boxes[rows], spool.ground[rows])
        points = ((places - matrix[:3, 3]) @ matrix[:3, :3])[:, :2]
        square = _square(points, spool.boxes[rows])
        codes = morton_codes(points, square)
        # Along the curve; what stands at one place, by its id. The order of what came in may not show.
        order = np.lexsort((spool.sums[rows], points[:, 1], points[:, 0], codes))
        tree = plan_tree(codes[order], square, self.most)
        writer = ContentWriter(
            self.folder,
            self.globe,
            matrix,
            self.schema,
            self.lods,
            self.compress,
            self.most,
            self.floor,
            self.photo,
            self.dresser,
            self.skin,
        )
        work = _Work(writer, spool, rows[order], self.workers, self.progress)
        root = work.run(tree)
        failed += work.failed
        if self.skin is not None and writer.finishes:
            self._write_textures(self.skin, sorted(writer.finishes))
        levels = 1 + max(tile.place[0] for tile in root.walk())
        return Built(
            root, matrix, square, max(root.error, work.largest), levels, len(rows) - len(work.failed), failed
        )

    def _write_textures(self, skin: SkinSettings, finishes: list[Finish]) -> None:
        """Once for all tiles, which name them."""
        folder = self.folder / MATERIALS
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in texture_files(finishes, skin).items():
            with atomic_write(folder / name) as file:
                file.write(data)

    def _placed(self, spool: Spool) -> tuple[NDArray[np.int64], Floats, list[str]]:
        """Rows of the buildings that have a place on the globe, that place, and why the others have none.

        The place is that of the middle of the outline, on the ground.
        """
        boxes = spool.boxes
        points = np.column_stack([(boxes[:, :2] + boxes[:, 2:]) / 2, spool.ground])
        places = np.full((len(points), 3), np.nan)
        known = np.flatnonzero(np.isfinite(points).all(axis=1))
        for first in range(0, len(known), _RUN):
            some = known[first : first + _RUN]
            places[some] = self.globe.ecef(points[some])
        good = np.isfinite(places).all(axis=1)
        lost = known[~good[known]]
        if len(lost) and not good.any():
            raise InputError(
                "coordinates", f"lie where {self.globe.name} has no place on the globe", "Give their own CRS"
            )
        beyond = f"lies where {self.globe.name} has no place on the globe. Check its coordinates."
        failed = [f"building {name!r}: {beyond}" for name in _ids(spool, lost)]
        odd = np.setdiff1d(np.arange(len(points)), known)
        for first in range(0, len(odd), _RUN):
            table = spool.gather(odd[first : first + _RUN]).table
            solids = mesh(table, lod=self.lods[0], threads=1, on_error="record", polygons=False)
            failed += [_sentence(failure) for failure in solids.failures]
        return np.flatnonzero(good), places[good], failed

    def _root(self, boxes: Floats, ground: Floats) -> Floats:
        """The frame of the root: in the middle of everything, on the lowest ground."""
        middle = (boxes[:, :2].min(axis=0) + boxes[:, 2:].max(axis=0)) / 2
        return self.globe.east_north_up(np.array([*middle, np.floor(ground.min())]))


def _ids(spool: Spool, rows: NDArray[np.int64]) -> list[str]:
    return spool.gather(rows).table.ids if len(rows) else []


def _sentence(failure: Failure) -> str:
    return f"building {failure.id!r}: {failure.message}"


def _square(points: Floats, boxes: Floats) -> Square:
    """A square round everything: outlines reach half their diagonal beyond their middle."""
    reach = 1.0 + float(np.hypot(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]).max()) / 2
    low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
    side = max(float((high - low).max()), _LEAST_SIDE_M)
    west, south = ((low + high - side) / 2).tolist()
    return Square(west, south, side)


class _AtOnce(Executor):
    """Does what it is given when it is given: one worker needs no thread of its own."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The result, or the error, of the call."""
        future: Future[Any] = Future()
        future.set_result(call(*args, **kwargs))
        return future


class _Work:
    """Has the tiles of a tree written by workers, children before their parents."""

    def __init__(
        self,
        writer: ContentWriter,
        spool: Spool,
        rows: NDArray[np.int64],
        workers: int,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.failed: list[str] = []
        self.largest = 0.0
        self._writer = writer
        self._spool = spool
        self._rows = rows
        self._workers = workers
        self._progress = progress
        self._done = 0

    def run(self, tree: Node) -> Tile:
        """Write everything; gives the root."""
        batches = self._batches([node for node in tree.walk() if not node.children])
        futures: dict[str, Future[Done]] = {}
        waiting: deque[tuple[Node, Future[Done]]] = deque()
        with _AtOnce() if self._workers == 1 else ThreadPoolExecutor(self._workers) as pool:
            try:
                for node in tree.walk():
                    # A tile waits for tiles that were given out before it, so some worker is never idle.
                    if node.children:
                        below = [futures.pop(child.name) for child in node.children]
                        future = pool.submit(self._inner, node.name, below)
                    else:
                        future = pool.submit(self._leaf, node.name, next(batches))
                    futures[node.name] = future
                    waiting.append((node, future))
                    if len(waiting) > 2 * self._workers:
                        self._finish(*waiting.popleft())
                while waiting:
                    self._finish(*waiting.popleft())
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return futures[tree.name].result()[0]

    def _batches(self, leaves: list[Node]) -> Iterator[Batch]:
        """The programs of one leaf after another; those of many are read at once."""
        for first, last in runs([leaf.end - leaf.begin for leaf in leaves], _RUN):
            begin = leaves[first].begin
            batch = self._spool.gather(self._rows[begin : leaves[last - 1].end])
            for leaf in leaves[first:last]:
                yield batch.slice(leaf.begin - begin, leaf.end - begin)

    def _leaf(self, name: str, batch: Batch) -> Done:
        return self._writer.leaf(name, batch)

    def _inner(self, name: str, below: list[Future[Done]]) -> Done:
        done = [future.result() for future in below]
        tiles = [tile for tile, _, _ in done if tile.box is not None]
        kept = [kept for _, kept, _ in done if kept is not None]
        if not tiles:
            return Tile(name), None, []
        if len(tiles) == 1 and tiles[0].children:
            return self._writer.above(name, tiles[0]), kept[0], []
        tile, shown = self._writer.inner(name, tiles, kept)
        tile.error = max(tile.error, _LEAST_ERROR_M)
        return tile, shown, []

    def _finish(self, node: Node, future: Future[Done]) -> None:
        _, kept, failures = future.result()
        self.failed += [_sentence(failure) for failure in failures]
        if node.children:
            return
        if kept is not None:
            self.largest = max(self.largest, float(kept.size.max()))
        self._done += node.end - node.begin
        if self._progress is not None:
            self._progress(self._done, len(self._rows))
