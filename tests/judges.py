"""Judges of solids that share no code with the kernel, nor with its checker.

Each takes the dict of arrays that `compile_solids` returns and gives back complaints: pairs of a building's
index and a sentence. An empty list is a pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import manifold3d
import numpy as np
import shapely
import shapely.affinity
import trimesh
from numpy.typing import NDArray

from .strategies import Case, Part

Arrays = Mapping[str, Any]
Complaints = list[tuple[int, str]]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROOF, WALL, STEP_WALL, GROUND, UNDERSIDE, DORMER_ROOF, DORMER_WALL, CHIMNEY, PARAPET = range(9)
MERGED_EDGES, MERGED_HEIGHTS, SEPARATED, SEVERAL, GABLE_HIPPED, SIMPLIFIED, DROPPED, NO_OVERHANG, REMOVED = (
    1 << i for i in range(9)
)
# How far the outline may move where edges under 1 cm were merged (a chain of them adds up), and where
# touching corners were pulled apart by one more such feature; and where nothing but a coarser merge helped.
MERGE_BOUND, SEPARATE_BOUND, COARSE_BOUND = 0.02, 0.03, 0.1


@dataclass(frozen=True)
class Building:
    """One building of a batch: its own slices, vertices in grid steps."""

    index: int
    vertices: Ints
    triangles: Ints
    solid: Ints
    label: Ints


def buildings(solids: Arrays) -> Iterator[Building]:
    """Those that came out."""
    v, t, f = (solids[f"{name}_offsets"].tolist() for name in ("vertex", "triangle", "face"))
    vertices = solids["vertices"].reshape(-1, 3).astype(np.int64)
    triangles = solids["triangles"].reshape(-1, 3).astype(np.int64)
    for b in np.flatnonzero(solids["status"] == 0).tolist():
        face = solids["triangle_face"][t[b] : t[b + 1]].astype(np.int64) + f[b]
        yield Building(
            b,
            vertices[v[b] : v[b + 1]],
            triangles[t[b] : t[b + 1]],
            solids["face_solid"][face].astype(np.int64),
            solids["face_label"][face].astype(np.int64),
        )


def manifold(solids: Arrays, volumes: Floats) -> Complaints:
    """manifold3d takes each building as it is, and measures the same volume."""
    found: Complaints = []
    grid = float(solids["grid"])
    for b in buildings(solids):
        mesh = manifold3d.Mesh64(np.ascontiguousarray(b.vertices * grid), b.triangles.astype(np.uint64))
        body = manifold3d.Manifold(mesh)
        if body.status() != manifold3d.Error.NoError:
            found.append((b.index, f"manifold3d says {body.status()}"))
        elif abs(body.volume() - volumes[b.index]) > 1e-9 * max(1.0, volumes[b.index]):
            found.append((b.index, f"manifold3d measures {body.volume()}, the checker {volumes[b.index]}"))
    return found


def trimesh_volume(solids: Arrays, wanted: Iterable[int] | None = None) -> Complaints:
    """trimesh calls each building a volume as it is, and each solid once merged by position."""
    found: Complaints = []
    chosen = None if wanted is None else set(wanted)
    for b in buildings(solids):
        if chosen is not None and b.index not in chosen:
            continue
        if not _is_volume(b.vertices, b.triangles):
            found.append((b.index, "trimesh: not a volume as it is"))
        for s in np.unique(b.solid):
            places, inverse = np.unique(b.vertices, axis=0, return_inverse=True)
            if not _is_volume(places, inverse.reshape(-1)[b.triangles[b.solid == s]]):
                found.append((b.index, f"trimesh: solid {s} is not a volume once merged"))
    return found


def _is_volume(vertices: Ints, triangles: Ints) -> bool:
    used, compact = np.unique(triangles, return_inverse=True)
    mesh = trimesh.Trimesh(vertices[used] * 0.001, compact.reshape(-1, 3), process=False)
    return bool(mesh.is_volume)


def labels(solids: Arrays, cases: Sequence[Case] | None = None) -> Complaints:
    """Roofs look up, floors down, walls sideways, exactly. Onions bulge, so their roofs may look anywhere."""
    n = normals(solids)
    label, owner = triangle_labels(solids), triangle_owner(solids)
    up, down, level = n[:, 2] > 0, n[:, 2] < 0, n[:, 2] == 0
    wrong = np.isin(label, (ROOF, DORMER_ROOF)) & ~up
    if cases is not None:
        onion = np.array([16 in c.kinds for c in cases], bool)
        wrong &= ~onion[owner]
    wrong |= np.isin(label, (GROUND, UNDERSIDE)) & ~down
    wrong |= np.isin(label, (WALL, STEP_WALL, DORMER_WALL)) & ~level
    wrong |= label > PARAPET
    return [
        (int(owner[t]), f"triangle {t} has label {label[t]} and normal {n[t]}") for t in np.flatnonzero(wrong)
    ]


def triangle_owner(solids: Arrays) -> Ints:
    """Building of each triangle."""
    return np.repeat(np.arange(len(solids["status"])), np.diff(solids["triangle_offsets"]))


def triangle_faces(solids: Arrays) -> Ints:
    """Face of each triangle, counted over the whole batch."""
    owner = triangle_owner(solids)
    return np.asarray(solids["triangle_face"].astype(np.int64) + solids["face_offsets"][owner])


def triangle_labels(solids: Arrays) -> Ints:
    return np.asarray(solids["face_label"][triangle_faces(solids)].astype(np.int64))


def corners(solids: Arrays) -> Floats:
    """(triangles, 3, 3) metres from each building's origin."""
    at = solids["triangles"].reshape(-1, 3) + solids["vertex_offsets"][triangle_owner(solids)][:, None]
    return np.asarray(solids["vertices"].reshape(-1, 3)[at] * float(solids["grid"]))


