"""Random building programs over random footprints, in the kernel's columnar form.

A `Case` is one building as plain values: it becomes a row of the arrays that `compile_solids` takes, and a
JSON file of the corpus. Everything follows from a seed: `case(seed)` is the same building for ever.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import footprints as fp
from .footprints import Footprint, Point, Ring

FLAT, SKILLION, GABLED, HALF_HIPPED, HIPPED, PYRAMIDAL, MANSARD, GAMBREL, SALTBOX = range(9)
BUTTERFLY, SAWTOOTH, CROSS_GABLED, SIDE_HIPPED, ROUND, DOME, CONE, ONION, PLANAR = range(9, 18)
RIDGE, AZIMUTH, OFFSET, BREAK, INSET, REAR_EAVE, COUNT, PITCH = range(8)
NAN = math.nan

# Kinds that the kernel may refuse on a footprint that is not for them.
QUADS_ONLY = (HALF_HIPPED, SIDE_HIPPED)
ANY_POLYGON = (FLAT, SKILLION, GABLED, HIPPED)


@dataclass
class Part:
    """One part of a building."""

    footprint: Footprint
    kind: int = FLAT
    eave: float = 3.0
    base: float = 0.0
    overhang: float = 0.0
    roof_shift: Point = (0.0, 0.0)
    params: list[float] = field(default_factory=lambda: [NAN] * 8)
    edge_pitch: list[float] | None = None
    faces: list[tuple[list[Ring], tuple[float, float, float]]] = field(default_factory=list)


@dataclass
class Super:
    """One superstructure."""

    kind: int
    part: int
    params: list[float]


@dataclass
class Case:
    """One building."""

    parts: list[Part]
    supers: list[Super] = field(default_factory=list)
    ground_z: float = 0.0
    name: str = ""

    @property
    def kinds(self) -> set[int]:
        return {p.kind for p in self.parts}


def case(seed: int) -> Case:
    """The building of a seed."""
    # Random() mixes integers poorly for neighbours; strings are hashed.
    rng = Random(f"case-{seed}")
    factor = fp.scale(rng)
    shapes = _shapes(rng)
    move = fp.mover(rng, factor)
    ground = rng.choice((0.0, 0.3, -4.2, rng.uniform(-10, 1500)))
    parts = []
    for shape in shapes:
        placed = shape.mapped(move)
        parts.append(random_part(rng, placed, span(placed)))
    if rng.random() < 0.15:
        eave = parts[0].eave
        for part in parts[1:]:  # near-equal eaves: steps lower than the least edge
            part.eave = eave + rng.choice((0.0, 0.004, 0.009, 0.011))
            part.kind, part.params, part.base = FLAT, [NAN] * 8, 0.0
    # A stream of its own: the rest of the building is what it was before roofs could be shifted.
    _shift_roofs(Random(f"shift-{seed}"), parts)
    supers = _supers(rng, parts) if rng.random() < 0.25 else []
    return Case(parts, supers, ground, f"seed {seed}: {'+'.join(s.name for s in shapes)}")


def _shift_roofs(rng: Random, parts: Sequence[Part]) -> None:
    """All roofs of some buildings, or each by itself, a few millimetres to as far as roofs may be moved."""
    if rng.random() > 0.3:
        return
    far = rng.choice((0.003, 0.05, 0.3, 0.3, 2.0))
    shift = (rng.uniform(-far, far), rng.choice((0.0, rng.uniform(-far, far))))
    for part in parts:
        if part.kind not in {ONION, PLANAR}:
            part.roof_shift = shift
        if rng.random() < 0.3:
            shift = (rng.uniform(-far, far), rng.uniform(-far, far))


def span(f: Footprint) -> float:
    """Shorter side of the bounding box, metres."""
    xs, ys = [p[0] for p in f.shell], [p[1] for p in f.shell]
    return max(min(max(xs) - min(xs), max(ys) - min(ys)), 0.05)


def _shapes(rng: Random) -> list[Footprint]:
    r = rng.random()
    if r < 0.7:
        return [fp.footprint(rng)]
    makers = (_row, _corner_touching, _overlapping, _tower, _t_vertices, _sloppy_row, _twisted)
    return rng.choice(makers)(rng)


def _shifted(f: Footprint, dx: float, dy: float, name: str) -> Footprint:
    return f.mapped(lambda p: (p[0] + dx, p[1] + dy), name)


def _row(rng: Random) -> list[Footprint]:
    """Parts that share a whole wall."""
    shapes, x = [], 0.0
    for _ in range(rng.randint(2, 4)):
        w = rng.uniform(3, 8)
        shapes.append(Footprint([(x, 0), (x + w, 0), (x + w, 9), (x, 9)], name="row"))
        x += w
    return shapes


def _sloppy_row(rng: Random) -> list[Footprint]:
    """Parts that nearly share a wall: drawn one by one, with gaps and overlaps of up to centimetres."""
    noise = rng.choice((0.0004, 0.002, 0.008, 0.03))
    return [
        f.mapped(lambda p: (p[0] + rng.uniform(-noise, noise), p[1] + rng.uniform(-noise, noise)), "sloppy")
        for f in _row(rng)
    ]


def _twisted(rng: Random) -> list[Footprint]:
    """The same outline twice, one of them turned or scaled by next to nothing."""
    a = fp.footprint(rng)
    turn = rng.choice((1e-5, 1e-4, 1e-3, 0.01))
    grow = 1 + rng.choice((0.0, 1e-5, -1e-4, 1e-3, -0.01))
    c, s = grow * math.cos(turn), grow * math.sin(turn)
    return [a, a.mapped(lambda p: (c * p[0] - s * p[1], s * p[0] + c * p[1]), "twisted")]


def _t_vertices(rng: Random) -> list[Footprint]:
    """A wing against the middle of a wall: its corners are on the other's edge."""
    a = Footprint([(0, 0), (14, 0), (14, 8), (0, 8)], name="main")
    x, w = rng.uniform(0, 8), rng.uniform(2, 6)
    gap = rng.choice((0.0, 0.0, 0.0005, -0.0005, 0.004, 0.012))
    y = 8 + gap
    return [a, Footprint([(x, y), (x + w, y), (x + w, y + 5), (x, y + 5)], name="wing")]


