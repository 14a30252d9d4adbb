"""Solids as flat shapes for a GIS: outlines of buildings, and the facets of their roofs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.formats.glb import SolidsLike
from geovision.model.labels import Label

__all__ = ["Facets", "building_facts", "building_outlines", "roof_facets"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_ROOFS = (Label.ROOF, Label.DORMER_ROOF)
_LEVEL_RAD = np.radians(0.5)
"""A roof that is flatter looks nowhere."""


@dataclass(frozen=True)
class Facets:
    """Faces of roofs, building by building; one entry a face in every array."""

    building: I64
    """Row of the building in its batch."""
    surface: NDArray[np.int32]
    """Number of the surface within the building; the facets of a curved roof share one."""
    part: NDArray[np.int32]
    label: NDArray[np.uint8]
    slope_deg: F64
    """0 is level, 90 a wall."""
    azimuth_deg: F64
    """Where water runs to, clockwise from the y axis; NaN on level roofs."""
    area_m2: F64
    """On the slope."""
    plan_area_m2: F64
    geometry: npt.NDArray[np.object_]
    """Polygons with heights."""


def roof_facets(solids: SolidsLike) -> Facets:
    """The faces of roofs and dormers as polygons with slope, aspect and area.

    >>> import geovision
    >>> roof = geovision.Gabled(ridge_height=8.0)
    >>> part = geovision.Part(shell=[(0, 0), (12, 0), (12, 6), (0, 6)], eave_height=5.0, roof=roof)
    >>> found = roof_facets(geovision.mesh([geovision.Program(id="house", parts=[part])]))
    >>> found.slope_deg.round(3).tolist(), sorted(found.azimuth_deg.round(3).tolist())
    ([45.0, 45.0], [0.0, 180.0])
    """
    a = solids.arrays()
    faces = np.flatnonzero(np.isin(a["face_label"], _ROOFS))
    xyz, ring_of, face_of = _rings(a, faces)
    normal = _normals(xyz, ring_of, face_of, len(faces))
    length = np.linalg.norm(normal, axis=1)
    slope = np.arctan2(np.hypot(normal[:, 0], normal[:, 1]), normal[:, 2])
    azimuth = np.degrees(np.arctan2(normal[:, 0], normal[:, 1])) % 360
    return Facets(
        building=_owners(a["face_offsets"])[faces],
        surface=a["face_surface"][faces],
        part=a["face_part"][faces],
        label=a["face_label"][faces],
        slope_deg=np.degrees(slope),
        azimuth_deg=np.where(slope < _LEVEL_RAD, np.nan, azimuth),
        area_m2=length / 2,
        plan_area_m2=normal[:, 2] / 2,
        geometry=_polygons(xyz, ring_of, face_of),
    )


def building_outlines(solids: SolidsLike) -> npt.NDArray[np.object_]:
    """A MultiPolygon for each building: what it covers on the ground; empty where it has no solid."""
    import shapely

    a = solids.arrays()
    faces = np.flatnonzero(a["face_label"] == Label.GROUND)
    xyz, ring_of, face_of = _rings(a, faces)
    polygons = _polygons(xyz[:, :2], ring_of, face_of)
    owner = _owners(a["face_offsets"])[faces]
    out = np.full(len(a["status"]), shapely.MultiPolygon(), object)
    rows = np.unique(owner)
    if len(rows):
        out[rows] = shapely.multipolygons(polygons, indices=np.searchsorted(rows, owner))
    return out


def building_facts(solids: SolidsLike) -> dict[str, F64]:
    """Figures of every building, NaN where it has no solid: metres, square and cubic metres.

    `ground_z` and `eave_z` (its lowest roof edge) are heights in the solids' own CRS, `height` is from the
    ground to the highest point; `ground_area`, `roof_area` (on the slopes), `volume`.

    >>> import geovision
    >>> roof = geovision.Gabled(ridge_height=8.0)
    >>> part = geovision.Part(shell=[(0, 0), (4, 0), (4, 3), (0, 3)], eave_height=5.0, roof=roof)
    >>> facts = building_facts(geovision.mesh([geovision.Program(id="house", parts=[part])]))
    >>> facts["eave_z"].tolist(), facts["height"].tolist(), facts["volume"].tolist()
    ([5.0], [8.0], [78.0])
    """
    a = solids.arrays()
    count, grid = len(a["status"]), float(a["grid"])
    cuts = np.asarray(a["vertex_offsets"])
    full = np.flatnonzero(np.diff(cuts) > 0)
    base = np.asarray(a["origin"]).reshape(-1, 3)[:, 2]
    z = np.asarray(a["vertices"]).reshape(-1, 3)[:, 2] * grid
    low, high = np.full(count, np.nan), np.full(count, np.nan)
    if len(full):
        low[full], high[full] = np.minimum.reduceat(z, cuts[full]), np.maximum.reduceat(z, cuts[full])
    owner = _owners(a["face_offsets"])
    roof = np.flatnonzero(np.isin(a["face_label"], _ROOFS))
    ground = np.flatnonzero(a["face_label"] == Label.GROUND)
    xyz, ring_of, face_of = _rings(a, roof)
    eave = np.full(count, np.nan)
    above = owner[roof[face_of[ring_of]]]  # ascending, as the faces are
    first = np.flatnonzero(np.diff(above, prepend=-1))
    if len(first):
        eave[above[first]] = np.minimum.reduceat(xyz[:, 2], first)
    slopes = np.linalg.norm(_normals(xyz, ring_of, face_of, len(roof)), axis=1) / 2
    level = -_normals(*_rings(a, ground), len(ground))[:, 2] / 2
    volume = _volumes(a) * grid**3
    facts = {
        "ground_z": base + low,
        "eave_z": eave,
        "height": high - low,
        "ground_area": np.bincount(owner[ground], level, count),
        "roof_area": np.bincount(owner[roof], slopes, count),
        "volume": volume,
    }
    known = np.diff(cuts) > 0
    return {name: np.where(known, values, np.nan) for name, values in facts.items()}


def _owners(offsets: I64) -> I64:
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def _rings(arrays: Mapping[str, Any], faces: I64) -> tuple[F64, I64, I64]:
    """Corners of the rings of some faces in world coordinates, the ring of each, and the face of each ring.

    Rings and faces are counted from 0 among those asked for; each ring follows its first point.
    """
    face_cuts = np.asarray(arrays["face_ring_offsets"])
    if len(face_cuts) <= len(arrays["face_label"]):
        raise InputError("solids", "have no polygons", "Mesh them with polygons=True")
    ring, face_of = _spread(face_cuts, faces)
    corner, ring_of = _spread(np.asarray(arrays["ring_offsets"]), ring)
    building = _owners(arrays["face_offsets"])[faces[face_of[ring_of]]]
    vertex = np.asarray(arrays["ring_vertices"])[corner] + np.asarray(arrays["vertex_offsets"])[building]
    xyz = np.asarray(arrays["vertices"]).reshape(-1, 3)[vertex] * float(arrays["grid"])
    return xyz + np.asarray(arrays["origin"]).reshape(-1, 3)[building], ring_of, face_of


def _spread(offsets: I64, rows: I64) -> tuple[I64, I64]:
    """Numbers of the items that some rows own, and for each the place of its row among them."""
    starts, sizes = offsets[rows], offsets[rows + 1] - offsets[rows]
    owner = np.repeat(np.arange(len(rows)), sizes)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return starts[owner] + within, owner


def _normals(xyz: F64, ring_of: I64, face_of: I64, count: int) -> F64:
    """[faces, 3] twice the area of each along its normal, holes taken off."""
    if not len(xyz):
        return np.zeros((count, 3))
    first = np.flatnonzero(np.diff(ring_of, prepend=-1))
    local = xyz - xyz[first][ring_of]
    after = np.arange(1, len(xyz) + 1)
    after[np.append(first[1:], len(xyz)) - 1] = first
    turned = np.cross(local, local[after])
    owner = face_of[ring_of]
    return np.column_stack([np.bincount(owner, turned[:, axis], count) for axis in range(3)])


def _polygons(xyz: F64, ring_of: I64, face_of: I64) -> npt.NDArray[np.object_]:
    import shapely

    if not len(xyz):
        return np.zeros(0, object)
    rings = shapely.linearrings(xyz, indices=ring_of)
    return np.asarray(shapely.polygons(rings, indices=face_of), dtype=object)


def _volumes(a: Mapping[str, Any]) -> F64:
    """Of every building in cubic grid steps; products are exact: corners are whole steps from its origin."""
    cuts = np.asarray(a["triangle_offsets"])
    owner = _owners(cuts)
    corners = np.asarray(a["triangles"]).reshape(-1, 3) + np.asarray(a["vertex_offsets"])[owner][:, None]
    vertices = np.asarray(a["vertices"]).reshape(-1, 3).astype(np.float64)
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = (vertices[corners[:, k]].T for k in range(3))
    six = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
    return np.bincount(owner, six, len(cuts) - 1) / 6
