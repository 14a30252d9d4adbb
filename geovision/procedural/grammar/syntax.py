"""What the parser makes of a rule file: the tree that the compiler reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from geovision.procedural.grammar.fault import At, Source

__all__ = [
    "Binary",
    "Call",
    "Choose",
    "Component",
    "Design",
    "Element",
    "Expr",
    "Extrude",
    "File",
    "Floors",
    "Function",
    "If",
    "Import",
    "Inset",
    "Let",
    "Name",
    "Number",
    "Offset",
    "Paint",
    "Pick",
    "Put",
    "Rule",
    "Sequence",
    "Size",
    "Split",
    "Stmt",
    "Strip",
    "Text",
]


@dataclass(frozen=True)
class Number:
    """A number or a colour."""

    at: At
    value: float


@dataclass(frozen=True)
class Text:
    """A text in quotes."""

    at: At
    text: str


@dataclass(frozen=True)
class Name:
    """A variable, a parameter, an attribute or a constant."""

    at: At
    name: str


@dataclass(frozen=True)
class Binary:
    """Two values and what stands between them: arithmetic, comparison, and, or."""

    at: At
    word: str
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Function:
    """A function of some values; minus and not as well."""

    at: At
    name: str
    args: tuple[Expr, ...]


@dataclass(frozen=True)
class Pick:
    """One value by weights."""

    at: At
    options: tuple[tuple[Expr, Expr], ...]


Expr = Number | Text | Name | Binary | Function | Pick


@dataclass(frozen=True)
class Sequence:
    """Several statements on the same scope."""

    at: At
    body: tuple[Stmt, ...]


@dataclass(frozen=True)
class Size:
    """One piece of a split: `mode` is absolute, relative or floating."""

    at: At
    mode: str
    size: Expr
    body: Stmt
    repeated: bool = False


@dataclass(frozen=True)
class Split:
    """Pieces side by side (x) or above each other (z)."""

    at: At
    axis: str
    sizes: tuple[Size, ...]
    snap: Expr | None = None


@dataclass(frozen=True)
class Floors:
    """The body once for every floor that fits."""

    at: At
    body: Stmt


@dataclass(frozen=True)
class Inset:
    """Smaller by left, right, bottom, top."""

    at: At
    sides: tuple[Expr, Expr, Expr, Expr]
    body: Stmt


@dataclass(frozen=True)
class Offset:
    """Moved."""

    at: At
    x: Expr
    z: Expr
    body: Stmt


@dataclass(frozen=True)
class Put:
    """A rectangle of a given size within the scope: `place`."""

    at: At
    width: Expr
    height: Expr
    across: Expr | None
    up: Expr | None
    body: Stmt


@dataclass(frozen=True)
class Strip:
    """A strip outside the scope: below, above, leftof or rightof it."""

    at: At
    side: str
    size: Expr
    over: Expr | None
    body: Stmt


@dataclass(frozen=True)
class Extrude:
    """How far what stands out does so."""

    at: At
    out: Expr
    body: Stmt


@dataclass(frozen=True)
class If:
    """A guard."""

    at: At
    condition: Expr
    then: Stmt
    otherwise: Stmt | None


@dataclass(frozen=True)
class Choose:
    """One of several by weights: per element, or once per building."""

    at: At
    options: tuple[tuple[Expr, Stmt], ...]
    per_building: bool


@dataclass(frozen=True)
class Component:
    """The first of some cases that this wall is."""

    at: At
    cases: tuple[tuple[tuple[Name, ...], Stmt], ...]
    otherwise: Stmt | None


@dataclass(frozen=True)
class Let:
    """A name for a value: per building at the top of a file, else within its rule."""

    at: At
    name: str
    value: Expr


@dataclass(frozen=True)
class Element:
    """A window, a door, a sill ... that fills the scope; its body may add things to it."""

    at: At
    kind: str
    props: dict[str, tuple[At, Expr]]
    body: Stmt | None


@dataclass(frozen=True)
class Call:
    """A rule by its name."""

    at: At
    name: str
    args: tuple[Expr, ...]


Stmt = (
    Sequence
    | Split
    | Floors
    | Inset
    | Offset
    | Put
    | Strip
    | Extrude
    | If
    | Choose
    | Component
    | Let
    | Element
    | Call
)


@dataclass(frozen=True)
class Rule:
    """A named piece of a facade."""

    at: At
    name: str
    params: tuple[str, ...]
    body: Stmt


@dataclass(frozen=True)
class Design:
    """Numbers of one row in the table of designs."""

    at: At
    name: str
    values: dict[str, tuple[At, Expr]]


@dataclass(frozen=True)
class Paint:
    """What walls or roofs are made of, and their colour."""

    at: At
    what: str
    values: dict[str, tuple[At, Expr]]


@dataclass(frozen=True)
class Import:
    """Another file whose rules and variables this one takes over."""

    at: At
    name: str


@dataclass
class File:
    """One rule file."""

    source: Source
    title: str = ""
    imports: list[Import] = field(default_factory=list)
    lets: list[Let] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    designs: list[Design] = field(default_factory=list)
    paints: list[Paint] = field(default_factory=list)
    floors: Split | None = None
