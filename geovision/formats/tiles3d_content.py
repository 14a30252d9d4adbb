"""The content of tiles: GLBs of solids in the tile's own frame, and what is known of how far they are off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geovision import _kernel
from geovision.errors import InputError
from geovision.formats.atlas import PhotoSource, make_atlas
from geovision.formats.atomic import atomic_write
from geovision.formats.glb import STEP_EXPONENT
from geovision.formats.gltf_json import gltf_json
from geovision.formats.gltf_parts import make_parts
from geovision.formats.gltf_skin import TEXTURE_M, SkinSettings, make_skin
from geovision.formats.pictures import jpeg
from geovision.formats.tiles3d_place import Frame, Globe, fit_frame
from geovision.formats.tiles3d_schema import TileSchema
from geovision.formats.tiles3d_spool import Batch, plan_boxes
from geovision.mesh.compile import mesh
from geovision.mesh.elements import Elements
from geovision.mesh.foundations import with_foundations
from geovision.mesh.looks import FaceLooks
from geovision.mesh.solids import Failure, Solids
from geovision.mesh.textures import Finish
from geovision.mesh.walls import Walls
from geovision.model.labels import Label, Status
from geovision.model.table import ProgramTable

__all__ = ["TEXEL_ERROR", "Box", "ContentWriter", "Dresser", "Tile", "TileFacades", "box_of"]

Floats = NDArray[np.float64]

_SLACK_M = 1e-4
"""Boxes are this much larger than what is in them, for readers that compute in float32."""

FINE_PIXELS, COARSE_PIXELS = 2048, 1024
"""Sides of the roofs' photo in leaves and above."""

TEXEL_ERROR = 16.0
"""A photo is called this many of its pixels off: a client that lets errors of 16 pixels stand, as most do,
then shows about one of the photo's on one of the screen's."""

FACADE_ERROR_M = 3.0
"""What a building without its windows is called off: about a storey."""

_SMALL_PART_M2 = 10.0
"""LoD 1.1 leaves smaller parts out."""


@dataclass(frozen=True)
class Box:
    """An oriented box in the root's frame: its middle, and three half axes as rows."""

    centre: Floats
    axes: Floats

    def corners(self) -> Floats:
        """The eight corners (8, 3)."""
        signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8).T
        corners: Floats = self.centre + signs @ self.axes
        return corners

    def numbers(self) -> list[float]:
        """The twelve numbers of a bounding volume."""
        # A box of a hundred kilometres and a few metres of height turns with the ninth decimal.
        result: list[float] = np.round(np.concatenate([self.centre, self.axes.reshape(-1)]), 9).tolist()
        return result


@dataclass(frozen=True)
class TileFacades:
    """The buildings of a tile at LoD 3.

    Attributes:
        lod: what they are called.
        solids: with openings as geometry; None where these are instances before walls that stay whole.
        instances: whole solids, their walls, and what stands before them.
    """

    lod: str
    solids: Solids | None = None
    instances: tuple[Solids, Walls, Elements] | None = None


class Dresser(Protocol):
    """What buildings look like. Called by several threads; a building may not depend on its tile."""

    def looks(self, table: ProgramTable, solids: Solids) -> FaceLooks:
        """Finish and colour of every face of solids of these programs, at any level of detail.

        The solids may be those that `facades` gave, with foundations.
        """
        ...

    def facades(self, table: ProgramTable, solids: Solids) -> TileFacades | None:
        """Their facades, from solids with polygons; None where there are none."""
        ...


@dataclass
class Tile:
    """A tile that was written.

    Attributes:
        error: how far its content is from the finest, in metres: 0 for a leaf.
        box: holds its content and that of all tiles below; None where nothing is left of it.
        content: whether it has a GLB of its own.
    """

    name: str
    error: float = 0.0
    box: Box | None = None
    content: bool = False
    children: list[Tile] = field(default_factory=list)
    finer: Tile | None = None
    """A leaf's own buildings with their facades."""
    suffix: str = ""
    """Behind the name of its content."""

    @property
    def place(self) -> tuple[int, int, int]:
        """Level, column and row."""
        level, x, y = map(int, self.name.split("/"))
        return level, x, y

    def walk(self) -> Iterator[Tile]:
        """This tile and all below."""
        yield self
        if self.finer is not None:
            yield self.finer
        for child in self.children:
            yield from child.walk()


