"""Text of a rule file to tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

from geovision.procedural.grammar.fault import At, RuleError, Source

__all__ = ["MOST_BYTES", "Token", "tokens"]

MOST_BYTES = 1 << 20
_UNITS = {"": 1.0, "m": 1.0, "cm": 0.01, "mm": 0.001, "%": 0.01}
_PATTERN = re.compile(
    r"""(?P<blank>[ \t\r\n]+|//[^\n]*)
    |(?P<colour>\#[0-9A-Za-z]*)
    |(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?P<unit>%|[A-Za-z_]\w*)?)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<string>"[^"\n]*")
    |(?P<punct>==|!=|<=|>=|[-+*/(){}:;,|~'=<>])""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """A word of the language: `kind` is name, number, string, colour, punct or end."""

    kind: str
    text: str
    at: At
    value: float = 0.0


def tokens(source: Source) -> list[Token]:
    """All tokens of a file, an end last.

    >>> [token.text for token in tokens(Source("", "split x { ~1.2 : Bay }"))]
    ['split', 'x', '{', '~', '1.2', ':', 'Bay', '}', '']
    """
    if len(source.text) > MOST_BYTES:
        raise RuleError(
            At(source, 1, 1), f"the file has over {MOST_BYTES:,} characters", "Split it by imports"
        )
    found: list[Token] = []
    place, line, begin = 0, 1, 0
    while place < len(source.text):
        match = _PATTERN.match(source.text, place)
        at = At(source, line, place - begin + 1)
        if match is None:
            raise _unknown(source, place, at)
        kind, text = str(match.lastgroup), match.group()
        if kind == "unit":
            kind = "number"
        at = At(source, line, at.column, len(text))
        if kind != "blank":
            found.append(Token(kind, text, at, _value(kind, match, at)))
        elif "\n" in text:
            line += text.count("\n")
            begin = place + text.rindex("\n") + 1
        place = match.end()
    found.append(Token("end", "", At(source, line, place - begin + 1)))
    return found


def _value(kind: str, match: re.Match[str], at: At) -> float:
    text = match.group()
    if kind == "colour":
        digits = text[1:]
        if len(digits) == 3:
            digits = "".join(2 * digit for digit in digits)
        if not re.fullmatch("[0-9A-Fa-f]{6}", digits):
            raise RuleError(at, f"{text!r} is no colour", "Write #rrggbb, such as #8d4a36")
        return float(int(digits, 16))
    if kind == "number":
        unit = match.group("unit") or ""
        if unit not in _UNITS:
            raise RuleError(at, f"{unit!r} is no unit", "Use m, cm, mm or %; without a unit it is metres")
        return float(text[: len(text) - len(unit)]) * _UNITS[unit]
    return 0.0


def _unknown(source: Source, place: int, at: At) -> RuleError:
    character = source.text[place]
    if character == '"':
        return RuleError(at, "the text has no closing quote on its line", 'Close it with "')
    return RuleError(at, f"{character!r} has no meaning here", "Remove it; comments begin with //")
