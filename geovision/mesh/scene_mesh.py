"""`SceneMesh`: all that a sensor can see of an area, in one local frame.

Buildings and things are one indexed mesh; the terrain is a grid of heights; what lies flat on it (streets,
gardens, water, markings) is painted onto it as polygons; trees are crowns with a shape of their own, which a
laser pulse can pass through. `build_scene_mesh` joins them for the sensors to look at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geovision.errors import InputError
from geovision.mesh.window import Window

__all__ = ["Cover", "SceneMesh", "Terrain", "Trees", "Triangles", "build_scene_mesh"]

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Triangles:
    """One indexed mesh in world coordinates, with what each triangle is; z is up.

    Triangles that share an edge should share its vertices: ridges, valleys and eaves are found that way.
    """

    vertices: F64
    """[n, 3]"""
    triangles: NDArray[np.int32]
    """[m, 3], counter-clockwise from outside."""
    label: NDArray[np.uint8]
    """[m] `model.labels.Label` or `SceneLabel`."""
    material: NDArray[np.uint8]
    """[m] `Material`."""
    colour: NDArray[np.uint8]
    """[m, 3] sRGB."""
    building: NDArray[np.int32]
    """[m] row of the building, -1 for what is no building."""
    part: NDArray[np.int32]
    """[m] part within the building, -1 for none."""
    surface: NDArray[np.int32]
    """[m] id of the roof plane or other surface, unique in the scene; -1 for none. Facets of a curved roof
    share one."""
    roof_kind: NDArray[np.uint8]
    """[m] `model.kinds.RoofKind` of the part, 255 for none."""

    def __post_init__(self) -> None:
        widths = {"vertices": 3, "triangles": 3, "colour": 3}
        for item in fields(self):
            _check_column("triangles", item.name, getattr(self, item.name), widths.get(item.name))
        count = len(self.triangles)
        for item in fields(self)[2:]:
            if len(getattr(self, item.name)) != count:
                raise InputError(
                    f"triangles: {item.name}",
                    f"has {len(getattr(self, item.name))} entries for {count} triangles",
                    "Give one a triangle",
                )
        if count and not 0 <= int(self.triangles.min()) <= int(self.triangles.max()) < len(self.vertices):
            raise InputError("triangles", "name a vertex that is not there", "Number vertices from 0")

    def __len__(self) -> int:
        return len(self.triangles)

    @classmethod
    def uniform(
        cls,
        vertices: ArrayLike,
        triangles: ArrayLike,
        *,
        label: ArrayLike,
        material: ArrayLike,
        colour: ArrayLike,
        building: ArrayLike = -1,
        part: ArrayLike = -1,
        surface: ArrayLike = -1,
        roof_kind: ArrayLike = 255,
    ) -> Triangles:
        """Triangles from arrays or from single values, which then hold for all of them.

        >>> square = [[0, 0, 1], [2, 0, 1], [2, 2, 1], [0, 2, 1]]
        >>> slab = Triangles.uniform(
        ...     square, [[0, 1, 2], [0, 2, 3]], label=19, material=0, colour=(90, 90, 90))
        >>> len(slab), slab.label.tolist()
        (2, [19, 19])
        """
        index = np.ascontiguousarray(triangles, np.int32).reshape(-1, 3)
        count = len(index)
        column = {
            "label": (label, np.uint8),
            "material": (material, np.uint8),
            "building": (building, np.int32),
            "part": (part, np.int32),
            "surface": (surface, np.int32),
            "roof_kind": (roof_kind, np.uint8),
        }
        return cls(
            vertices=np.ascontiguousarray(vertices, np.float64).reshape(-1, 3),
            triangles=index,
            colour=np.ascontiguousarray(np.broadcast_to(np.asarray(colour, np.uint8), (count, 3))),
            **{
                name: np.ascontiguousarray(np.broadcast_to(np.asarray(value, kind), count))
                for name, (value, kind) in column.items()
            },
        )

    @classmethod
    def empty(cls) -> Triangles:
        """No triangles."""
        return cls.uniform(np.zeros((0, 3)), np.zeros((0, 3)), label=0, material=0, colour=(0, 0, 0))

    @classmethod
    def join(cls, pieces: Sequence[Triangles]) -> Triangles:
        """All pieces as one mesh; ids of buildings and surfaces stay what they are."""
        if not pieces:
            return cls.empty()
        starts = np.cumsum([0] + [len(piece.vertices) for piece in pieces[:-1]])
        columns = {
            item.name: np.concatenate([getattr(piece, item.name) for piece in pieces]) for item in fields(cls)
        }
        columns["triangles"] = np.concatenate(
            [piece.triangles + np.int32(start) for piece, start in zip(pieces, starts, strict=True)]
        )
        return cls(**columns)


@dataclass(frozen=True)
class Terrain:
    """Bare ground: heights at the nodes of a grid, bilinear between them; flat on beyond its border."""

    left: float
    """x of the western column of nodes."""
    top: float
    """y of the northern row of nodes."""
    cell_m: float
    """Distance between nodes."""
    z: NDArray[np.float32]
    """[rows, columns], row 0 in the north."""
    material: int = 16
    """`Material` where no cover lies: grass unless it says otherwise."""
    colour: tuple[int, int, int] = (98, 116, 70)

    def __post_init__(self) -> None:
        z = np.asarray(self.z)
        if z.ndim != 2 or min(z.shape) < 2 or not np.isfinite(z).all():
            raise InputError(
                f"terrain of shape {z.shape}", "is no grid of finite heights", "Give at least 2 x 2 nodes"
            )
        if not (np.isfinite([self.left, self.top, self.cell_m]).all() and self.cell_m > 0):
            raise InputError(
                "terrain", "has no place or no cell size", "Give finite left and top and cell_m above 0"
            )

    def sample(self, x: ArrayLike, y: ArrayLike) -> F64:
        """Height of the ground at points.

        >>> ramp = Terrain(0.0, 10.0, 10.0, np.array([[0, 1], [0, 1]], np.float32))
        >>> ramp.sample([2.5, 20.0], [5.0, 5.0]).tolist()
        [0.25, 1.0]
        """
        z = np.asarray(self.z, np.float64)
        column = np.clip((np.asarray(x, np.float64) - self.left) / self.cell_m, 0, z.shape[1] - 1)
        row = np.clip((self.top - np.asarray(y, np.float64)) / self.cell_m, 0, z.shape[0] - 1)
        c = np.minimum(column.astype(np.int64), z.shape[1] - 2)
        r = np.minimum(row.astype(np.int64), z.shape[0] - 2)
        u, v = column - c, row - r
        north = z[r, c] * (1 - u) + z[r, c + 1] * u
        south = z[r + 1, c] * (1 - u) + z[r + 1, c + 1] * u
        return np.asarray(north * (1 - v) + south * v)


@dataclass(frozen=True)
class Cover:
    """What is painted on the terrain: polygons in plan, later ones over earlier ones.

    Rings of one polygon are filled by the even-odd rule, so a hole is one more ring, in any direction.
    """

    ring_offsets: NDArray[np.int64]
    """[polygons + 1] into rings."""
    vertex_offsets: NDArray[np.int64]
    """[rings + 1] into xy; rings are open."""
    xy: F64
    """[n, 2]"""
    material: NDArray[np.uint8]
    """[polygons] `Material`."""
    colour: NDArray[np.uint8]
    """[polygons, 3] sRGB."""
    lift: F64
    """[polygons] metres above the terrain, as a pavement above its street; small, may be negative."""

    def __post_init__(self) -> None:
        polygons = len(self.material)
        for name, offsets, end in (
            ("ring_offsets", self.ring_offsets, len(self.vertex_offsets) - 1),
            ("vertex_offsets", self.vertex_offsets, len(self.xy)),
        ):
            rising = len(offsets) > 0 and offsets[0] == 0 and not (np.diff(offsets) < 0).any()
            if not rising or offsets[-1] != end:
                raise InputError(
                    f"cover: {name}", "are no offsets", f"Begin with 0, never fall, end at {end}"
                )
        if {len(self.ring_offsets) - 1, len(self.colour), len(self.lift)} != {polygons}:
            raise InputError(
                "cover",
                f"has {polygons} materials, {len(self.ring_offsets) - 1} polygons, "
                f"{len(self.colour)} colours, {len(self.lift)} lifts",
                "Give one of each a polygon",
            )
        _check_column("cover", "xy", self.xy, 2)
        _check_column("cover", "lift", self.lift, None)

    def __len__(self) -> int:
        return len(self.material)

    @classmethod
    def of(
        cls,
        polygons: Sequence[Sequence[ArrayLike]],
        material: ArrayLike,
        colour: ArrayLike,
        lift: ArrayLike = 0.0,
    ) -> Cover:
        """From a list of polygons, each a list of open rings [n, 2].

        >>> garden = [np.array([[0, 0], [4, 0], [4, 4], [0, 4]])]
        >>> len(Cover.of([garden], [17], [(120, 100, 80)]))
        1
        """
        rings = [np.asarray(ring, np.float64).reshape(-1, 2) for polygon in polygons for ring in polygon]
        count = len(polygons)
        return cls(
            ring_offsets=_offsets([len(polygon) for polygon in polygons]),
            vertex_offsets=_offsets([len(ring) for ring in rings]),
            xy=np.concatenate(rings) if rings else np.zeros((0, 2)),
            material=np.ascontiguousarray(np.broadcast_to(np.asarray(material, np.uint8), count)),
            colour=np.ascontiguousarray(np.broadcast_to(np.asarray(colour, np.uint8), (count, 3))),
            lift=np.ascontiguousarray(np.broadcast_to(np.asarray(lift, np.float64), count)),
        )

    @classmethod
    def empty(cls) -> Cover:
        """Nothing painted."""
        return cls.of([], [], np.zeros((0, 3)))


@dataclass(frozen=True)
class Trees:
    """Crowns. The renderers give them lumps and ragged outlines; laser pulses pass through them."""

    xy: F64
    """[n, 2]"""
    ground_z: F64
    """[n] where they stand."""
    height: F64
    """[n] metres from the ground to the top."""
    radius: F64
    """[n] of the crown."""
    crown_base: F64
    """[n] metres from the ground to the lowest leaves."""
    conifer: NDArray[np.bool_]
    """[n] a cone rather than a ball."""
    colour: NDArray[np.uint8]
    """[n, 3] sRGB."""
    density: F64
    """[n] leaves met by a straight line, 1/m: a pulse goes 1/density metres deep on average."""

    def __post_init__(self) -> None:
        for item in fields(self):
            _check_column("trees", item.name, getattr(self, item.name), {"xy": 2, "colour": 3}.get(item.name))
            if len(getattr(self, item.name)) != len(self.xy):
                raise InputError(
                    f"trees: {item.name}",
                    f"has {len(getattr(self, item.name))} entries for {len(self.xy)} trees",
                    "Give one a tree",
                )
        wrong = (self.height <= self.crown_base) | (self.crown_base < 0) | (self.radius <= 0)
        if wrong.any():
            raise InputError(
                f"tree {int(np.argmax(wrong))}",
                "has no crown",
                "Give a radius above 0, and a height above crown_base, which is 0 or more",
            )

    def __len__(self) -> int:
        return len(self.xy)

    @classmethod
    def of(
        cls,
        xy: ArrayLike,
        ground_z: ArrayLike,
        height: ArrayLike,
        radius: ArrayLike,
        *,
        crown_base: ArrayLike | None = None,
        conifer: ArrayLike = False,
        colour: ArrayLike = (74, 96, 52),
        density: ArrayLike = 0.7,
    ) -> Trees:
        """Trees from arrays or from single values, which then hold for all; crowns begin at a quarter.

        >>> len(Trees.of([[3.0, 4.0]], 0.0, 9.0, 3.0))
        1
        """
        places = np.ascontiguousarray(xy, np.float64).reshape(-1, 2)
        count = len(places)

        def column(value: ArrayLike, kind: Any) -> NDArray[Any]:
            return np.ascontiguousarray(np.broadcast_to(np.asarray(value, kind), count))

        tall = column(height, np.float64)
        return cls(
            xy=places,
            ground_z=column(ground_z, np.float64),
            height=tall,
            radius=column(radius, np.float64),
            crown_base=0.25 * tall if crown_base is None else column(crown_base, np.float64),
            conifer=column(conifer, np.bool_),
            colour=np.ascontiguousarray(np.broadcast_to(np.asarray(colour, np.uint8), (count, 3))),
            density=column(density, np.float64),
        )

    @classmethod
    def empty(cls) -> Trees:
        """No trees."""
        return cls.of(np.zeros((0, 2)), 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class SceneMesh:
    """What `build_scene_mesh` makes; near its origin, so that float32 heights lose nothing."""

    origin: F64
    """[3] whole metres in world coordinates; everything below is relative to it."""
    triangles: Triangles
    terrain: Terrain | None = None
    cover: Cover = field(default_factory=Cover.empty)
    trees: Trees = field(default_factory=Trees.empty)

    def local(self, window: Window) -> tuple[float, float, float, int, int]:
        """A world window as the kernel takes it."""
        return (
            window.left - float(self.origin[0]),
            window.top - float(self.origin[1]),
            window.cell_m,
            window.width,
            window.height,
        )

    def kernel_arrays(self) -> Mapping[str, Any]:
        """The arrays by the kernel's names."""
        mesh, trees, cover = self.triangles, self.trees, self.cover
        arrays: dict[str, Any] = {item.name: getattr(mesh, item.name) for item in fields(mesh)}
        arrays |= {f"tree_{item.name}": getattr(trees, item.name) for item in fields(trees)}
        arrays |= {f"cover_{item.name}": getattr(cover, item.name) for item in fields(cover)}
        arrays["origin"] = self.origin
        if self.terrain is not None:
            arrays |= {f"terrain_{item.name}": getattr(self.terrain, item.name) for item in fields(Terrain)}
        return arrays


