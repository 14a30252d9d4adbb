"""Random elements on the walls of solids: orderly facades as a rule would make them, and hostile ones."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np

from geovision.mesh import ElementKind, Elements, Material, Solids, Walls
from geovision.model.labels import Label

Row = dict[str, Any]
MOST = 300
"""Elements of one building, or little more: the judges take long over palaces."""
THINGS = [kind for kind in ElementKind if ElementKind.SILL <= kind <= ElementKind.STEPS]


def elements_of(rows: Sequence[Sequence[Row]]) -> Elements:
    """Elements from rows by building; what a row does not say is plain."""
    flat = [row for building in rows for row in building]
    counts = [len(building) for building in rows]
    buildings = len(rows)

    def column(name: str, default: int, dtype: Any = np.int32) -> Any:
        return np.array([row.get(name, default) for row in flat], dtype)

    designs = np.array(DESIGNS, np.float64)
    return Elements(
        building_offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        wall=column("wall", 0),
        kind=column("kind", 0, np.uint8),
        s0=column("s0", 0),
        s1=column("s1", 0),
        z0=column("z0", 0),
        z1=column("z1", 0),
        depth=column("depth", 100),
        design=column("design", -1),
        material=column("material", Material.WOOD, np.uint8),
        colour=np.full((len(flat), 3), 235, np.uint8),
        provenance=column("provenance", 1, np.uint8),
        parent=column("parent", -1),
        panes_across=designs[:, 0].astype(np.int32),
        panes_up=designs[:, 1].astype(np.int32),
        frame=designs[:, 2].astype(np.int32),
        mullion=designs[:, 3].astype(np.int32),
        panel=designs[:, 4].copy(),
        glass=designs[:, 5].astype(np.uint8),
        arched=np.zeros(len(designs), np.uint8),
        wall_material=np.full(buildings, Material.BRICK, np.uint8),
        wall_colour=np.full((buildings, 3), (178, 110, 88), np.uint8),
        wall_provenance=np.ones(buildings, np.uint8),
        roof_material=np.full(buildings, Material.TILES, np.uint8),
        roof_colour=np.full((buildings, 3), (150, 70, 55), np.uint8),
        roof_provenance=np.ones(buildings, np.uint8),
    )


# panes across, up, frame, mullion, panel, glass
DESIGNS = [
    (1, 1, 60, 40, 0.0, 1),
    (2, 1, 60, 40, 0.0, 1),
    (2, 3, 50, 25, 0.0, 1),
    (1, 1, 70, 50, 0.6, 1),
    (2, 1, 80, 50, 1.0, 0),
    (4, 2, 60, 40, 0.2, 1),
    (0, -3, -5, 2_000_000_000, 7.5, 0),
    (1000, 1000, 30, 1, -1.0, 1),
]


def orderly(solids: Solids, walls: Walls, seed: int = 0) -> Elements:
    """Floors and bays on every wall: windows, sills, borders, doors, steps, balconies, cornices."""
    rows: list[list[Row]] = []
    for b in range(len(solids)):
        rng = Random(f"orderly-{seed}-{b}")
        rows.append(_orderly_building(rng, solids, walls, b))
    return elements_of(rows)


def _orderly_building(rng: Random, solids: Solids, walls: Walls, b: int) -> list[Row]:
    rows: list[Row] = []
    floor, bay = rng.choice((2800, 3200, 3600)), rng.choice((1800, 2500, 3200))
    first, last = walls.building_offsets[b : b + 2].tolist()
    for w in range(first, last):
        length, height = int(walls.length[w]), int(walls.height[w])
        bays, floors = min(max(1, length // bay), 10), min(max(1, height // floor), 8)
        door_bay = rng.randrange(bays) if walls.side[w] == 0 and walls.label[w] == Label.WALL else -1
        for k in range(floors):
            for i in range(bays if len(rows) < MOST else 0):
                middle = int((i + 0.5) * length / bays)
                if k == 0 and i == door_bay:
                    rows.append(_row(w, ElementKind.DOOR, middle - 500, middle + 500, 0, 2300, 150, design=3))
                    rows.append(_row(w, ElementKind.STEPS, middle - 700, middle + 700, -340, -1, 900))
                    rows.append(_row(w, ElementKind.CANOPY, middle - 800, middle + 800, 2450, 2550, 900))
                    continue
                z = k * floor + 900
                window = len(rows)
                rows.append(
                    _row(w, ElementKind.WINDOW, middle - 550, middle + 550, z, z + 1400, 120, design=k % 3)
                )
                if k > 0 and rng.random() < 0.15:
                    slab = len(rows)
                    rows.append(
                        _row(w, ElementKind.BALCONY, middle - 1000, middle + 1000, z - 900, z - 700, 1200)
                    )
                    rail = _row(w, ElementKind.RAILING, middle - 1000, middle + 1000, z - 700, z + 300, 1200)
                    rows.append({**rail, "parent": slab, "design": 4 if rng.random() < 0.3 else 0})
                else:
                    sill = _row(w, ElementKind.SILL, middle - 600, middle + 600, z - 60, z, 60)
                    rows.append({**sill, "parent": window})
                    if rng.random() < 0.3:
                        border = _row(
                            w, ElementKind.FRAME, middle - 650, middle + 650, z, z + 1500, 30, design=0
                        )
                        rows.append({**border, "parent": window})
        if walls.label[w] == Label.WALL:
            eave = min(int(walls.level[w]), height)
            rows.append(_row(w, ElementKind.CORNICE, 0, length, eave - 260, eave - 60, 150))
            rows.append(_row(w, ElementKind.BAND, 0, length, 20, 420, 30))
    return rows + _on_roofs(rng, solids, b)


def _row(wall: int, kind: int, s0: int, s1: int, z0: int, z1: int, depth: int, **more: int) -> Row:
    return {"wall": wall, "kind": kind, "s0": s0, "s1": s1, "z0": z0, "z1": z1, "depth": depth, **more}


def _on_roofs(rng: Random, solids: Solids, b: int) -> list[Row]:
    rows: list[Row] = []
    first, last = solids.face_offsets[b : b + 2].tolist()
    for face, label in enumerate(solids.face_label[first:last].tolist()):
        if label == Label.ROOF:
            for i in range(rng.choice((0, 0, 1, 3))):
                s, z = 600 + 1500 * i, rng.randint(300, 1500)
                row = _row(-1 - face, ElementKind.ROOF_WINDOW, s, s + 800, z, z + 1200, 90, design=0)
                rows.append(row)
        elif label == Label.CHIMNEY:
            rows.append(_row(-1 - face, ElementKind.CHIMNEY_CAP, 0, 0, 0, 80, 70))
    return rows


def hostile(solids: Solids, walls: Walls, seed: int) -> Elements:
    """Whatever a broken rule could say: on corners, across edges, nested, huge, nothing, upside down."""
    rows: list[list[Row]] = []
    for b in range(len(solids)):
        rng = Random(f"hostile-{seed}-{b}")
        first, last = walls.building_offsets[b : b + 2].tolist()
        faces = int(solids.face_offsets[b + 1] - solids.face_offsets[b])
        own: list[Row] = []
        for _ in range(rng.choice((0, 3, 12, 30)) if last > first else 1):
            own.append(_hostile_row(rng, walls, first, last, faces, len(own)))
        rows.append(own)
    return elements_of(rows)


def _hostile_row(rng: Random, walls: Walls, first: int, last: int, faces: int, count: int) -> Row:
    kind = rng.choice(list(ElementKind)) if rng.random() < 0.5 else rng.choice(THINGS + [0, 1, 2, 3] * 4)
    wall = rng.randrange(first, last) if last > first else 0
    length = int(walls.length[wall]) if last > first else 1000
    height = int(walls.height[wall]) if last > first else 1000
    if kind >= ElementKind.ROOF_WINDOW or rng.random() < 0.03:
        wall = -1 - rng.randrange(max(1, faces))
        length, height = 9000, 5000
    if rng.random() < 0.01:
        wall = rng.choice((-2_000_000_000, 2_000_000_000, first - 1, last, -faces - 1))
    s0, s1 = sorted((_place(rng, length), _place(rng, length)))
    z0, z1 = sorted((_place(rng, height), _place(rng, height)))
    if rng.random() < 0.5:  # a thing of ordinary size
        s1, z1 = (min(v + rng.randint(40, 2500), 2**31 - 1) for v in (s0, z0))
    if rng.random() < 0.02:
        s0, s1 = s1, s0
    depth = rng.choice((0, 1, 20, 60, 120, 300, 900, 5000, 200_000, rng.randint(0, 2000)))
    if rng.random() < 0.01:
        depth = rng.choice((-1, -(2**31), 2**31 - 1))
    return {
        "wall": wall,
        "kind": kind if rng.random() > 0.01 else rng.choice((16, 77, 255)),
        "s0": s0,
        "s1": s1,
        "z0": z0,
        "z1": z1,
        "depth": depth,
        "design": rng.randrange(-1, len(DESIGNS)) if rng.random() > 0.01 else 999,
        "parent": rng.randrange(-1, count + 2) if rng.random() < 0.3 else -1,
    }


def _place(rng: Random, size: int) -> int:
    if rng.random() < 0.01:
        return rng.choice((-(2**31), 2**31 - 1, 10_000_001))
    on_edge = (0, 1, 49, 50, 51, 200, size, size - 1, size - 50, size - 51, size // 2, -10, size + 10)
    if rng.random() < 0.3:
        return rng.choice(on_edge)
    return rng.randint(-size // 10 - 5, size + size // 10 + 5)
