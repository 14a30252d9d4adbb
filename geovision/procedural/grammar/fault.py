"""Where something stands in a rule file, and the error that shows it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from geovision.errors import InputError

__all__ = ["At", "RuleError", "Source", "did_you_mean"]


@dataclass(frozen=True)
class Source:
    """The text of one rule file."""

    name: str
    text: str = field(repr=False)

    def line(self, number: int) -> str:
        """A line by its number, from 1, tabs as single blanks so that carets stand where they should."""
        lines = self.text.split("\n")
        return lines[number - 1].replace("\t", " ").rstrip("\r") if 0 < number <= len(lines) else ""


@dataclass(frozen=True)
class At:
    """A place in a rule file: line and column from 1."""

    source: Source
    line: int
    column: int
    length: int = 1


class RuleError(InputError):
    """A rule file that cannot be used; `str()` shows file, line, column, the line itself and the remedy.

    >>> from geovision.procedural.grammar import compile_text
    >>> compile_text("facade 1 rule wall { windw }", "mine.facade")
    Traceback (most recent call last):
    ...
    geovision.procedural.grammar.fault.RuleError: mine.facade:1:22: there is no rule 'windw'. Did you mean...
        1 | facade 1 rule wall { windw }
          |                      ^~~~~
    """

    def __init__(self, at: At, problem: str, remedy: str) -> None:
        self.at = at
        super().__init__(f"{at.source.name}:{at.line}:{at.column}", problem, remedy)

    @property
    def file(self) -> str:
        """Name of the file."""
        return self.at.source.name

    @property
    def line(self) -> int:
        """Line in the file, from 1."""
        return self.at.line

    @property
    def column(self) -> int:
        """Column in the line, from 1."""
        return self.at.column

    def _arguments(self) -> tuple[Any, ...]:
        return (self.at, self.problem, self.remedy)

    def __str__(self) -> str:
        line = self.at.source.line(self.at.line)
        marks = "^" + "~" * (min(self.at.length, len(line) - self.at.column + 1) - 1)
        margin = f"{self.at.line:>5} | "
        under = " " * (len(margin) - 2) + "| " + " " * (self.at.column - 1) + marks
        return f"{super().__str__()}\n{margin}{line}\n{under}"


def did_you_mean(word: str, names: Iterable[str], otherwise: str) -> str:
    """A remedy for a word that is not known: the nearest that is, or something else.

    >>> did_you_mean("windw", ["window", "door"], "Define it")
    "Did you mean 'window'?"
    """
    close = difflib.get_close_matches(word, sorted(names), 1)
    return f"Did you mean {close[0]!r}?" if close else otherwise
