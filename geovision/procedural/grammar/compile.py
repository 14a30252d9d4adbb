"""Rule files to a compiled grammar: imports, names, and what can be seen to be wrong before any wall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from geovision.errors import InputError, UsageError
from geovision.procedural.grammar.compiled import NODE_WIDTH, Grammar, Rules
from geovision.procedural.grammar.endless import check_endless
from geovision.procedural.grammar.fault import At, RuleError, Source, did_you_mean
from geovision.procedural.grammar.lexer import MOST_BYTES
from geovision.procedural.grammar.nodes import Nodes
from geovision.procedural.grammar.parser import parse
from geovision.procedural.grammar.syntax import Design, File, Import, Let, Paint, Rule, Split
from geovision.procedural.grammar.values import Places, Values, constant
from geovision.procedural.grammar.vocabulary import (
    ATTRIBUTES,
    BUILDING_ATTRIBUTES,
    DESIGN_KEYS,
    WALL_ATTRIBUTES,
)

__all__ = ["FOLDER", "builtin_facades", "compile_text", "load_facade"]

FOLDER = Path(__file__).parent.parent / "facades"
SUFFIX = ".facade"
START, ROOF = "wall", "roof"
MOST_FILES = 32
_EVERYWHERE = len(ATTRIBUTES)
_UNITS = {"frame": 1000, "mullion": 1000, "panel": 1000}


def builtin_facades() -> list[str]:
    """Names of the styles of facades that come with geovision.

    >>> "dutch_terraced" in builtin_facades()
    True
    """
    return sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}") if not path.stem.startswith("_"))


def load_facade(style: str | Path | Grammar) -> Grammar:
    """A style of facades by name, or from a rule file.

    >>> load_facade("dutch_terraced").name
    'dutch_terraced'
    """
    if isinstance(style, Grammar):
        return style
    text = str(style)
    if text in builtin_facades():
        path = FOLDER / (text + SUFFIX)
    elif text.endswith(SUFFIX) or "/" in text:
        path = Path(text)
    else:
        names = ", ".join(builtin_facades())
        raise UsageError(
            f"facade style {text!r}",
            "does not exist",
            did_you_mean(text, builtin_facades(), f"Use one of {names}, or the path of a {SUFFIX} file"),
        )
    return _compile(Source(path.name, _read(path)), path.stem, path.parent)


def compile_text(text: str, name: str = "(text)", folder: Path | None = None) -> Grammar:
    """A style from the text of a rule file.

    Args:
        text: the rules.
        name: what errors call the file.
        folder: where its imports lie; those that come with geovision are found without.
    """
    return _compile(Source(name, text), Path(name).stem, folder)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > 4 * MOST_BYTES:
            raise InputError(
                f"rule file {path}", "is too large", f"Rule files have up to {MOST_BYTES:,} bytes"
            )
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"rule file {path}", f"is no UTF-8 text ({error})", "Save it as UTF-8") from None
    except OSError as error:
        raise InputError(
            f"rule file {path}", f"cannot be read ({error.strerror})", "Check the path"
        ) from None


def _compile(source: Source, name: str, folder: Path | None) -> Grammar:
    program = _Program(folder)
    own = parse(source)
    program.take(own, (source.name,))
    return program.finish(name, own)


class _Program:
    """All files of a grammar, the importing one's names over those of what it imports."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.files: list[str] = []
        self.lets: dict[str, Let] = {}
        self.rules: dict[str, Rule] = {}
        self.designs: dict[str, Design] = {}
        self.paints: dict[str, Paint] = {}
        self.floors: Split | None = None

    def take(self, file: File, chain: tuple[str, ...]) -> None:
        for item in file.imports:
            self._import(item, chain)
        _once(file.lets, "variable")
        _once(file.rules, "rule")
        _once(file.designs, "design")
        self.lets |= {item.name: item for item in file.lets}
        self.rules |= {item.name: item for item in file.rules}
        self.designs |= {item.name: item for item in file.designs}
        self.paints |= {item.what: item for item in file.paints}
        self.floors = file.floors or self.floors
        self.files.append(file.source.name)

    def _import(self, item: Import, chain: tuple[str, ...]) -> None:
        name = item.name if item.name.endswith(SUFFIX) else item.name + SUFFIX
        if name in chain:
            circle = " imports ".join((*chain[chain.index(name) :], name))
            raise RuleError(item.at, f"the imports run in a circle: {circle}", "Remove one of them")
        if name in self.files:
            return
        if len(self.files) + len(chain) >= MOST_FILES:
            raise RuleError(item.at, f"over {MOST_FILES} files are imported", "Join some of them")
        if "/" in name or "\\" in name or name.startswith("."):
            raise RuleError(item.at, f"{item.name!r} is no plain name", "Import files of the same folder")
        for folder in (self._folder, FOLDER):
            if folder is not None and (folder / name).is_file():
                self.take(parse(Source(name, _read(folder / name))), (*chain, name))
                return
        names = [path.stem for path in FOLDER.glob("_*" + SUFFIX)]
        raise RuleError(
            item.at, f"there is no file {name!r}", did_you_mean(item.name, names, "Put it beside this file")
        )

    def finish(self, name: str, own: File) -> Grammar:
        if START not in self.rules:
            raise RuleError(
                At(own.source, 1, 1), f"there is no rule {START!r}, which every wall begins with",
                f"Add: rule {START} {{ ... }}",
            )  # fmt: skip
        check_endless(self.rules)
        values = Values({})
        variables = self._variables(values)
        numbers = {key: (row, rule) for row, (key, rule) in enumerate(self.rules.items())}
        designs = {key: row for row, key in enumerate(self.designs)}
        nodes = Nodes(values, numbers, designs)
        rules = [nodes.add_rule(rule, _EVERYWHERE) for rule in self.rules.values()]
        # Floors are lines of a wall, and known before any rule runs.
        floors = -1 if self.floors is None else nodes.split(self.floors, Places("floors", WALL_ATTRIBUTES))
        arrays = Rules(
            nodes=_table(nodes.rows, NODE_WIDTH),
            salts=np.array(nodes.salts, np.uint64),
            items=_table(nodes.items, 3),
            code=_table([], 2),
            consts=np.zeros(0),
            code_salts=np.zeros(0, np.uint64),
            rules=_table(rules, 3),
            variables=np.array(variables, np.int32),
            floors=np.array([floors, numbers[START][0], numbers.get(ROOF, (-1,))[0]], np.int32),
            designs=_table([_design(item) for item in self.designs.values()], len(DESIGN_KEYS)),
            paint=np.array(self._paint(values), np.int32),
        )
        arrays = _with_code(arrays, values)
        defaults = {key: _written(item) for key, item in self.lets.items()}
        return Grammar(
            name, own.title, arrays, list(self.rules), dict(values.variables), defaults,
            list(self.designs), tuple(self.files),
        )  # fmt: skip

    def _variables(self, values: Values) -> list[int]:
        """Each may use those before it."""
        rows = []
        for name, item in self.lets.items():
            if name in ATTRIBUTES:
                raise RuleError(item.at, f"{name!r} is an attribute", f"Choose another name, as my_{name}")
            rows.append(values.add(item.value, Places(f"let {name}", BUILDING_ATTRIBUTES)))
            values.variables[name] = len(rows) - 1
        return rows

    def _paint(self, values: Values) -> list[int]:
        found = []
        for what in ("wall", "roof"):
            for key in ("material", "colour"):
                paint = self.paints.get(what)
                given = paint.values.get(key) if paint else None
                places = Places(f"paint {what} {key}", BUILDING_ATTRIBUTES)
                found.append(-1 if given is None else values.add(given[1], places))
        return found


