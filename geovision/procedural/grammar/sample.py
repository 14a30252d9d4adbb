"""A house to try styles on: its program, and its walls without a mesh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from geovision.errors import UsageError
from geovision.mesh.walls import Side, Walls
from geovision.model.labels import Label
from geovision.model.table import ProgramTable

__all__ = ["SampleHouse", "sample_house"]

_ORDER = (Side.FRONT, Side.RIGHT, Side.BACK, Side.LEFT)


@dataclass(frozen=True)
class SampleHouse:
    """One building and its four walls: front, right, back, left."""

    programs: ProgramTable
    walls: Walls
    origin_z: float = 0.0


def sample_house(
    *,
    width: float = 6.0,
    depth: float = 9.0,
    height: float = 6.0,
    gable: float = 0.0,
    row: bool = False,
    slope: float = 0.0,
    identity: str = "sample",
    attributes: Mapping[str, Any] | None = None,
    facade: Mapping[str, Any] | None = None,
) -> SampleHouse:
    """A box with its front to the street, on the ground at 0.

    Args:
        width: of the front, metres.
        depth: from front to back.
        height: of the eave.
        gable: height of the ridge above the eave; it runs along the front. 0 is a flat roof.
        row: neighbours stand against both sides.
        slope: rise of the terrain from the left end of the front to the right end.
        identity: the building's id, which everything random hangs on.
        attributes: tags.
        facade: the program's.
    """
    for name, value, least in (("width", width, 0.05), ("depth", depth, 0.05), ("height", height, 0.05)):
        if not least <= value <= 1000:
            raise UsageError(f"{name} = {value:g}", "is no size of a house", f"Give {least} to 1000 metres")
    roof, ridge = (2, height + gable) if gable > 0 else (0, np.nan)
    params = np.full((1, 8), np.nan)
    params[0, 0] = ridge
    programs = ProgramTable.from_arrays(
        ids=[identity],
        attributes=[dict(attributes or {})],
        facade=[facade],
        ground_z=[0.0],
        part_offsets=[0, 1],
        roof_kind=np.array([roof], np.uint8),
        eave=[height],
        roof_params=params,
        ring_offsets=[0, 1],
        vertex_offsets=[0, 4],
        xy=[[0, 0], [width, 0], [width, depth], [0, depth]],
    )
    return SampleHouse(programs, _walls(width, depth, height, gable, row, slope))


def _walls(width: float, depth: float, height: float, gable: float, row: bool, slope: float) -> Walls:
    w, d, h, top, rise = (round(1000 * value) for value in (width, depth, height, height + gable, slope))
    box, roof = ((0, 0), (1, 0), (1, 1), (0, 1)), ((0, 0), (1, 0), (1, 1), (0.5, 2), (0, 1))
    rings, corners, blocked = [], [(0, 0), (w, 0), (w, d), (0, d)], []
    lengths = [w, d, w, d]
    for number, length in enumerate(lengths):
        shape = roof if number % 2 and gable > 0 else box
        heights = (0, h, top)
        rings.append([(round(s * length), heights[z]) for s, z in shape])
        blocked.append([(0, length, 2 * top)] if row and number % 2 else [])
    count = np.cumsum([0, *(len(ring) for ring in rings)])
    ground = [(0, rise), (rise, rise), (rise, 0), (0, 0)]
    zeros = np.zeros(4, np.int32)
    return Walls(
        building_offsets=np.array([0, 4], np.int64),
        building=zeros,
        face=np.arange(4, dtype=np.int32),
        member_offsets=np.arange(5, dtype=np.int64),
        members=np.arange(4, dtype=np.int32),
        part=zeros,
        label=np.full(4, Label.WALL, np.uint8),
        corner=np.array([(x, y, 0) for x, y in corners], np.int32),
        direction=np.array([(1, 0), (0, 1), (-1, 0), (0, -1)], np.float64),
        length=np.array(lengths, np.int32),
        height=np.array([max(z for _, z in ring) for ring in rings], np.int32),
        ring_offsets=np.arange(5, dtype=np.int64),
        vertex_offsets=count.astype(np.int64),
        sz=np.array([point for ring in rings for point in ring], np.int32),
        ground=np.array(ground, np.int32),
        side=np.array(_ORDER, np.uint8),
        street=np.array([6000, -1, -1, -1], np.int32),
        level=np.full(4, h, np.int32),
        blocked_offsets=np.cumsum([0, *(len(spans) for spans in blocked)]).astype(np.int64),
        blocked=np.array([span for spans in blocked for span in spans], np.int32).reshape(-1, 3),
    )