def normals(solids: Arrays) -> Floats:
    """Twice the area vector of each triangle, in square grid steps; exact below 2^53."""
    at = solids["triangles"].reshape(-1, 3) + solids["vertex_offsets"][triangle_owner(solids)][:, None]
    p = solids["vertices"].reshape(-1, 3)[at].astype(np.float64)
    return np.asarray(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]))


def volume(solids: Arrays, volumes: Floats) -> Complaints:
    """The volume is that of prisms: under each top, less under each bottom. Both cover the same plan."""
    p, count = corners(solids), len(solids["status"])
    owner = triangle_owner(solids)
    area = 0.5 * normals(solids)[:, 2] * float(solids["grid"]) ** 2
    prisms = np.bincount(owner, area * p[:, :, 2].mean(axis=1), count)
    tops = np.bincount(owner, np.maximum(area, 0), count)
    rings = np.bincount(*_ring_areas(solids), count) if len(solids["face_ring_offsets"]) > 1 else tops
    bottoms = np.bincount(owner, np.maximum(-area, 0), count)
    found: Complaints = []
    scale = np.maximum(volumes, 1e-3)
    high = np.bincount(owner, np.abs(area * p[:, :, 2].mean(axis=1)), count)
    for b in np.flatnonzero(np.abs(prisms - volumes) > 1e-9 * np.maximum(scale, high)):
        found.append((int(b), f"prisms give {prisms[b]!r}, the checker {volumes[b]!r}"))
    for b in np.flatnonzero(np.abs(tops - bottoms) > 1e-9 * np.maximum(tops, 1e-3)):
        found.append((int(b), f"tops cover {tops[b]!r}, bottoms {bottoms[b]!r}"))
    for b in np.flatnonzero(np.abs(tops - rings) > 1e-9 * np.maximum(tops, 1e-3)):
        found.append((int(b), f"top triangles cover {tops[b]!r}, top rings {rings[b]!r}"))
    return found


def _ring_areas(solids: Arrays) -> tuple[Ints, Floats]:
    """Owner and plan area of the rings of faces that look up (holes count below zero)."""
    ring, face = _ring_of_vertex(solids), _face_of_ring(solids)
    owner = np.repeat(np.arange(len(solids["status"])), np.diff(solids["face_offsets"]))[face]
    p = ring_points(solids)
    following = _next_in_ring(solids)
    cross = 0.5 * (p[:, 0] * p[following, 1] - p[following, 0] * p[:, 1])
    area = np.bincount(ring, cross, len(face))
    up = np.zeros(len(solids["face_label"]), bool)
    up[triangle_faces(solids)[normals(solids)[:, 2] > 0]] = True
    return np.asarray(owner[up[face]]), np.asarray(area[up[face]], np.float64)


def _face_of_ring(solids: Arrays) -> Ints:
    return np.repeat(np.arange(len(solids["face_label"])), np.diff(solids["face_ring_offsets"]))


def _ring_of_vertex(solids: Arrays) -> Ints:
    return np.repeat(np.arange(len(solids["ring_offsets"]) - 1), np.diff(solids["ring_offsets"]))