@dataclass
class Kept:
    """Buildings that a coarser tile may show, with what tells how far it is then off.

    Attributes:
        boxes: (n, 6) lowest and highest corner of the finest solid, in the CRS.
        roof: height of the lowest corner of a roof.
    """

    batch: Batch
    boxes: Floats
    roof: Floats

    def take(self, rows: NDArray[np.int64]) -> Kept:
        """The given rows."""
        return Kept(self.batch.take(rows), self.boxes[rows], self.roof[rows])

    @property
    def size(self) -> Floats:
        """Diagonals of the boxes: how far a tile is off that leaves the building out."""
        diagonal: Floats = np.linalg.norm(self.boxes[:, 3:] - self.boxes[:, :3], axis=1)
        return diagonal

    @staticmethod
    def concat(pieces: Sequence[Kept]) -> Kept:
        """All rows of several."""
        return Kept(
            Batch.concat([piece.batch for piece in pieces]),
            np.concatenate([piece.boxes for piece in pieces]),
            np.concatenate([piece.roof for piece in pieces]),
        )


@dataclass(frozen=True)
class ContentWriter:
    """Writes the GLBs of a tileset into `folder`/content. May be used by several threads."""

    folder: Path
    globe: Globe
    root: Floats
    schema: TileSchema
    lods: tuple[str, str]
    compress: bool
    most: int
    floor: Callable[[Floats], Floats] | None = None
    photo: PhotoSource | None = None
    dresser: Dresser | None = None
    skin: SkinSettings | None = None
    finishes: set[Finish] = field(default_factory=set)
    """Of all tiles that were written; their pictures lie beside the tiles."""

    def leaf(self, name: str, batch: Batch) -> tuple[Tile, Kept | None, list[Failure]]:
        """Write the finest tile of some buildings; those without a solid are left out and listed."""
        solids = self._solids(batch.table, self.lods[1])
        failures = list(solids.failures)
        built = _built(solids)
        if not len(built):
            return Tile(name), None, failures
        if len(built) < len(batch):
            batch = batch.take(built)
            solids = self._solids(batch.table, self.lods[1])
        boxes = _boxes(solids)
        kept = Kept(batch, boxes, _lowest_roofs(solids, boxes[:, 5]))
        box, _ = self._write(name, kept, solids, self.lods[1], FINE_PIXELS)
        tile = Tile(name, 0.0, box, content=True)
        if self.dresser is not None:
            tile.finer = self._finer(name, kept)
        if tile.finer is not None and tile.finer.box is not None:
            tile.error = FACADE_ERROR_M
            tile.box = self._around(kept, [box, tile.finer.box])
        return tile, kept, failures

    def _finer(self, name: str, kept: Kept) -> Tile | None:
        """The buildings of a leaf with their facades; None where there is nothing on their walls."""
        assert self.dresser is not None
        table = kept.batch.table
        plain = mesh(table, lod=self.lods[1], threads=1, on_error="record")
        facades = self.dresser.facades(table, plain)
        if facades is None:
            return None
        shown = facades.solids if facades.instances is None else facades.instances[0]
        lower = self._lowered(table, plain if shown is None else shown)
        suffix = ".facades"
        box, _ = self._write(name + suffix, kept, lower, facades.lod, FINE_PIXELS, facades)
        return Tile(name, 0.0, box, content=True, suffix=suffix)

    def inner(self, name: str, tiles: Sequence[Tile], kept: Sequence[Kept]) -> tuple[Tile, Kept]:
        """Write the coarse tile above others: over leaves with all buildings, else with the largest."""
        error = max(tile.error for tile in tiles)
        over_leaves = not any(tile.children for tile in tiles)
        shown, left_out = _largest(Kept.concat(kept), (4 if over_leaves else 2) * self.most)
        solids = self._solids(shown.batch.table, self.lods[0])
        built = _built(solids)
        missing = np.setdiff1d(np.arange(len(shown.roof)), built)
        error = max(error, left_out, float(shown.size[missing].max(initial=0.0)))
        boxes = [tile.box for tile in tiles if tile.box is not None]
        tile = Tile(name, error, None, content=len(built) > 0, children=list(tiles))
        if len(built):
            drawn = shown
            if len(missing):
                drawn = shown.take(built)
                solids = self._solids(drawn.batch.table, self.lods[0])
            box, texel = self._write(name, drawn, solids, self.lods[0], COARSE_PIXELS)
            tile.error = max(error, float(_deviation(drawn, solids).max()), TEXEL_ERROR * texel)
            boxes.append(box)
        tile.box = self._around(shown, boxes)
        return tile, shown

    def above(self, name: str, below: Tile) -> Tile:
        """A tile without content over the only one below it."""
        return Tile(name, below.error, below.box, content=False, children=[below])

    def _solids(self, table: ProgramTable, lod: str) -> Solids:
        return self._lowered(table, mesh(table, lod=lod, threads=1, on_error="record", polygons=False))

    def _lowered(self, table: ProgramTable, solids: Solids) -> Solids:
        return solids if self.floor is None else with_foundations(solids, self.floor(plan_boxes(table)))

    def _write(
        self,
        name: str,
        kept: Kept,
        solids: Solids,
        lod: str,
        pixels: int,
        facades: TileFacades | None = None,
    ) -> tuple[Box, float]:
        """Write a content; gives its box, and the size of its photo's pixels in metres, 0 without one."""
        atlas = None if self.photo is None else make_atlas(solids.arrays(), self.photo, pixels)
        photo = b"" if atlas is None else jpeg(atlas.pixels)
        count = len(kept.roof)
        columns = self.schema.encode(kept.batch.columns, count)
        boxes = _boxes(solids)
        frame = fit_frame(self.globe, boxes[:, :3].min(axis=0), boxes[:, 3:].max(axis=0))
        matrix = frame.within(self.root)
        node = {"matrix": matrix.T.reshape(-1).tolist()}
        groups: list[Mapping[str, Any]] = []
        step = STEP_EXPONENT if self.compress else None
        skin = None
        if self.dresser is not None:
            looks = self.dresser.looks(kept.batch.table, solids)
            on_roofs = None if atlas is None else atlas.on_roofs(solids.arrays())
            skin = make_skin(solids.face_label, looks, self.skin or SkinSettings(), on_roofs)
            self.finishes.update(skin.finishes())
        parts = None
        if facades is not None and facades.instances is not None:
            if frame.smooth is None:
                raise InputError(
                    f"tile {name}",
                    f"reaches so far in {self.globe.name} that small meshes cannot be placed in it",
                    "Cut facades into the walls (--lod3 full), or give the CRS of the place",
                )
            whole, walls, elements = facades.instances
            parts = make_parts(whole.arrays(), walls, elements, frame=frame.smooth, compress=step, threads=1)

        def header(layout: Mapping[str, Any]) -> str:
            groups[:] = layout["groups"]
            extras = {"crs": self.globe.name, "lod": lod}
            return gltf_json(layout, columns, count, node, extras, photo=len(photo), skin=skin, parts=parts)

        arrays = solids.arrays() if frame.smooth else _placed(solids, self.globe, frame)
        if atlas is not None:
            arrays = {**arrays, "uv": atlas.uv}
        buffers = [buffer for column in columns.values() for buffer in column.buffers.values()]
        if parts is not None:
            buffers += parts.buffers
        if skin is not None:
            arrays = {**arrays, **skin.arrays}
            buffers += skin.buffers
        if photo:
            buffers.append(photo)
        data = _kernel.pack_glb(
            arrays,
            (0.0, 0.0, 0.0),
            tuple(range(len(Label))),
            buffers,
            header,
            threads=1,
            frame=frame.smooth,
            compress=step,
            metre_groups=() if skin is None else skin.metre_groups,
            texture_m=TEXTURE_M,
            photo_groups=() if skin is None else skin.photo_groups,
        )
        path = self.folder / "content" / f"{name}.glb"
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(data)
        low = np.min([group["min"] for group in groups], axis=0)
        high = np.max([group["max"] for group in groups], axis=0)
        if parts is not None and parts.found["count"]:
            low, high = np.minimum(low, parts.found["min"]), np.maximum(high, parts.found["max"])
        return box_of(matrix, low, high), 0.0 if atlas is None else atlas.cell_m

    def _around(self, kept: Kept, boxes: Sequence[Box]) -> Box:
        """The box of boxes, upright in the middle of the buildings."""
        middle = (kept.boxes[:, :3].min(axis=0) + kept.boxes[:, 3:].max(axis=0)) / 2
        matrix = Frame(self.globe.east_north_up(middle), None).within(self.root)
        corners = np.concatenate([box.corners() for box in boxes])
        local = (corners - matrix[:3, 3]) @ matrix[:3, :3]
        return box_of(matrix, local.min(axis=0), local.max(axis=0), 1e-6)


