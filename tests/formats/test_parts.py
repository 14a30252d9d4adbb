"""Facades as instances: every piece stands where its element says, 2 cm before a wall that stays whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from geovision.formats.glb import glb_bytes, write_glb
from geovision.formats.gltf_parts import make_parts
from geovision.formats.part_meshes import Design, PartShape, part_mesh
from geovision.mesh import mesh
from geovision.mesh.elements import OPENINGS, ElementKind, Elements
from geovision.mesh.solids import Solids
from geovision.mesh.walls import Walls
from geovision.model import Flat, Gabled, Part, Program
from geovision.quality.gltf import matrix_of
from tests.formats.test_khronos import validate
from tests.helpers_facades import Row, elements_of, plain_walls
from tests.helpers_glb import Glb, parse_glb
from tests.node_judges import node_modules

K = ElementKind
AT = (155_000.0, 463_000.0)


def houses(count: int, seed: int) -> Solids:
    """Gabled and flat rectangles, turned anyhow."""
    rng = np.random.default_rng(seed)
    programs = []
    for row in range(count):
        wide, deep, turn = rng.uniform(6, 14), rng.uniform(6, 10), rng.uniform(0, np.pi)
        spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        ring = np.array([(0, 0), (wide, 0), (wide, deep), (0, deep)]) @ spin.T
        ring += (AT[0] + 25.0 * row, AT[1] + rng.uniform(0, 5))
        roof = Gabled(ridge_height=9.0) if row % 2 else Flat()
        part = Part(shell=[tuple(p) for p in ring.tolist()], eave_height=6.0, roof=roof)
        programs.append(Program(id=f"h{row}", ground_z=float(rng.uniform(0, 3)), parts=[part]))
    return mesh(programs)


def some_rows(walls: Walls, seed: int) -> list[Row]:
    """What fits a wall of 6 by 6 m."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    # Half a gable may be narrower.
    for wall in np.flatnonzero(walls.length > 3800).tolist():
        left = int(rng.integers(300, 900))
        rows.append((wall, K.WINDOW, (left, left + int(rng.integers(700, 1500)), 900, 2300), 120, 0))
        rows.append((wall, K.DOOR, (left + 1700, left + 2700, 20, 2100), 80, 1))
        rows.append((wall, K.BALCONY, (left, left + 2000, 2800, 2950), 1100, -1))
        rows.append((wall, K.RAILING, (left, left + 2000, 2950, 3900), 1100, -1))
        rows.append((wall, K.STEPS, (left + 1600, left + 2800, -400, 20), 900, -1))
    return rows


@pytest.fixture(scope="module")
def dressed() -> tuple[Solids, Walls, Elements]:
    solids = houses(9, 1)
    walls = plain_walls(solids)
    return solids, walls, elements_of(walls, some_rows(walls, 2))


def pieces(glb: Glb) -> list[dict[str, Any]]:
    """Every instance: its shape, building, and the corners of its meshes in the solids' own frame."""
    found = []
    for node in glb.json["nodes"]:
        extensions = node.get("extensions", {})
        if "EXT_mesh_gpu_instancing" not in extensions:
            continue
        columns = extensions["EXT_mesh_gpu_instancing"]["attributes"]
        values = {name: glb.accessor(index) for name, index in columns.items()}
        primitives = glb.json["meshes"][node["mesh"]]["primitives"]
        for i in range(len(values["TRANSLATION"])):
            place = matrix_of(
                {
                    "translation": values["TRANSLATION"][i].tolist(),
                    "rotation": values["ROTATION"][i].tolist(),
                    "scale": values["SCALE"][i].tolist(),
                }
            )
            place = matrix_of({"translation": glb.json["nodes"][1]["translation"]}) @ place
            meshes = {}
            for primitive in primitives:
                corners = glb.accessor(primitive["attributes"]["POSITION"]).astype(float)
                material = glb.json["materials"][primitive["material"]]["name"]
                meshes[material] = corners @ place[:3, :3].T + place[:3, 3]
            found.append(
                {"shape": node["name"], "building": int(values["_FEATURE_ID_0"][i]), "meshes": meshes}
            )
    return found


