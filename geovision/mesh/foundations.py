"""Walls that go on below a building's ground, down to the lowest terrain under its outline."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.mesh.solids import Solids
from geovision.model.labels import Label, Provenance
from geovision.model.roofs import BREAK, REAR_EAVE, RIDGE
from geovision.model.superstructures import EAVE, TOP
from geovision.model.table import ProgramTable

__all__ = ["on_lower_ground", "with_foundations"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

LEAST_M = 0.01
"""No foundation is lower: the kernel keeps no edge that is shorter."""
_HAIR = 1e-3
"""Millimetres: a floor that was computed from whole steps may come out a hair below them."""


def on_lower_ground(table: ProgramTable, floor: F64) -> ProgramTable:
    """The programs with their ground let down to `floor` and everything above it where it was.

    Their solids are those with foundations, but that a wall and its foundation are one face: for facades,
    whose doors and steps may stand lower than the building's own ground.

    Args:
        table: the programs.
        floor: height of the ground per building, in the CRS; where it is NaN or not below the building's
            own ground nothing changes. A ground is never let down by less than 1 cm.

    >>> from geovision.model import Flat, Part, Program
    >>> part = Part(shell=[(0, 0), (8, 0), (8, 8), (0, 8)], eave_height=5.0, roof=Flat())
    >>> block = ProgramTable.from_programs([Program(id="a", ground_z=12.0, parts=[part])])
    >>> lower = on_lower_ground(block, np.array([10.5]))
    >>> lower.ground_z.tolist(), lower.eave.tolist()
    ([10.5], [6.5])
    """
    # On a whole millimetre, as the kernel's ground is, so that no foundation is missing below it.
    depth = table.ground_z - np.floor(np.asarray(floor) * 1000 + _HAIR) / 1000
    depth = np.where(depth > 0, np.maximum(depth, LEAST_M), 0.0)
    if not depth.any():
        return table
    columns: dict[str, Any] = dict(table.columns())
    part = np.repeat(depth, np.diff(table.part_offsets))
    columns["ground_z"] = table.ground_z - depth
    columns["eave"] = table.eave + part
    columns["base"] = np.where(table.base > 0, table.base + part, table.base)
    for name, slots, by in (
        ("roof_params", [RIDGE, BREAK, REAR_EAVE], part),
        ("face_plane", [2], np.repeat(part, np.diff(table.face_offsets))),
        ("super_params", [EAVE, TOP], np.repeat(depth, np.diff(table.super_offsets))),
    ):
        columns[name] = columns[name].copy()
        columns[name][:, slots] += by[:, None]
    names = ("ids", "part_ids", "attributes", "facade", "provenance")
    return ProgramTable.from_arrays(**columns, **{name: table.records(name) for name in names})


def with_foundations(solids: Solids, floor: F64) -> Solids:
    """The solids with their ground let down to `floor`; closed as before, and without polygons.

    The ground moves, the walls above stay as they are, and between them stand new walls: label WALL,
    provenance inferred, with the part and the surface of the wall above. A program, and what is written of
    it elsewhere, keeps its ground.

    Args:
        solids: made with ``polygons=False``.
        floor: height of the ground per building, in the CRS; where it is NaN or not below the building's
            own ground nothing changes. A ground is never let down by less than 1 cm.

    >>> from geovision.mesh import mesh
    >>> from geovision.model import Flat, Part, Program
    >>> part = Part(shell=[(0, 0), (8, 0), (8, 8), (0, 8)], eave_height=5.0, roof=Flat())
    >>> block = mesh(Program(id="a", ground_z=12.0, parts=[part]), polygons=False)
    >>> with_foundations(block, np.array([10.0]))[0].volume
    448.0
    """
    arrays = solids.arrays()
    owner = _owners(solids.triangle_offsets)
    label = solids.face_label[solids.triangle_face + solids.face_offsets[owner]]
    corners = solids.triangles.reshape(-1, 3).astype(np.int64) + solids.vertex_offsets[owner][:, None]
    depth = _depths(solids, corners, owner, label == Label.GROUND, floor)
    moved = (depth > 0)[owner]
    ground = np.flatnonzero(moved & (label == Label.GROUND))
    if not len(ground):
        return solids
    rim, beside = _rim(corners, ground, np.flatnonzero(moved & (label != Label.GROUND)))
    low = np.unique(corners[ground])
    of_low = np.searchsorted(solids.vertex_offsets, low, side="right") - 1
    vertices = solids.vertices.reshape(-1, 3)
    copies = vertices[low].copy()
    copies[:, 2] -= depth[of_low].astype(copies.dtype)
    # Copies follow a building's own vertices, and new faces its own faces.
    counts = np.diff(solids.vertex_offsets)
    local = counts[of_low] + _ranks(of_low)
    triangles = solids.triangles.reshape(-1, 3).copy()
    triangles[ground] = local[np.searchsorted(low, corners[ground])]
    of_rim = owner[beside]
    face = np.diff(solids.face_offsets)[of_rim] + _ranks(of_rim)
    top = rim - solids.vertex_offsets[of_rim][:, None]
    foot = local[np.searchsorted(low, rim)]
    quads = np.stack([top[:, 0], top[:, 1], foot[:, 1], top[:, 0], foot[:, 1], foot[:, 0]], axis=1)
    return _joined(
        solids, arrays, (copies, of_low), (triangles, quads.reshape(-1, 3)), (face, beside, of_rim)
    )


def _owners(offsets: I64) -> I64:
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def _ranks(owner: I64) -> I64:
    """The place of each row among those of its owner; owners ascend."""
    first = np.searchsorted(owner, owner)
    return np.arange(len(owner)) - first


def _depths(solids: Solids, corners: I64, owner: I64, ground: NDArray[np.bool_], floor: F64) -> I64:
    """Grid steps by which each building's ground goes down."""
    at = np.full(len(solids), np.iinfo(np.int64).max)
    heights = solids.vertices.reshape(-1, 3)[corners[ground, 0], 2]
    np.minimum.at(at, owner[ground], heights)
    known = np.isfinite(floor) & (at < np.iinfo(np.int64).max)
    depth = np.zeros(len(solids), np.int64)
    steps = np.floor((floor[known] - solids.origin.reshape(-1, 3)[known, 2]) / solids.grid + _HAIR)
    depth[known] = at[known] - steps.astype(np.int64)
    least = round(LEAST_M / solids.grid)
    return np.where(depth > 0, np.maximum(depth, least), 0)


