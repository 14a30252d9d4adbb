"""From evidence to programs: propose structures, refine their parameters, select by one score in nats."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geovision.inverse.blocks import block_programs
    from geovision.inverse.pieces import decompose
    from geovision.inverse.placement import Placement, place_outlines, placed
    from geovision.inverse.planar import Planar, propose_planar
    from geovision.inverse.propose import Parametric, propose_parametric
    from geovision.inverse.refine import refit
    from geovision.inverse.score import measure
    from geovision.inverse.select import choose
    from geovision.inverse.solver import solve

__all__ = [
    "Parametric",
    "Placement",
    "Planar",
    "block_programs",
    "choose",
    "decompose",
    "measure",
    "place_outlines",
    "placed",
    "propose_parametric",
    "propose_planar",
    "refit",
    "solve",
]

_HOMES = {
    "Parametric": "propose",
    "Placement": "placement",
    "Planar": "planar",
    "block_programs": "blocks",
    "choose": "select",
    "decompose": "pieces",
    "measure": "score",
    "place_outlines": "placement",
    "placed": "placement",
    "propose_parametric": "propose",
    "propose_planar": "planar",
    "refit": "refine",
    "solve": "solver",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'geovision.inverse' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"geovision.inverse.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
