"""A plain reading of compiled facade rules, one building after the other: what the kernel must give too.

Written from docs/facades.md and the header, with shapely for what lies inside of what.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from geovision.mesh.elements import OPENINGS
from geovision.mesh.walls import Side, Walls
from geovision.model.labels import Label
from geovision.procedural.grammar import Grammar
from geovision.procedural.grammar.vocabulary import Attribute, Code, Node

from .facade_oracle_walls import LONGEST, K, Piece, Surface, Thing, TooLongError, grid_round

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
DEPTHS = [120, 100, 80, 150, 60, 20, 30, 1200, 1200, 250, 30, 80, 900, 840, 60, 80]


def mix(v: int) -> int:
    v = ((v ^ (v >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    v = ((v ^ (v >> 27)) * 0x94D049BB133111EB) & MASK
    return v ^ (v >> 31)


def derive(key: int, salt: int, index: int) -> int:
    return mix(((key + GOLDEN) & MASK) ^ mix((salt + GOLDEN * (index + 1)) & MASK))


def uniform(key: int) -> float:
    return float((mix(key) >> 11) + 0.5) * 2.0**-53


@dataclass(frozen=True)
class Scope:
    s0: int
    s1: int
    z0: int
    z1: int
    key: int
    level: int = -1
    levels: int = 0
    bay: int = -1
    bays: int = 0
    row: int = -1
    rows: int = 0
    out: int = -1
    parent: int = -1


class Building(Surface):
    """One building's elements."""

    def __init__(self, walls: Walls, grammar: Grammar, settings: dict[str, Any], building: int) -> None:
        super().__init__(walls, int(settings["ground"][building]))
        self.rules, self.b = grammar.arrays, building
        self.key = int(settings["key"][building])
        self.attributes = [float(v) for v in settings["attributes"][building]] + [0.0] * 35
        self.given = dict(_own(settings, "with_offsets", ("with_variable", "with_value"), building))
        self.edits = [
            (list(e), float(v)) for e, v in _own(settings, "edit_offsets", ("edit", "edit_value"), building)
        ]
        self.steps = 0
        self.where = (-1, -1, -1)

    def run(self) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        first, last = (int(v) for v in self.walls.building_offsets[self.b : self.b + 2])
        main = self.find_main(first, last)
        for w in range(first, last):
            self.open_wall(w)
            self.things = []
            number = 64 * (w - first)
            for i, piece in enumerate(self.pieces):
                entered = w == main and i == self.main_piece
                for gable in (False, True):
                    if (gable and piece.top - piece.high < 500) or (not gable and piece.high <= piece.low):
                        continue
                    self._derive(w, w - first, piece, gable, entered, number + gable)
                number += 2
            self.finish()
            rows: dict[int, int] = {}
            for i, t in enumerate(self.things):
                if t.kept:
                    rows[i] = len(found)
                    parent = rows.get(t.parent, -1)
                    found.append((w, int(t.kind), t.s0, t.s1, t.z0, t.z1, t.depth, t.design, parent))
        return found

    def _derive(self, w: int, number: int, p: Piece, gable: bool, main: bool, salt: int) -> None:
        A, walls = Attribute, self.walls
        side, label, street = int(walls.side[w]), int(walls.label[w]), int(walls.street[w])
        blocked, eave = self.blocked(p), self.eave_of(w) * 0.001
        dormer, front = label == Label.DORMER_WALL, side == Side.FRONT
        tagged = self.attributes[A.TAGGED_LEVELS]
        each = eave / tagged if tagged >= 1 else 0.0
        storeys = tagged if 2.2 <= each <= 6.5 else math.floor(eave / 2.9 + 0.5)
        ground = walls.ground[w].tolist()
        known = {
            A.WIDTH: (p.s1 - p.s0) * 0.001, A.TALL: (p.top - p.low) * 0.001, A.EAVE: eave,
            A.BASE: (self.foot - self.z_ground) * 0.001,
            A.STREET_DISTANCE: -1.0 if street < 0 else street * 0.001,
            A.STREET: front if street < 0 else street <= 25000, A.BLOCKED: blocked, A.PARTY: blocked >= 0.5,
            A.FRONT: front, A.BACK: side == Side.BACK, A.LEFT: side == Side.LEFT, A.RIGHT: side == Side.RIGHT,
            A.SIDE: side in (Side.LEFT, Side.RIGHT), A.COURT: side == Side.COURT, A.MAIN: main,
            A.GABLE: gable and not dormer, A.DORMER: dormer, A.STEP: label == Label.STEP_WALL, A.ROOF: 0,
            A.SLOPE: abs(ground[1] - ground[0]) * 0.001, A.STOREYS: max(1.0, storeys),
        }  # fmt: skip
        for name, value in known.items():
            self.attributes[name] = float(value)
        self.where = (number, int(walls.part[w]), side)
        self.piece = p
        self.lines = list(self._lines(eave))
        floors = sum(floor for _, _, floor in self.lines)
        z0 = p.high if gable else max(p.low, min(self.z_ground, p.high))
        scope = Scope(p.s0, p.s1, z0, p.top if gable else p.high, derive(self.key, 0, salt))
        if gable:
            scope = replace(scope, level=floors, levels=floors + 1)
        self.node(int(self.rules.rules[self.rules.floors[1]][0]), scope, [0.0] * 32, 0)

    def _lines(self, eave: float) -> Iterator[tuple[int, int, bool]]:
        if self.rules.floors[0] < 0 or not eave > 0:
            return
        args = [int(v) for v in self.rules.nodes[self.rules.floors[0]][1:]]
        whole = Scope(0, 0, 0, 0, self.key)
        total = float(math.floor(eave * 1000 + 0.5))
        count = 0
        for item, a, b, _, _ in self._sizes(args, total, whole, []):
            if b > a and count < 256:
                count += 1
                yield self.z_ground + a, self.z_ground + b, int(item[2]) >= 0

    # Values.

    def value(self, at: int, scope: Scope, frame: list[float]) -> float:
        v = self._evaluate(at, scope, frame)
        if math.isfinite(v):
            return v
        self.dropped["bad_number"] += 1
        return 0.0

    def mm(self, at: int, scope: Scope, frame: list[float]) -> float:
        v = self.value(at, scope, frame)
        if v >= 0:
            return min(v * 1000, float(LONGEST))
        self.dropped["bad_number"] += 1
        return 0.0

    def variable(self, row: int, scope: Scope) -> float:
        here = (*self.where, scope.level, scope.bay)
        for place, value in reversed(self.edits):
            if place[5] == row and all(a in (-1, b) for a, b in zip(place, here, strict=False)):
                return float(value)
        if row in self.given:
            return float(self.given[row])
        return self.value(int(self.rules.variables[row]), replace(scope, key=self.key), [])

    def _evaluate(self, at: int, scope: Scope, frame: list[float]) -> float:
        stack: list[float] = []
        code = self.rules.code
        while True:
            op, a = Code(int(code[at][0])), int(code[at][1])
            at += 1
            if op == Code.END:
                return stack[-1]
            if op == Code.CONST:
                stack.append(float(self.rules.consts[a]))
            elif op == Code.VARIABLE:
                stack.append(self.variable(a, scope))
            elif op == Code.LOCAL:
                stack.append(frame[a])
            elif op == Code.ATTRIBUTE:
                stack.append(self._attribute(a, scope))
            elif op == Code.PICK:
                salt = int(self.rules.code_salts[int(code[at][1])])
                at += 1
                options = stack[-2 * a :]
                del stack[-2 * a :]
                stack.append(_pick(options, derive(scope.key, salt, 0)))
            elif op == Code.RANDOM:
                high, low = stack.pop(), stack.pop()
                u = uniform(derive(scope.key, int(self.rules.code_salts[a]), 0))
                stack.append(low + (high - low) * u)
            elif op == Code.SELECT:
                no, yes, condition = stack.pop(), stack.pop(), stack.pop()
                stack.append(yes if condition != 0 else no)
            elif op in _ONE:
                stack.append(float(_ONE[op](stack.pop())))
            else:
                right, left = stack.pop(), stack.pop()
                stack.append(float(_TWO[op](left, right)))

    def _attribute(self, a: int, s: Scope) -> float:
        A = Attribute
        if a < A.W:
            return self.attributes[a]
        return float(
            {
                A.W: (s.s1 - s.s0) * 0.001, A.H: (s.z1 - s.z0) * 0.001, A.X: s.s0 * 0.001,
                A.Z: (s.z0 - self.z_ground) * 0.001, A.LEVEL: s.level, A.LEVEL_COUNT: s.levels, A.BAY: s.bay,
                A.BAY_COUNT: s.bays, A.ROW: s.row, A.ROW_COUNT: s.rows, A.GROUND_LEVEL: s.level == 0,
                A.TOP_LEVEL: s.level >= 0 and s.level == s.levels - 1, A.FIRST_BAY: s.bay == 0,
                A.LAST_BAY: s.bay >= 0 and s.bay == s.bays - 1,
            }[Attribute(a)]
        )  # fmt: skip

    # Nodes.

    def node(self, n: int, scope: Scope, frame: list[float], depth: int) -> None:
        if n < 0 or scope.s0 >= scope.s1 or scope.z0 >= scope.z1:
            return
        if depth > 400:
            self.dropped["too_deep"] += 1
            return
        self.steps += 1
        if self.steps > 4000:
            raise TooLongError
        op, *a = (int(v) for v in self.rules.nodes[n])
        salt = int(self.rules.salts[n])
        getattr(self, Node(op).name.lower())(a, salt, scope, frame, depth)

    def sequence(self, a: list[int], salt: int, scope: Scope, frame: list[float], depth: int) -> None:
        for item in self.rules.items[a[0] : a[0] + a[1]]:
            self.node(int(item[2]), scope, frame, depth + 1)

    def _sizes(
        self, a: list[int], total: float, scope: Scope, frame: list[float]
    ) -> Iterator[tuple[Any, int, int, int, int]]:
        items = self.rules.items[a[0] : a[0] + a[1]]
        sizes, fixed, floating = [], [0.0, 0.0], [0.0, 0.0]
        for i, item in enumerate(items):
            v = self.mm(int(item[1]), scope, frame)
            if int(item[0]) & 3 == 1:
                v = v * 0.001 * total
            sizes.append(v)
            (floating if int(item[0]) & 3 == 2 else fixed)[0 <= a[3] <= i < a[3] + a[4]] += v
        times = 0
        if a[3] >= 0:
            unit, room = fixed[1] + floating[1], total - fixed[0] - floating[0]
            if unit < 1:
                self.dropped["bad_number"] += 1
            elif room > 0:
                times = math.floor(room / unit + 0.5) if floating[1] > 0 else math.floor(room / unit + 1e-9)
                if times > 2000:
                    self.dropped["too_many"] += 1
                    times = 2000
        left, spread = total - fixed[0] - times * fixed[1], floating[0] + times * floating[1]
        factor = left / spread if spread > 0 and left > 0 else 0.0
        before, after = (a[3], a[3] + a[4]) if a[3] >= 0 else (a[1], a[1])
        order = [(i, -1) for i in range(before)]
        order += [(i, t) for t in range(times) for i in range(before, after)]
        order += [(i, -1) for i in range(after, a[1])]
        end, begin = 0.0, 0
        for i, turn in order:
            end += sizes[i] * factor if int(items[i][0]) & 3 == 2 else sizes[i]
            stop = grid_round(end)
            if stop > grid_round(total):
                self.dropped["too_large"] += int(items[i][2]) >= 0
                continue
            yield items[i], begin, stop, turn, times
            begin = stop

    def split(self, a: list[int], salt: int, scope: Scope, frame: list[float], depth: int) -> None:
        z = a[2] == 1
        begin, end = (scope.z0, scope.z1) if z else (scope.s0, scope.s1)
        tolerance = grid_round(self.mm(a[5], scope, frame)) if a[5] >= 0 and z else -1
        last = begin
        pieces = self._sizes(a, float(end - begin), scope, frame)
        for number, (item, from_, to, turn, turns) in enumerate(pieces):
            low, high = begin + from_, begin + to
            if tolerance >= 0:
                low = last
                if high < end:
                    lines = [v for line in self.lines for v in line[:2] if abs(v - high) <= tolerance]
                    far = [abs(v - high) for v in lines]
                    high = min(max(lines[far.index(min(far))] if far else high, low), end)
                last = high
            child = replace(scope, key=derive(scope.key, salt, number))
            child = replace(child, z0=low, z1=high) if z else replace(child, s0=low, s1=high)
            if turn >= 0:
                child = replace(child, row=turn, rows=turns) if z else replace(child, bay=turn, bays=turns)
            self.node(int(item[2]), child, frame, depth + 1)

    def floors(self, a: list[int], salt: int, scope: Scope, frame: list[float], depth: int) -> None:
        floors = [line for line in self.lines if line[2]]
        for level, (low, high, _) in enumerate(floors):
            z0, z1 = max(scope.z0, low), min(scope.z1, high)
            if 4 * (z1 - z0) >= 3 * (high - low):
                key = derive(scope.key, salt, level)
                child = replace(scope, z0=z0, z1=z1, level=level, levels=len(floors), key=key)
                self.node(a[0], child, frame, depth + 1)

    def inset(self, a: list[int], salt: int, s: Scope, frame: list[float], depth: int) -> None:
        left, right, bottom, top = (grid_round(self.mm(e, s, frame)) for e in a[1:5])
        child = replace(s, s0=s.s0 + left, s1=s.s1 - right, z0=s.z0 + bottom, z1=s.z1 - top)
        if child.s0 >= child.s1 or child.z0 >= child.z1:
            self.dropped["too_large"] += 1
            return
        self.node(a[0], child, frame, depth + 1)

    def offset(self, a: list[int], salt: int, s: Scope, frame: list[float], depth: int) -> None:
        ds, dz = (grid_round(self.value(e, s, frame) * 1000) for e in a[1:3])
        child = replace(s, s0=s.s0 + ds, s1=s.s1 + ds, z0=s.z0 + dz, z1=s.z1 + dz)
        if max(abs(v) for v in (child.s0, child.s1, child.z0, child.z1)) > 2 * LONGEST:
            self.dropped["outside"] += 1
            return
        self.node(a[0], child, frame, depth + 1)

    def place(self, a: list[int], salt: int, s: Scope, frame: list[float], depth: int) -> None:
        width, height = (grid_round(self.mm(e, s, frame)) for e in a[1:3])
        wide, tall = s.s1 - s.s0, s.z1 - s.z0
        across = self.value(a[3], s, frame) if a[3] >= 0 else 0.5
        up = grid_round(self.mm(a[4], s, frame)) if a[4] >= 0 else int((tall - height) / 2)
        if width > wide or height > tall or up + height > tall:
            self.dropped["too_large"] += 1
            return
        s0 = s.s0 + grid_round((wide - width) * min(max(across, 0.0), 1.0))
        child = replace(s, s0=s0, s1=s0 + width, z0=s.z0 + up, z1=s.z0 + up + height)
        self.node(a[0], child, frame, depth + 1)

    def strip(self, a: list[int], salt: int, s: Scope, frame: list[float], depth: int) -> None:
        size = grid_round(self.mm(a[1], s, frame))
        over = grid_round(self.mm(a[2], s, frame)) if a[2] >= 0 else 0
        child = [
            replace(s, s0=s.s0 - over, s1=s.s1 + over, z0=s.z0 - size, z1=s.z0),
            replace(s, s0=s.s0 - over, s1=s.s1 + over, z0=s.z1, z1=s.z1 + size),
            replace(s, z0=s.z0 - over, z1=s.z1 + over, s0=s.s0 - size, s1=s.s0),
            replace(s, z0=s.z0 - over, z1=s.z1 + over, s0=s.s1, s1=s.s1 + size),
        ][a[3]]
        self.node(a[0], child, frame, depth + 1)

    def extrude(self, a: list[int], salt: int, s: Scope, frame: list[float], depth: int) -> None:
        self.node(a[0], replace(s, out=grid_round(self.mm(a[1], s, frame))), frame, depth + 1)

    def IF(self, a: list[int], salt: int, s: Scope, frame: list[float], depth: int) -> None:  # noqa: N802
        self.node(a[1] if self.value(a[0], s, frame) != 0 else a[2], s, frame, depth + 1)

    def choose(self, a: list[int], salt: int, s: Scope, frame: list[float], depth: int) -> None:
        items = self.rules.items[a[0] : a[0] + a[1]]
        weights = [max(0.0, self.value(int(item[1]), s, frame)) for item in items]
        total = 0.0
        for weight in weights:
            total += weight
        if total <= 0:
            return
        level = uniform(derive(self.key if a[2] else s.key, salt, 0)) * total
        running, chosen = 0.0, 0
        for i, weight in enumerate(weights):
            chosen = i if weight > 0 else chosen
            running += weight
            if level < running:
                break
        self.node(int(items[chosen][2]), s, frame, depth + 1)

    def call(self, a: list[int], salt: int, s: Scope, frame: list[float], depth: int) -> None:
        own = [self.value(int(item[1]), s, frame) for item in self.rules.items[a[1] : a[1] + a[2]]]
        own += [0.0] * (32 - len(own))
        self.node(int(self.rules.rules[a[0]][0]), replace(s, key=derive(s.key, salt, 0)), own, depth + 1)

    def let(self, a: list[int], salt: int, s: Scope, frame: list[float], depth: int) -> None:
        frame[a[0]] = self.value(a[1], s, frame)

    def emit(self, a: list[int], salt: int, s: Scope, frame: list[float], depth: int) -> None:
        here = (*self.where, s.level, s.bay)
        if any(
            p[5] == -1 and all(x in (-1, y) for x, y in zip(p, here, strict=False)) for p, _ in self.edits
        ):
            return
        if len(self.things) >= 20000:
            self.dropped["too_many"] += 1
            return
        kind = K(a[1])
        out = DEPTHS[kind]
        if kind == K.RAILING and s.parent >= 0:
            out = self.things[s.parent].depth
        if a[2] >= 0:
            out = grid_round(self.mm(a[2], s, frame))
        elif s.out >= 0 and kind not in OPENINGS:
            out = s.out
        out = min(max(out, 20), 600) if kind in OPENINGS else min(max(out, 10), 3000)
        for code in a[3:5]:
            if code >= 0:
                self.value(code, s, frame)
        thing = Thing(kind, s.s0, s.s1, s.z0, s.z1, out, a[5], -1, -1, s.parent)
        row = self.add(thing)
        if row >= 0 and a[0] >= 0:
            child = replace(s, s0=thing.s0, s1=thing.s1, z0=thing.z0, z1=thing.z1, parent=row)
            self.node(a[0], child, frame, depth + 1)