def build_scene_mesh(
    pieces: Sequence[Triangles],
    *,
    terrain: Terrain | None = None,
    cover: Cover | None = None,
    trees: Trees | None = None,
    origin: ArrayLike | None = None,
) -> SceneMesh:
    """Join meshes, terrain, cover and trees, all in world coordinates.

    Args:
        pieces: `building_triangles`, `car_triangles`, and meshes of one's own.
        terrain: bare ground; without it there is nothing between the buildings.
        cover: what lies on the terrain.
        trees: crowns.
        origin: [3] whole metres; taken from what is given where it is None. Nothing that is drawn depends on
            it beyond rounding.
    """
    mesh = Triangles.join(list(pieces))
    trees = Trees.empty() if trees is None else trees
    cover = Cover.empty() if cover is None else cover
    place = _middle(mesh, terrain, trees) if origin is None else np.asarray(origin, np.float64)
    if place.shape != (3,) or not np.isfinite(place).all() or (place != np.round(place)).any():
        raise InputError(f"origin {place.tolist()}", "is not three whole metres", "Round it, or leave it out")
    return SceneMesh(
        place,
        _moved(mesh, vertices=mesh.vertices - place),
        None
        if terrain is None
        else _moved(
            terrain,
            left=terrain.left - float(place[0]),
            top=terrain.top - float(place[1]),
            z=np.ascontiguousarray(np.asarray(terrain.z, np.float64) - place[2], np.float32),
        ),
        _moved(cover, xy=cover.xy - place[:2]),
        _moved(trees, xy=trees.xy - place[:2], ground_z=trees.ground_z - place[2]),
    )