def _next_in_ring(solids: Arrays) -> Ints:
    following = np.arange(1, len(solids["ring_vertices"]) + 1)
    following[solids["ring_offsets"][1:] - 1] = solids["ring_offsets"][:-1]
    return following


def ring_points(solids: Arrays) -> Floats:
    """Metres from each building's origin, one row per entry of ring_vertices."""
    owner = np.repeat(np.arange(len(solids["status"])), np.diff(solids["face_offsets"]))
    base = solids["vertex_offsets"][owner[_face_of_ring(solids)[_ring_of_vertex(solids)]]]
    return np.asarray(
        solids["vertices"].reshape(-1, 3)[solids["ring_vertices"] + base] * float(solids["grid"])
    )


def bookkeeping(solids: Arrays, cases: Sequence[Case]) -> Complaints:
    """Parts, surfaces, solids, provenance, flags and origins mean what types.hpp says."""
    found: Complaints = []
    owner = np.repeat(np.arange(len(solids["status"])), np.diff(solids["face_offsets"]))
    parts = np.array([len(c.parts) for c in cases])
    built = solids["status"] == 0

    def complain(wrong: NDArray[np.bool_], text: str) -> None:
        found.extend((int(b), text) for b in np.unique(owner[wrong]))

    complain((solids["face_part"] < -1) | (solids["face_part"] >= parts[owner]), "a face of no part")
    complain(solids["face_provenance"] > 2, "an unknown provenance")
    complain(solids["face_surface"] < 0, "a face of no surface")
    complain(
        (solids["face_part"] < 0) & (solids["face_label"] != GROUND), "a face, not ground, that parts share"
    )
    label_of: dict[tuple[int, int], int] = {}
    for b, surface, label in zip(
        owner.tolist(), solids["face_surface"].tolist(), solids["face_label"].tolist(), strict=True
    ):
        if label_of.setdefault((b, surface), label) != label:
            found.append((b, f"surface {surface} has two labels"))
    last = np.full(len(built), -1)
    np.maximum.at(last, owner, solids["face_solid"])
    several = (solids["flags"] & SEVERAL) != 0
    for b in np.flatnonzero(built & (several != (last > 0))).tolist():
        found.append((b, f"{last[b] + 1} solids, flag several_solids {several[b]}"))
    for b in np.flatnonzero((solids["origin"].reshape(-1, 3) % 1.0 != 0).any(axis=1) & built).tolist():
        found.append((b, "the origin is not a whole metre"))
    return found


def heights(solids: Arrays, cases: Sequence[Case]) -> Complaints:
    """No vertex is under the ground or above the highest thing that its program names."""
    found: Complaints = []
    for b in buildings(solids):
        z = b.vertices[:, 2] * float(solids["grid"]) + float(solids["origin"].reshape(-1, 3)[b.index, 2])
        low = float(z.min()) - cases[b.index].ground_z
        if low < -0.0011 or not np.isfinite(z).all():
            found.append((b.index, f"a vertex lies {-low:.4f} m under the ground"))
    return found


def outline(
    solids: Arrays, cases: Sequence[Case], wanted: Iterable[int], *, whole: bool = True
) -> Complaints:
    """The plan of the bottoms is the union of the parts: within 1 mm, or 20 mm where edges were merged.

    Not `whole`: small parts may be missing, as LoD 1.1 leaves them out.
    """
    found: Complaints = []
    chosen = set(wanted)
    grid = float(solids["grid"])
    origin = solids["origin"].reshape(-1, 3)
    for b in buildings(solids):
        if b.index not in chosen or not _plain(cases[b.index]):
            continue
        p = b.vertices[b.triangles][:, :, :2] * grid
        u, v = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
        n = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
        got = shapely.union_all(shapely.polygons(p[n < 0]))
        given, rings = plan(cases[b.index], -origin[b.index, 0], -origin[b.index, 1])
        complaint = _compare(got, given, rings, int(solids["flags"][b.index]), whole)
        if complaint:
            found.append((b.index, complaint))
    return found


def _plain(c: Case) -> bool:
    """Without what changes the outline, or leaves it in doubt: overhangs, bulging roofs, invalid rings."""
    valid = all(shapely.Polygon(p.footprint.shell, p.footprint.holes).is_valid for p in c.parts)
    return valid and all(p.overhang == 0 and p.kind != 16 for p in c.parts)


def plan(c: Case, dx: float, dy: float) -> tuple[Any, Any]:
    """The parts' plans as one region, and all their rings as lines, moved."""
    parts = [shapely.Polygon(p.footprint.shell, p.footprint.holes) for p in c.parts]
    moved = [shapely.affinity.translate(p, dx, dy) for p in parts]
    return shapely.union_all(moved), shapely.union_all([p.boundary for p in moved])


