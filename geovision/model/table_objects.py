"""Between `Program` objects and the columns of a `ProgramTable`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from geovision.model.kinds import RoofKind, SuperKind
from geovision.model.program import Part, Program
from geovision.model.roofs import ROOF_CLASSES, Face, Planar
from geovision.model.schema_version import SCHEMA
from geovision.model.superstructures import SUPER_CLASSES, Superstructure
from geovision.model.table_layout import COLUMNS, ROOF_SLOTS, SUPER_SLOTS

if TYPE_CHECKING:
    from geovision.model.table import ProgramTable


def columns_of(programs: Sequence[Program]) -> dict[str, Any]:
    """Arguments of `ProgramTable.from_arrays` that hold the programs."""
    builder = _Builder()
    for program in programs:
        builder.add(program)
    columns: dict[str, Any] = {}
    for name, column in COLUMNS.items():
        values = np.array(builder.values[name], dtype=column.dtype)
        columns[name] = values.reshape(-1, column.width) if column.width else values
    columns["ids"] = [program.id for program in programs]
    columns["part_ids"] = [part.id for program in programs for part in program.parts]
    columns["attributes"] = [dict(program.attributes) for program in programs]
    columns["facade"] = [program.facade for program in programs]
    columns["provenance"] = [dict(program.provenance) for program in programs]
    return columns


class _Builder:
    def __init__(self) -> None:
        self.values: dict[str, list[Any]] = {
            name: [0] if column.cuts else [] for name, column in COLUMNS.items()
        }

    def add(self, program: Program) -> None:
        values = self.values
        values["ground_z"].append(program.ground_z)
        for part in program.parts:
            self._add_part(part)
        for item in program.superstructures:
            values["super_kind"].append(item.code)
            values["super_part"].append(item.part)
            values["super_params"].append(_params(item, item.slots, SUPER_SLOTS))
        values["part_offsets"].append(len(values["roof_kind"]))
        values["super_offsets"].append(len(values["super_kind"]))

    def _add_part(self, part: Part) -> None:
        values = self.values
        values["roof_kind"].append(part.roof.code)
        values["eave"].append(part.eave_height)
        values["base"].append(part.base_height)
        values["overhang"].append(part.overhang)
        values["roof_shift"].append(part.roof_shift)
        values["roof_params"].append(_params(part.roof, part.roof.slots, ROOF_SLOTS))
        self._add_rings("vertex_offsets", "xy", (part.shell, *part.holes))
        values["ring_offsets"].append(len(values["vertex_offsets"]) - 1)
        edges = len(part.shell) + sum(len(hole) for hole in part.holes)
        pitches: Iterable[float | None] = part.edge_pitch_deg or [None] * edges
        values["edge_pitch"].extend(math.nan if pitch is None else pitch for pitch in pitches)
        for face in part.roof.faces if isinstance(part.roof, Planar) else ():
            self._add_face(face)
        values["face_offsets"].append(len(values["face_plane"]))

    def _add_face(self, face: Face) -> None:
        self._add_rings("face_vertex_offsets", "face_xy", (face.shell, *face.holes))
        self.values["face_ring_offsets"].append(len(self.values["face_vertex_offsets"]) - 1)
        self.values["face_plane"].append((face.slope_x, face.slope_y, face.height))

    def _add_rings(self, offsets: str, xy: str, rings: Iterable[Sequence[tuple[float, float]]]) -> None:
        for ring in rings:
            self.values[xy].extend(ring)
            self.values[offsets].append(len(self.values[xy]))


def _params(model: object, slots: dict[str, int], count: int) -> list[float]:
    params = [math.nan] * count
    for name, slot in slots.items():
        value = getattr(model, name)
        if value is not None:
            params[slot] = float(value)
    return params


def program_at(table: ProgramTable, row: int) -> Program:
    """One row as a validated program."""
    return Program.model_validate(dict_at(table, row))


def dict_at(table: ProgramTable, row: int) -> dict[str, Any]:
    """One row as `Program.from_dict` takes it; nothing is checked."""
    first, last = int(table.part_offsets[row]), int(table.part_offsets[row + 1])
    supers = range(int(table.super_offsets[row]), int(table.super_offsets[row + 1]))
    return {
        "id": table.ids[row],
        "ground_z": float(table.ground_z[row]),
        "attributes": table.attributes[row],
        "parts": [_part(table, part) for part in range(first, last)],
        "superstructures": [_superstructure(table, item) for item in supers],
        "facade": table.facade[row],
        "provenance": table.provenance[row],
    }


def lean_dict(table: ProgramTable, row: int) -> dict[str, Any]:
    """One row as plain JSON values, with its schema and without what is at its default."""
    found = dict_at(table, row)
    parts = [
        {name: value for name, value in part.items() if value or name in ("eave_height", "shell")}
        for part in found["parts"]
    ]
    kept = {"schema": SCHEMA, "id": found["id"], "parts": parts, "provenance": found["provenance"]}
    rest = {name: found[name] for name in ("ground_z", "attributes", "superstructures") if found[name]}
    return kept | rest | ({} if found["facade"] is None else {"facade": found["facade"]})


def _part(table: ProgramTable, part: int) -> dict[str, Any]:
    first, last = int(table.ring_offsets[part]), int(table.ring_offsets[part + 1])
    rings = _rings(table.vertex_offsets, table.xy, first, last)
    pitch = table.edge_pitch[table.vertex_offsets[first] : table.vertex_offsets[last]]
    kind = _known(RoofKind, int(table.roof_kind[part]))
    roof: dict[str, Any] = {"kind": kind.text if isinstance(kind, RoofKind) else kind}
    if isinstance(kind, RoofKind):
        roof |= _fields(ROOF_CLASSES[kind].slots, table.roof_params[part].tolist())
    if kind is RoofKind.PLANAR:
        faces = range(int(table.face_offsets[part]), int(table.face_offsets[part + 1]))
        roof["faces"] = [_face(table, face) for face in faces]
    given = not bool(np.isnan(pitch).all())
    return {
        "id": table.part_ids[part],
        "shell": rings[0] if rings else [],
        "holes": rings[1:],
        "eave_height": float(table.eave[part]),
        "base_height": float(table.base[part]),
        "overhang": float(table.overhang[part]),
        "edge_pitch_deg": [None if math.isnan(value) else value for value in pitch.tolist()]
        if given
        else None,
        **({"roof_shift": table.roof_shift[part].tolist()} if table.roof_shift[part].any() else {}),
        "roof": roof,
    }


def _face(table: ProgramTable, face: int) -> dict[str, Any]:
    first, last = int(table.face_ring_offsets[face]), int(table.face_ring_offsets[face + 1])
    rings = _rings(table.face_vertex_offsets, table.face_xy, first, last)
    slope_x, slope_y, height = table.face_plane[face].tolist()
    return {
        "shell": rings[0] if rings else [],
        "holes": rings[1:],
        "slope_x": slope_x,
        "slope_y": slope_y,
        "height": height,
    }


def _superstructure(table: ProgramTable, item: int) -> dict[str, Any] | Superstructure:
    kind = _known(SuperKind, int(table.super_kind[item]))
    if not isinstance(kind, SuperKind):
        return {"kind": kind}
    fields = _fields(SUPER_CLASSES[kind].slots, table.super_params[item].tolist())
    return {"kind": kind.text, "part": int(table.super_part[item]), **fields}


def _known(kinds: type[RoofKind] | type[SuperKind], code: int) -> RoofKind | SuperKind | str:
    """The kind of a code; a code of no kind as text, which validation then refuses by its path."""
    try:
        return kinds(code)
    except ValueError:
        return f"code {code}"


def _fields(slots: dict[str, int], params: list[float]) -> dict[str, Any]:
    """Named parameters; NaN means not given, so that the field's default or its absence speaks."""
    fields: dict[str, Any] = {}
    for name, slot in slots.items():
        value = params[slot]
        if not math.isnan(value):
            whole = name in ("teeth", "hip_end") and value.is_integer()
            fields[name] = int(value) if whole else value
    return fields


def _rings(
    offsets: np.ndarray[Any, Any], xy: np.ndarray[Any, Any], first: int, last: int
) -> list[list[list[float]]]:
    bounds = offsets[first : last + 1].tolist()
    return [xy[start:stop].tolist() for start, stop in pairwise(bounds)]
