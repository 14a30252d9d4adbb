"""The mesh room: what a person sees of the kernel's solids, against shapely, trimesh and formulas."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

import geovision
from geovision.errors import GeometryError, UsageError
from geovision.mesh import LODS, check, lod0
from geovision.model import Chimney, Flat, Gabled, Hipped, Mansard, Part, Program
from geovision.model.labels import Label, Provenance, Status, StatusFlag

L_PLAN = [(155000.25, 463000.5), (155014.25, 463000.5), (155014.25, 463006.5), (155006.25, 463006.5),
          (155006.25, 463014.5), (155000.25, 463014.5)]  # fmt: skip
YARD = [(155002.0, 463002.0), (155004.0, 463002.0), (155004.0, 463004.0), (155002.0, 463004.0)]


def building(name: str = "b", overhang: float = 0.0) -> Program:
    part = Part(shell=L_PLAN, holes=[YARD], eave_height=5.0, overhang=overhang, roof=Hipped(ridge_height=8.0))
    return Program(id=name, ground_z=1.25, parts=[part])


def flat(name: str, *corners: tuple[float, float], eave: float = 3.0) -> Program:
    return Program(id=name, parts=[Part(shell=list(corners), eave_height=eave, roof=Flat())])


@pytest.mark.parametrize("lod", LODS)
def test_every_level_is_sound_and_stands_on_its_footprint(lod: str) -> None:
    solids = geovision.mesh([building()], lod=lod)
    assert not len(check(solids, self_intersection=True).faulty)
    solid = solids[0]
    assert solid.to_trimesh().is_volume
    assert solid.volume == pytest.approx(solid.to_trimesh().volume, rel=1e-9)
    plan = shapely.Polygon(L_PLAN, [YARD])
    assert solid.area(Label.GROUND) == pytest.approx(plan.area, abs=0.001 * plan.length)
    assert solid.vertices[:, 2].min() == pytest.approx(1.25, abs=1e-9)
    low, high = solid.vertices[:, :2].min(axis=0), solid.vertices[:, :2].max(axis=0)
    assert np.allclose([*low, *high], plan.bounds, atol=0.001)


def test_blocks_are_halfway_between_eave_and_ridge() -> None:
    block = geovision.mesh([building()], lod="1.2")[0]
    plan = shapely.Polygon(L_PLAN, [YARD])
    assert block.volume == pytest.approx(plan.area * 6.5, rel=1e-3)


def test_overhang_reaches_out_only_at_level_2_3() -> None:
    program = building(overhang=0.5)
    inside, outside = (geovision.mesh([program], lod=lod)[0].vertices for lod in ("2.2", "2.3"))
    assert outside[:, 0].min() == pytest.approx(inside[:, 0].min() - 0.5, abs=0.002)
    assert outside[:, 1].max() == pytest.approx(inside[:, 1].max() + 0.5, abs=0.002)


def test_polygon_faces_cover_the_same_surface_as_the_triangles() -> None:
    solid = geovision.mesh([building()])[0]
    vertices = solid.vertices - solid.origin
    total = 0.0
    for rings in solid.rings:
        normal = sum(
            (np.cross(vertices[r], vertices[np.roll(r, -1)]).sum(axis=0) for r in rings), np.zeros(3)
        )
        total += float(np.linalg.norm(normal)) / 2
    assert total == pytest.approx(solid.area(), rel=1e-9)
    assert geovision.mesh([building()], polygons=False)[0].rings == [[]] * len(solid.rings)


def test_world_coordinates_are_origin_plus_whole_millimetres() -> None:
    solid = geovision.mesh([building()])[0]
    assert np.array_equal(solid.origin, np.floor(solid.origin))
    assert solid.grid_vertices.dtype == np.int32
    assert np.array_equal(solid.vertices, solid.origin + solid.grid_vertices * 0.001)


def test_failures_are_recorded_or_raised() -> None:
    # Legal as a program: only the roof's own geometry shows that the break lies beyond the ridge.
    narrow = Part(
        shell=[(0, 0), (9, 0), (9, 2), (0, 2)],
        eave_height=3.0,
        roof=Mansard(ridge_height=6.0, break_height=5.0, break_inset=0.999),
    )
    programs = [flat("good", (0, 0), (5, 0), (5, 4), (0, 4)), Program(id="bad", parts=[narrow])]
    solids = geovision.mesh(programs, on_error="record")
    assert [f.id for f in solids.failures] == ["bad"]
    assert solids.failures[0].status is Status.BAD_PARAMETER
    assert "Validate" in solids.failures[0].message
    assert solids[0].status is Status.OK
    assert len(solids[1].triangles) == 0
    assert solids[1].volume == 0.0
    with pytest.raises(GeometryError, match="'bad'"):
        geovision.mesh(programs)
    with pytest.raises(UsageError, match="lod '9'"):
        geovision.mesh(programs, lod="9")


def test_touching_corners_are_flagged_and_several_solids_are_told_apart() -> None:
    touching = Program(
        id="corner",
        parts=[
            Part(shell=[(0, 0), (4, 0), (4, 4), (0, 4)], eave_height=3.0, roof=Flat()),
            Part(shell=[(4, 4), (8, 4), (8, 8), (4, 8)], eave_height=5.0, roof=Flat()),
        ],
    )
    apart = Program(
        id="apart",
        parts=[
            Part(shell=[(0, 0), (4, 0), (4, 4), (0, 4)], eave_height=3.0, roof=Flat()),
            Part(shell=[(9, 0), (12, 0), (12, 4), (9, 4)], eave_height=3.0, roof=Flat()),
        ],
    )
    solids = geovision.mesh([touching, apart])
    assert StatusFlag.SEPARATED in solids[0].flags
    assert StatusFlag.SEVERAL_SOLIDS in solids[1].flags
    assert sorted(set(solids.arrays()["face_solid"].tolist())) == [0, 1]
    assert not len(check(solids, self_intersection=True).faulty)


def test_superstructures_and_labels() -> None:
    part = Part(shell=[(0, 0), (12, 0), (12, 8), (0, 8)], eave_height=5.0, roof=Gabled(ridge_height=8.0))
    chimney = Chimney(part=0, x=4.0, y=5.5, azimuth_deg=0.0, width=0.6, depth=0.8, top_height=9.0)
    solid = geovision.mesh(Program(id="h", parts=[part], superstructures=[chimney]))[0]
    plain = geovision.mesh(Program(id="h", parts=[part]))[0]
    assert solid.area(Label.CHIMNEY) > 0.6 * 0.8
    under = 5.0 + (8 - 5.5) / 4 * 3
    assert solid.volume - plain.volume == pytest.approx(0.6 * 0.8 * (9.0 - under), rel=0.01)


def test_level_0_is_the_footprint_and_the_edge_of_the_roof() -> None:
    outline = lod0(building(overhang=0.5))[0]
    plan = shapely.Polygon(L_PLAN, [YARD])
    rings = outline.footprint[0]
    assert (
        shapely.Polygon(rings[0][:, :2], [r[:, :2] for r in rings[1:]]).symmetric_difference(plan).area < 0.06
    )
    edge = shapely.union_all([shapely.Polygon(p[0][:, :2]) for p in outline.roof_edge])
    grown = shapely.Polygon(L_PLAN).buffer(0.5, join_style="mitre")
    assert edge.symmetric_difference(grown).area < 0.1
    assert {float(z) for z in outline.roof_edge[0][0][:, 2]} == {7.75}


def test_a_batch_is_a_sequence() -> None:
    solids = geovision.mesh([building("a"), building("b")])
    assert len(solids) == 2
    assert [s.id for s in solids] == ["a", "b"]
    assert solids[-1].id == "b"
    assert [s.id for s in solids[0:2]] == ["a", "b"]
    with pytest.raises(IndexError):
        solids[2]


def test_faces_know_how_they_are_known() -> None:
    program = building().replace(
        provenance={"default": "given", "parts/0/roof": "observed", "parts/0/eave_height": "inferred"}
    )
    solid = geovision.mesh([program, building("plain")])[0]
    by_label = {
        label: {Provenance(int(code)) for code in solid.face_provenance[solid.face_labels == label]}
        for label in (Label.ROOF, Label.WALL, Label.GROUND)
    }
    assert by_label == {
        Label.ROOF: {Provenance.OBSERVED},
        Label.WALL: {Provenance.INFERRED},
        Label.GROUND: {Provenance.GIVEN},
    }
    town = geovision.mesh(geovision.generate(area=(0, 0, 120, 120), seed=1))
    assert set(town.arrays()["face_provenance"].tolist()) == {Provenance.INFERRED}


@pytest.mark.parametrize("polygons", [True, False])
def test_taken_solids_are_those_of_the_taken_programs(polygons: bool) -> None:
    table = geovision.generate(count=60, seed=5)
    rows = np.random.default_rng(3).integers(0, len(table), 80)
    solids = geovision.mesh(table, polygons=polygons)
    for chosen in (rows, rows[:0]):
        taken = solids.take(chosen)
        again = geovision.mesh(table.take(chosen), polygons=polygons)
        assert taken.ids == again.ids
        assert taken.arrays().keys() == again.arrays().keys()
        for name, value in again.arrays().items():
            np.testing.assert_array_equal(taken.arrays()[name], value, err_msg=name, strict=True)
