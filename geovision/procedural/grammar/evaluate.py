"""Walls and programs to elements: the thin front of the kernel's evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geovision._native import load_kernel
from geovision.errors import UsageError
from geovision.mesh.elements import Elements
from geovision.mesh.solids import Solids
from geovision.mesh.walls import Walls
from geovision.model.table import ProgramTable
from geovision.procedural.grammar.attributes import Note, building_attributes
from geovision.procedural.grammar.choose import PLAIN
from geovision.procedural.grammar.compiled import Grammar
from geovision.procedural.grammar.settings import AUTO, Batch

__all__ = ["AUTO", "DROPPED", "Evaluated", "evaluate"]

DROPPED = (
    "outside", "overlap", "blocked", "below_ground", "too_small", "not_reachable", "too_large", "bad_number",
    "too_deep", "too_many",
)  # fmt: skip
"""Why something that a rule asked for is not there, in the order of the columns of `Evaluated.dropped`."""


@dataclass(frozen=True)
class Evaluated:
    """What rules made of a batch."""

    elements: Elements
    dropped: npt.NDArray[np.uint32]
    """[buildings, reasons] How much was left out, by `DROPPED`."""
    styles: list[str]
    """Style of each building, empty for plain walls."""
    notes: list[Note]
    """What was read otherwise than it was written: colours, storeys, styles, variables that do not exist."""

    def totals(self) -> dict[str, int]:
        """How much was left out in all, by reason; only reasons that occur."""
        sums = self.dropped.sum(axis=0).tolist()
        return {name: count for name, count in zip(DROPPED, sums, strict=True) if count}


def evaluate(
    walls: Walls,
    programs: ProgramTable,
    *,
    origin_z: npt.ArrayLike,
    solids: Solids | None = None,
    style: str | None = None,
    styles: Mapping[str, Grammar] | None = None,
    seed: int = 0,
    threads: int = 0,
) -> Evaluated:
    """Elements of walls, by the style of each building.

    A building's elements depend on its own walls, program, id and seed alone.

    Args:
        walls: of the programs' solids.
        programs: the buildings of the walls, row by row.
        origin_z: [buildings] height of each building's origin (`Solids.origin[:, 2]`), or one for all.
        solids: that the walls are of; with them roofs get windows, and chimneys caps.
        style: of buildings whose facade names none: a name or the path of a rule file, `"auto"` to choose by
            attributes, None for plain walls.
        styles: more styles by name, over those that come with geovision.
        seed: another seed, other facades.
        threads: of the kernel, 0 for all cores.
    """
    if walls.buildings != len(programs):
        raise UsageError(
            f"{walls.buildings} buildings with walls",
            f"do not go with {len(programs)} programs",
            "Give the programs that the walls were made of, in the same order",
        )
    batch = Batch(programs, style, styles or {}, seed)
    attributes = building_attributes(programs, walls, batch.notes)
    batch.fill(attributes)
    settings = batch.settings(attributes, np.broadcast_to(np.asarray(origin_z, np.float64), len(programs)))
    arrays, dropped = load_kernel().evaluate_facades(
        walls.arrays(),
        [grammar.arrays.arrays() for grammar in batch.grammars],
        settings,
        threads,
        None if solids is None else solids.arrays(),
    )
    batch.paint(arrays)
    names = [batch.grammars[row].name if row >= 0 else PLAIN for row in batch.style]
    return Evaluated(Elements.from_arrays(arrays), dropped, names, batch.notes)