def world(solids: Solids, walls: Walls, wall: int, s: float, out: float, z: float) -> NDArray[np.float64]:
    """A place in the frame of a wall; millimetres in, metres out."""
    along = walls.direction[wall]
    at = solids.origin[walls.building[wall]] + walls.corner[wall] / 1000
    step = np.array([*(along * s), z]) + out * np.array([along[1], -along[0], 0])
    return np.asarray(at + step / 1000)


@pytest.mark.parametrize(("compress", "slack"), [(False, 0.002), (True, 0.006)])
def test_pieces_stand_where_elements_say(
    dressed: tuple[Solids, Walls, Elements], compress: bool, slack: float
) -> None:
    solids, walls, elements = dressed
    glb = parse_glb(glb_bytes(solids, facades=(solids, walls, elements), compress=compress))
    found = pieces(glb)
    for kind, shape in ((K.WINDOW, "window"), (K.DOOR, "door"), (K.BALCONY, "box")):
        for row in np.flatnonzero(elements.kind == kind).tolist():
            wall = int(elements.wall[row])
            low = world(solids, walls, wall, elements.s0[row], 0, elements.z0[row])
            high = world(solids, walls, wall, elements.s1[row], 0, elements.z1[row])
            reach = elements.depth[row] if kind == K.BALCONY else 30
            front = world(solids, walls, wall, elements.s0[row], reach, elements.z0[row])
            near = [
                piece
                for piece in found
                if piece["shape"] == shape
                and piece["building"] == walls.building[wall]
                and all(
                    min(np.linalg.norm(c - p, axis=1).min() for c in piece["meshes"].values()) < slack
                    for p in (low, high, front)
                )
            ]
            assert len(near) == 1, (kind, row)
            if kind == K.WINDOW:
                pane = near[0]["meshes"]["window"]
                along = walls.direction[wall]
                away = (pane - low) @ np.array([along[1], -along[0], 0])
                assert np.abs(away - 0.02).max() < slack
    steps = [piece for piece in found if piece["shape"] == "box"]
    flights = int((elements.kind == K.STEPS).sum())
    assert len(steps) == int((elements.kind == K.BALCONY).sum()) + 2 * flights
    rails = sum(piece["shape"] == "railing" for piece in found)
    assert rails == 3 * int((elements.kind == K.RAILING).sum())


@pytest.mark.parametrize("corners", [4, 5, 8, 16])
def test_cornices_meet_round_corners_and_end_where_there_is_none(corners: int) -> None:
    """On all walls but the last: a closed run that reaches no further than a mitred one does."""
    turn = 2 * np.pi * np.arange(corners) / corners
    ring = np.stack([AT[0] + 9 * np.cos(turn), AT[1] + 9 * np.sin(turn)], axis=1)
    part = Part(shell=[tuple(p) for p in ring.tolist()], eave_height=6.0, roof=Flat())
    solids = mesh([Program(id="drum", parts=[part])])
    walls = plain_walls(solids)
    rows: list[Row] = [
        (wall, K.CORNICE, (0, int(walls.length[wall]), 5600, 5900), 350, -1) for wall in range(len(walls) - 1)
    ]
    found = pieces(parse_glb(glb_bytes(solids, facades=(solids, walls, elements_of(walls, rows)))))
    assert len(found) == corners - 1
    bare = walls.direction[-1]
    out = np.array([bare[1], -bare[0]])
    foot = world(solids, walls, len(walls) - 1, 0, 0, 0)
    inner = 9 * np.cos(np.pi / corners)
    tip = (inner + 0.35) / np.cos(np.pi / corners)
    places = np.concatenate([corner for piece in found for corner in piece["meshes"].values()])
    away = np.linalg.norm(places[:, :2] - AT, axis=1)
    assert away.max() < tip + 0.003
    # Where two meet, both reach the mitre's tip; where one ends alone, it ends square.
    ends = ring + 0.35 / np.cos(np.pi / corners) * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    met = [(np.linalg.norm(places[:, :2] - end, axis=1) < 0.004).sum() > 2 for end in ends]
    assert sum(met) == corners - 2
    assert ((places - foot)[:, :2] @ out).max() < 0.35 * np.cos(2 * np.pi / corners) + 0.003


