"""How each face is known: the program's provenance, carried from fields onto the faces that they shape."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from geovision.model.labels import Label, Provenance
from geovision.model.table import ProgramTable

__all__ = ["spread"]

# The field that shapes a face most, below its part.
_ROOF, _WALL, _GROUND = "roof/ridge_height", "eave_height", "shell"
_FIELD = {int(Label.ROOF): _ROOF, int(Label.UNDERSIDE): _ROOF, int(Label.GROUND): _GROUND}
_ON_ROOF = {int(label) for label in (Label.DORMER_ROOF, Label.DORMER_WALL, Label.CHIMNEY, Label.PARAPET)}
_LABELS = len(Label)


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
        out[:] = _code(records[0].get("default", "given"))
        return
    # One number for building, part and label: sorting rows of three takes ten times as long.
    owner = np.repeat(np.arange(len(records)), np.diff(arrays["face_offsets"]))
    part = arrays["face_part"].astype(np.int64) + 1
    parts = int(part.max(initial=0)) + 1
    keys, index = np.unique((owner * parts + part) * _LABELS + arrays["face_label"], return_inverse=True)
    hosts, begin = table.super_part.tolist(), table.super_offsets.tolist()
    codes = [
        _known(
            records[row], _path(key % _LABELS, key // _LABELS % parts - 1, hosts[begin[row] : begin[row + 1]])
        )
        for row, key in zip((keys // (_LABELS * parts)).tolist(), keys.tolist(), strict=True)
    ]
    out[:] = np.array(codes, np.uint8)[index]


def _path(label: int, part: int, hosts: list[int]) -> str:
    if label in _ON_ROOF and part in hosts:
        return f"superstructures/{hosts.index(part)}"
    # Parts share the ground polygon; it is known as the first one's outline.
    return f"parts/{max(part, 0)}/{_FIELD.get(label, _WALL)}"


def _known(record: Mapping[str, str], path: str) -> int:
    while path:
        if path in record:
            return _code(record[path])
        path = path.rpartition("/")[0]
    return _code(record.get("default", "given"))


@cache
def _code(word: str) -> int:
    return int(Provenance.from_text(word))
