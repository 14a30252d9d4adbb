"""Statements: splits, guards, choices, elements, calls of rules."""

from __future__ import annotations

from collections.abc import Callable

from geovision.procedural.grammar.expressions import parse_expression
from geovision.procedural.grammar.fault import RuleError, did_you_mean
from geovision.procedural.grammar.reader import Reader
from geovision.procedural.grammar.syntax import (
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
    Sequence,
    Size,
    Split,
    Stmt,
    Strip,
)
from geovision.procedural.grammar.vocabulary import COMPONENTS, ELEMENTS, KEYWORDS, PROPS

__all__ = ["parse_block", "parse_let", "parse_sizes", "parse_statement"]


def parse_block(reader: Reader) -> Stmt:
    """Statements in braces."""
    at = reader.expect("{", "Put the statements into braces").at
    body: list[Stmt] = []
    with reader.deeper():
        while not reader.accept("}"):
            body.append(parse_statement(reader))
            reader.accept(";")
    return body[0] if len(body) == 1 else Sequence(at, tuple(body))


def parse_body(reader: Reader) -> Stmt:
    """A block, or one statement."""
    if reader.next.text == "{":
        return parse_block(reader)
    with reader.deeper():
        return parse_statement(reader)


def parse_let(reader: Reader) -> Let:
    """`let NAME = VALUE`."""
    reader.take()
    name = reader.new_name("a variable")
    reader.expect("=")
    return Let(name.at, name.text, parse_expression(reader))


def parse_sizes(reader: Reader, floors: bool = False) -> tuple[Size, ...]:
    """The pieces of a split in braces; those of `floors` are called floor or gap."""
    open_at = reader.expect("{").at
    sizes: list[Size] = []
    groups = 0
    while not reader.accept("}"):
        repeated = reader.next.text == "repeat"
        if repeated:
            at = reader.take().at
            groups += 1
            if groups > 1:
                raise RuleError(at, "the split has two repeats", "Put one of them into a split of its own")
        if repeated and reader.accept("{"):
            while not reader.accept("}"):
                sizes.append(_size(reader, True, floors))
                _separator(reader)
        else:
            sizes.append(_size(reader, repeated, floors))
        _separator(reader)
    if not sizes:
        raise RuleError(open_at, "the split has no pieces", "Write SIZE : STATEMENT for each piece")
    return tuple(sizes)


def _separator(reader: Reader) -> None:
    if not reader.accept(";"):
        reader.accept("|")


def _size(reader: Reader, repeated: bool, floors: bool) -> Size:
    at = reader.next.at
    mode = "floating" if reader.accept("~") else "relative" if reader.accept("'") else "absolute"
    size = parse_expression(reader)
    reader.expect(":", "Write SIZE : STATEMENT")
    if not floors:
        return Size(at, mode, size, parse_body(reader), repeated)
    word = reader.one_of(("floor", "gap"), "floor or gap")
    body = Sequence(word.at, ()) if word.text == "gap" else Floors(word.at, Sequence(word.at, ()))
    return Size(at, mode, size, body, repeated)


def parse_statement(reader: Reader) -> Stmt:
    """One statement."""
    token = reader.next
    if token.text == "{":
        return parse_block(reader)
    if token.kind == "name" and token.text in _STATEMENTS:
        return _STATEMENTS[token.text](reader)
    if token.kind == "name" and token.text in ELEMENTS:
        return _element(reader)
    if token.kind == "name" and token.text not in KEYWORDS:
        return _call(reader)
    words = (*_STATEMENTS, *ELEMENTS)
    remedy = did_you_mean(token.text, words, "Write a statement, an element or the name of a rule")
    raise RuleError(token.at, f"{token.text or 'the end of the file'!r} begins no statement", remedy)


def _split(reader: Reader) -> Stmt:
    at = reader.take().at
    axis = reader.one_of(("x", "z"), "the axis x or z").text
    snap = parse_expression(reader) if reader.accept("snap") else None
    return Split(at, axis, parse_sizes(reader), snap)


def _repeat(reader: Reader) -> Stmt:
    at = reader.take().at
    axis = reader.one_of(("x", "z"), "the axis x or z").text
    return Split(at, axis, (_size(reader, True, False),))


def _floors(reader: Reader) -> Stmt:
    at = reader.take().at
    reader.accept(":")
    return Floors(at, parse_body(reader))