def _once(items: list[Let] | list[Rule] | list[Design], what: str) -> None:
    seen: dict[str, At] = {}
    for item in items:
        if item.name in seen:
            other = seen[item.name].line
            raise RuleError(item.at, f"a second {what} {item.name!r}", f"Rename it (the first: line {other})")
        seen[item.name] = item.at


def _table(rows: Sequence[Sequence[int]], width: int) -> npt.NDArray[np.int32]:
    return np.array(rows, np.int32).reshape(len(rows), width)


def _with_code(arrays: Rules, values: Values) -> Rules:
    return replace(
        arrays,
        code=_table(values.code, 2),
        consts=np.array(values.consts, np.float64),
        code_salts=np.array(values.salts, np.uint64),
    )


def _design(item: Design) -> list[int]:
    row = []
    defaults = {"across": 1.0, "up": 1.0, "frame": 0.06, "mullion": 0.04, "panel": 0.0, "solid": 0.0}
    limits = {"across": 12, "up": 12, "frame": 0.5, "mullion": 0.5, "panel": 1, "solid": 1}
    for key in DESIGN_KEYS:
        value = defaults[key]
        if key in item.values:
            at, expr = item.values[key]
            known = constant(expr)
            if known is None or not (key in ("across", "up")) <= known <= limits[key]:
                least = int(key in ("across", "up"))
                raise RuleError(at, f"{key} is no number from {least} to {limits[key]}", "Give such a number")
            value = known
        row.append(round(value * _UNITS.get(key, 1)))
    return row


def _written(item: Let) -> str:
    """The default as it stands in its line."""
    line = item.at.source.line(item.at.line)
    return line[item.at.column :].partition("=")[2].split("//")[0].strip()
