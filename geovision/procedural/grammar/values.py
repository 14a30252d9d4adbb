"""Expressions to code: steps of a machine with a stack of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from geovision.procedural.grammar.fault import At, RuleError, did_you_mean
from geovision.procedural.grammar.syntax import Binary, Expr, Function, Name, Number, Pick, Text
from geovision.procedural.grammar.vocabulary import (
    ATTRIBUTES,
    BUILDING_ATTRIBUTES,
    COLOURS,
    MATERIALS,
    WALL_ATTRIBUTES,
    Attribute,
    Code,
    word_number,
)
from geovision.procedural.rng import name_key

__all__ = ["Places", "Values", "constant"]

STACK = 64
_WORDS = {
    "+": Code.ADD, "-": Code.SUBTRACT, "*": Code.MULTIPLY, "/": Code.DIVIDE, "<": Code.LESS,
    "<=": Code.LESS_EQUAL, "==": Code.EQUAL, "!=": Code.NOT_EQUAL, "and": Code.AND, "or": Code.OR,
}  # fmt: skip
_CALLS = {
    "-": Code.NEGATE, "not": Code.NOT, "min": Code.MIN, "max": Code.MAX, "abs": Code.ABS,
    "floor": Code.FLOOR, "if": Code.SELECT, "shade": Code.SHADE,
}  # fmt: skip


@dataclass(frozen=True)
class Places:
    """What a value may name where it stands."""

    where: str
    """The rule, or what else holds it: what is random hangs on this name."""
    attributes: int
    """Attributes below this are known there."""
    locals: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Values:
    """Collects the code of all expressions of a grammar."""

    variables: dict[str, int]
    code: list[tuple[int, int]] = field(default_factory=list)
    consts: list[float] = field(default_factory=list)
    salts: list[int] = field(default_factory=list)
    _rows: dict[float, int] = field(default_factory=dict)
    _random: dict[str, int] = field(default_factory=dict)

    def add(self, expr: Expr, places: Places) -> int:
        """The code of an expression; returns where it begins."""
        steps: list[tuple[int, int]] = []
        if self._emit(expr, places, steps) > STACK:
            raise RuleError(
                expr.at, f"the value holds over {STACK} others at once", "Name parts of it with let"
            )
        begin = len(self.code)
        self.code += [*steps, (Code.END, 0)]
        return begin

    def add_number(self, value: float) -> int:
        """The code of a number."""
        begin = len(self.code)
        self.code += [(Code.CONST, self._const(value)), (Code.END, 0)]
        return begin

    def _const(self, value: float) -> int:
        if value not in self._rows:
            self._rows[value] = len(self.consts)
            self.consts.append(value)
        return self._rows[value]

    def _salt(self, where: str) -> int:
        number = self._random.get(where, 0)
        self._random[where] = number + 1
        self.salts.append(name_key(f"{where}/random/{number}"))
        return len(self.salts) - 1

    def _emit(self, expr: Expr, places: Places, steps: list[tuple[int, int]]) -> int:
        """Appends the steps; returns how many numbers lie on the stack at most."""
        known = constant(expr)
        if known is not None:
            steps.append((Code.CONST, self._const(known)))
            return 1
        if isinstance(expr, Name):
            steps.append(self._name(expr, places))
            return 1
        if isinstance(expr, Binary):
            left, right = (expr.right, expr.left) if expr.word in (">", ">=") else (expr.left, expr.right)
            word = {">": "<", ">=": "<="}.get(expr.word, expr.word)
            return self._all((left, right), places, steps, (_WORDS[word], 0))
        if isinstance(expr, Pick):
            values = tuple(value for option in expr.options for value in option)
            row = self._salt(places.where)
            deep = self._all(values, places, steps, (Code.PICK, len(expr.options)))
            steps.append((Code.PICK, row))
            return deep
        assert isinstance(expr, Function)
        return self._function(expr, places, steps)

    def _function(self, expr: Function, places: Places, steps: list[tuple[int, int]]) -> int:
        at, args = expr.at, expr.args
        if expr.name == "random":
            return self._all(args, places, steps, (Code.RANDOM, self._salt(places.where)))
        if expr.name == "clamp":
            least = Function(at, "max", (args[0], args[1]))
            return self._emit(Function(at, "min", (least, args[2])), places, steps)
        if expr.name == "ceil":
            down = Function(at, "floor", (Function(at, "-", args),))
            return self._emit(Function(at, "-", (down,)), places, steps)
        if expr.name == "round":
            return self._emit(
                Function(at, "floor", (Binary(at, "+", args[0], Number(at, 0.5)),)), places, steps
            )
        return self._all(args, places, steps, (_CALLS[expr.name], 0))

    def _all(
        self, args: tuple[Expr, ...], places: Places, steps: list[tuple[int, int]], last: tuple[int, int]
    ) -> int:
        deep = max(number + self._emit(arg, places, steps) for number, arg in enumerate(args))
        steps.append(last)
        return deep

    def _name(self, expr: Name, places: Places) -> tuple[int, int]:
        name = expr.name
        if name in places.locals:
            return Code.LOCAL, places.locals[name]
        if name in self.variables:
            return Code.VARIABLE, self.variables[name]
        if name in ATTRIBUTES:
            return Code.ATTRIBUTE, _allowed(expr.at, ATTRIBUTES[name], places)
        names = {*places.locals, *self.variables, *ATTRIBUTES, *MATERIALS}
        raise RuleError(
            expr.at,
            f"{name!r} is no variable, attribute or material",
            did_you_mean(name, names, "Declare it with let, or see docs/facades.md for the attributes"),
        )


def _allowed(at: At, attribute: Attribute, places: Places) -> int:
    if attribute < places.attributes:
        return attribute
    owner = "a wall" if attribute < WALL_ATTRIBUTES else "a place on a wall"
    here = "a building" if places.attributes == BUILDING_ATTRIBUTES else "a wall"
    raise RuleError(
        at,
        f"{attribute.name.lower()!r} belongs to {owner}, and this value to {here}",
        "Use it within a rule",
    )


def constant(expr: Expr) -> float | None:
    """The value where it depends on nothing; division by zero gives 0, as in the kernel."""
    if isinstance(expr, (Number, Text)):
        return expr.value if isinstance(expr, Number) else word_number(expr.text)
    if isinstance(expr, Name):
        known: float | None = MATERIALS.get(expr.name, COLOURS.get(expr.name))
        return None if known is None else float(known)
    if isinstance(expr, Function) and expr.name == "-":
        inner = constant(expr.args[0])
        return None if inner is None else -inner
    if isinstance(expr, Binary) and expr.word in ("+", "-", "*", "/"):
        left, right = constant(expr.left), constant(expr.right)
        return None if left is None or right is None else _arithmetic(expr.word, left, right)
    return None


def _arithmetic(word: str, left: float, right: float) -> float:
    if word == "/":
        value = left / right if right else 0.0
    else:
        value = left + right if word == "+" else left - right if word == "-" else left * right
    return value if math.isfinite(value) else 0.0