def _inset(reader: Reader) -> Stmt:
    at = reader.take().at
    values = _values(reader)
    if len(values) == 1:
        sides = (values[0],) * 4
    elif len(values) == 2:
        sides = (values[0], values[0], values[1], values[1])
    elif len(values) == 4:
        sides = (values[0], values[1], values[2], values[3])
    else:
        raise RuleError(
            at, f"inset has {len(values)} sizes", "Give one, two (x, z) or four (left, right, bottom, top)"
        )
    reader.accept(":")
    return Inset(at, sides, parse_body(reader))


def _values(reader: Reader) -> list[Expr]:
    values = [parse_expression(reader)]
    while reader.accept(","):
        values.append(parse_expression(reader))
    return values


def _offset(reader: Reader) -> Stmt:
    at = reader.take().at
    values = _values(reader)
    if len(values) != 2:
        raise RuleError(at, f"offset has {len(values)} distances", "Give two: along the wall, up")
    reader.accept(":")
    return Offset(at, values[0], values[1], parse_body(reader))


def _place(reader: Reader) -> Stmt:
    at = reader.take().at
    width = parse_expression(reader)
    reader.expect("by", "Write place WIDTH by HEIGHT")
    height = parse_expression(reader)
    across = parse_expression(reader) if reader.accept("at") else None
    up = parse_expression(reader) if reader.accept("up") else None
    reader.accept(":")
    return Put(at, width, height, across, up, parse_body(reader))


def _strip(reader: Reader) -> Stmt:
    token = reader.take()
    size = parse_expression(reader)
    over = parse_expression(reader) if reader.accept("over") else None
    reader.accept(":")
    return Strip(token.at, token.text, size, over, parse_body(reader))


def _extrude(reader: Reader) -> Stmt:
    at = reader.take().at
    out = parse_expression(reader)
    reader.accept(":")
    return Extrude(at, out, parse_body(reader))


def _if(reader: Reader) -> Stmt:
    at = reader.take().at
    condition = parse_expression(reader)
    reader.accept(":")
    then = parse_body(reader)
    otherwise: Stmt | None = None
    if reader.accept("else"):
        reader.accept(":")
        otherwise = parse_body(reader)
    return If(at, condition, then, otherwise)


def _choose(reader: Reader) -> Stmt:
    at = reader.take().at
    per_building = reader.accept("building")
    reader.expect("{")
    options: list[tuple[Expr, Stmt]] = []
    while not reader.accept("}"):
        weight = parse_expression(reader)
        reader.expect(":", "Write WEIGHT : STATEMENT")
        options.append((weight, parse_body(reader)))
        _separator(reader)
    if not options:
        raise RuleError(at, "there is nothing to choose from", "Write choose { 2: A 1: B }")
    return Choose(at, tuple(options), per_building)


def _components(reader: Reader) -> Stmt:
    at = reader.take().at
    reader.expect("{")
    cases: list[tuple[tuple[Name, ...], Stmt]] = []
    otherwise: Stmt | None = None
    while not reader.accept("}"):
        if reader.accept("else"):
            reader.expect(":")
            otherwise = parse_body(reader)
            reader.expect("}", "Nothing comes after else")
            break
        names = [reader.one_of(COMPONENTS, "a component")]
        while reader.accept("|"):
            names.append(reader.one_of(COMPONENTS, "a component"))
        reader.expect(":")
        cases.append((tuple(Name(name.at, name.text) for name in names), parse_body(reader)))
        _separator(reader)
    return Component(at, tuple(cases), otherwise)


def _nothing(reader: Reader) -> Stmt:
    return Sequence(reader.take().at, ())


def _element(reader: Reader) -> Stmt:
    token = reader.take()
    props = reader.pairs(PROPS, token.text)
    if "depth" in props and "out" in props:
        raise RuleError(props["out"][0], "the element has both depth and out", "Keep one of them")
    body = parse_block(reader) if reader.next.text == "{" else None
    return Element(token.at, token.text, props, body)


def _call(reader: Reader) -> Stmt:
    token = reader.take()
    args: list[Expr] = []
    if reader.next.text == "(":
        reader.take()
        if not reader.accept(")"):
            args = _values(reader)
            reader.expect(")")
    return Call(token.at, token.text, tuple(args))


_STATEMENTS: dict[str, Callable[[Reader], Stmt]] = {
    "split": _split,
    "repeat": _repeat,
    "floors": _floors,
    "inset": _inset,
    "offset": _offset,
    "place": _place,
    "below": _strip,
    "above": _strip,
    "leftof": _strip,
    "rightof": _strip,
    "extrude": _extrude,
    "if": _if,
    "choose": _choose,
    "components": _components,
    "let": parse_let,
    "nothing": _nothing,
}