setattr(Building, "if", Building.IF)


def _own(settings: dict[str, Any], offsets: str, names: tuple[str, str], b: int) -> list[tuple[Any, Any]]:
    first, last = settings[offsets][b : b + 2]
    return [(settings[names[0]][i].tolist(), settings[names[1]][i].tolist()) for i in range(first, last)]


def _pick(options: list[float], key: int) -> float:
    total = 0.0
    for weight in options[::2]:
        total += weight if weight > 0 else 0.0
    level, running = uniform(key) * total, 0.0
    for weight, value in zip(options[:-2:2], options[1:-2:2], strict=True):
        running += weight if weight > 0 else 0.0
        if level < running:
            return value
    return options[-1]


def _shade(colour: float, factor: float) -> float:
    if not 0 <= colour <= 0xFFFFFF:
        return colour
    rgb = [int(colour) >> shift & 255 for shift in (16, 8, 0)]
    shaded = [int(max(0.0, min(255.0, _floor(channel * factor + 0.5)))) for channel in rgb]
    return float(shaded[0] << 16 | shaded[1] << 8 | shaded[2])


def _floor(v: float) -> float:
    return float(math.floor(v)) if math.isfinite(v) else v


_ONE = {
    Code.NEGATE: lambda v: -v,
    Code.NOT: lambda v: v == 0,
    Code.ABS: abs,
    Code.FLOOR: _floor,
}
_TWO = {
    Code.ADD: lambda a, b: a + b,
    Code.SUBTRACT: lambda a, b: a - b,
    Code.MULTIPLY: lambda a, b: a * b,
    Code.DIVIDE: lambda a, b: a / b if b != 0 else 0.0,
    Code.LESS: lambda a, b: a < b,
    Code.LESS_EQUAL: lambda a, b: a <= b,
    Code.EQUAL: lambda a, b: a == b,
    Code.NOT_EQUAL: lambda a, b: a != b,
    Code.AND: lambda a, b: a != 0 and b != 0,
    Code.OR: lambda a, b: a != 0 or b != 0,
    Code.MIN: lambda a, b: b if b < a else a,
    Code.MAX: lambda a, b: b if b > a else a,
    Code.SHADE: _shade,
}
