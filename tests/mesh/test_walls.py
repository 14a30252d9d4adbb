"""Walls in their frames: where they are, what blocks them, which way they look."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

import geovision
from geovision.errors import InputError
from geovision.mesh import Side, Solids, Surroundings, Terrain, Walls, check, find_walls
from geovision.model import Flat, Gabled, Part, Program, ProgramTable
from geovision.model.labels import Label
from tests import promise, strategies


def block(
    name: str, x: float, y: float, w: float, d: float, height: float = 6.0, turn: float = 0.0
) -> Program:
    corners = np.array([(x, y), (x + w, y), (x + w, y + d), (x, y + d)])
    c, s = np.cos(turn), np.sin(turn)
    turned = corners @ np.array([[c, s], [-s, c]])
    shell = [(float(a), float(b)) for a, b in turned]
    return Program(id=name, parts=[Part(shell=shell, eave_height=height, roof=Flat())])


def walls_of(*programs: Program, around: Surroundings | None = None) -> tuple[Solids, Walls]:
    table = ProgramTable.from_programs(list(programs))
    solids = geovision.mesh(table)
    return solids, find_walls(solids, table, around=around)


def facing(walls: Walls, x: float, y: float, building: int = 0) -> int:
    """The wall of a building whose outside lies in a direction."""
    outward = walls.direction[:, ::-1] * (1, -1)
    own = np.flatnonzero(walls.building == building)
    return int(own[np.argmax(outward[own] @ (x, y))])


def test_every_wall_face_is_on_one_wall_and_frames_reproduce_its_corners() -> None:
    cases = [strategies.case(seed) for seed in range(200)]
    for lod in (22, 23):
        solids = Solids(promise.compile_cases(cases, lod))
        walls = find_walls(solids)
        areas = np.zeros(len(walls))
        for w in range(len(walls)):
            for ring in walls.rings(w):
                s, z = ring.T.astype(float)
                areas[w] += (s * np.roll(z, -1) - np.roll(s, -1) * z).sum() / 2
            assert walls.rings(w)[0].min(axis=0).tolist() == [0, 0]
            assert walls.rings(w)[0][:, 1].max() == walls.height[w]
        assert (areas > 0).all()
        members = walls.members + np.repeat(
            solids.face_offsets[walls.building], np.diff(walls.member_offsets)
        )
        assert len(np.unique(members)) == len(members)
        assert set(solids.face_label[members]) <= {Label.WALL, Label.STEP_WALL, Label.DORMER_WALL}
        # The area of the members' triangles, to what rounding in s gives away along the height.
        owner = np.repeat(np.arange(len(solids)), np.diff(solids.triangle_offsets))
        face = solids.triangle_face + solids.face_offsets[owner]
        at = solids.vertices[solids.triangles + solids.vertex_offsets[owner][:, None]].astype(float)
        size = np.linalg.norm(np.cross(at[:, 1] - at[:, 0], at[:, 2] - at[:, 0]), axis=1) / 2
        per_face = np.bincount(face, size, len(solids.face_label))
        wall_of = np.repeat(np.arange(len(walls)), np.diff(walls.member_offsets))
        given = np.bincount(wall_of, per_face[members], len(walls))
        assert (np.abs(areas - given) <= 2.0 * walls.height + 3.0 * walls.length + 10).all()


def test_the_halves_of_a_gable_are_one_wall() -> None:
    shell = [(0, 0), (12, 0), (12, 8), (0, 8)]
    part = Part(shell=shell, eave_height=5, roof=Gabled(ridge_height=8), overhang=0.4)
    for lod in ("2.2", "2.3"):
        walls = find_walls(geovision.mesh(Program(id="a", parts=[part]), lod=lod))
        assert sorted(walls.length.tolist()) == [8000, 8000, 12000, 12000]
        assert sorted(np.diff(walls.member_offsets).tolist()) == [1, 1, 2, 2]


def test_a_row_house_is_free_in_front_and_behind_only() -> None:
    row = [block(str(i), 6 * i, 0, 6, 9) for i in range(3)]
    _, walls = walls_of(*row)
    middle = np.flatnonzero(walls.building == 1)
    blocked = {w: walls.blocked[slice(*walls.blocked_offsets[w : w + 2])].tolist() for w in middle.tolist()}
    assert blocked[facing(walls, 0, -1, 1)] == []
    assert blocked[facing(walls, 0, 1, 1)] == []
    for x in (-1, 1):
        assert blocked[facing(walls, x, 0, 1)] == [[0, 9000, 6000]]
    assert walls.side[facing(walls, 1, 0, 1)] in {Side.LEFT, Side.RIGHT}
    assert np.diff(walls.blocked_offsets)[facing(walls, -1, 0, 0)] == 0


@pytest.mark.parametrize("gap", [0.0, 0.5, 0.99, 1.01, 3.0])
@pytest.mark.parametrize("turn", [0.0, 0.3, 2.0])
def test_what_stands_within_a_metre_blocks(gap: float, turn: float) -> None:
    mine, other = block("a", 0, 0, 10, 8, turn=turn), block("b", 2, 8 + gap, 5, 4, height=3.0, turn=turn)
    _, walls = walls_of(mine, other)
    north = facing(walls, -np.sin(turn), np.cos(turn))
    spans = walls.blocked[slice(*walls.blocked_offsets[north : north + 2])]
    if gap > 1:
        assert len(spans) == 0
    else:
        # Seen from outside s runs from east to west.
        assert np.abs(spans - [[3000, 8000, 3000]]).max() <= 2


def test_neighbours_outside_the_batch_count_as_those_in_it() -> None:
    mine, other = block("a", 0, 0, 10, 8), block("b", 2, 8.4, 5, 4, height=3.0)
    _, both = walls_of(mine, other)
    ring = [(2, 8.4), (7, 8.4), (7, 12.4), (2, 12.4)]
    _, alone = walls_of(mine, around=Surroundings(neighbours=[ring], neighbour_tops=[3.0]))
    own = slice(0, len(alone))
    assert np.array_equal(both.side[own], alone.side)
    assert np.array_equal(both.blocked[: len(alone.blocked)], alone.blocked)


def test_the_street_makes_the_front() -> None:
    for x, y in ((0, -1), (1, 0), (0, 1), (-1, 0)):
        middle = np.array([5.0, 4.0]) + 12 * np.array([x, y])
        along = 30 * np.array([-y, x])
        street = np.array([middle - along, middle + along])
        _, walls = walls_of(block("a", 0, 0, 10, 8), around=Surroundings(streets=[street]))
        front = facing(walls, x, y)
        assert walls.side[front] == Side.FRONT
        assert walls.side[facing(walls, -x, -y)] == Side.BACK
        # Who looks at the front has its left wall on the left: for a street in the south that is the west.
        assert walls.side[facing(walls, y, -x)] == Side.LEFT
        assert walls.street[front] == (8000 if y else 7000)
        assert (walls.street[np.arange(4) != front] != walls.street[front]).all()


def test_without_a_street_a_house_looks_away_from_its_neighbours() -> None:
    crowd = [block("n", 0, 11, 12, 6), block("e", 15, 0, 6, 8), block("w", -9, 0, 6, 8)]
    _, walls = walls_of(block("a", 0, 0, 12, 8), *crowd)
    assert walls.side[facing(walls, 0, -1)] == Side.FRONT


def test_walls_round_a_yard_are_of_the_court() -> None:
    yard = [(4, 4), (4, 8), (8, 8), (8, 4)]
    part = Part(shell=[(0, 0), (12, 0), (12, 12), (0, 12)], holes=[yard], eave_height=6, roof=Flat())
    _, walls = walls_of(Program(id="a", parts=[part]))
    assert sorted(walls.length[walls.side == Side.COURT].tolist()) == [4000] * 4
    assert (walls.length[walls.side != Side.COURT] == 12000).all()


def test_the_ground_at_the_feet_is_the_terrain() -> None:
    slope = Terrain(-50.0, 50.0, 100.0, np.array([[10, 20], [10, 20]], np.float32))  # rises to the east
    program = block("a", 0, 0, 10, 8).model_copy(update={"ground_z": 14.0})
    _, walls = walls_of(program, around=Surroundings(terrain=slope))
    assert walls.ground[facing(walls, 0, -1)].tolist() == [1000, 2000]
    assert walls.ground[facing(walls, 1, 0)].tolist() == [2000, 2000]
    assert (walls.level == 6000).all()


def test_a_wall_depends_on_nothing_but_what_is_near() -> None:
    rng = np.random.default_rng(4)
    town = [
        block(str(i), 9 * (i % 8) + rng.uniform(0, 3), 10 * (i // 8) + rng.uniform(0, 2.5), 7, 8, turn=0.1)
        for i in range(64)
    ]
    solids, walls = walls_of(*town)
    order = rng.permutation(64)
    _, mixed = walls_of(*[town[i] for i in order])
    assert not len(check(solids).faulty)
    for row, b in enumerate(order.tolist()):
        assert_same_building(walls, b, mixed, row)
    # One building with those around it alone.
    middle = shapely.Polygon(town[27].parts[0].shell)
    near = [27] + [
        i for i in range(64) if i != 27 and middle.distance(shapely.Polygon(town[i].parts[0].shell)) < 25
    ]
    assert len(near) < 50
    _, few = walls_of(*[town[i] for i in near])
    assert_same_building(walls, 27, few, 0)


def assert_same_building(a: Walls, i: int, b: Walls, k: int) -> None:
    p, q = (slice(*w.building_offsets[n : n + 2]) for w, n in ((a, i), (b, k)))
    for name in ("face", "corner", "direction", "length", "height", "side", "street", "level", "label"):
        assert np.array_equal(getattr(a, name)[p], getattr(b, name)[q]), name
    mine, other = (
        w.blocked[w.blocked_offsets[s.start] : w.blocked_offsets[s.stop]] for w, s in ((a, p), (b, q))
    )
    assert np.array_equal(mine, other)


def test_threads_do_not_matter() -> None:
    solids = Solids(promise.compile_cases([strategies.case(seed) for seed in range(300)], 22))
    one, four = (find_walls(solids, threads=n).arrays() for n in (1, 4))
    assert all(np.array_equal(one[name], four[name]) for name in one)


def test_what_has_no_polygons_or_no_heights_is_refused() -> None:
    program = block("a", 0, 0, 10, 8)
    with pytest.raises(InputError, match="polygons=True"):
        find_walls(geovision.mesh(program, polygons=False))
    solids = geovision.mesh(program)
    with pytest.raises(InputError, match="height of the top"):
        find_walls(solids, around=Surroundings(neighbours=[[(0, 0), (1, 0), (1, 1)]]))
    with pytest.raises(InputError, match=r"streets\[0\]"):
        find_walls(solids, around=Surroundings(streets=[[(0, 0, 3)]]))
    with pytest.raises(InputError, match="2 programs"):
        find_walls(solids, ProgramTable.from_programs([program, program]))
