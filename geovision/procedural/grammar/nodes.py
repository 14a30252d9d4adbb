"""Statements to nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from geovision.procedural.grammar.compiled import MODES, NODE_WIDTH, REPEATED
from geovision.procedural.grammar.fault import At, RuleError, did_you_mean
from geovision.procedural.grammar.syntax import (
    Binary,
    Call,
    Choose,
    Component,
    Element,
    Expr,
    Extrude,
    Floors,
    If,
    Inset,
    Let,
    Name,
    Offset,
    Put,
    Rule,
    Sequence,
    Size,
    Split,
    Stmt,
    Strip,
)
from geovision.procedural.grammar.values import Places, Values, constant
from geovision.procedural.grammar.vocabulary import ELEMENTS, Node
from geovision.procedural.rng import name_key

__all__ = ["FRAME", "PIECES", "Nodes"]

PIECES = 32
"""Most pieces of a split, options of a choice, arguments of a rule."""
FRAME = 32
"""Most parameters and variables of a rule."""
_STRIPS = ("below", "above", "leftof", "rightof")


@dataclass
class Nodes:
    """Collects the nodes of all rules of a grammar."""

    values: Values
    rules: Mapping[str, tuple[int, Rule]]
    designs: Mapping[str, int]
    rows: list[list[int]] = field(default_factory=list)
    salts: list[int] = field(default_factory=list)
    items: list[tuple[int, int, int]] = field(default_factory=list)
    _count: dict[str, int] = field(default_factory=dict)
    _frame: int = 0

    def add_rule(self, rule: Rule, attributes: int) -> tuple[int, int, int]:
        """Body, number of parameters and size of the frame."""
        self._frame = len(rule.params)
        if self._frame > FRAME:
            raise RuleError(rule.at, f"the rule has over {FRAME} parameters", "Make variables of some")
        places = Places(rule.name, attributes, {name: slot for slot, name in enumerate(rule.params)})
        body = self.add(rule.body, places)
        return body, len(rule.params), self._frame

    def add(self, stmt: Stmt | None, places: Places) -> int:
        """The node of a statement; -1 where it does nothing."""
        if stmt is None or (isinstance(stmt, Sequence) and not stmt.body):
            return -1
        return _ADD[type(stmt)](self, stmt, places)

    def _new(self, places: Places) -> int:
        number = self._count.get(places.where, 0)
        self._count[places.where] = number + 1
        self.rows.append([0] * NODE_WIDTH)
        self.salts.append(name_key(f"{places.where}/{number}"))
        return len(self.rows) - 1

    def _fill(self, row: int, node: Node, *args: int) -> int:
        self.rows[row] = [int(node), *args, *[-1] * (NODE_WIDTH - 1 - len(args))]
        return row

    def _list(self, items: list[tuple[int, int, int]], at: At, what: str) -> tuple[int, int]:
        if len(items) > PIECES:
            raise RuleError(at, f"there are {len(items)} {what}, over {PIECES}", "Split them into rules")
        first = len(self.items)
        self.items += items
        return first, len(items)

    def size(self, expr: Expr, places: Places, what: str = "a size") -> int:
        """An expression that may not be negative, where that can be seen now."""
        value = constant(expr)
        if value is not None and value < 0:
            raise RuleError(expr.at, f"{what} of {value:g} m is below 0", "Give a size of 0 or more")
        return self.values.add(expr, places)

    def _optional(self, expr: Expr | None, places: Places) -> int:
        return -1 if expr is None else self.values.add(expr, places)

    def sequence(self, stmt: Sequence, places: Places) -> int:
        """Variables are known to the statements after them."""
        row = self._new(places)
        names = dict(places.locals)
        nodes = []
        for step in stmt.body:
            node = self.add(step, replace(places, locals=names))
            if isinstance(step, Let):
                names = {**names, step.name: self.rows[node][1]}
            if node >= 0:
                nodes.append((0, -1, node))
        # A long block is a block of blocks.
        while len(nodes) > PIECES:
            chunk = self._new(places)
            first, count = self._list(nodes[:PIECES], stmt.at, "statements")
            nodes = [(0, -1, self._fill(chunk, Node.SEQUENCE, first, count)), *nodes[PIECES:]]
        return self._fill(row, Node.SEQUENCE, *self._list(nodes, stmt.at, "statements"))

    def split(self, stmt: Split, places: Places) -> int:
        """Pieces in their order; those repeated stand beside each other."""
        row = self._new(places)
        items = [self._piece(size, places) for size in stmt.sizes]
        repeated = [number for number, size in enumerate(stmt.sizes) if size.repeated]
        first, count = self._list(items, stmt.at, "pieces")
        begin, many = (repeated[0], len(repeated)) if repeated else (-1, 0)
        snap = -1 if stmt.snap is None else self.size(stmt.snap, places, "a snap distance")
        return self._fill(row, Node.SPLIT, first, count, int(stmt.axis == "z"), begin, many, snap)

    def _piece(self, size: Size, places: Places) -> tuple[int, int, int]:
        mode = MODES[size.mode] + REPEATED * size.repeated
        expr = self.size(size.size, places)
        return mode, expr, self.add(size.body, places)

    def floors(self, stmt: Floors, places: Places) -> int:
        """The body once per floor."""
        row = self._new(places)
        return self._fill(row, Node.FLOORS, self.add(stmt.body, places))

    def inset(self, stmt: Inset, places: Places) -> int:
        """Left, right, bottom, top."""
        row = self._new(places)
        sides = [self.size(side, places, "an inset") for side in stmt.sides]
        return self._fill(row, Node.INSET, self.add(stmt.body, places), *sides)

    def offset(self, stmt: Offset, places: Places) -> int:
        """Along the wall, up."""
        row = self._new(places)
        move = [self.values.add(value, places) for value in (stmt.x, stmt.z)]
        return self._fill(row, Node.OFFSET, self.add(stmt.body, places), *move)

    def place(self, stmt: Put, places: Places) -> int:
        """Width, height, share across, height above the bottom."""
        row = self._new(places)
        size = [self.size(value, places) for value in (stmt.width, stmt.height)]
        where = [self._optional(value, places) for value in (stmt.across, stmt.up)]
        return self._fill(row, Node.PLACE, self.add(stmt.body, places), *size, *where)

    def strip(self, stmt: Strip, places: Places) -> int:
        """Size, how far it reaches over on both sides, which side."""
        row = self._new(places)
        size = self.size(stmt.size, places)
        over = self._optional(stmt.over, places)
        return self._fill(row, Node.STRIP, self.add(stmt.body, places), size, over, _STRIPS.index(stmt.side))

    def extrude(self, stmt: Extrude, places: Places) -> int:
        """How far out."""
        row = self._new(places)
        out = self.size(stmt.out, places)
        return self._fill(row, Node.EXTRUDE, self.add(stmt.body, places), out)

    def guard(self, stmt: If, places: Places) -> int:
        """Condition, then, else."""
        row = self._new(places)
        condition = self.values.add(stmt.condition, places)
        return self._fill(
            row, Node.IF, condition, self.add(stmt.then, places), self.add(stmt.otherwise, places)
        )

    def component(self, stmt: Component, places: Places) -> int:
        """A guard per case."""
        if not stmt.cases:
            return self.add(stmt.otherwise, places)
        (names, body), *rest = stmt.cases
        condition: Expr = names[0]
        for name in names[1:]:
            condition = Binary(name.at, "or", condition, name)
        other = Component(stmt.at, tuple(rest), stmt.otherwise)
        return self.guard(If(stmt.at, condition, body, other), places)

    def choose(self, stmt: Choose, places: Places) -> int:
        """Weights and statements."""
        row = self._new(places)
        items = [
            (0, self.size(weight, places, "a weight"), self.add(body, places))
            for weight, body in stmt.options
        ]
        return self._fill(row, Node.CHOOSE, *self._list(items, stmt.at, "options"), int(stmt.per_building))

    def call(self, stmt: Call, places: Places) -> int:
        """The rule and its arguments."""
        if stmt.name not in self.rules:
            names = (*self.rules, *ELEMENTS)
            remedy = did_you_mean(stmt.name, names, f"Define it: rule {stmt.name} {{ ... }}")
            raise RuleError(stmt.at, f"there is no rule {stmt.name!r}", remedy)
        number, rule = self.rules[stmt.name]
        if len(stmt.args) != len(rule.params):
            wanted = ", ".join(rule.params) or "none"
            raise RuleError(
                stmt.at,
                f"rule {stmt.name} takes {len(rule.params)} values ({wanted}), got {len(stmt.args)}",
                "Mend the call",
            )
        row = self._new(places)
        items = [(0, self.values.add(arg, places), -1) for arg in stmt.args]
        return self._fill(row, Node.CALL, number, *self._list(items, stmt.at, "arguments"))

    def let(self, stmt: Let, places: Places) -> int:
        """A slot that nothing known here has."""
        slot = 1 + max(places.locals.values(), default=-1)
        if slot >= FRAME:
            raise RuleError(stmt.at, f"the rule has over {FRAME} variables", "Split it into rules")
        self._frame = max(self._frame, slot + 1)
        row = self._new(places)
        return self._fill(row, Node.LET, slot, self.values.add(stmt.value, places))

    def element(self, stmt: Element, places: Places) -> int:
        """Kind, depth, material, colour, design."""
        row = self._new(places)
        kind = ELEMENTS.index(stmt.kind)
        props = dict(stmt.props)
        design = self._design(props.pop("design")[1]) if "design" in props else -1
        depth = props.get("depth", props.get("out"))
        deep = -1 if depth is None else self.size(depth[1], places, "a depth")
        paint = [
            self.values.add(props[key][1], places) if key in props else -1 for key in ("material", "colour")
        ]
        return self._fill(row, Node.EMIT, self.add(stmt.body, places), kind, deep, *paint, design)

    def _design(self, expr: Expr) -> int:
        if isinstance(expr, Name) and expr.name in self.designs:
            return self.designs[expr.name]
        name = expr.name if isinstance(expr, Name) else "this value"
        remedy = did_you_mean(name, self.designs, f"Declare it: design {name} {{ across 2 up 2 }}")
        raise RuleError(expr.at, f"{name!r} is no design", remedy)


_ADD: dict[type, Callable[[Nodes, Any, Places], int]] = {
    Sequence: Nodes.sequence,
    Split: Nodes.split,
    Floors: Nodes.floors,
    Inset: Nodes.inset,
    Offset: Nodes.offset,
    Put: Nodes.place,
    Strip: Nodes.strip,
    Extrude: Nodes.extrude,
    If: Nodes.guard,
    Component: Nodes.component,
    Choose: Nodes.choose,
    Call: Nodes.call,
    Let: Nodes.let,
    Element: Nodes.element,
}
