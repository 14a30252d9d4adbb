"""Shifts, turns and overhangs that were put in come back from the points, and nothing is made up."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import geopandas
import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

import geovision
from geovision.errors import UsageError
from geovision.inverse import place_outlines, placed, solve
from geovision.inverse.placement import Placement, moved_programs
from geovision.mesh import check, mesh
from geovision.mesh.solids import Solid
from geovision.model import Evidence, Gabled, Parapet, Part, PointKind, Program, canonical
from geovision.model.kinds import RoofKind
from geovision.model.labels import Status, StatusFlag
from geovision.sources import (
    PointBlock,
    evidence_from_arrays,
    footprints_from_geodataframe,
    prepare_footprints,
)
from tests.inverse.scan import Scanner, scan
from tests.inverse.surveyed import Town, town

F64 = NDArray[np.float64]
SHIFTS = [((0.35, 0.25), 0.0), ((-0.45, 0.2), 0.002), ((0.1, -0.45), -0.003)]
BOX = [(0.0, 0.0), (11.0, 0.0), (11.0, 8.0), (0.0, 8.0)]
# Onions bulge beyond their walls, which is no overhang of the eaves.
BULGING = {"onion"}
# Kinds without a forward model, and one that no points tell from another.
OTHER = {"planar", "sawtooth", "onion", "cone"}


@pytest.fixture(scope="module")
def towns() -> list[tuple[Town, Placement]]:
    made = [
        town("suburb", seed, shift=shift, turn=turn) for seed, (shift, turn) in enumerate(SHIFTS, start=1)
    ]
    return [(one, place_outlines(one.evidence)) for one in made]


def eave_overhangs(program: Program) -> set[float]:
    return {part.overhang for part in program.parts}


def test_shifts_come_back(towns: list[tuple[Town, Placement]]) -> None:
    errors, pulls, moved = [], [], []
    for one, found in towns:
        sigma = np.sqrt(found.covariance[:, [0, 1], [0, 1]])
        error = found.value[:, :2] - one.offset(found.centre)
        clear = (sigma < 0.08).all(axis=1)
        moved.append(found.moved[clear])
        errors.append(error[clear & found.moved])
        pulls.append((error / sigma)[found.moved])
    assert np.mean(np.concatenate(moved)) > 0.9
    assert np.sqrt(np.mean(np.concatenate(errors) ** 2)) < 0.055
    assert 0.8 < np.std(np.concatenate(pulls)) < 1.25


def test_overhangs_come_back(towns: list[tuple[Town, Placement]]) -> None:
    errors, pulls = [], []
    for one, found in towns:
        for row, item in enumerate(one.evidence):
            truth = one.truth[item.id]
            sizes = eave_overhangs(truth)
            sigma = np.sqrt(found.covariance[row, 3, 3])
            if len(sizes) == 1 and sigma < 0.1 and not BULGING & {part.roof.kind for part in truth.parts}:
                errors.append(found.value[row, 3] - sizes.pop())
                pulls.append(errors[-1] / sigma)
    assert len(errors) > 60
    assert abs(np.mean(errors)) < 0.03
    assert np.sqrt(np.mean(np.square(errors))) < 0.06
    assert 0.8 < np.std(pulls) < 1.25


def test_overhangs_are_built(towns: list[tuple[Town, Placement]]) -> None:
    one, _ = towns[0]
    solved = solve(one.evidence)
    table = solved.table
    over = table.overhang[table.part_offsets[:-1]]
    truth = [eave_overhangs(one.truth[item.id]) for item in one.evidence]
    plain = np.array(
        [not BULGING & {part.roof.kind for part in one.truth[item.id].parts} for item in one.evidence]
    )
    assert np.array_equal((over > 0)[plain], np.array([sizes != {0.0} for sizes in truth])[plain])
    for row in np.flatnonzero(over > 0).tolist():
        assert table[row].provenance_of("parts/0/overhang").text == "observed"
    # Solids of the fit have no overhangs; those of level of detail 2.3 do.
    assert np.array_equal(mesh(table).vertices, solved.solids.vertices)
    wide = mesh(table, lod="2.3")
    assert (wide.status == Status.OK).all()
    assert check(wide, self_intersection=True).ok
    dropped = (wide.flags[over > 0] & int(StatusFlag.OVERHANG_DROPPED)) != 0
    assert dropped.mean() < 0.1


def test_turns_of_long_buildings_come_back() -> None:
    """A turn shows where walls are long: one of 0.6 degrees moves the ends of 40 m by 0.2 m."""
    rng = np.random.default_rng(3)
    errors = []
    for turn in (-0.01, 0.0, 0.01):
        wall = np.array([[0.0, 0.0], [40.0, 0.0], [40.0, 12.0], [0.0, 12.0]])
        middle = np.array([20.0, 6.0])
        xy = rng.uniform((-4, -4), (44, 16), (7000, 2))
        cos, sin = np.cos(turn), np.sin(turn)
        own = (xy - middle) @ np.array([[cos, -sin], [sin, cos]]) + middle
        roof = shapely.contains_xy(shapely.Polygon(wall), own[:, 0], own[:, 1])
        points = np.column_stack([xy, np.where(roof, 6.0, 0.0) + 0.03 * rng.standard_normal(len(xy))])
        item = Evidence(
            "a",
            np.zeros(3),
            (wall,),
            ground_known=True,
            points=points,
            point_kind=np.where(roof, 1, 2).astype(np.uint8),
        )
        found = place_outlines([item])
        errors.append((found.value[0, 2] - turn) / np.sqrt(found.covariance[0, 2, 2]))
        assert (found.value[0, 2] != 0) == (turn != 0)
        assert np.hypot(*found.value[0, :2]) < 0.05
    assert np.abs(errors).max() < 3


@pytest.mark.parametrize(("density", "share"), [(1.5, 0.97), (8.0, 0.93)])
def test_nothing_is_made_up(density: float, share: float) -> None:
    one = town("suburb", 4, density=density)
    found = place_outlines(one.evidence)
    assert np.mean(~found.moved) >= share
    over = found.overhangs(one.evidence)
    none = [eave_overhangs(one.truth[item.id]) == {0.0} for item in one.evidence]
    bulging = [bool(BULGING & {part.roof.kind for part in one.truth[item.id].parts}) for item in one.evidence]
    plain = np.array(none) & ~np.array(bulging)
    assert plain.sum() > 10
    assert np.mean(over[plain] == 0) > 0.9


def test_a_shifted_map_hides_no_roof(towns: list[tuple[Town, Placement]]) -> None:
    """Kinds are as right as where the map lies well; with a shift unseen, roofs look lopsided."""
    straight = [town("suburb", seed) for seed in range(1, 4)]
    shifted = [one for one, _ in towns]
    # Without ground beside the walls no border is seen.
    blind = [replace(one, evidence=[without_ground(item) for item in one.evidence]) for one in shifted]
    right = [np.concatenate([kinds_right(one) for one in each]) for each in (straight, shifted, blind)]
    assert len(right[0]) > 60
    assert right[0].mean() > 0.75
    assert right[1].mean() > right[0].mean() - 0.12
    assert right[1].mean() > right[2].mean() + 0.1


def without_ground(item: Evidence) -> Evidence:
    other = np.where(item.point_kind == PointKind.BUILDING, PointKind.BUILDING, PointKind.OTHER)
    return replace(item, point_kind=other.astype(np.uint8))


def kinds_right(one: Town) -> NDArray[np.bool_]:
    """Of each plain building of one part, whether its kind was found."""
    found = []
    for item, fit in zip(one.evidence, solve(one.evidence).fits, strict=True):
        truth = canonical(one.truth[item.id])
        if len(truth.parts) == 1 and not truth.superstructures and truth.parts[0].roof.kind not in OTHER:
            found.append(fit.kind == truth.parts[0].roof.kind)
    return np.array(found)


def walls(program: Program) -> shapely.Geometry:
    """What the parts cover together."""
    return shapely.union_all(
        [shapely.Polygon(part.shell, part.holes) for part in program.parts], grid_size=0.001
    )


def row_of_houses(shift: tuple[float, float], count: int = 6) -> list[Evidence]:
    """Terraced houses 6 m wide under one gabled roof with eaves, which lies off their outlines by a shift."""
    length = 6.0 * count
    rng = np.random.default_rng(5)
    xy = rng.uniform((-5, -5), (length + 5, 14), (int(10 * (length + 10) * 19), 2))
    x, y = (xy - shift).T
    roof = (x > 0) & (x < length) & (y > -0.4) & (y < 9.4)
    z = np.where(roof, 8 - 0.7 * np.abs(y - 4.5), 0.0) + 0.03 * rng.standard_normal(len(xy))
    houses = [shapely.box(6 * k, 0, 6 * k + 6, 9) for k in range(count)]
    frame = geopandas.GeoDataFrame({"id": [str(k) for k in range(count)]}, geometry=houses, crs="EPSG:28992")
    footprints = prepare_footprints(footprints_from_geodataframe(frame))
    points = PointBlock.of(np.column_stack([xy, z]), np.where(roof, 6, 2))
    return list(evidence_from_arrays(footprints, points))


def test_neighbours_share_their_walls() -> None:
    row = row_of_houses((0.3, -0.5))
    found = place_outlines(row)
    assert found.moved.sum() >= 4
    assert found.value[found.moved, 1] == pytest.approx(-0.5, abs=0.15)
    solved = solve(row)
    assert check(solved.solids, self_intersection=True).ok
    stands = [walls(program) for program in solved.table]
    for place, item in enumerate(row):
        given = shapely.Polygon(item.rings[0] + item.origin[:2])
        assert stands[place].equals(given)
        assert len(item.neighbours) == (1 if place in (0, len(row) - 1) else 2)
        # The roof reaches over no neighbour.
        assert solved.table[place].parts[0].overhang == 0
    assert [shared_m(*pair) for pair in pairwise(stands)] == pytest.approx([9.0] * 5)
    assert all(a.intersection(b).area == 0 for a, b in pairwise(stands))
    assert shapely.union_all(stands).area == pytest.approx(54.0 * len(row))
    # The ridge of the row runs where it was seen, in one line: gables say a shift, planes and saltboxes need
    # none. For who asks it runs on the footprints.
    said = solved.table.roof_shift[np.equal(solved.table.roof_kind, RoofKind.GABLED)]
    assert len(said) >= 2
    assert said[:, 1] == pytest.approx(-0.5, abs=0.06)
    assert [ridge_at(solid) for solid in solved.solids] == pytest.approx([4.0] * len(row), abs=0.08)
    assert all(fit.within_0p2 > 0.97 for fit in solved.fits)
    slid = solve(row, place="footprints")
    assert not slid.table.roof_shift.any()
    assert [fit.kind for fit in slid.fits] == [fit.kind for fit in solved.fits]
    loose = [walls(program) for program in solve(row, place="points").table]
    assert min(shared_m(*pair) for pair in pairwise(loose)) < 8.9


def ridge_at(solid: Solid) -> float:
    """How far north the highest points lie, on the average."""
    corners = solid.local_vertices
    high = corners[:, 2] > corners[:, 2].max() - 0.1
    return float(corners[high, 1].mean() + solid.origin[1])


def shared_m(a: shapely.Geometry, b: shapely.Geometry) -> float:
    """Metres of wall that two buildings share."""
    return float(a.intersection(b).length)


def test_walls_move_only_when_asked(towns: list[tuple[Town, Placement]]) -> None:
    one, found = towns[0]
    rows = np.flatnonzero(found.moved)[:12]
    some = [one.evidence[row] for row in rows]
    stay, move = solve(some), solve(some, place="points")
    assert check(move.solids).ok
    for place, row in enumerate(rows.tolist()):
        origin, ring, fit = some[place].origin[:2], some[place].rings[0], move.fits[place]
        # What the roof itself says of the shift comes on top of what its border says.
        rest = np.array([fit.shift_x, fit.shift_y]) - found.value[row, :2]
        moved = found.to_points(row, ring)
        # Too little to speak of moves no wall.
        moved = moved + (rest if (move.evidence[place].rings[0] != moved.round(3)).any() else 0 * rest)
        for solved, shell in ((stay, ring), (move, moved)):
            meant = shapely.Polygon(shell + origin)
            assert meant.symmetric_difference(walls(solved.table[place])).area < 3e-3 * meant.length
        assert fit.evidence == stay.fits[place].evidence == some[place].digest()
    with pytest.raises(UsageError, match="place 'walls'"):
        geovision.fit(some, place="walls")  # type: ignore[arg-type]


def test_a_roof_tells_its_own_shift() -> None:
    """Where no border is seen, a gable tells how it lies across its ridge; walls follow when asked."""
    roof = Gabled(ridge_height=8.5, azimuth_deg=180.0)
    part = Part(shell=BOX, eave_height=5.0, roof=roof)
    program = Program(id="a", parts=(part,))
    solid = mesh(program)[0]
    pulls = []
    for seed in range(30):
        item = scan(program, solid, Scanner(seed=seed, outliers=0.02), 0)
        north = float(np.random.default_rng(seed).normal(0, 0.12))
        beside = replace(item, points=item.points + np.array([0.0, north, 0.0]))
        stay, move = solve([beside], kinds=["gabled"]), solve([beside], kinds=["gabled"], place="points")
        (fit,), (other,) = stay.fits, move.fits
        pulls.append((fit.shift_y - north) / fit.shift_y_sigma)
        assert fit.shift_y == other.shift_y
        assert walls(stay.table[0]).bounds == pytest.approx((0, 0, 11, 8))
        # The roof lies where it was seen, unless that is nothing to speak of; or the walls go there.
        lies = stay.table[0].parts[0].roof_shift[1]
        assert lies == pytest.approx(fit.shift_y, abs=1e-3) or (abs(fit.shift_y) < 0.05 and lies == 0)
        assert walls(move.table[0]).bounds[1] == pytest.approx(lies, abs=1e-3)
        assert move.table[0].parts[0].roof == stay.table[0].parts[0].roof
        assert check(move.solids).ok
    assert 0.8 < np.std(pulls) < 1.25


def test_superstructures_move_with_their_walls() -> None:
    programs = geovision.generate(count=40, seed=3)
    shift = np.random.default_rng(2).uniform(-0.5, 0.5, (len(programs), 2)).round(3)
    shift[::3] = 0
    for before, after, by in zip(programs, moved_programs(programs, shift), shift, strict=True):
        assert after.parts[0].shell[0] == pytest.approx(np.add(before.parts[0].shell[0], by))
        for a, b in zip(before.superstructures, after.superstructures, strict=True):
            place = [(item.x, item.y) for item in (a, b) if not isinstance(item, Parapet)]
            assert not place or place[1] == pytest.approx(np.add(place[0], by))
        if not by.any():
            assert after == before


def test_placing_there_and_back() -> None:
    rng = np.random.default_rng(1)
    found = Placement(
        np.array([[0.3, -0.2, 0.01, 0.0]]), np.eye(4)[None], np.array([[5.0, 3.0]]), np.ones(1, np.int32)
    )
    xy = rng.uniform(-5, 20, (100, 2))
    assert found.to_points(0, found.to_outline(0, xy)) == pytest.approx(xy)


def test_a_placement_is_its_buildings_own(towns: list[tuple[Town, Placement]]) -> None:
    one, found = towns[1]
    order = np.random.default_rng(1).permutation(len(one.evidence))
    again = place_outlines([one.evidence[row] for row in order], threads=1)
    assert np.array_equal(again.value, found.value[order])
    assert np.array_equal(again.covariance, found.covariance[order])
    # A tile that owns a few of the buildings finds the same.
    owned = np.zeros(len(one.evidence), bool)
    owned[::5] = True
    few = town("suburb", 2, shift=SHIFTS[1][0], turn=SHIFTS[1][1], owned=owned)
    assert np.array_equal(place_outlines(few.evidence).value, found.value[::5])
    assert [item.id for item in placed(few.evidence, place_outlines(few.evidence))] == [
        item.id for item in few.evidence
    ]
