"""Rule files to trees: declarations. Statements are in `statements.py`, values in `expressions.py`."""

from __future__ import annotations

from geovision.procedural.grammar.fault import RuleError, Source, did_you_mean
from geovision.procedural.grammar.reader import Reader
from geovision.procedural.grammar.statements import parse_block, parse_let, parse_sizes
from geovision.procedural.grammar.syntax import Design, File, Import, Paint, Rule, Split
from geovision.procedural.grammar.vocabulary import DESIGN_KEYS, VERSION

__all__ = ["parse"]

_DECLARATIONS = ("import", "let", "floors", "design", "paint", "rule")


def parse(source: Source) -> File:
    """The tree of one file; names are resolved later, by the compiler.

    >>> file = parse(Source("a", 'facade 1 "A house" let w = 1.2 rule wall { split x { w : window } }'))
    >>> file.title, [rule.name for rule in file.rules]
    ('A house', ['wall'])
    """
    reader = Reader(source)
    file = File(source)
    _header(reader, file)
    while reader.next.kind != "end":
        token = reader.next
        if token.text == "import":
            at = reader.take().at
            file.imports.append(Import(at, reader.string("the name of a file").text.strip('"')))
        elif token.text == "let":
            file.lets.append(parse_let(reader))
        elif token.text == "floors":
            _floors(reader, file)
        elif token.text == "design":
            file.designs.append(_design(reader))
        elif token.text == "paint":
            file.paints.append(_paint(reader))
        elif token.text == "rule":
            file.rules.append(_rule(reader))
        else:
            raise RuleError(
                token.at,
                f"{token.text!r} begins no declaration",
                did_you_mean(token.text, _DECLARATIONS, f"Use one of {', '.join(_DECLARATIONS)}"),
            )
    return file


def _header(reader: Reader, file: File) -> None:
    token = reader.next
    if token.text != "facade":
        raise RuleError(token.at, "the file does not say its version", f"Begin it with: facade {VERSION}")
    reader.take()
    number = reader.number("the version of the language")
    if number.value != int(number.value) or number.value < 1:
        raise RuleError(number.at, f"{number.text} is no version", f"Begin the file with: facade {VERSION}")
    if number.value > VERSION:
        raise RuleError(
            number.at,
            f"it is written in version {number.text} of the language; this geovision reads up to {VERSION}",
            "Update geovision, or write the file in an older version",
        )
    if reader.next.kind == "string":
        file.title = reader.take().text.strip('"')


def _floors(reader: Reader, file: File) -> None:
    at = reader.take().at
    if file.floors is not None:
        raise RuleError(
            at, "the floors are declared twice", f"Keep one (the other: line {file.floors.at.line})"
        )
    file.floors = Split(at, "z", parse_sizes(reader, floors=True))


def _design(reader: Reader) -> Design:
    at = reader.take().at
    name = reader.new_name("a design")
    reader.expect("{")
    values = reader.pairs(DESIGN_KEYS, "design")
    reader.expect("}")
    return Design(at, name.text, values)


def _paint(reader: Reader) -> Paint:
    at = reader.take().at
    what = reader.one_of(("wall", "roof"), "what to paint")
    return Paint(at, what.text, reader.pairs(("material", "colour"), "paint"))


def _rule(reader: Reader) -> Rule:
    reader.take()
    name = reader.new_name("a rule")
    params: list[str] = []
    if reader.accept("("):
        while not reader.accept(")"):
            token = reader.new_name("a parameter")
            if token.text in params:
                raise RuleError(token.at, f"two parameters are called {token.text!r}", "Rename one of them")
            params.append(token.text)
            if reader.next.text != ")":
                reader.expect(",")
    return Rule(name.at, name.text, tuple(params), parse_block(reader))