def _compare(got: Any, given: Any, rings: Any, flags: int, whole: bool) -> str:
    """Outline and input are nowhere farther apart than the bound, as regions and as lines.

    As lines the rings of all parts count: where two walls are nearly parallel the sliver between them may
    end a little sooner or later, but always along one of them.
    """
    free = not flags & (MERGED_EDGES | SEPARATED | REMOVED)
    # 1 mm is what rounding may do; two thousandths of that are what a buffer of flat pieces leaves out.
    bound = 0.001 if free else SEPARATE_BOUND if flags & SEPARATED else MERGE_BOUND
    bound = 1.002 * (COARSE_BOUND if flags & SIMPLIFIED and flags & MERGED_EDGES else bound)
    outside = shapely.difference(got, given.buffer(bound, quad_segs=16))
    missing = shapely.difference(given.buffer(-bound, quad_segs=16), got.buffer(bound, quad_segs=16))
    stray = shapely.difference(got.boundary, rings.buffer(bound, quad_segs=16))
    if shapely.area(outside) > 1e-8:
        far = float(shapely.distance(shapely.points(shapely.get_coordinates(outside)), given).max())
        return f"the outline reaches {far * 1000:.4f} mm out of the input, allowed {bound * 1000:.4f}"
    # Where a roof runs under its own base there is nothing to build.
    if whole and shapely.area(missing) > 1e-8 and not flags & REMOVED:
        return (
            f"the outline leaves out {shapely.area(missing):.3g} m2 beyond the {bound * 1000:.4f} mm allowed"
        )
    if free and shapely.length(stray) > 1e-6:
        far = float(shapely.distance(shapely.points(shapely.get_coordinates(stray)), rings).max())
        return f"the outline runs {far * 1000:.4f} mm from any input ring, allowed {bound * 1000:.4f}"
    return ""


def analytic_volume(solids: Arrays, cases: Sequence[Case], volumes: Floats) -> Complaints:
    """Where a formula knows the volume on the unsnapped footprint, a millimetre explains the rest."""
    found: Complaints = []
    for b in np.flatnonzero(solids["status"] == 0).tolist():
        expected = exact_volume(cases[b])
        if expected is None or int(solids["flags"][b]) & (
            MERGED_EDGES | MERGED_HEIGHTS | SIMPLIFIED | SEPARATED | REMOVED
        ):
            continue
        f = cases[b].parts[0].footprint
        polygon = shapely.Polygon(f.shell, f.holes)
        high, steep = _height_and_slope(cases[b])
        bound = 0.001 * (polygon.length * high + polygon.area * (1.0 + steep)) + 1e-6
        if abs(volumes[b] - expected) > bound:
            found.append((b, f"volume {volumes[b]:.6f}, by formula {expected:.6f}, allowed {bound:.6f}"))
    return found


def _height_and_slope(c: Case) -> tuple[float, float]:
    part = c.parts[0]
    ridge = part.params[0] if part.params[0] == part.params[0] else part.eave
    f = shapely.Polygon(part.footprint.shell)
    # The steepest that any face can be: the whole rise over the least distance from the middle to a side.
    rise = abs(ridge - part.eave)
    return max(ridge, part.eave), rise / max(shapely.minimum_clearance(f), 0.05)


def exact_volume(c: Case) -> float | None:
    """By formula, for one plain part: flat, skillion with an azimuth; gabled or pyramidal on rectangles."""
    part = c.parts[0]
    plain = (
        len(c.parts) == 1 and not c.supers and part.overhang == 0 and part.base == 0 and not part.edge_pitch
    )
    if not plain:
        return None
    polygon = shapely.Polygon(part.footprint.shell, part.footprint.holes)
    area, ridge = float(polygon.area), part.params[0]
    if part.kind == 0:
        return area * part.eave
    if part.kind == 1 and part.params[1] == part.params[1]:
        east, north = part.roof_shift
        below = shapely.Point(polygon.centroid.x - east, polygon.centroid.y - north)
        return area * _skillion_middle(part.footprint.shell, below, part.params[1], part.eave, ridge)
    rectangle = c.name.endswith(": rectangle")
    if part.kind == 2 and rectangle and part.params[1] != part.params[1]:
        off, place = _off_middle(part), part.params[2]
        share = 0.5 - off**2 / 2 * (1 / place + 1 / (1 - place))
        return area * (part.eave + (ridge - part.eave) * share) if abs(off) < min(place, 1 - place) else None
    if part.kind == 5 and rectangle and part.roof_shift == (0.0, 0.0):
        return area * (part.eave + (ridge - part.eave) / 3)
    return None


