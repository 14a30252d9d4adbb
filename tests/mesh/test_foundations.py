"""Walls carried down: solids stay what they were, deeper; judged by the exact checker on random buildings."""

from __future__ import annotations

import numpy as np

from geovision import _kernel
from geovision.mesh import Solids, mesh
from geovision.mesh.check import check
from geovision.mesh.foundations import on_lower_ground, with_foundations
from geovision.model import Flat, Part, Program
from geovision.model.labels import Label, Provenance
from geovision.pipeline.generate import generate
from tests import strategies


def random_solids(count: int, lod: int) -> Solids:
    cases = [strategies.case(seed) for seed in range(count)]
    arrays = _kernel.compile_solids(strategies.to_arrays(cases), lod=lod, threads=1, polygons=False)
    solids = Solids(arrays)
    assert (solids.status == 0).sum() > count / 2
    return solids


def test_random_buildings_stay_sound() -> None:
    for lod in (11, 22, 23):
        solids = random_solids(1500, lod)
        before = check(solids.arrays(), self_intersection=True, planarity=1e9)
        ground = solids.origin[:, 2] + np.array(
            [one.local_vertices[:, 2].min() if len(one.local_vertices) else 0.0 for one in solids]
        )
        floor = ground - np.random.default_rng(lod).choice([-1.0, 0.0, 0.004, 0.5, 30.0], len(solids))
        floor[::50] = np.nan
        deeper = with_foundations(solids, floor)
        after = check(deeper.arrays(), self_intersection=True, planarity=1e9)
        steps = np.where(floor < ground - 1e-9, ground - floor, 0.0)
        steps[(steps > 0) & (steps < 0.01)] = 0.01
        worse = set(after.faulty.tolist()) - set(before.faulty.tolist())
        assert not worse, after.describe(next(iter(worse)))
        for building in range(0, len(solids), 7):
            one, other = solids[building], deeper[building]
            if not len(one.triangles):
                assert not len(other.triangles)
                continue
            on_ground = one.area(Label.GROUND) if steps[building] else 0.0
            drop = np.ceil(round(steps[building] / 0.001, 6)) * 0.001
            np.testing.assert_allclose(other.volume, one.volume + on_ground * drop, rtol=1e-9)
            assert other.area(Label.ROOF, Label.UNDERSIDE) == one.area(Label.ROOF, Label.UNDERSIDE)


def test_programs_on_lower_ground_have_the_same_roofs() -> None:
    table = generate(area=(0.0, 0.0, 250.0, 250.0), seed=3)
    floor = table.ground_z - np.random.default_rng(0).choice([-1.0, 0.0, 0.004, 0.5, 3.217], len(table))
    floor[::50] = np.nan
    lower = on_lower_ground(table, floor)
    depth = table.ground_z - lower.ground_z
    wanted = np.fmax(table.ground_z - floor, 0.0)
    assert (depth[wanted == 0] == 0).all()
    np.testing.assert_allclose(depth[wanted > 0], np.maximum(wanted, 0.01)[wanted > 0], atol=0.001)
    for one, other, down in zip(mesh(table, lod="2.3"), mesh(lower, lod="2.3"), depth, strict=True):
        assert other.status == one.status
        np.testing.assert_allclose(other.area(Label.ROOF), one.area(Label.ROOF), rtol=1e-4)
        deeper = one.volume + one.area(Label.GROUND) * down
        np.testing.assert_allclose(other.volume, deeper, rtol=1e-4)


def test_new_walls_are_inferred_and_belong_to_the_wall_above() -> None:
    part = Part(shell=[(0, 0), (8, 0), (8, 8), (0, 8)], eave_height=5.0, roof=Flat())
    table = [Program(id=name, ground_z=10.0, parts=[part]) for name in "abc"]
    solids = mesh(table, polygons=False)
    same = with_foundations(solids, np.array([np.nan, 10.0, 11.0]))
    assert same is solids
    deeper = with_foundations(solids, np.array([np.nan, 8.5, 10.0]))
    assert [len(one.triangles) for one in deeper] == [12, 20, 12]
    house = deeper[1]
    new = house.face_provenance == Provenance.INFERRED
    assert new.sum() == 4
    assert set(house.face_labels[new]) == {Label.WALL}
    assert sorted(house.face_surfaces[new]) == sorted(
        house.face_surfaces[house.face_labels == Label.WALL][:4]
    )
    assert house.vertices[:, 2].min() == 8.5
    assert deeper.ids == solids.ids