def _corner_touching(rng: Random) -> list[Footprint]:
    a = Footprint([(0, 0), (6, 0), (6, 5), (0, 5)], name="corner")
    d = rng.choice((0.0, 0.0, 0.001, -0.001, 0.008, -0.008, 0.02))
    b: Ring = [(6 + d, 5), (11, 5), (11, 12), (6 + d, 12)]
    shapes = [a, Footprint(b, name="corner")]
    if rng.random() < 0.4:
        shapes.append(Footprint([(0, 5), (6, 5), (6, 9), (0, 9)], name="between"))
    return shapes


def _overlapping(rng: Random) -> list[Footprint]:
    a = fp.footprint(rng)
    b = fp.rectangle(rng) if rng.random() < 0.5 else fp.letter(rng)
    c, s = math.cos(turn := rng.choice((0.0, 0.3, math.pi / 4, rng.uniform(0, 6)))), math.sin(turn)
    b = b.mapped(lambda p: (c * p[0] - s * p[1], s * p[0] + c * p[1]))
    return [a, _shifted(b, rng.uniform(-6, 8), rng.uniform(-6, 8), b.name)]


def _tower(rng: Random) -> list[Footprint]:
    """A part inside another, or with the same outline."""
    a = fp.rectangle(rng)
    if rng.random() < 0.2:
        return [a, a]
    (x0, y0), (x1, y1) = a.shell[0], a.shell[2]
    inset = rng.choice((0.0, 0.005, 0.012, 0.5)) if rng.random() < 0.5 else 0.3 * min(x1, y1)
    u, v = x0 + 0.4 * (x1 - x0), y0 + 0.6 * (y1 - y0)
    return [a, Footprint([(x0 + inset, y0 + inset), (u, y0 + inset), (u, v), (x0 + inset, v)], name="tower")]


