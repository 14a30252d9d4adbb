"""Walls and elements made by hand: one wall for each upright outer face."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.mesh.elements import ElementKind, Elements
from geovision.mesh.solids import Solids
from geovision.mesh.walls import Walls
from geovision.model.labels import Label

Row = tuple[int, ElementKind, tuple[int, int, int, int], int, int]
"""Wall, kind, (s0, s1, z0, z1), depth, design."""


def plain_walls(solids: Solids, blocked: Sequence[tuple[int, int, int, int]] = ()) -> Walls:
    """Walls of solids with polygons, nothing round them but `blocked`: (wall, s0, s1, top)."""
    arrays = solids.arrays()
    owner = np.repeat(np.arange(len(solids)), np.diff(solids.face_offsets))
    faces = np.flatnonzero(solids.face_label == Label.WALL)
    corner, direction, size, sz, rings, vertices = [], [], [], [], [0], [0]
    for face in faces.tolist():
        first, last = arrays["face_ring_offsets"][face : face + 2]
        spans = arrays["ring_offsets"][first : last + 1].tolist()
        places = [
            solids.vertices[solids.vertex_offsets[owner[face]] + arrays["ring_vertices"][a:b]].astype(float)
            for a, b in itertools.pairwise(spans)
        ]
        outer = places[0] - places[0][0]
        normal = np.cross(outer, np.roll(outer, -1, axis=0)).sum(axis=0)
        along = np.array([-normal[1], normal[0]]) / np.hypot(normal[0], normal[1])
        reach = [place[:, :2] @ along for place in places]
        left, low = reach[0].min(), places[0][:, 2].min()
        corner.append([*places[0][reach[0].argmin(), :2], low])
        direction.append(along)
        size.append((np.ptp(reach[0]), np.ptp(places[0][:, 2])))
        sz += [np.stack([s - left, p[:, 2] - low], 1) for s, p in zip(reach, places, strict=True)]
        vertices += np.cumsum([len(p) for p in places]).__add__(vertices[-1]).tolist()
        rings.append(len(vertices) - 1)
    count = len(faces)
    zeros = np.zeros(count, np.int32)
    inside = (faces - solids.face_offsets[owner[faces]]).astype(np.int32)
    stops = sorted(blocked)
    return Walls(
        building_offsets=np.searchsorted(owner[faces], np.arange(len(solids) + 1)),
        building=owner[faces].astype(np.int32),
        face=inside,
        member_offsets=np.arange(count + 1),
        members=inside,
        part=arrays["face_part"][faces].astype(np.int32),
        label=np.full(count, Label.WALL, np.uint8),
        corner=_whole(corner, 3),
        direction=np.array(direction).reshape(-1, 2),
        length=_whole([width for width, _ in size]),
        height=_whole([height for _, height in size]),
        ring_offsets=np.array(rings),
        vertex_offsets=np.array(vertices),
        sz=_whole(np.concatenate(sz), 2),
        ground=np.zeros((count, 2), np.int32),
        side=zeros.astype(np.uint8),
        street=zeros - 1,
        level=zeros,
        blocked_offsets=np.searchsorted([wall for wall, *_ in stops], np.arange(count + 1)),
        blocked=_whole([stop[1:] for stop in stops], 3),
    )


def _whole(values: Any, columns: int = 1) -> NDArray[np.int32]:
    rows: NDArray[np.int32] = np.rint(np.asarray(values, float)).astype(np.int32)
    return rows.reshape(-1, columns) if columns > 1 else rows


def elements_of(walls: Walls, rows: Sequence[Row], parents: Sequence[int] | None = None) -> Elements:
    """Elements in the order of their walls' buildings; each with a colour of its own kind."""
    where = [walls.building[row[0]] for row in rows]
    buildings, count = walls.buildings, len(rows)
    kinds = np.array([row[1] for row in rows], np.uint8)
    spans = _whole([row[2] for row in rows], 4).reshape(-1, 4)
    blank = np.zeros(buildings, np.uint8)
    return Elements(
        building_offsets=np.searchsorted(where, np.arange(buildings + 1)),
        wall=_whole([row[0] for row in rows]),
        kind=kinds,
        s0=spans[:, 0].copy(),
        s1=spans[:, 1].copy(),
        z0=spans[:, 2].copy(),
        z1=spans[:, 3].copy(),
        depth=_whole([row[3] for row in rows]),
        design=_whole([row[4] for row in rows]),
        material=np.full(count, 27, np.uint8),
        colour=np.stack([60 + 10 * kinds, 200 - 8 * kinds, np.full(count, 120)], axis=1).astype(np.uint8),
        provenance=np.ones(count, np.uint8),
        parent=_whole([-1] * count if parents is None else parents),
        panes_across=np.array([2, 1], np.int32),
        panes_up=np.array([2, 1], np.int32),
        frame=np.array([60, 80], np.int32),
        mullion=np.array([40, 30], np.int32),
        panel=np.array([0.0, 0.6]),
        glass=np.ones(2, np.uint8),
        arched=np.zeros(2, np.uint8),
        wall_material=blank,
        wall_colour=np.zeros((buildings, 3), np.uint8),
        wall_provenance=blank,
        roof_material=blank,
        roof_colour=np.zeros((buildings, 3), np.uint8),
        roof_provenance=blank,
    )