def _off_middle(part: Part) -> float:
    """By how much of its width a gable along the long side of a rectangle is shifted across."""
    corners = np.array(part.footprint.shell)
    sides = np.diff(corners[[0, 1, 2]], axis=0)
    length = np.hypot(*sides.T)
    short = int(np.argmin(length))
    return float(sides[short] @ np.array(part.roof_shift)) / float(length[short]) ** 2


def _skillion_middle(shell: Any, middle: Any, azimuth_deg: float, eave: float, ridge: float) -> float:
    """Height of the slope above the centroid; the slope falls towards the azimuth."""
    a = np.radians(azimuth_deg)
    along = np.array(shell) @ np.array([np.sin(a), np.cos(a)])
    t = (along.max() - (middle.x * np.sin(a) + middle.y * np.cos(a))) / (along.max() - along.min())
    return float(eave + t * (ridge - eave))


# An exact test for self-intersection in fractions, by clipping: the meeting of two triangles is a convex set,
# and its corners must all lie in what the two triangles share.

# Corners stay int, which is quicker; clipping makes fractions of them.
Number = int | Fraction
Vector = tuple[Number, Number, Number]


def self_intersections(building: Building) -> list[tuple[int, int]]:
    """Pairs of triangles of one solid that meet outside their shared corners."""
    p = building.vertices[building.triangles]
    low, high = p.min(axis=1), p.max(axis=1)
    found = []
    for i in range(len(p)):
        near = np.all((low[i + 1 :] <= high[i]) & (low[i] <= high[i + 1 :]), axis=1)
        near &= building.solid[i + 1 :] == building.solid[i]
        found += [(i, int(j)) for j in np.flatnonzero(near) + i + 1 if triangles_meet(p[i], p[j])]
    return found


def triangles_meet(first: Ints, second: Ints) -> bool:
    """Whether two triangles of integer corners meet in more than the corners that they share."""
    a, b = [_exact(q) for q in first], [_exact(q) for q in second]
    na, nb = _cross(_sub(a[1], a[0]), _sub(a[2], a[0])), _cross(_sub(b[1], b[0]), _sub(b[2], b[0]))
    if not any(na) or not any(nb):
        return False
    if _beside(a, b[0], nb) or _beside(b, a[0], na):
        return False
    meeting: list[Vector] = a
    for k in range(3):  # the prism over b
        meeting = _clip(meeting, b[k], _cross(nb, _sub(b[(k + 1) % 3], b[k])))
    meeting = _clip(_clip(meeting, b[0], nb), b[0], _scale(nb, -1))
    shared = [q for q in a if q in b]
    return any(not _in_simplex(q, shared) for q in meeting)


def _clip(polygon: list[Vector], origin: Vector, inward: Vector) -> list[Vector]:
    """The part of a convex polygon (or segment, or point) on the inward side of a plane, or in it."""
    kept: list[Vector] = []
    for i, q in enumerate(polygon):
        r = polygon[(i + 1) % len(polygon)]
        s, t = _dot(inward, _sub(q, origin)), _dot(inward, _sub(r, origin))
        if s >= 0:
            kept.append(q)
        if s * t < 0:
            kept.append(_add(q, _scale(_sub(r, q), Fraction(s) / (s - t))))
    return kept


def _in_simplex(q: Vector, corners_: list[Vector]) -> bool:
    if len(corners_) < 2:
        return q in corners_
    if len(corners_) > 2:
        return False  # the same triangle twice
    a, b = corners_
    d = _sub(b, a)
    return not any(_cross(d, _sub(q, a))) and 0 <= _dot(d, _sub(q, a)) <= _dot(d, d)


def _beside(corners_: list[Vector], origin: Vector, normal: Vector) -> bool:
    """Whether all lie on one side of a plane, and none in it."""
    sides = [_dot(normal, _sub(q, origin)) for q in corners_]
    return min(sides) > 0 or max(sides) < 0


def _exact(q: Ints) -> Vector:
    return (int(q[0]), int(q[1]), int(q[2]))


def _sub(a: Vector, b: Vector) -> Vector:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def _add(a: Vector, b: Vector) -> Vector:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def _scale(a: Vector, f: Number) -> Vector:
    return (a[0] * f, a[1] * f, a[2] * f)


def _dot(a: Vector, b: Vector) -> Number:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
