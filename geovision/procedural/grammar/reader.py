"""Tokens one after the other, with what to say where another was expected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from geovision.procedural.grammar.expressions import parse_expression
from geovision.procedural.grammar.fault import At, RuleError, Source, did_you_mean
from geovision.procedural.grammar.lexer import Token, tokens
from geovision.procedural.grammar.syntax import Expr
from geovision.procedural.grammar.vocabulary import COLOURS, ELEMENTS, FUNCTIONS, KEYWORDS, MATERIALS

__all__ = ["Reader"]

MOST_NESTED = 48


class Reader:
    """A cursor in the tokens of a file."""

    def __init__(self, source: Source) -> None:
        self._tokens = tokens(source)
        self._place = 0
        self._depth = 0

    @property
    def next(self) -> Token:
        """The token that comes next."""
        return self._tokens[self._place]

    @property
    def after_next(self) -> Token:
        """The one after that."""
        return self._tokens[min(self._place + 1, len(self._tokens) - 1)]

    def take(self) -> Token:
        """The next token, and on."""
        token = self.next
        self._place = min(self._place + 1, len(self._tokens) - 1)
        return token

    def accept(self, text: str) -> bool:
        """True, and on, where this comes next."""
        if self.next.text != text or self.next.kind == "string":
            return False
        self.take()
        return True

    def expect(self, text: str, why: str = "") -> Token:
        """This must come next."""
        if self.next.text != text or self.next.kind == "string":
            raise self.wrong(repr(text), why or f"Write {text!r} here")
        return self.take()

    def string(self, what: str) -> Token:
        """A text in quotes must come next."""
        return self._of_kind("string", f"{what} in quotes")

    def number(self, what: str) -> Token:
        """A number must come next."""
        return self._of_kind("number", what)

    def _of_kind(self, kind: str, what: str) -> Token:
        if self.next.kind != kind:
            raise self.wrong(what, f"Write {what} here")
        return self.take()

    def new_name(self, what: str) -> Token:
        """A name that the file gives to something of its own must come next."""
        token = self.next
        if token.kind != "name":
            raise self.wrong(f"the name of {what}", "Write a name of letters, digits and _")
        if token.text in KEYWORDS or token.text in ELEMENTS or token.text in FUNCTIONS:
            raise RuleError(token.at, f"{token.text!r} is a word of the language", "Choose another name")
        if token.text in MATERIALS or token.text in COLOURS:
            raise RuleError(
                token.at, f"{token.text!r} is the name of a material", f"Choose another, as my_{token.text}"
            )
        return self.take()

    def one_of(self, words: tuple[str, ...], what: str) -> Token:
        """One of these words must come next."""
        token = self.next
        if token.text not in words:
            raise self.wrong(what, did_you_mean(token.text, words, f"Use one of {', '.join(words)}"))
        return self.take()

    def pairs(self, keys: tuple[str, ...], what: str) -> dict[str, tuple[At, Expr]]:
        """Keys with their values, as long as keys come."""
        found: dict[str, tuple[At, Expr]] = {}
        while self.next.text in keys and self.next.kind == "name":
            token = self.take()
            if token.text in found:
                raise RuleError(token.at, f"the {what} has two values for {token.text}", "Keep one of them")
            found[token.text] = (token.at, parse_expression(self))
        return found

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Within one more level of braces or parentheses."""
        self._depth += 1
        if self._depth > MOST_NESTED:
            raise RuleError(
                self.next.at, f"over {MOST_NESTED} levels stand within each other", "Split it into rules"
            )
        yield
        self._depth -= 1

    def wrong(self, wanted: str, remedy: str) -> RuleError:
        """What to raise where something else was expected."""
        got = "the end of the file" if self.next.kind == "end" else repr(self.next.text)
        return RuleError(self.next.at, f"expected {wanted}, got {got}", remedy)