def test_no_piece_stands_behind_its_wall(dressed: tuple[Solids, Walls, Elements]) -> None:
    """Nor far from it: all of a building's pieces lie within its box and what stands out."""
    solids, walls, elements = dressed
    for piece in pieces(parse_glb(glb_bytes(solids, facades=(solids, walls, elements)))):
        own = np.flatnonzero(walls.building == piece["building"])
        corners = np.concatenate(list(piece["meshes"].values()))
        away = []
        for wall in own.tolist():
            along = walls.direction[wall]
            at = world(solids, walls, wall, 0, 0, 0)
            away.append((corners - at) @ np.array([along[1], -along[0], 0]))
        best = min(away, key=lambda values: float(np.abs(values.min())))
        assert best.min() > -0.003
        assert best.max() < 1.15


def test_openings_that_do_not_fit_are_left_out(dressed: tuple[Solids, Walls, Elements]) -> None:
    solids, _, _ = dressed
    walls = plain_walls(solids, blocked=[(2, 0, 2500, 4000)])
    wide = int(walls.length[0])
    gable = next(
        wall for wall in range(len(walls)) if walls.height[wall] > 8000 and walls.blocked_offsets[wall] >= 0
    )
    good: Row = (0, K.WINDOW, (1000, 2000, 900, 2300), 100, 0)
    rows: list[Row] = [
        good,
        (0, K.WINDOW, (wide - 500, wide + 200, 900, 2300), 100, 0),
        (0, K.WINDOW, (-10, 500, 900, 2300), 100, 0),
        (0, K.DOOR, (1900, 2900, 20, 2100), 100, 1),
        (0, K.WINDOW, (3000, 3000, 900, 2300), 100, 0),
        (1, K.WINDOW, (1000, 2000, 5000, 60_000), 100, 0),
        (2, K.WINDOW, (2000, 3000, 900, 2300), 100, 0),
        (2, K.WINDOW, (2600, 3400, 900, 2300), 100, 0),
        (2, K.WINDOW, (1000, 2000, 4100, 5000), 100, 0),
        (gable, K.WINDOW, (100, 900, 7000, 8000), 100, 0),
    ]
    sills: list[Row] = [(row[0], K.SILL, row[2], 50, -1) for row in rows]
    # Wall by wall, each opening before what belongs to it.
    both = sorted(
        [(row[0], 0, i, row) for i, row in enumerate(rows)]
        + [(row[0], 1, i, row) for i, row in enumerate(sills)],
        key=lambda item: item[:3],
    )
    building = [int(walls.building[wall]) for wall, *_ in both]
    place = {i: n - building.index(building[n]) for n, (_, belongs, i, _) in enumerate(both) if not belongs}
    parents = [place[i] if belongs else -1 for _, belongs, i, _ in both]
    elements = elements_of(walls, [item[3] for item in both], parents)
    parts = make_parts(solids.arrays(), walls, elements)
    # Kept: the good one, and on the blocked wall the one beside and the one above.
    assert sum(group["count"] for group in parts.found["groups"] if group["shape"] == PartShape.WINDOW) == 3
    assert parts.dropped == 2 * (len(rows) - 3)
    assert set(OPENINGS) == {K.WINDOW, K.DOOR, K.GARAGE_DOOR, K.SHOPFRONT}


def test_same_bytes_on_any_threads(dressed: tuple[Solids, Walls, Elements]) -> None:
    solids, walls, elements = dressed
    for compress in (False, True):
        one, two = (
            glb_bytes(solids, facades=(solids, walls, elements), compress=compress, threads=threads)
            for threads in (1, 2)
        )
        assert one == two


def test_the_validator_agrees(dressed: tuple[Solids, Walls, Elements], tmp_path: Path) -> None:
    solids, walls, elements = dressed
    files = [tmp_path / "plain.glb", tmp_path / "small.glb"]
    for path, compress in zip(files, (False, True), strict=True):
        write_glb(path, solids, facades=(solids, walls, elements), compress=compress)
    for report in validate(node_modules(), *files):
        assert report["numErrors"] == 0, report["messages"]
        assert report["numWarnings"] == 0, report["messages"]
    assert files[1].stat().st_size < 0.7 * files[0].stat().st_size