def random_part(rng: Random, f: Footprint, size: float) -> Part:
    """Any roof on one placed footprint; sizes follow the footprint's."""
    kind = rng.choice((FLAT, SKILLION, GABLED, HIPPED)) if rng.random() < 0.5 else rng.randrange(18)
    h = min(max(size, 0.5), 30.0)
    eave = rng.choice((3.0, 5.5, rng.uniform(0.5, 12)))
    part = Part(f, kind, eave)
    rise = h * rng.choice((0.3, 0.5, rng.uniform(0.005, 1.2)))
    if rng.random() < 0.05:
        rise = rng.choice((0.004, 0.012, 0.05))  # nearly no roof
    p = part.params
    p[RIDGE] = eave + rise
    if rng.random() < 0.4:
        p[AZIMUTH] = rng.choice((0.0, 90.0, 45.0, rng.uniform(0, 360)))
    if kind in _SPECIFIC:
        _SPECIFIC[kind](rng, part, rise, size)
    if kind in {HIPPED, GABLED} and rng.random() < 0.15:
        count = len(f.shell) + sum(len(r) for r in f.holes)
        part.edge_pitch = [rng.choice((NAN, 30.0, 45.0, 60.0, 90.0)) for _ in range(count)]
    if rng.random() < 0.12:
        part.overhang = rng.choice((0.2, 0.5, 1.0, 0.015)) * min(size, 4.0) / 4.0
    if rng.random() < 0.06:
        part.base = rng.choice((0.2, 1.0, 2.5)) if eave > 2.6 else 0.1
    return part


def _flat(_: Random, part: Part, __: float, ___: float) -> None:
    part.params[:] = [NAN] * 8


def _gabled(rng: Random, part: Part, _: float, __: float) -> None:
    part.params[OFFSET] = rng.choice((0.5, 0.5, 0.3, rng.uniform(0.05, 0.95)))


def _hipped(rng: Random, part: Part, _: float, size: float) -> None:
    r = rng.random()
    if r < 0.4:
        part.params[RIDGE], part.params[AZIMUTH] = NAN, NAN
        part.params[PITCH] = rng.choice((20.0, 45.0, 60.0, rng.uniform(5, 75)))
    elif r < 0.6 and len(part.footprint.shell) == 4 and not part.footprint.holes:
        part.params[INSET] = size * rng.uniform(0.1, 0.45)


def _half_hipped(rng: Random, part: Part, rise: float, size: float) -> None:
    part.params[BREAK] = part.eave + rise * rng.uniform(0.2, 0.8)
    part.params[INSET] = size * rng.uniform(0.05, 0.3)


def _broken(rng: Random, part: Part, rise: float, size: float) -> None:
    part.params[BREAK] = part.eave + rise * rng.uniform(0.5, 0.85)
    part.params[INSET] = size * rng.uniform(0.05, 0.2)


def _saltbox(rng: Random, part: Part, rise: float, _: float) -> None:
    part.params[OFFSET] = rng.uniform(0.2, 0.8)
    part.params[REAR_EAVE] = part.eave + rise * rng.uniform(-0.5, 0.5)
    part.params[REAR_EAVE] = max(part.params[REAR_EAVE], 0.3)


def _butterfly(rng: Random, part: Part, rise: float, _: float) -> None:
    part.params[RIDGE] = max(part.eave - rise, 0.1 * part.eave)
    part.params[OFFSET] = rng.uniform(0.3, 0.7)


def _sawtooth(rng: Random, part: Part, _: float, __: float) -> None:
    part.params[COUNT] = rng.randint(1, 6)


