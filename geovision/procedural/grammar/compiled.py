"""A compiled grammar: flat arrays that the kernel evaluates, and the names behind their rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MODES", "NODE_WIDTH", "Grammar", "Rules"]

NODE_WIDTH = 8
"""Numbers of a node: its operation, then what `cpp/include/geovision/facade.hpp` says of it."""
MODES = {"absolute": 0, "relative": 1, "floating": 2}
REPEATED = 4
"""Added to the mode of a size that is repeated."""

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rules:
    """The arrays. Body, node and expression numbers are rows; -1 is none."""

    nodes: I32
    """[N, 8] operation and its arguments."""
    salts: U64
    """[N] a number of its own for each node: what is random under it hangs on this, not on its row."""
    items: I32
    """[M, 3] mode, expression, node: pieces of splits, options of choices, arguments of calls."""
    code: I32
    """[C, 2] steps of expressions: operation, argument; each expression ends with END."""
    consts: F64
    """[K] numbers that the code names."""
    code_salts: U64
    """[L] numbers of their own for each `random` and `pick`."""
    rules: I32
    """[R, 3] body, parameters, size of the frame."""
    variables: I32
    """[V] expression of the default."""
    floors: I32
    """[3] node of the split that gives the floors, rule of walls, rule of roof faces; -1: none."""
    designs: I32
    """[D, 6] panes across, panes up, frame mm, mullion mm, share of panel in thousandths, solid."""
    paint: I32
    """[4] expressions: wall material, wall colour, roof material, roof colour."""

    def arrays(self) -> tuple[Any, ...]:
        """All of them in the order in which the kernel takes them."""
        return tuple(np.ascontiguousarray(getattr(self, item.name)) for item in fields(self))


@dataclass(frozen=True, eq=False)
class Grammar:
    """A style of facades, compiled.

    >>> from geovision.procedural.grammar import compile_text
    >>> grammar = compile_text("facade 1 let wide = 1.2 rule wall { place wide by 1.5 up 0.9 : window }")
    >>> list(grammar.variables), grammar.rule_names
    (['wide'], ['wall'])
    """

    name: str
    title: str
    arrays: Rules
    rule_names: list[str]
    variables: dict[str, int]
    """Name to row."""
    defaults: dict[str, str] = field(default_factory=dict)
    """Name to the default as it is written."""
    design_names: list[str] = field(default_factory=list)
    files: tuple[str, ...] = ()
    """Names of the files that it was made of, its own last."""

    def digest(self) -> str:
        """SHA-256 of the arrays: equal digests, equal facades."""
        total = hashlib.sha256()
        for array in self.arrays.arrays():
            total.update(array.tobytes())
        return total.hexdigest()
