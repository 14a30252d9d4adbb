"""What programs know about their buildings, as columns for a table beside the mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geovision.model.kinds import KIND_NAMES, RoofKind

if TYPE_CHECKING:
    from geovision.model.table import ProgramTable

__all__ = ["program_columns"]


def program_columns(table: ProgramTable) -> dict[str, list[Any]]:
    """Attributes as columns, and the kind of the first part's roof; None where a building lacks one.

    >>> from geovision.model import Flat, Part, Program, ProgramTable
    >>> part = Part(shell=[(0, 0), (9, 0), (9, 5)], eave_height=3.0, roof=Flat())
    >>> program = Program(id="a", parts=[part], attributes={"year": 1932})
    >>> program_columns(ProgramTable.from_programs([program]))
    {'year': [1932], 'roof_kind': ['flat']}
    """
    rows = table.attributes
    # The GLB writer adds the id itself, and the roof's kind is the program's own.
    names = dict.fromkeys(name for row in rows for name in row if name not in ("id", "roof_kind"))
    columns: dict[str, list[Any]] = {name: [row.get(name) for row in rows] for name in names}
    for name, values in columns.items():
        kinds = {type(value) for value in values} - {type(None)}
        if len(kinds) > 1 and not kinds <= {int, float}:
            columns[name] = [None if value is None else str(value) for value in values]
    main = table.roof_kind[table.part_offsets[:-1]]
    columns["roof_kind"] = [KIND_NAMES[RoofKind(kind)] for kind in main.tolist()]
    return columns