def _side_hipped(rng: Random, part: Part, _: float, size: float) -> None:
    part.params[INSET] = size * rng.uniform(0.1, 0.4)
    part.params[COUNT] = rng.randint(0, 1)


def _onion(rng: Random, part: Part, _: float, size: float) -> None:
    part.params[INSET] = size * rng.uniform(0.0, 0.2)


def _planar(rng: Random, part: Part, _: float, __: float) -> None:
    """Planes over the whole part, or over two halves of its bounding box."""
    part.params[:] = [NAN] * 8
    xs, ys = [p[0] for p in part.footprint.shell], [p[1] for p in part.footprint.shell]
    x0, x1, y0, y1 = min(xs), max(xs), min(ys), max(ys)
    m = x0 + (x1 - x0) * rng.uniform(0.3, 0.7)

    def plane() -> tuple[float, float, float]:
        return (rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5), part.eave + (x1 - x0 + y1 - y0))

    if rng.random() < 0.4:
        part.faces = [([list(part.footprint.shell), *map(list, part.footprint.holes)], plane())]
        return
    part.faces = [
        ([[(x0, y0), (m, y0), (m, y1), (x0, y1)]], plane()),
        ([[(m, y0), (x1, y0), (x1, y1), (m, y1)]], plane()),
    ]


_SPECIFIC: dict[int, Callable[[Random, Part, float, float], None]] = {
    FLAT: _flat, GABLED: _gabled, HIPPED: _hipped, HALF_HIPPED: _half_hipped, MANSARD: _broken,
    GAMBREL: _broken,
    SALTBOX: _saltbox, BUTTERFLY: _butterfly, SAWTOOTH: _sawtooth, SIDE_HIPPED: _side_hipped, ONION: _onion,
    PLANAR: _planar,
}  # fmt: skip


def _supers(rng: Random, parts: Sequence[Part]) -> list[Super]:
    found = []
    for _ in range(rng.randint(1, 4)):
        i = rng.randrange(len(parts))
        part = parts[i]
        shell = part.footprint.shell
        size = span(part.footprint)
        (ax, ay), (bx, by) = rng.choice(list(zip(shell, [*shell[1:], shell[0]], strict=True)))
        cx, cy = sum(p[0] for p in shell) / len(shell), sum(p[1] for p in shell) / len(shell)
        t, inward = rng.uniform(0.2, 0.8), rng.choice((0.0, 0.02, 0.2, 0.5, 0.9))
        x, y = ax + t * (bx - ax), ay + t * (by - ay)
        x, y = x + inward * (cx - x), y + inward * (cy - y)
        # The normal of the edge as a compass direction, as dormers stand.
        azimuth = (
            math.degrees(math.atan2(by - ay, -(bx - ax))) % 360 if rng.random() < 0.7 else rng.uniform(0, 360)
        )
        w, d = size * rng.uniform(0.1, 0.3), size * rng.uniform(0.1, 0.4)
        eave = part.eave + rng.choice((0.0, 0.5, 0.02)) * min(size, 5) / 5
        kind = rng.randrange(6)
        top = eave + rng.uniform(0.1, 1.5)
        if kind == 5:
            w, top = (
                rng.choice((0.2, 0.3, 0.02, 0.6)) * min(size, 4) / 4,
                part.eave + rng.choice((0.5, 1.0, 0.02)),
            )
        if kind in {3, 4}:
            top = part.eave + rng.uniform(0.2, 6)
        found.append(Super(kind, i, [x, y, azimuth, w, d, eave, top]))
    return found


