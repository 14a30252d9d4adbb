"""The facade grammar: rule files, their compiler, and their evaluation by the kernel. docs/facades.md."""

from __future__ import annotations

from geovision.procedural.grammar.compile import builtin_facades, compile_text, load_facade
from geovision.procedural.grammar.compiled import Grammar, Rules
from geovision.procedural.grammar.fault import RuleError

__all__ = ["Grammar", "RuleError", "Rules", "builtin_facades", "compile_text", "load_facade"]
