"""Finds rules that call themselves whatever the wall is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from geovision.procedural.grammar.fault import RuleError
from geovision.procedural.grammar.syntax import (
    Call,
    Element,
    Extrude,
    Inset,
    Offset,
    Put,
    Rule,
    Sequence,
    Stmt,
    Strip,
)

__all__ = ["check_endless"]


def check_endless(rules: Mapping[str, Rule]) -> None:
    """Refuse a circle of calls with no guard, choice or split in it; others meet the budget of depth."""
    calls = {name: list(_certain(rule.body)) for name, rule in rules.items()}
    done: set[str] = set()
    for name in rules:
        _visit(name, calls, (), done)


def _visit(name: str, calls: Mapping[str, list[Call]], chain: tuple[str, ...], done: set[str]) -> None:
    if name in done or name not in calls:
        return
    for call in calls[name]:
        if call.name == name or call.name in chain:
            circle = (*chain, name)
            circle = (*circle[circle.index(call.name) :], call.name)
            raise RuleError(
                call.at,
                f"these rules never end: {' calls '.join(circle)}",
                "Put the call behind a guard (if ...), or into a piece of a split",
            )
        _visit(call.name, calls, (*chain, name), done)
    done.add(name)


def _certain(stmt: Stmt | None) -> Iterator[Call]:
    """Calls that happen on every scope."""
    if isinstance(stmt, Call):
        yield stmt
    elif isinstance(stmt, Sequence):
        for step in stmt.body:
            yield from _certain(step)
    elif isinstance(stmt, (Inset, Offset, Put, Strip, Extrude, Element)):
        yield from _certain(stmt.body)
