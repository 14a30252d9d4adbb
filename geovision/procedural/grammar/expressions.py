"""Values: arithmetic, comparison, functions, weighted picks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geovision.procedural.grammar.fault import RuleError, did_you_mean
from geovision.procedural.grammar.syntax import Binary, Expr, Function, Name, Number, Pick, Text
from geovision.procedural.grammar.vocabulary import FUNCTIONS

if TYPE_CHECKING:
    from geovision.procedural.grammar.lexer import Token
    from geovision.procedural.grammar.reader import Reader

__all__ = ["parse_expression"]

# Loosest first; the words of one line bind alike, from the left.
_BINARY = (("or",), ("and",), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/"))
_NOT_ABOVE = 2


def parse_expression(reader: Reader) -> Expr:
    """A value, as long as it goes on."""
    with reader.deeper():
        return _binary(reader, 0)


def _binary(reader: Reader, level: int) -> Expr:
    if level == len(_BINARY):
        return _unary(reader)
    if level == _NOT_ABOVE and reader.next.text == "not":
        at = reader.take().at
        with reader.deeper():
            return Function(at, "not", (_binary(reader, level),))
    left = _binary(reader, level + 1)
    while reader.next.text in _BINARY[level]:
        token = reader.take()
        left = Binary(token.at, token.text, left, _binary(reader, level + 1))
    return left


def _unary(reader: Reader) -> Expr:
    if reader.next.text == "-":
        at = reader.take().at
        with reader.deeper():
            return Function(at, "-", (_unary(reader),))
    return _atom(reader)


def _atom(reader: Reader) -> Expr:
    token = reader.next
    if token.text == "pick" and token.kind == "name":
        return _pick(reader)
    if reader.accept("("):
        inner = parse_expression(reader)
        reader.expect(")")
        return inner
    if token.kind == "name":
        reader.take()
        if token.text in ("true", "false"):
            return Number(token.at, float(token.text == "true"))
        return _function(reader, token) if reader.next.text == "(" else Name(token.at, token.text)
    if token.kind in ("number", "colour", "string"):
        reader.take()
        return Text(token.at, token.text[1:-1]) if token.kind == "string" else Number(token.at, token.value)
    raise reader.wrong("a value", "Write a number, a colour, a name or a function")


def _function(reader: Reader, token: Token) -> Expr:
    name = token.text
    at = reader.expect("(").at
    if name not in FUNCTIONS:
        remedy = did_you_mean(name, FUNCTIONS, f"Use one of {', '.join(FUNCTIONS)}")
        raise RuleError(token.at, f"there is no function {name!r}", remedy)
    args = [parse_expression(reader)]
    while reader.accept(","):
        args.append(parse_expression(reader))
    reader.expect(")")
    if len(args) != FUNCTIONS[name]:
        raise RuleError(at, f"{name} takes {FUNCTIONS[name]} values, got {len(args)}", "Mend the call")
    return Function(token.at, name, tuple(args))


def _pick(reader: Reader) -> Expr:
    at = reader.take().at
    reader.expect("{")
    options: list[tuple[Expr, Expr]] = []
    while not reader.accept("}"):
        weight = parse_expression(reader)
        reader.expect(":", "Write WEIGHT : VALUE")
        options.append((weight, parse_expression(reader)))
    if not options:
        raise RuleError(at, "there is nothing to pick from", "Write pick { 2: a 1: b }")
    return Pick(at, tuple(options))