def test_wrong_tables_are_refused(dressed: tuple[Solids, Walls, Elements]) -> None:
    solids, walls, elements = dressed
    for name, value in (("wall", 9999), ("wall", -9999), ("design", 7)):
        arrays = elements.arrays() | {name: elements.arrays()[name].copy()}
        arrays[name][3] = value
        with pytest.raises(ValueError, match=r"not there|not its building's"):
            make_parts(solids.arrays(), walls, Elements.from_arrays(arrays))
    with pytest.raises(ValueError, match="not of the same buildings"):
        make_parts(houses(3, 5).arrays(), walls, elements)


def test_balconies_do_not_meet_in_inner_corners() -> None:
    ell = [(0, 0), (12, 0), (12, 5), (5, 5), (5, 12), (0, 12)]
    part = Part(shell=[(AT[0] + x, AT[1] + y) for x, y in ell], eave_height=6.0, roof=Flat())
    solids = mesh([Program(id="ell", parts=[part])])
    walls = plain_walls(solids)
    inner = [
        wall
        for wall in range(len(walls))
        if np.allclose(world(solids, walls, wall, 0, 0, 0)[:2], np.add(AT, (12, 5)), atol=0.01)
        or np.allclose(world(solids, walls, wall, 0, 0, 0)[:2], np.add(AT, (5, 5)), atol=0.01)
    ]
    assert len(inner) == 2
    # One ends, and the other begins, at the corner; the second is left out only where they meet.
    for gap, kept in ((400, 2), (1300, 4)):
        rows: list[Row] = []
        for wall in inner:
            length = int(walls.length[wall])
            ends = np.allclose(world(solids, walls, wall, length, 0, 0)[:2], np.add(AT, (5, 5)), atol=0.01)
            s0, s1 = (length - gap - 2000, length - gap) if ends else (gap, gap + 2000)
            rows.append((wall, K.BALCONY, (s0, s1, 2800, 2950), 1100, -1))
            rows.append((wall, K.RAILING, (s0, s1, 2950, 3900), 1100, -1))
        parts = make_parts(solids.arrays(), walls, elements_of(walls, rows, [-1, 0, -1, 2]))
        assert parts.dropped == 4 - kept
        assert parts.found["count"] == 4 * kept // 2


def test_railings_are_bars_unless_a_design_says_otherwise() -> None:
    bars, pane, sheet = (
        part_mesh(PartShape.RAILING, design, 2.0, 1.0) for design in (None, Design(), Design(glass=False))
    )
    assert len(bars[1].indices) > 10 * len(sheet[1].indices)
    assert [mesh_.glass for mesh_ in (bars[1], pane[1], sheet[1])] == [False, True, False]


@pytest.mark.parametrize("shape", list(PartShape))
@pytest.mark.parametrize("design", [None, Design(3, 2, 0.07, 0.04), Design(1, 1, 0.5, 0.5, 0.4)])
def test_meshes_face_outward_and_keep_their_size(shape: PartShape, design: Design | None) -> None:
    for width, height in ((1.2, 1.5), (0.1, 3.0), (4.0, 0.2)):
        size = (1.0, 1.0) if shape == PartShape.BOX else (width, height)
        for mesh_ in part_mesh(shape, design, *size):
            place = mesh_.positions.astype(float)[mesh_.indices.reshape(-1, 3)]
            normal = np.cross(place[:, 1] - place[:, 0], place[:, 2] - place[:, 0])
            wanted = mesh_.normals[mesh_.indices.reshape(-1, 3)[:, 0]]
            assert (np.einsum("tc,tc->t", normal, wanted) > 0).all()
            assert place[..., 0].min() >= 0
            assert place[..., 0].max() <= size[0] + 1e-6
            assert place[..., 2].min() >= 0
            assert place[..., 2].max() <= size[1] + 1e-6
            assert place[..., 1].max() <= 0