def box_of(matrix: Floats, low: Floats, high: Floats, slack: float = _SLACK_M) -> Box:
    """The box between two corners of a frame; `matrix` takes that to the root's."""
    centre = matrix[:3, :3] @ ((low + high) / 2) + matrix[:3, 3]
    return Box(centre, (matrix[:3, :3] * ((high - low) / 2 + slack)).T)


def _built(solids: Solids) -> NDArray[np.int64]:
    return np.flatnonzero((solids.status == Status.OK) & (np.diff(solids.triangle_offsets) > 0))


def _boxes(solids: Solids) -> Floats:
    """Lowest and highest corner of every building (n, 6); all of them have vertices."""
    starts = solids.vertex_offsets[:-1]
    vertices = solids.vertices.reshape(-1, 3)
    low, high = np.minimum.reduceat(vertices, starts), np.maximum.reduceat(vertices, starts)
    return np.hstack([solids.origin + solids.grid * low, solids.origin + solids.grid * high])


def _lowest_roofs(solids: Solids, top: Floats) -> Floats:
    """Height of the lowest corner of a roof of every building; the top where nothing is called a roof."""
    count = len(solids)
    owner = np.repeat(np.arange(count), np.diff(solids.triangle_offsets))
    label = solids.face_label[solids.triangle_face + solids.face_offsets[owner]]
    roof = np.flatnonzero(label == Label.ROOF)
    corners = solids.triangles.reshape(-1, 3)[roof] + solids.vertex_offsets[owner[roof]][:, None]
    lowest = top.copy()
    if len(roof):
        heights = solids.vertices.reshape(-1, 3)[corners, 2].min(axis=1)
        starts = np.flatnonzero(np.diff(owner[roof], prepend=-1))
        owners = owner[roof][starts]
        lowest[owners] = solids.origin[owners, 2] + solids.grid * np.minimum.reduceat(heights, starts)
    return lowest


