"""Random rule files, and random walls with slopes, steps, holes and neighbours. All from a seed."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from geovision.mesh.walls import Walls
from geovision.model.labels import Label
from geovision.procedural.grammar.vocabulary import ATTRIBUTES, COMPONENTS, ELEMENTS, MATERIALS

RULES = ("wall", "A", "B", "C", "D")


def random_rules(rng: Random) -> str:
    """A rule file that compiles, with every statement and every kind of value."""
    lines = ['facade 1 "random"']
    variables: list[str] = []
    for number in range(rng.randrange(4)):
        lines.append(f"let v{number} = {_value(rng, variables, list(ATTRIBUTES)[:10], 2)}")
        variables.append(f"v{number}")
    if rng.random() < 0.8:
        first = f"{rng.uniform(0.1, 0.9):.2f} : gap  " if rng.random() < 0.5 else ""
        lines.append(f"floors {{ {first} repeat ~{rng.uniform(2, 4):.2f} : floor }}")
    lines.append("design one { across 2 up 3 frame 5cm }")
    for index, name in enumerate(RULES):
        params = "(p, q)" if index else ""
        names = [*variables, *(["p", "q"] if index else [])]
        lines.append(f"rule {name}{params} {{ {_body(rng, names, index, 3)} }}")
    return "\n".join(lines)


def _value(rng: Random, names: list[str], attributes: list[str], deep: int) -> str:  # noqa: PLR0911
    def inner() -> str:
        return _value(rng, names, attributes, deep - 1)

    if deep <= 0 or rng.random() < 0.35:
        kind = rng.random()
        if kind < 0.3 and names:
            return rng.choice(names)
        if kind < 0.6:
            return rng.choice(attributes)
        return rng.choice((f"{rng.uniform(0, 4):.2f}", "0", "#8a4b3a", "brick", '"retail"', "-1.5", "35%"))
    kind = rng.randrange(7)
    if kind == 0:
        return f"({inner()} {rng.choice('+-*/')} {inner()})"
    if kind == 1:
        return f"({inner()} {rng.choice(('<', '<=', '>', '>=', '==', '!=', 'and', 'or'))} {inner()})"
    if kind == 2:
        return f"{rng.choice(('min', 'max', 'random', 'shade'))}({inner()}, {inner()})"
    if kind == 3:
        return f"{rng.choice(('abs', 'floor', 'ceil', 'round'))}({inner()})"
    if kind == 4:
        return f"if({inner()}, {inner()}, {inner()})"
    if kind == 5:
        return f"pick {{ 2 : {inner()} {rng.randrange(3)} : {inner()} }}"
    return rng.choice((f"-{inner()}", f"(not {inner()})", f"clamp({inner()}, 0, 2)"))


def _size(rng: Random, names: list[str]) -> str:
    if rng.random() < 0.8:
        return f"{rng.choice((0.1, 0.4, 0.9, 1.2, 2.5)) * rng.uniform(0.8, 1.2):.3f}"
    # No constant, which could be refused for being below 0 before it is ever worked out.
    return f"min({_value(rng, names, list(ATTRIBUTES), 1)}, 5)"


def _block(rng: Random, names: list[str], index: int, deep: int) -> str:
    return "{ " + _body(rng, names, index, deep) + " }"


def _body(rng: Random, names: list[str], index: int, deep: int) -> str:
    names = list(names)
    out = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if rng.random() < 0.15:
            fresh = f"l{rng.randrange(1000)}"
            out.append(f"let {fresh} = {_value(rng, names, list(ATTRIBUTES), 2)}")
            names.append(fresh)
        out.append(_statement(rng, names, index, deep))
    return "\n  ".join(out)


def _statement(rng: Random, names: list[str], index: int, deep: int) -> str:  # noqa: PLR0911
    def block() -> str:
        return _block(rng, names, index, deep - 1)

    def size() -> str:
        return _size(rng, names)

    kind = rng.randrange(14) if deep > 0 else 13
    if kind <= 2:
        return _split(rng, names, index, deep)
    if kind == 3:
        return f"floors : {block()}"
    if kind == 4:
        return f"inset {size()}, {size()} : {block()}" if rng.random() < 0.5 else f"inset 0.1 : {block()}"
    if kind == 5:
        return f"offset {_value(rng, names, list(ATTRIBUTES), 1)}, 0.3 : {block()}"
    if kind == 6:
        extra = rng.choice(("", "at 0.2", f"up {size()}", f"at {size()} up 0"))
        return f"place {size()} by {size()} {extra} : {block()}"
    if kind == 7:
        side = rng.choice(("below", "above", "leftof", "rightof"))
        return f"{side} {size()} {rng.choice(('', 'over 5cm'))} : {block()}"
    if kind == 8:
        return f"if {_value(rng, names, list(ATTRIBUTES), 2)} {block()} else {block()}"
    if kind == 9:
        once = rng.choice(("", "building"))
        return f"choose {once} {{ 2 : {block()} {size()} : {block()} 0 : {block()} }}"
    if kind == 10:
        case = f"{rng.choice(COMPONENTS)} | {rng.choice(COMPONENTS)}"
        return f"components {{ {case} : {block()} else : {block()} }}"
    if kind == 11 and index + 1 < len(RULES):
        return f"{rng.choice(RULES[index + 1 :])}({size()}, {size()})"
    if kind == 12:
        return f"extrude {size()} : {block()}"
    return _element(rng, names, index, deep)


def _split(rng: Random, names: list[str], index: int, deep: int) -> str:
    pieces = []
    repeated = rng.random() < 0.5
    for number in range(rng.choice((1, 2, 3, 4))):
        word = "repeat " if repeated and number == 0 else ""
        mark = rng.choice(("", "~", "~", "'"))
        size = f"{rng.uniform(0.05, 0.6):.2f}" if mark == "'" else _size(rng, names)
        # A rule may meet itself in a piece of a split: what is left gets smaller, or the budget ends it.
        again = index > 0 and rng.random() < 0.1
        body = f"{RULES[index]}(p, q)" if again else _block(rng, names, index, deep - 1)
        pieces.append(f"{word}{mark}{size} : {body}")
    if repeated and rng.random() < 0.5:
        pieces[0] = "repeat { " + pieces[0].removeprefix("repeat ") + " ; 0.3 : window }"
    axis = rng.choice(("x", "z", "z snap 0.5"))
    return f"split {axis} {{ {' ; '.join(pieces)} }}"


def _element(rng: Random, names: list[str], index: int, deep: int) -> str:
    kind = rng.choice(("window", "window", "window", "door", *ELEMENTS))
    props = rng.choice(("", "depth 0.2", "out 0.3", f"depth {_size(rng, names)}"))
    props += rng.choice(("", " design one", f" colour {_value(rng, names, list(ATTRIBUTES), 1)}"))
    props += rng.choice(("", f" material {rng.choice(list(MATERIALS))}"))
    body = _block(rng, names, index, deep - 1) if deep > 0 and rng.random() < 0.4 else ""
    return f"{kind} {props} {body}"


def random_walls(rng: Random, buildings: int) -> Walls:
    """Walls of any kind: gables, slopes, steps, holes; on slopes, beside neighbours, narrow and tall."""
    columns = ["building", "label", "corner", "length", "height", "ground", "side", "street", "level", "part"]
    rows: dict[str, list[Any]] = {name: [] for name in columns}
    rings: list[list[list[tuple[int, int]]]] = []
    spans: list[list[tuple[int, int, int]]] = []
    counts = [0]
    for building in range(buildings):
        walls = rng.choice((0, 1, 3, 4))
        counts.append(counts[-1] + walls)
        for _ in range(walls):
            length, height = (
                rng.choice((100, 800, 3000, 6000, 15000)),
                rng.choice((90, 2500, 6000, 9000, 40000)),
            )
            length += rng.randrange(500)
            height += rng.randrange(900)
            shape = _shape(rng, length, height)
            rings.append(shape)
            ground = rng.choice(((0, 0), (0, 0), (-500, 300), (0, 1500), (200, 200), (-3000, -3000)))
            rows["building"].append(building)
            rows["label"].append(rng.choice((Label.WALL, Label.WALL, Label.STEP_WALL, Label.DORMER_WALL)))
            rows["corner"].append((0, 0, rng.choice((0, 0, 0, 1200, -700, 3000))))
            rows["length"].append(length)
            rows["height"].append(max(z for _, z in shape[0]))
            rows["ground"].append(ground)
            rows["side"].append(rng.randrange(5))
            rows["street"].append(rng.choice((-1, 4000, 90000)))
            rows["level"].append(rng.choice((height, height, max(0, height - 1500), 3000, 0)))
            rows["part"].append(rng.randrange(2))
            some = rng.random() < 0.3
            a = rng.randrange(length)
            spans.append(
                [(a, min(length, a + rng.randrange(1, length + 1)), rng.choice((2000, 60000)))] * some
            )
    flat = [ring for shape in rings for ring in shape]
    count = len(rings)
    return Walls(
        building_offsets=np.array(counts, np.int64),
        building=np.array(rows["building"], np.int32),
        face=np.arange(count, dtype=np.int32),
        member_offsets=np.arange(count + 1, dtype=np.int64),
        members=np.arange(count, dtype=np.int32),
        part=np.array(rows["part"], np.int32),
        label=np.array(rows["label"], np.uint8),
        corner=np.array(rows["corner"], np.int32).reshape(count, 3),
        direction=np.tile([1.0, 0.0], (count, 1)),
        length=np.array(rows["length"], np.int32),
        height=np.array(rows["height"], np.int32),
        ring_offsets=np.cumsum([0, *(len(shape) for shape in rings)]).astype(np.int64),
        vertex_offsets=np.cumsum([0, *(len(ring) for ring in flat)]).astype(np.int64),
        sz=np.array([point for ring in flat for point in ring], np.int32).reshape(-1, 2),
        ground=np.array(rows["ground"], np.int32).reshape(count, 2),
        side=np.array(rows["side"], np.uint8),
        street=np.array(rows["street"], np.int32),
        level=np.array(rows["level"], np.int32),
        blocked_offsets=np.cumsum([0, *(len(own) for own in spans)]).astype(np.int64),
        blocked=np.array([span for own in spans for span in own], np.int32).reshape(-1, 3),
    )


def _shape(rng: Random, length: int, height: int) -> list[list[tuple[int, int]]]:
    middle = rng.randrange(1, length)
    low = max(1, height // 3)
    shapes = {
        "box": [(0, 0), (length, 0), (length, height), (0, height)],
        "gable": [(0, 0), (length, 0), (length, height), (middle, height + length // 2), (0, height)],
        "slope": [(0, 0), (length, 0), (length, low), (0, height)],
        "step": [(0, 0), (length, 0), (length, height), (middle, height), (middle, low), (0, low)],
        "triangle": [(0, 0), (length, 0), (middle, height)],
        "foot": [(0, 0), (length, height // 8), (length, height), (0, height)],
    }
    outer = shapes[rng.choice(list(shapes))]
    rings = [outer]
    if outer is shapes["box"] and length > 2000 and height > 2000 and rng.random() < 0.3:
        s, z = rng.randrange(300, length - 1300), rng.randrange(300, height - 1300)
        rings.append([(s, z), (s, z + 900), (s + 900, z + 900), (s + 900, z)])
    return rings
