"""Random footprints: what cadastres, volunteers and networks draw, and worse.

Every generator takes a `random.Random` and returns a polygon about the origin, in metres. All are valid
in the sense of the OGC (holes may touch the shell in a point); `place` moves them into the world.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

Point = tuple[float, float]
Ring = list[Point]


@dataclass(frozen=True)
class Footprint:
    """One polygon: an open shell and open holes, any orientation."""

    shell: Ring
    holes: tuple[Ring, ...] = ()
    name: str = ""

    def mapped(self, f: Callable[[Point], Point], name: str | None = None) -> Footprint:
        rings = [[f(p) for p in ring] for ring in (self.shell, *self.holes)]
        return Footprint(rings[0], tuple(rings[1:]), self.name if name is None else name)


def rectangle(rng: Random) -> Footprint:
    w, d = rng.uniform(3, 20), rng.uniform(3, 20)
    return Footprint(_box(0, 0, w, d), name="rectangle")


def quad(rng: Random) -> Footprint:
    """Convex, or nearly a triangle, or a dart."""
    w, d = rng.uniform(4, 16), rng.uniform(4, 16)
    j = 0.45 * min(w, d)
    corners = [(x + rng.uniform(-j, j), y + rng.uniform(-j, j)) for x, y in _box(0, 0, w, d)]
    return Footprint(corners, name="quad")


def triangle(rng: Random) -> Footprint:
    w = rng.uniform(3, 15)
    return Footprint([(0, 0), (w, 0), (rng.uniform(-5, 20), rng.uniform(1, 15))], name="triangle")


def letter(rng: Random) -> Footprint:
    """L, T, U, H, Z and plus shapes with arms of different widths; often with equal ones."""
    u = [rng.choice((3.0, 4.0, 5.5)) if rng.random() < 0.4 else rng.uniform(2, 9) for _ in range(8)]
    shapes: dict[str, Ring] = {
        "L": [
            (0, 0), (u[0] + u[1], 0), (u[0] + u[1], u[2]), (u[0], u[2]),
            (u[0], u[2] + u[3]), (0, u[2] + u[3]),
        ],
        "T": [
            (0, 0), (u[0] + u[1] + u[2], 0), (u[0] + u[1] + u[2], u[3]), (u[0] + u[1], u[3]),
            (u[0] + u[1], u[3] + u[4]), (u[0], u[3] + u[4]), (u[0], u[3]), (0, u[3]),
        ],
        "U": [
            (0, 0), (u[0] + u[1] + u[2], 0), (u[0] + u[1] + u[2], u[3] + u[4]), (u[0] + u[1], u[3] + u[4]),
            (u[0] + u[1], u[3]), (u[0], u[3]), (u[0], u[3] + u[5]), (0, u[3] + u[5]),
        ],
        "H": [
            (0, 0), (u[0], 0), (u[0], u[1]), (u[0] + u[2], u[1]), (u[0] + u[2], 0), (u[0] + u[2] + u[3], 0),
            (u[0] + u[2] + u[3], u[1] + u[4] + u[5]), (u[0] + u[2], u[1] + u[4] + u[5]),
            (u[0] + u[2], u[1] + u[4]), (u[0], u[1] + u[4]),
            (u[0], u[1] + u[4] + u[6]), (0, u[1] + u[4] + u[6]),
        ],
        "Z": [
            (0, 0), (u[0], 0), (u[0], u[1]), (u[0] + u[2], u[1]), (u[0] + u[2], u[1] + u[3]),
            (u[0] * 0.5, u[1] + u[3]), (u[0] * 0.5, u[1]), (0, u[1]),
        ],
        "plus": [
            (u[0], 0), (u[0] + u[1], 0), (u[0] + u[1], u[2]), (u[0] + u[1] + u[3], u[2]),
            (u[0] + u[1] + u[3], u[2] + u[4]), (u[0] + u[1], u[2] + u[4]), (u[0] + u[1], u[2] + u[4] + u[5]),
            (u[0], u[2] + u[4] + u[5]), (u[0], u[2] + u[4]), (0, u[2] + u[4]), (0, u[2]), (u[0], u[2]),
        ],
    }  # fmt: skip
    name = rng.choice(list(shapes))
    return Footprint(shapes[name], name=name)


def regular(rng: Random) -> Footprint:
    """A tower: many vertices on a circle, so that every bisector meets in one point."""
    n, r = rng.choice((3, 5, 6, 8, 12, 24, 36)), rng.uniform(1.5, 12)
    return Footprint([_polar(r, 2 * math.pi * i / n) for i in range(n)], name="regular")


def star_shaped(rng: Random) -> Footprint:
    n = rng.randint(5, 16)
    turn = 2 * math.pi / n
    return Footprint(
        [_polar(rng.uniform(3, 12), turn * (i + rng.uniform(-0.4, 0.4))) for i in range(n)], name="star"
    )


def tangled(rng: Random) -> Footprint:
    """A random simple polygon: random points, uncrossed by two-opt moves."""
    n = rng.randint(5, 13)
    ring = [(rng.uniform(0, 18), rng.uniform(0, 18)) for _ in range(n)]
    for _ in range(200):
        crossing = _first_crossing(ring)
        if crossing is None:
            return Footprint(ring, name="tangled")
        i, j = crossing
        ring[i + 1 : j + 1] = reversed(ring[i + 1 : j + 1])
    return star_shaped(rng)


def staircase(rng: Random) -> Footprint:
    """A row house block: steps on both long sides, some of them tiny."""
    n = rng.randint(2, 6)
    below, above, x = [], [], 0.0
    for _ in range(n):
        w = rng.uniform(3, 7)
        low, high = rng.choice((0.0, 0.05, 0.4, 1.5)), 8 + rng.choice((0.0, 0.02, 0.3, 2.0))
        below += [(x, low), (x + w, low)]
        above += [(x, high), (x + w, high)]
        x += w
    return Footprint(_without_repeats(below + above[::-1]), name="staircase")


def with_holes(rng: Random) -> Footprint:
    w, d = rng.uniform(10, 30), rng.uniform(10, 30)
    shell = _box(0, 0, w, d)
    style = rng.choice(("courtyard", "two", "touching", "near", "slit", "diamond"))
    if style == "courtyard":
        holes = [_box(w * 0.3, d * 0.3, w * rng.uniform(0.1, 0.5), d * rng.uniform(0.1, 0.5))]
    elif style == "two":
        holes = [_box(w * 0.1, d * 0.2, w * 0.3, d * 0.5), _box(w * 0.5, d * 0.3, w * 0.3, d * 0.6)]
    elif style == "touching":  # a corner of the hole on the middle of a wall
        x = w * rng.uniform(0.3, 0.6)
        holes = [[(x, 0.0), (x + 2, 3.0), (x, 5.0), (x - 1.5, 2.5)]]
    elif style == "near":
        gap = rng.choice((0.001, 0.004, 0.009, 0.011, 0.02))
        holes = [_box(gap, d * 0.3, w * 0.4, d * 0.3)]
    elif style == "slit":
        holes = [_box(w * 0.2, d * 0.5, w * 0.6, rng.choice((0.005, 0.012, 0.05)))]
    else:  # four corners all touching the shell's middles would split it; three do not
        holes = [[(w / 2, 0.0), (w * 0.9, d / 2), (w / 2, d), (w * 0.2, d / 2)]]
        if rng.random() < 0.5:  # corner of the hole on a vertex of the shell
            shell = [(0.0, 0.0), (w / 2, 0.0), (w, 0.0), (w, d), (0.0, d)]
            holes = [[(w / 2, 0.0), (w * 0.7, d / 2), (w * 0.4, d / 2)]]
    return Footprint(shell, tuple(holes), f"holes-{style}")


BASIC: Sequence[Callable[[Random], Footprint]] = (
    rectangle, quad, triangle, letter, letter, regular, star_shaped, tangled, staircase, with_holes,
)  # fmt: skip


def dirty(rng: Random, footprint: Footprint) -> Footprint:
    """The same shape as a sloppy source draws it: one kind of dirt on some edges of the shell."""
    kind = rng.choice(("collinear", "near-collinear", "1mm", "9mm", "spike-free", "jitter"))
    ring: Ring = []
    shell = footprint.shell
    for (ax, ay), (bx, by) in zip(shell, [*shell[1:], shell[0]], strict=True):
        ring.append((ax, ay))
        length = math.hypot(bx - ax, by - ay)
        if length < 0.5 or rng.random() < 0.4:
            continue
        ux, uy = (bx - ax) / length, (by - ay) / length
        t = rng.uniform(0.2, 0.8) * length
        ring += [(ax + ux * s - uy * o, ay + uy * s + ux * o) for s, o in _dirt(rng, kind, t)]
    if kind == "jitter":
        ring = [(x + rng.uniform(-0.003, 0.003), y + rng.uniform(-0.003, 0.003)) for x, y in ring]
    return Footprint(ring, footprint.holes, f"{footprint.name}/{kind}")


def _dirt(rng: Random, kind: str, t: float) -> list[Point]:
    """Points to insert into an edge: (distance along it, offset to its left)."""
    if kind == "collinear":
        return [(t, 0.0)]
    if kind == "near-collinear":
        return [(t, rng.uniform(-0.002, 0.002))]
    if kind == "1mm":
        return [(t, 0.0), (t + 0.001, rng.choice((0.0, 0.001)))]
    if kind == "9mm":  # a jog in and out again
        o = rng.choice((-0.009, 0.009))
        return [(t, 0.0), (t, o), (t + 0.15, o), (t + 0.15, 0.0)]
    return []


WORLD: Sequence[Point] = (
    (0.0, 0.0), (155_000.0, 463_000.0), (500_000.5, 5_900_000.25), (-8_000_000.0, 6_000_000.0),
    (0.0005, -0.0005),
)  # fmt: skip


def scale(rng: Random) -> float:
    """Mostly a house; sometimes a 0.3 m locker or a 300 m hall."""
    r = rng.random()
    if r < 0.05:
        return rng.uniform(0.02, 0.1)
    if r < 0.1:
        return rng.uniform(5, 30)
    return 1.0


def mover(rng: Random, factor: float) -> Callable[[Point], Point]:
    """A similarity into the world: right angles, any rotation, or hardly one."""
    angle = rng.choice((0.0, math.pi / 2, 1e-4, rng.uniform(0, 2 * math.pi), rng.uniform(0, 2 * math.pi)))
    c, s = math.cos(angle) * factor, math.sin(angle) * factor
    ox, oy = rng.choice(WORLD)
    ox, oy = ox + rng.uniform(-500, 500), oy + rng.uniform(-500, 500)
    digits = rng.choice((None, None, 2, 3))

    def move(p: Point) -> Point:
        x, y = c * p[0] - s * p[1] + ox, s * p[0] + c * p[1] + oy
        return (x, y) if digits is None else (round(x, digits), round(y, digits))

    return move


def footprint(rng: Random) -> Footprint:
    """Any of them, before it is placed."""
    f = rng.choice(BASIC)(rng)
    return dirty(rng, f) if rng.random() < 0.3 else f


def _box(x: float, y: float, w: float, d: float) -> Ring:
    return [(x, y), (x + w, y), (x + w, y + d), (x, y + d)]


def _polar(r: float, angle: float) -> Point:
    return (r * math.cos(angle), r * math.sin(angle))


def _without_repeats(ring: Ring) -> Ring:
    return [p for i, p in enumerate(ring) if p != ring[i - 1]]


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _first_crossing(ring: Ring) -> tuple[int, int] | None:
    n = len(ring)
    for i in range(n):
        a, b = ring[i], ring[(i + 1) % n]
        for j in range(i + 2, n - (i == 0)):
            c, d = ring[j], ring[(j + 1) % n]
            if _turn(a, b, c) * _turn(a, b, d) <= 0 and _turn(c, d, a) * _turn(c, d, b) <= 0:
                return i, j
    return None