def _rim(corners: I64, ground: I64, others: I64) -> tuple[I64, I64]:
    """Edges of the ground that a wall stands on, as the ground has them, and the triangle of that wall."""
    sides = np.array([[0, 1], [1, 2], [2, 0]])
    edges = corners[ground][:, sides].reshape(-1, 2)
    walls = corners[others][:, sides].reshape(-1, 2)
    step = int(corners.max()) + 1
    wanted, had = edges[:, 0] * step + edges[:, 1], walls[:, 1] * step + walls[:, 0]
    order = np.argsort(had, kind="stable")
    place = np.minimum(np.searchsorted(had[order], wanted), len(had) - 1)
    meets = had[order][place] == wanted
    beside = others[order[place[meets]] // 3]
    by_owner = np.argsort(beside, kind="stable")
    return edges[meets][by_owner], beside[by_owner]


def _joined(
    solids: Solids,
    arrays: dict[str, Any],
    low: tuple[NDArray[np.int32], I64],
    triangles: tuple[NDArray[np.int32], I64],
    new_faces: tuple[I64, I64, I64],
) -> Solids:
    face, beside, of_rim = new_faces
    above = solids.triangle_face[beside] + solids.face_offsets[of_rim]
    count = len(of_rim)
    made = {
        "face_label": np.full(count, Label.WALL, np.uint8),
        "face_provenance": np.full(count, Provenance.INFERRED, np.uint8),
        **{name: arrays[name][above] for name in _OF_THE_WALL if name in arrays},
    }
    result = dict(arrays)
    places = _merge(solids.vertex_offsets, low[1])
    result["vertices"] = np.concatenate([solids.vertices.reshape(-1, 3), low[0]])[places[0]]
    result["vertex_offsets"] = places[1]
    places = _merge(solids.face_offsets, of_rim)
    for name, column in made.items():
        result[name] = np.concatenate([arrays[name], column.astype(arrays[name].dtype)])[places[0]]
    result["face_offsets"] = places[1]
    places = _merge(solids.triangle_offsets, np.repeat(of_rim, 2))
    result["triangles"] = np.concatenate(triangles).astype(np.int32)[places[0]]
    faces = np.concatenate([solids.triangle_face, np.repeat(face, 2)]).astype(np.int32)
    result["triangle_face"] = faces[places[0]]
    result["triangle_offsets"] = places[1]
    for name, (kind, size) in _NO_POLYGONS.items():
        result[name] = np.zeros(size, kind)
    return Solids(result, solids.ids)


_OF_THE_WALL = ("face_part", "face_surface", "face_solid", "face_element", "face_material", "face_colour")
"""What a foundation has of the wall above; the last three only where walls have facades."""

_NO_POLYGONS = {
    "face_ring_offsets": (np.int64, 1),
    "ring_offsets": (np.int64, 1),
    "ring_vertices": (np.int32, 0),
}


def _merge(offsets: I64, owner: I64) -> tuple[I64, I64]:
    """The order in which rows added at the end come behind their owner's own, and the offsets then."""
    count = len(offsets) - 1
    order = np.argsort(np.concatenate([_owners(offsets), owner]), kind="stable")
    grown = np.diff(offsets) + np.bincount(owner, minlength=count)
    return order, np.concatenate([np.zeros(1, np.int64), np.cumsum(grown)])
