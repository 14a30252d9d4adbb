"""How each face is known: the program's provenance, carried from fields onto the faces that they shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from geovision.model.labels import Label, Provenance
from geovision.model.table import ProgramTable

__all__ = ["spread"]

# The field that shapes a face most, below its part.
_ROOF, _WALL, _GROUND = "roof/ridge_height", "eave_height", "shell"
_FIELD = {Label.ROOF: _ROOF, Label.UNDERSIDE: _ROOF, Label.GROUND: _GROUND}
_ON_ROOF = (Label.DORMER_ROOF, Label.DORMER_WALL, Label.CHIMNEY, Label.PARAPET)


def spread(table: ProgramTable, arrays: Mapping[str, Any]) -> None:
    """Writes `face_provenance` from the programs' own provenance; the kernel knows none and says given.

    A roof face is known as its part's ridge is, a wall as its eave, the ground as its outline, and the faces
    of a superstructure as the first superstructure on that part.
    """
    records = table.records("provenance")
    if records is None:
        return
    out = arrays["face_provenance"]
    if len({id(record) for record in records}) == 1 and set(records[0]) <= {"default"}:
        out[:] = Provenance.from_text(records[0].get("default", "given"))
        return
    offsets = arrays["face_offsets"].tolist()
    for row, record in enumerate(records):
        faces = slice(offsets[row], offsets[row + 1])
        if set(record) <= {"default"}:
            out[faces] = Provenance.from_text(record.get("default", "given"))
            continue
        hosts = table.super_part[table.super_offsets[row] : table.super_offsets[row + 1]].tolist()
        # One number for label and part: sorting rows of two takes ten times as long.
        keys = arrays["face_label"][faces] + len(Label) * (arrays["face_part"][faces].astype(np.int64) + 1)
        kinds, index = np.unique(keys, return_inverse=True)
        codes = [
            _lookup(record, _path(Label(key % len(Label)), key // len(Label) - 1, hosts))
            for key in kinds.tolist()
        ]
        out[faces] = np.array(codes, np.uint8)[index]


def _path(label: Label, part: int, hosts: list[int]) -> str:
    if label in _ON_ROOF and part in hosts:
        return f"superstructures/{hosts.index(part)}"
    # Parts share the ground polygon; it is known as the first one's outline.
    return f"parts/{max(part, 0)}/{_FIELD.get(label, _WALL)}"


def _lookup(record: Mapping[str, str], path: str) -> Provenance:
    while path:
        if path in record:
            return Provenance.from_text(record[path])
        path = path.rpartition("/")[0]
    return Provenance.from_text(record.get("default", "given"))
