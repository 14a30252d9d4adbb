"""Solar modules and roof windows: thin slabs on pitched roofs, wherever a face has room for them."""

from __future__ import annotations

import numpy as np

from geovision.mesh import Material, SceneLabel, Solids, Triangles
from geovision.model.labels import Label
from geovision.procedural.plans import I64
from geovision.procedural.rng import F64, U64, Keyed, combine, id_keys, name_key
from geovision.procedural.style import Style

__all__ = ["fit_roofs"]

_LEAST_M2 = 9.0
_RIM_M = 0.35
"""Free strip towards the face's borders."""
_MODULE_M = np.array([1.02, 1.7])
_WINDOW_M = np.array([0.66, 0.98])
_SOLAR = (Material.SOLAR, (34, 38, 56), 0.12)
_WINDOW = (Material.GLASS, (70, 80, 92), 0.05)
"""Material, colour, and height above the tiles."""
_SLAB = np.array(
    [
        [4, 5, 6], [4, 6, 7],
        [0, 1, 5], [0, 5, 4], [1, 2, 6], [1, 6, 5], [2, 3, 7], [2, 7, 6], [3, 0, 4], [3, 4, 7],
    ]
)  # fmt: skip


def fit_roofs(solids: Solids, style: Style, seed: int) -> Triangles:
    """Modules and windows of all buildings, in world coordinates."""
    faces = _pitched_faces(solids)
    names = id_keys(solids.ids)
    slabs = [slab for face in faces for slab in _fit_face(face, names[face.building], style, seed)]
    if not slabs:
        return Triangles.empty()
    corners = np.concatenate([slab for slab, _ in slabs])
    kinds = [_SOLAR if solar else _WINDOW for _, solar in slabs]
    each = len(_SLAB)
    return Triangles.uniform(
        corners,
        (_SLAB + 8 * np.arange(len(slabs))[:, None, None]).reshape(-1, 3),
        label=SceneLabel.OBJECT,
        material=np.repeat([int(kind[0]) for kind in kinds], each),
        colour=np.repeat([kind[1] for kind in kinds], each, axis=0),
    )


class _Face:
    """A roof face in its own plane: x along the eave, y up the slope."""

    def __init__(self, building: int, number: int, triangles: F64) -> None:
        self.building = building
        self.number = number
        normal = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]).sum(axis=0)
        self.normal = normal / np.sqrt((normal**2).sum())
        along = np.array([-self.normal[1], self.normal[0], 0.0])
        self.along = along / np.sqrt((along**2).sum())
        self.up = np.cross(self.normal, self.along)
        self.origin = triangles[0, 0]
        local = triangles - self.origin
        self.flat = np.stack([local @ self.along, local @ self.up], axis=-1)

    def holds(self, xy: F64) -> bool:
        """Whether all points lie in the face."""
        a, b, c = (self.flat[None, :, k] for k in range(3))
        point = xy[:, None]
        sides = np.stack([_cross(b - a, point - a), _cross(c - b, point - b), _cross(a - c, point - c)])
        inside = (sides >= -1e-6).all(axis=0)
        return bool(np.all(np.any(inside, axis=1)))

    def place(self, xy: F64, height: float) -> F64:
        """Points of the plane in the world, lifted off it."""
        world = self.origin + xy[:, :1] * self.along + xy[:, 1:] * self.up + height * self.normal
        return np.asarray(world, np.float64)


def _cross(a: F64, b: F64) -> F64:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def _pitched_faces(solids: Solids) -> list[_Face]:
    """Roof faces between 15 and 60 degrees with room for something."""
    count = np.diff(solids.triangle_offsets)
    building = np.repeat(np.arange(len(solids)), count)
    corner = solids.triangles + solids.vertex_offsets[building][:, None]
    triangles = solids.origin[building][:, None] + solids.vertices[corner] * solids.grid
    face = solids.triangle_face + solids.face_offsets[building]
    normal = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]) / 2
    total = np.stack([np.bincount(face, normal[:, k], len(solids.face_label)) for k in range(3)], axis=1)
    size = np.sqrt((total**2).sum(axis=1))
    steep = total[:, 2] / np.maximum(size, 1e-9)
    fit = (solids.face_label == Label.ROOF) & (size > _LEAST_M2) & (steep > 0.5) & (steep < 0.966)
    order = np.argsort(face, kind="stable")
    starts: I64 = np.searchsorted(face[order], np.arange(len(fit) + 1))
    owner = np.searchsorted(solids.face_offsets, np.flatnonzero(fit), side="right") - 1
    found = []
    for number, mine in zip(np.flatnonzero(fit).tolist(), owner.tolist(), strict=True):
        rows = order[starts[number] : starts[number + 1]]
        found.append(_Face(mine, number - int(solids.face_offsets[mine]), triangles[rows]))
    return found


def _fit_face(face: _Face, name: np.uint64, style: Style, seed: int) -> list[tuple[F64, bool]]:
    building: U64 = np.array([name], np.uint64)
    home = Keyed(seed, combine(name_key("fittings"), building))
    draws = Keyed(seed, combine(name_key("fittings"), building, face.number))
    low, high = face.flat.reshape(-1, 2).min(axis=0), face.flat.reshape(-1, 2).max(axis=0)
    # Modules face the sun, so far as there is a choice: the slope's downhill side is not the north.
    if home.chance("solar", style.fittings.solar)[0] and face.normal[1] < 0.3:
        array = _solar(face, draws, low, high)
        if array is not None:
            return [(array, True)]
    found = []
    if home.chance("window", style.fittings.window)[0]:
        wished = round(float(style.fittings.windows.sample(draws, "windows")[0]))
        for number in range(wished):
            more = np.array([0.4 * draws.uniform(f"w{number}")[0], 0.5 * draws.uniform(f"h{number}")[0]])
            middle = low + (high - low) * [(number + 0.5) / wished, 0.35 + 0.3 * draws.uniform("row")[0]]
            slab = _slab(face, middle, _WINDOW_M + more, _WINDOW[2])
            if slab is not None:
                found.append((slab, False))
    return found


def _solar(face: _Face, draws: Keyed, low: F64, high: F64) -> F64 | None:
    """The largest of a few arrays of whole modules that fits round the face's middle."""
    room = (high - low - 2 * _RIM_M) * (0.55 + 0.4 * draws.uniform("solar/share")[0])
    for shrink in (1.0, 0.75, 0.55):
        count = np.floor(room * shrink / _MODULE_M)
        if count.min() < 1 or count.prod() < 3:
            return None
        slab = _slab(face, (low + high) / 2, count * _MODULE_M, _SOLAR[2])
        if slab is not None:
            return slab
    return None


def _slab(face: _Face, middle: F64, size: F64, height: float) -> F64 | None:
    """Eight corners, if a rectangle with a rim fits into the face."""
    corner = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    edge = np.roll(corner, -1, axis=0) - corner
    sides = np.concatenate([corner + edge * step for step in (0.0, 0.34, 0.67)])
    inner = corner[:, None] * np.array([0.25, 0.6])[:, None]
    spots = np.concatenate([sides, inner.reshape(-1, 2), np.zeros((1, 2))])
    if not face.holds(middle + spots * (size + 2 * _RIM_M)):
        return None
    ring = middle + corner * size
    return np.concatenate([face.place(ring, 0.0), face.place(ring, height)])