def to_arrays(cases: Sequence[Case]) -> dict[str, NDArray[Any]]:
    """The dict of arrays that the kernel takes; see struct Programs in cpp/include/geovision/types.hpp."""
    parts = [p for c in cases for p in c.parts]
    rings: list[Ring] = []
    ring_counts, edge_pitch = [], []
    for p in parts:
        own = [p.footprint.shell, *p.footprint.holes]
        rings += own
        ring_counts.append(len(own))
        edge_pitch += p.edge_pitch or [NAN] * sum(map(len, own))
    faces = [f for p in parts for f in p.faces]
    face_rings = [r for f in faces for r in f[0]]
    supers = [s for c in cases for s in c.supers]
    return {
        "ground_z": np.array([c.ground_z for c in cases], np.float64),
        "part_offsets": _offsets([len(c.parts) for c in cases]),
        "roof_kind": np.array([p.kind for p in parts], np.uint8),
        "eave": np.array([p.eave for p in parts], np.float64),
        "base": np.array([p.base for p in parts], np.float64),
        "overhang": np.array([p.overhang for p in parts], np.float64),
        "roof_shift": _table([p.roof_shift for p in parts], 2),
        "roof_params": _table([p.params for p in parts], 8),
        "ring_offsets": _offsets(ring_counts),
        "vertex_offsets": _offsets([len(r) for r in rings]),
        "xy": _table([q for r in rings for q in r], 2),
        "edge_pitch": np.array(edge_pitch, np.float64),
        "face_offsets": _offsets([len(p.faces) for p in parts]),
        "face_ring_offsets": _offsets([len(f[0]) for f in faces]),
        "face_vertex_offsets": _offsets([len(r) for r in face_rings]),
        "face_xy": _table([q for r in face_rings for q in r], 2),
        "face_plane": _table([f[1] for f in faces], 3),
        "super_offsets": _offsets([len(c.supers) for c in cases]),
        "super_kind": np.array([s.kind for s in supers], np.uint8),
        "super_part": np.array([s.part for s in supers], np.int32),
        "super_params": _table([s.params for s in supers], 7),
    }


def _offsets(counts: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(np.array(counts, np.int64)))).astype(np.int64)


def _table(rows: Sequence[Sequence[float]] | Sequence[Point], columns: int) -> NDArray[np.float64]:
    return np.array(rows, np.float64).reshape(-1, columns)


def to_json(c: Case) -> dict[str, Any]:
    """A case as JSON values; floats keep every bit."""
    return {
        "name": c.name,
        "ground_z": c.ground_z,
        "parts": [
            {
                "kind": p.kind,
                "eave": p.eave,
                "base": p.base,
                "overhang": p.overhang,
                "roof_shift": p.roof_shift,
                "params": [_null(v) for v in p.params],
                "edge_pitch": None if p.edge_pitch is None else [_null(v) for v in p.edge_pitch],
                "shell": p.footprint.shell,
                "holes": list(p.footprint.holes),
                "faces": [{"rings": rings, "plane": plane} for rings, plane in p.faces],
            }
            for p in c.parts
        ],
        "supers": [
            {"kind": s.kind, "part": s.part, "params": [_null(v) for v in s.params]} for s in c.supers
        ],
    }


def from_json(data: dict[str, Any]) -> Case:
    """The case of a corpus file."""
    return Case(
        [
            Part(
                Footprint(_ring(p["shell"]), tuple(_ring(r) for r in p["holes"])),
                p["kind"],
                p["eave"],
                p["base"],
                p["overhang"],
                # Files from before roofs could be shifted have none.
                tuple(p.get("roof_shift", (0.0, 0.0))),
                [_nan(v) for v in p["params"]],
                None if p["edge_pitch"] is None else [_nan(v) for v in p["edge_pitch"]],
                [([_ring(r) for r in f["rings"]], tuple(f["plane"])) for f in p["faces"]],
            )
            for p in data["parts"]
        ],
        [Super(s["kind"], s["part"], [_nan(v) for v in s["params"]]) for s in data["supers"]],
        data["ground_z"],
        data["name"],
    )


def _ring(points: Sequence[Sequence[float]]) -> Ring:
    return [(float(x), float(y)) for x, y in points]


def _null(v: float) -> float | None:
    return None if math.isnan(v) else v


def _nan(v: float | None) -> float:
    return NAN if v is None else v
