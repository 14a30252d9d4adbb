"""What may be where on a wall, plainly: the half of the reading of facade rules that knows no rules."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction

from shapely import Polygon, box

from geovision.mesh.elements import OPENINGS, ElementKind
from geovision.mesh.walls import Side, Walls
from geovision.model.labels import Label

LONGEST = 10_000_000
MARGIN = 50
K = ElementKind


def grid_round(mm: float) -> int:
    return int(max(-LONGEST, min(LONGEST, math.floor(mm + 0.5)))) if math.isfinite(mm) else LONGEST


class TooLongError(Exception):
    """More steps than plain Python should take; the kernel has a budget of its own."""


@dataclass
class Thing:
    kind: K
    s0: int
    s1: int
    z0: int
    z1: int
    depth: int
    design: int
    material: int
    colour: int
    parent: int
    kept: bool = True

    def meets(self, s0: int, s1: int, z0: int, z1: int, gap: int) -> bool:
        return self.s0 < s1 + gap and s0 < self.s1 + gap and self.z0 < z1 + gap and z0 < self.z1 + gap


@dataclass
class Piece:
    s0: int
    s1: int
    low: int
    high: int
    top: int
    level_foot: bool


class Surface:
    """One wall after the other, and the things on it."""

    def __init__(self, walls: Walls, ground: int) -> None:
        self.walls, self.ground = walls, ground
        self.dropped: Counter[str] = Counter()
        self.things: list[Thing] = []
        self.z_ground = 0
        self.main_piece = 0
        self.pieces: list[Piece] = []
        self.piece = Piece(0, 0, 0, 0, 0, True)

    def open_wall(self, w: int) -> None:
        walls = self.walls
        self.w = w
        rings = [ring.tolist() for ring in walls.rings(w)]
        self.polygon = Polygon(rings[0], rings[1:])
        self.length = int(walls.length[w])
        self.spans = [
            tuple(map(int, s)) for s in walls.blocked[walls.blocked_offsets[w] : walls.blocked_offsets[w + 1]]
        ]
        self.z_ground = self.ground - int(walls.corner[w][2])
        self.foot = min(z for _, z in rings[0])
        edges = list(zip(rings[0], rings[0][1:] + rings[0][:1], strict=True))
        cuts = sorted(
            [0, self.length]
            + [a[0] for a, b in edges if a[0] == b[0] and 0 < a[0] < self.length and abs(a[1] - b[1]) >= 1000]
        )
        self.pieces = []
        for s0, s1 in itertools.pairwise(cuts):
            if s1 - s0 < 100:
                continue
            lower = [_height(a, b, s, True) for a, b in edges for s in _within(a, b, s0, s1) if b[0] > a[0]]
            upper = [_height(a, b, s, False) for a, b in edges for s in _within(a, b, s0, s1) if b[0] < a[0]]
            if lower and upper:
                low, high = max(lower), min(upper)
                self.pieces.append(Piece(s0, s1, low, max(low, high), max(upper), min(lower) == low))

    def eave_of(self, w: int) -> int:
        """Of the wall's part; the wall's own where half of it is over a metre higher."""
        eave = int(self.walls.level[w])
        if self.walls.label[w] not in (Label.WALL, Label.STEP_WALL) or not self.pieces:
            return eave
        heights = sorted((p.high, p.s1 - p.s0) for p in self.pieces)
        half, up_to = sum(wide for _, wide in heights) / 2, 0
        for high, wide in heights:
            up_to += wide
            if up_to >= half:
                own = high - self.z_ground
                return own if own > eave + 1000 else eave
        return eave

    def find_main(self, first: int, last: int) -> int:
        best, main = -1, -1
        for w in range(first, last):
            if self.walls.label[w] != Label.WALL:
                continue
            self.open_wall(w)
            if self.foot - self.z_ground > 1000 or not self.pieces:
                continue
            each = [(1.0 - self.blocked(p)) * (p.s1 - p.s0) for p in self.pieces]
            free = 0.0
            for width in each:
                free += width
            score = (self.walls.side[w] == Side.FRONT) * LONGEST + int(free)
            if free >= 1000 and score > best:
                best, main = score, w
                self.main_piece = each.index(max(each))
        return main

    def blocked(self, p: Piece) -> float:
        foot = max(p.low, min(self.z_ground, p.high))
        up = min(foot + 1800, int((foot + p.top) / 2))
        total, done = 0, p.s0
        for s0, s1, top in self.spans:
            if top < up:
                continue
            a, b = max(s0, done), min(s1, p.s1)
            if a < b:
                total, done = total + b - a, b
        return total / (p.s1 - p.s0)

    def _inside(self, s0: int, s1: int, z0: int, z1: int) -> bool:
        return bool(self.polygon.covers(box(s0, z0, s1, z1)))

    def _terrain(self, s: int, up: bool) -> int:
        ground = self.walls.ground[self.w].tolist()
        return _height([0, ground[0]], [self.length, ground[1]], s, up)

    def _is_blocked(self, t: Thing, gap: int) -> bool:
        return any(t.s0 < b + gap and a < t.s1 + gap and t.z0 < top + gap for a, b, top in self.spans)

    def add(self, t: Thing) -> int:
        rise = 0
        if t.kind in OPENINGS:
            why, rise = self._settle(t)
        else:
            if t.kind in (K.BAND, K.PILASTER):
                self._settle_foot(t)
            why = self._settle_thing(t)
        if not why and t.kind in OPENINGS:
            others = [o for o in self.things if o.kind in OPENINGS]
            why = "overlap" if any(o.meets(t.s0, t.s1, t.z0, t.z1, MARGIN) for o in others) else ""
        if why:
            self.dropped[why] += 1
            return -1
        self.things.append(t)
        row = len(self.things) - 1
        if t.kind == K.DOOR and rise >= 180:
            low = max(t.z0 - rise - 350, self.piece.low)
            treads = -(-(t.z0 - low) // 175)
            steps = Thing(K.STEPS, t.s0 - 150, t.s1 + 150, low, t.z0,
                          min(280 * treads, 3000), -1, -1, -1, row)  # fmt: skip
            if not self._settle_thing(steps):
                self.things.append(steps)
        return row

    def _settle(self, t: Thing) -> tuple[str, int]:
        if t.s1 - t.s0 < 200 or t.z1 - t.z0 < 200:
            return "too_small", 0
        rise = 0
        high = max(self._terrain(t.s0, True), self._terrain(t.s1, True))
        if t.kind in (K.DOOR, K.GARAGE_DOOR):
            why, rise = self._settle_door(t, high)
            if why:
                return why, rise
        else:
            least = high + 100
            tall = t.z1 - t.z0
            if t.z0 < least and t.z1 - least >= int(tall * 6 / 10):
                t.z0 = least
            if t.z0 < least:
                return "below_ground", 0
            if not self._inside(t.s0 - MARGIN, t.s1 + MARGIN, t.z0 - MARGIN, t.z1 + MARGIN):
                return "outside", 0
        return ("blocked" if self._is_blocked(t, MARGIN) else ""), rise

    def _settle_door(self, t: Thing, high: int) -> tuple[str, int]:
        low = min(self._terrain(t.s0, False), self._terrain(t.s1, False))
        bottom = self.piece.low
        if self.walls.label[self.w] != Label.WALL or self.foot - self.z_ground > 1500:
            return "not_reachable", 0
        foot = max(t.z0, high + 20 if high > bottom else bottom)
        if foot < bottom + MARGIN:
            foot = bottom if foot <= bottom and self.piece.level_foot else bottom + MARGIN
        rise = foot - low
        if rise > (300 if t.kind == K.GARAGE_DOOR else 2500):
            return "not_reachable", rise
        asked = t.z1
        under = 0 if foot == bottom else MARGIN
        t.z1, t.z0 = t.z1 + foot - t.z0, foot
        for z1 in (t.z1, asked):
            allowed = z1 - foot >= 1800 or z1 == t.z1
            if allowed and self._inside(t.s0 - MARGIN, t.s1 + MARGIN, foot - under, z1 + MARGIN):
                t.z1 = z1
                return "", rise
        return "outside", rise

    def _settle_foot(self, t: Thing) -> None:
        if self.walls.label[self.w] != Label.WALL or t.z0 != self.z_ground:
            return
        high = max(self._terrain(t.s0, True), self._terrain(t.s1, True))
        lift = min(max(high - self.z_ground, 0), 900)
        t.z0 = min(t.z0, self.piece.low)
        if t.kind == K.BAND:
            t.z1 = max(t.z1, min(t.z1 + lift, self.piece.high))

    def _settle_thing(self, t: Thing) -> str:
        t.s0, t.s1 = max(t.s0, 0), min(t.s1, self.length)
        if t.s1 - t.s0 < 20 or t.z1 - t.z0 < 20:
            return "too_small"
        if t.kind in (K.ROOF_WINDOW, K.CHIMNEY_CAP) or not self._inside(t.s0, t.s1, t.z0, t.z1):
            return "outside"
        return "blocked" if t.kind not in (K.BAND, K.CORNICE) and self._is_blocked(t, 0) else ""

    def _belongs(self, t: Thing, to: int) -> bool:
        while t.parent >= 0:
            if t.parent == to:
                return True
            t = self.things[t.parent]
        return False

    def finish(self) -> None:
        bands = (K.BAND, K.CORNICE)
        openings = [(i, t) for i, t in enumerate(self.things) if t.kind in OPENINGS]
        hung: list[tuple[int, Thing]] = []
        for i, t in enumerate(self.things):
            if t.parent >= 0 and not self.things[t.parent].kept:
                t.kept = False
            if not t.kept or t.kind in OPENINGS or t.kind in bands or t.kind == K.RAILING:
                continue
            near = [n for n, o in openings if t.kind != K.CANOPY and o.meets(t.s0, t.s1, t.z0, t.z1, 0)]
            near += [n for n, o in hung if o.meets(t.s0, t.s1, t.z0, t.z1, 0)]
            if any(not self._belongs(t, n) for n in near):
                t.kept = False
                self.dropped["overlap"] += 1
            else:
                hung.append((i, t))
        for i, t in enumerate(list(self.things)):
            if t.kept and t.kind in bands:
                self._cut(i, t, [o for _, o in openings], hung)

    def _cut(self, i: int, t: Thing, openings: list[Thing], hung: list[tuple[int, Thing]]) -> None:
        holes = [(o.s0, o.s1) for o in openings if o.meets(t.s0, t.s1, t.z0, t.z1, 0)]
        holes += [(o.s0, o.s1) for _, o in hung if o.meets(t.s0, t.s1, t.z0, t.z1, 0)]
        holes += [(a, b) for a, b, top in self.spans if t.z0 < top]
        rest = [(t.s0, t.s1)]
        for a, b in holes:
            rest = [part for s0, s1 in rest for part in _without(s0, s1, a, b)]
        rest = sorted(part for part in rest if part[1] - part[0] >= 50)
        t.kept = False
        for number, (s0, s1) in enumerate(rest):
            piece = replace(t, s0=s0, s1=s1, kept=True)
            hung.append((i, piece))
            if number == 0:
                self.things[i] = piece
            else:
                self.things.append(piece)
        self.dropped["overlap"] += not rest


def _without(s0: int, s1: int, a: int, b: int) -> list[tuple[int, int]]:
    if not (s0 < b and a < s1):
        return [(s0, s1)]
    return [(s0, max(s0, a)), *([(b, s1)] if b < s1 else [])]


def _within(a: list[int], b: list[int], s0: int, s1: int) -> list[int]:
    low, high = max(s0, min(a[0], b[0])), min(s1, max(a[0], b[0]))
    return [low, high] if low < high else []


def _height(a: list[int], b: list[int], s: int, up: bool) -> int:
    if a[0] > b[0]:
        a, b = b, a
    if s <= a[0] or s >= b[0]:
        return a[1] if s <= a[0] else b[1]
    exact = a[1] + Fraction((b[1] - a[1]) * (s - a[0]), b[0] - a[0])
    return math.ceil(exact) if up else math.floor(exact)
