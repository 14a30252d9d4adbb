"""`dress`: programs to solids with facades, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.mesh import (
    FACADE_LODS,
    Elements,
    Outcome,
    Solids,
    Surroundings,
    Walls,
    find_walls,
    mesh,
    open_walls,
)
from geovision.model.table import ProgramTable

if TYPE_CHECKING:
    from geovision.model.program import Program
    from geovision.procedural.grammar import Grammar, Note

__all__ = ["AUTO_STYLE", "BASE_LOD", "Dressed", "dress"]

BASE_LOD = "2.3"
"""What facades are put on: roofs with their overhangs."""

AUTO_STYLE = "auto"
"""The style that each building's attributes choose."""


@dataclass(frozen=True)
class Dressed:
    """Buildings with facades, and all that was decided on the way."""

    solids: Solids
    """At LoD 3, with `face_element`, `face_material` and `face_colour`."""
    walls: Walls
    elements: Elements
    outcome: NDArray[np.uint8]
    """`geovision.mesh.Outcome` per element: whether it was built, or why not."""
    styles: list[str]
    """Facade style of each building; empty for plain walls."""
    dropped: dict[str, int] = field(default_factory=dict)
    """What rules asked for and walls had no place for, by reason."""
    notes: list[Note] = field(default_factory=list)
    """What of facades and attributes was read otherwise than it was written."""

    def __len__(self) -> int:
        return len(self.solids)

    @property
    def left_out(self) -> dict[Outcome, int]:
        """Elements that could not be built, by reason; what the level does not show is not counted."""
        counts = np.bincount(self.outcome, minlength=len(Outcome)).tolist()
        return {o: counts[o] for o in Outcome if counts[o] and o not in (Outcome.BUILT, Outcome.NOT_AT_LEVEL)}


def dress(
    programs: Program | Sequence[Program] | ProgramTable,
    *,
    lod: str = "3.2",
    style: str | None = None,
    styles: Mapping[str, Grammar] | None = None,
    around: Surroundings | None = None,
    seed: int = 0,
    on_error: Literal["raise", "record"] = "record",
    threads: int = 0,
) -> Dressed:
    """Mesh programs with the facades that they name.

    A building depends on its program, its neighbours within reach and the seed, not on the rest of the batch.

    Args:
        programs: one program, a list, or a table of them.
        lod: "3.0" openings, "3.1" also what stands out of walls, "3.2" also frames, railings, roof windows.
        style: of programs whose facade names none: a style, "auto" to choose by attributes, None for plain
            walls.
        styles: more styles by name, over those that come with geovision.
        around: neighbours outside the batch, streets and terrain.
        seed: another seed, other facades.
        on_error: "raise" stops at the first building without a solid.
        threads: 0 for all cores. The result does not depend on it.

    >>> from geovision.model import Gabled, Part, Program
    >>> from geovision.model.labels import Label
    >>> part = Part(shell=[(0, 0), (9, 0), (9, 8), (0, 8)], eave_height=5.6, roof=Gabled(ridge_height=9.0))
    >>> house = Program(id="house", parts=[part], facade={"style": "dutch_terraced"})
    >>> dressed = dress(house)
    >>> dressed.styles, dressed.solids[0].area(Label.WINDOW) > 4
    (['dutch_terraced'], True)
    """
    from geovision.procedural.grammar import evaluate

    if lod not in FACADE_LODS:
        raise UsageError(
            f"lod {lod!r}", "is not a level of detail with facades", f"Use one of {', '.join(FACADE_LODS)}"
        )
    table = _as_table(programs)
    base = mesh(table, lod=BASE_LOD, threads=threads, on_error=on_error)
    walls = find_walls(base, table, around=around, threads=threads)
    made = evaluate(
        walls,
        table,
        origin_z=base.origin[:, 2],
        solids=base,
        style=style,
        styles=styles,
        seed=seed,
        threads=threads,
    )
    opened = open_walls(base, walls, made.elements, lod=lod, threads=threads)
    return Dressed(
        opened.solids, walls, made.elements, opened.outcome, made.styles, made.totals(), list(made.notes)
    )


def _as_table(programs: Program | Sequence[Program] | ProgramTable) -> ProgramTable:
    if isinstance(programs, ProgramTable):
        return programs
    if isinstance(programs, Sequence):
        return ProgramTable.from_programs(programs)
    return ProgramTable.from_programs([programs])