def _largest(kept: Kept, most: int) -> tuple[Kept, float]:
    """The largest buildings in the order that they have, and the size of the largest left out."""
    count = len(kept.roof)
    if count <= most:
        return kept, 0.0
    order = np.argsort(-kept.size, kind="stable")
    return kept.take(np.sort(order[:most])), float(kept.size[order[most]])


def _deviation(kept: Kept, coarse: Solids) -> Floats:
    """How far the surface of each coarse solid is from the finest at most, in metres.

    A coarse solid is one block or several: roofs differ by heights, parts that were left out by their
    size, overhangs and such by the difference of the boxes, and what has air below by its height.
    """
    boxes = _boxes(coarse)
    top = boxes[:, 5]
    off = np.maximum(np.abs(kept.boxes[:, 5] - top), np.abs(top - kept.roof))
    off = np.maximum(off, np.abs(kept.boxes - boxes).max(axis=1))
    table = kept.batch.table
    off = np.maximum(off, np.maximum.reduceat(table.base, table.part_offsets[:-1]))
    most: Floats = np.maximum(off, np.maximum.reduceat(_small_parts(table), table.part_offsets[:-1]))
    return most


def _small_parts(table: ProgramTable) -> Floats:
    """Plan diagonal of the parts that LoD 1.1 leaves out, 0 for the others."""
    ring = np.repeat(np.arange(len(table.vertex_offsets) - 1), np.diff(table.vertex_offsets))
    points = table.xy - table.xy[table.vertex_offsets[ring]]
    following = np.arange(1, len(ring) + 1)
    last = table.vertex_offsets[1:][np.diff(table.vertex_offsets) > 0] - 1
    following[last] = table.vertex_offsets[ring[last]]
    cross = points[:, 0] * points[following, 1] - points[following, 0] * points[:, 1]
    area = np.abs(np.bincount(ring, cross, len(table.vertex_offsets) - 1)) / 2
    parts = len(table.roof_kind)
    part = np.repeat(np.arange(parts), np.diff(table.ring_offsets))
    hole = np.arange(len(part)) != table.ring_offsets[part]
    small = np.bincount(part, np.where(hole, -area, area), parts) < _SMALL_PART_M2 * 1.01
    diagonal = np.zeros(parts)
    for row in np.flatnonzero(small).tolist():
        first, end = table.vertex_offsets[table.ring_offsets[row : row + 2]]
        if first < end:
            diagonal[row] = np.linalg.norm(np.ptp(table.xy[first:end], axis=0))
    return diagonal


def _placed(solids: Solids, globe: Globe, frame: Frame) -> dict[str, Any]:
    """The arrays with every vertex put through PROJ, as tenths of a millimetre in the frame."""
    owner = np.repeat(np.arange(len(solids)), np.diff(solids.vertex_offsets))
    world = solids.origin[owner] + solids.grid * solids.vertices.reshape(-1, 3)
    local = np.concatenate(
        [frame.to_frame(globe.ecef(world[row : row + 65536])) for row in range(0, len(world), 65536)]
    )
    grid = 1e-4
    return {
        **solids.arrays(),
        "grid": grid,
        "origin": np.zeros((len(solids), 3)),
        "vertices": np.rint(local / grid).astype(np.int32),
    }
