"""Pieces of a scene as triangles: buildings with their materials, and cars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geovision.errors import InputError
from geovision.mesh.materials import Material, SceneLabel
from geovision.mesh.scene_mesh import Triangles
from geovision.mesh.solids import Solids
from geovision.model.labels import Label
from geovision.model.table import ProgramTable

__all__ = ["FLAT_DEG", "Paint", "building_triangles", "car_triangles", "paint_slots"]

# Pitched and flat faces of one building carry different materials; the border lies between a gravel roof's
# drainage and the lowest pitch that tiles are laid on.
FLAT_DEG = 8.0
_ROOF_LABELS = (Label.ROOF, Label.DORMER_ROOF)
_TRIM_LABELS = (Label.CHIMNEY, Label.PARAPET)


@dataclass(frozen=True)
class Paint:
    """Material and colour, one a building (or one for all)."""

    material: ArrayLike
    """`Material`, [buildings] or a single one."""
    colour: ArrayLike
    """sRGB, [buildings, 3] or a single one."""


def building_triangles(
    solids: Solids,
    programs: ProgramTable,
    *,
    roof: Paint,
    flat: Paint,
    wall: Paint,
    trim: Paint | None = None,
    first_building: int = 0,
    first_surface: int = 0,
) -> Triangles:
    """Solids as triangles of a scene, in world coordinates; faces that stand on the ground are left out.

    Args:
        solids: of `geovision.mesh(programs)`.
        programs: what they were made from; gives the roof kinds.
        roof: roofs steeper than 8 degrees.
        flat: roofs that are not.
        wall: everything upright.
        trim: chimneys and parapets; the walls' paint where it is None.
        first_building: number of the first building.
        first_surface: number of the first surface.

    >>> from geovision.mesh import mesh
    >>> from geovision.model import Gabled, Part, Program
    >>> part = Part(shell=[(0, 0), (9, 0), (9, 6), (0, 6)], eave_height=3.0, roof=Gabled(ridge_height=6.0))
    >>> table = ProgramTable.from_programs([Program(id="a", parts=[part])])
    >>> red = Paint(Material.TILES, (150, 80, 60))
    >>> house = building_triangles(mesh(table), table, roof=red, flat=red, wall=red)
    >>> sorted(set(house.roof_kind.tolist())), int(house.label.max())
    ([2], 1)
    """
    arrays, buildings = solids.arrays(), len(solids)
    if len(programs) != buildings:
        raise InputError(
            f"{buildings} solids", f"do not go with {len(programs)} programs", "Mesh this very table"
        )
    triangle_of = np.diff(solids.triangle_offsets)
    building = np.repeat(np.arange(buildings, dtype=np.int64), triangle_of)
    face = solids.triangle_face + solids.face_offsets[building]
    label = solids.face_label[face]
    keep = label != Label.GROUND
    building, face, label = building[keep], face[keep], label[keep]
    vertex_building = np.repeat(np.arange(buildings), np.diff(solids.vertex_offsets))
    vertices = solids.origin[vertex_building] + solids.vertices * solids.grid
    triangles = solids.triangles[keep] + solids.vertex_offsets[building][:, None]
    part = arrays["face_part"][face]
    material, colour = _painted(vertices, triangles, label, building, buildings, (roof, flat, wall, trim))
    return Triangles(
        vertices=np.ascontiguousarray(vertices),
        triangles=np.ascontiguousarray(triangles, np.int32),
        label=label,
        material=material,
        colour=colour,
        building=(building + first_building).astype(np.int32),
        part=np.ascontiguousarray(part, np.int32),
        surface=_scene_surfaces(arrays["face_surface"], solids.face_offsets, face, building, first_surface),
        roof_kind=_kinds(programs, building, part),
    )


def _scene_surfaces(
    surface: NDArray[np.int32],
    face_offsets: NDArray[np.int64],
    face: NDArray[np.int64],
    building: NDArray[np.int64],
    first: int,
) -> NDArray[np.int32]:
    """Ids that are unique in the scene from ids that are unique in their building."""
    most = np.zeros(len(face_offsets) - 1, np.int64)
    np.maximum.at(most, np.repeat(np.arange(len(most)), np.diff(face_offsets)), surface.astype(np.int64) + 1)
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(most)[:-1]]) if len(most) else most
    ids = np.where(surface[face] < 0, -1, surface[face] + start[building] + first)
    return ids.astype(np.int32)


def _kinds(programs: ProgramTable, building: NDArray[np.int64], part: NDArray[np.int32]) -> NDArray[np.uint8]:
    row = programs.part_offsets[building] + part
    known = part >= 0
    kinds = np.full(len(part), 255, np.uint8)
    kinds[known] = programs.roof_kind[row[known]]
    return kinds


def _painted(
    vertices: NDArray[np.float64],
    triangles: NDArray[np.int64],
    label: NDArray[np.uint8],
    building: NDArray[np.int64],
    buildings: int,
    paints: tuple[Paint, Paint, Paint, Paint | None],
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    roof, flat, wall, trim = paints
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    level = normal[:, 2] > np.cos(np.deg2rad(FLAT_DEG)) * np.linalg.norm(normal, axis=1)
    slot = paint_slots(label, level)
    table = [roof, flat, wall, wall if trim is None else trim]
    materials = np.stack([np.broadcast_to(np.asarray(p.material, np.uint8), buildings) for p in table])
    colours = np.stack([np.broadcast_to(np.asarray(p.colour, np.uint8), (buildings, 3)) for p in table])
    return materials[slot, building], colours[slot, building]


def paint_slots(label: NDArray[np.uint8], level: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Which paint a face has: 0 steep roof, 1 level roof, 2 wall, 3 chimney or parapet.

    >>> paint_slots(np.array([0, 0, 1, 7], np.uint8), np.array([False, True, False, False])).tolist()
    [0, 1, 2, 3]
    """
    is_roof, is_trim = np.isin(label, _ROOF_LABELS), np.isin(label, _TRIM_LABELS)
    return np.where(is_roof, np.where(level, 1, 0), np.where(is_trim, 3, 2))


