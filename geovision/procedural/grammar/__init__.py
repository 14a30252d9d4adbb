"""The facade grammar: rule files, their compiler, and their evaluation by the kernel. docs/facades.md."""

from __future__ import annotations

from geovision.procedural.grammar.attributes import Note
from geovision.procedural.grammar.choose import choose_style
from geovision.procedural.grammar.compile import builtin_facades, compile_text, load_facade
from geovision.procedural.grammar.compiled import Grammar, Rules
from geovision.procedural.grammar.evaluate import AUTO, DROPPED, Evaluated, evaluate
from geovision.procedural.grammar.fault import RuleError

__all__ = [
    "AUTO",
    "DROPPED",
    "Evaluated",
    "Grammar",
    "Note",
    "RuleError",
    "Rules",
    "builtin_facades",
    "choose_style",
    "compile_text",
    "evaluate",
    "load_facade",
]
