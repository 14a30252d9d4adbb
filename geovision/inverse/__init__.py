"""From evidence to programs: propose structures, refine their parameters, select by one score in nats."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geovision.inverse.blocks import block_programs
    from geovision.inverse.pieces import decompose
    from geovision.inverse.propose import Parametric, propose_parametric
    from geovision.inverse.refine import refit

__all__ = ["Parametric", "block_programs", "decompose", "propose_parametric", "refit"]

_HOMES = {
    "Parametric": "propose",
    "block_programs": "blocks",
    "decompose": "pieces",
    "propose_parametric": "propose",
    "refit": "refine",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'geovision.inverse' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"geovision.inverse.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