def _middle(mesh: Triangles, terrain: Terrain | None, trees: Trees) -> F64:
    """Whole metres in the middle of what is there."""
    if terrain is not None:
        rows, columns = terrain.z.shape
        middle = [
            terrain.left + columns * terrain.cell_m / 2,
            terrain.top - rows * terrain.cell_m / 2,
            float(np.median(terrain.z)),
        ]
    elif len(mesh.vertices):
        middle = ((mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2).tolist()
    elif len(trees):
        middle = [*trees.xy.mean(axis=0).tolist(), float(trees.ground_z.mean())]
    else:
        middle = [0.0, 0.0, 0.0]
    return np.asarray(np.round(middle), np.float64)


def _moved(item: Any, **changes: Any) -> Any:
    return type(item)(**{part.name: getattr(item, part.name) for part in fields(item)} | changes)


def _offsets(counts: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.asarray(counts, np.int64))])


def _check_column(thing: str, name: str, column: NDArray[Any], width: int | None) -> None:
    shape = "(n,)" if width is None else f"(n, {width})"
    if column.ndim != (1 if width is None else 2) or (width is not None and column.shape[1] != width):
        raise InputError(f"{thing}: {name}", f"has the shape {column.shape}", f"Give it the shape {shape}")
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        row = int(np.argmin(np.isfinite(column).reshape(len(column), -1).all(axis=1)))
        raise InputError(f"{thing}: {name}[{row}]", "is not finite", "Drop it or mend it")