# A body with a cabin on it: x along the car, y across, z up, each in shares of its size.
_BODY = ((0.0, 1.0), (0.0, 1.0), (0.12, 0.58))
_CABIN = ((0.18, 0.72), (0.07, 0.93), (0.58, 1.0))
_BOX = np.array([[i >> 2 & 1, i >> 1 & 1, i & 1] for i in range(8)])
_BOX_TRIANGLES = np.array(
    [
        [1, 5, 7], [1, 7, 3],  # top
        [0, 6, 4], [0, 2, 6],  # bottom
        [0, 1, 3], [0, 3, 2],
        [4, 7, 5], [4, 6, 7],
        [0, 5, 1], [0, 4, 5],
        [2, 3, 7], [2, 7, 6],
    ]
)  # fmt: skip


def car_triangles(
    xy: ArrayLike,
    ground_z: ArrayLike,
    azimuth_deg: ArrayLike,
    *,
    size: ArrayLike = (4.4, 1.8, 1.5),
    colour: ArrayLike = (120, 122, 126),
) -> Triangles:
    """Cars as a body and a cabin with dark windows.

    Args:
        xy: [n, 2] middles.
        ground_z: [n] what they stand on.
        azimuth_deg: [n] compass direction that they face.
        size: length, width and height in metres, for all or [n, 3].
        colour: sRGB, for all or [n, 3].

    >>> len(car_triangles([[0, 0], [6, 0]], 0.0, 90.0)) // 24
    2
    """
    places = np.asarray(xy, np.float64).reshape(-1, 2)
    count = len(places)
    sizes = np.broadcast_to(np.asarray(size, np.float64), (count, 3))
    turn = np.deg2rad(90.0 - np.broadcast_to(np.asarray(azimuth_deg, np.float64), count))
    along = np.stack([np.cos(turn), np.sin(turn)], -1)
    across = np.stack([-along[:, 1], along[:, 0]], -1)
    ground = np.broadcast_to(np.asarray(ground_z, np.float64), count)
    boxes = []
    for box in (_BODY, _CABIN):
        low, high = np.array(box).T
        share = low + (high - low) * _BOX
        x, y, z = np.moveaxis(share[None] * sizes[:, None], -1, 0)
        x, y = x - sizes[:, None, 0] / 2, y - sizes[:, None, 1] / 2
        plan = places[:, None] + x[..., None] * along[:, None] + y[..., None] * across[:, None]
        boxes.append(np.concatenate([plan, (ground[:, None] + z)[..., None]], axis=-1))
    vertices = np.stack(boxes, axis=1).reshape(-1, 3)
    start = 8 * np.arange(2 * count)[:, None, None]
    paint = np.broadcast_to(np.asarray(colour, np.uint8), (count, 3))
    colours = np.repeat(paint, 24, axis=0).reshape(count, 24, 3)
    materials = np.full((count, 24), Material.CAR_PAINT, np.uint8)
    # The cabin is glass but for its roof.
    colours[:, 14:] = (44, 48, 52)
    materials[:, 14:] = Material.GLASS
    return Triangles.uniform(
        vertices,
        (_BOX_TRIANGLES[None] + start).reshape(-1, 3),
        label=SceneLabel.CAR,
        material=materials.reshape(-1),
        colour=colours.reshape(-1, 3),
    )
