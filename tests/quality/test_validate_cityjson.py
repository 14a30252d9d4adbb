"""Every fault has its code and no other; what geovision writes has none."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import manifold3d
import numpy as np
import pytest
import trimesh

import geovision
from geovision.errors import InputError, UsageError
from geovision.quality.codes import CODES
from tests.quality import faults

TIMES = 15
DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> faults.Document:
    """Random solids; seeds whose building the kernel refuses have no geometry."""
    return faults.document(tmp_path_factory.mktemp("sound") / "b.city.jsonl", list(range(40, 70)))


def test_random_solids_of_ours_have_no_code(tmp_path: Path) -> None:
    found = 0
    for lod in (11, 12, 13, 22, 23):
        path = tmp_path / "b.city.jsonl"
        faults.document(path, list(range(10_000, 10_400)), lod)
        report = geovision.validate(path, planarity=0.002, ignore=[609])
        assert not report.counts, report.findings
        found += report.primitives
    assert found > 1900


def test_a_sliver_is_looked_at_from_every_side(tmp_path: Path) -> None:
    """Seed 671 has a facet half a millimetre wide: its plane is rounding, and from above it is simple."""
    for lod in (22, 23):
        faults.document(tmp_path / "b.city.jsonl", [671], lod)
        assert not geovision.validate(tmp_path / "b.city.jsonl", ignore=[609]).counts


def test_a_generated_town_has_no_code(tmp_path: Path) -> None:
    for lod in ("1.2", "1.3", "2.2", "2.3"):
        path = tmp_path / "town.city.jsonl"
        town = geovision.generate(area=(0, 0, 400, 300), seed=11)
        geovision.write_cityjsonseq(path, geovision.mesh(town, lod=lod), crs="EPSG:28992", lod=lod)
        report = geovision.validate(path, planarity=0.002)
        assert report.primitives > 100
        assert not report.counts, report.findings


@pytest.mark.parametrize(("how", "code"), faults.FAULTS, ids=[how.__name__ for how, _ in faults.FAULTS])
def test_a_fault_has_its_code_and_no_other(
    how: faults.Break, code: int, sound: faults.Document, tmp_path: Path
) -> None:
    done = 0
    for seed in range(8 * TIMES):
        data = faults.broken(sound, how, Random(f"{how.__name__}-{seed}"))
        if data is None:
            continue
        assert faults.codes(tmp_path / "b.city.json", data) == {code}, f"seed {seed}"
        done += 1
        if done == TIMES:
            return
    pytest.fail("too few solids could have the fault")


def test_trimesh_and_manifold_agree_on_closed_and_oriented(sound: faults.Document) -> None:
    def judge(shell: list[faults.Face], data: faults.Document) -> tuple[bool, bool, bool]:
        # A hub for every face: enough for topology, and no cut of one face is an edge of another.
        hub = len(data["vertices"])
        triangles = [
            (hub + row, start, end)
            for row, face in enumerate(shell)
            for ring in face
            for start, end in zip(ring, [*ring[1:], ring[0]], strict=True)
        ]
        vertices = np.array(data["vertices"], float)
        middles = [vertices[[index for ring in face for index in ring]].mean(axis=0) for face in shell]
        places = np.concatenate([vertices, middles])
        mesh = trimesh.Trimesh(places, triangles, process=False, validate=False)
        used, compact = np.unique(np.array(triangles, np.uint64), return_inverse=True)
        corners = np.ascontiguousarray(places[used])
        body = manifold3d.Manifold(
            manifold3d.Mesh64(corners, np.ascontiguousarray(compact.reshape(-1, 3).astype(np.uint64)))
        )
        manifold = body.status() == manifold3d.Error.NoError
        return bool(mesh.is_watertight), bool(mesh.is_winding_consistent), manifold

    single = [
        g["boundaries"][0] for g in faults.solids(sound) if all(len(f) == 1 for f in g["boundaries"][0])
    ]
    assert len(single) > 15
    for shell in single:
        assert judge(shell, sound) == (True, True, True)
    for how, wanted in ((faults.hole, 0), (faults.flipped_face, 1)):
        said = 0
        for seed in range(TIMES):
            rng = Random(seed)
            data = faults.broken(sound, how, rng)
            if data is None:
                continue
            changed = [
                after["boundaries"][0]
                for before, after in zip(faults.solids(sound), faults.solids(data), strict=True)
                if before["boundaries"] != after["boundaries"]
            ]
            if any(len(face) > 1 for face in changed[0]):
                continue
            verdict = judge(changed[0], data)
            assert not verdict[wanted]
            assert not verdict[2]
            said += 1
        assert said > 5


@pytest.mark.skipif(not DATA.is_dir(), reason="shared/data is not here")
def test_a_published_model_is_judged_as_val3dity_judges_it() -> None:
    report = geovision.validate(DATA / "cityjson" / "rotterdam_delfshaven.city.json")
    assert report.objects == 853
    # val3dity calls 646 of them valid.
    assert abs(report.objects - report.invalid - 646) <= 4


def cube(x: float, y: float, z: float, size: float) -> tuple[list[list[int]], list[faults.Face]]:
    """Corners in millimetres and the faces of a cube that faces outwards."""
    low, high = (0.0, size)
    corners = [
        [round(1000 * (a + b)) for a, b in zip((x, y, z), offset, strict=True)]
        for offset in [
            (u, v, w) for w in (low, high) for u, v in ((low, low), (high, low), (high, high), (low, high))
        ]
    ]
    faces = [[[3, 2, 1, 0]], [[4, 5, 6, 7]], [[0, 1, 5, 4]], [[1, 2, 6, 5]], [[2, 3, 7, 6]], [[3, 0, 4, 7]]]
    return corners, faces


def cubes(kind: str, *members: tuple[float, float, float, float, bool]) -> faults.Document:
    """Cubes (x, y, z, size, inverted) as the shells of one solid, one shell, or the solids of a composite."""
    vertices: list[list[int]] = []
    shells = []
    for x, y, z, size, inverted in members:
        corners, faces = cube(x, y, z, size)
        first = len(vertices)
        vertices += corners
        shells.append(
            [[ring[::-1] if inverted else ring for ring in face] for face in faults.shifted(faces, first)]
        )
    boundaries: Any = {
        "shells": shells,
        "one shell": [[face for shell in shells for face in shell]],
        "CompositeSolid": [[shell] for shell in shells],
    }[kind]
    name = "CompositeSolid" if kind == "CompositeSolid" else "Solid"
    geometry = {"type": name, "lod": "2", "boundaries": boundaries}
    return {
        "type": "CityJSON",
        "version": "2.0",
        "transform": {"scale": [0.001] * 3, "translate": [85000.0, 447000.0, 0.0]},
        "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/7415"},
        "CityObjects": {"a": {"type": "Building", "geometry": [geometry]}},
        "vertices": vertices,
    }


OUTER = (0.0, 0.0, 0.0, 10.0, False)
SHELLS = [
    ("shells", [OUTER, (2, 2, 2, 3, True)], set()),
    ("shells", [OUTER, (2, 2, 2, 3, True), (6, 6, 6, 3, True)], set()),
    ("shells", [OUTER, (2, 2, 2, 3, False)], {405}),
    ("shells", [OUTER, (20, 2, 2, 3, True)], {403}),
    ("shells", [OUTER, (8, 2, 2, 3, True)], {401}),
    ("shells", [OUTER, (0, 0, 0, 10, True)], {402}),
    ("shells", [OUTER, (2, 2, 2, 6, True), (3, 3, 3, 2, True)], {401}),
    ("one shell", [OUTER, (20, 0, 0, 10, False)], {305}),
    ("one shell", [OUTER, (10, 10, 0, 10, False)], {303}),
    ("one shell", [OUTER, (10, 10, 10, 10, False)], {305}),
    ("CompositeSolid", [OUTER, (10, 0, 0, 10, False)], set()),
    ("CompositeSolid", [OUTER, (5, 0, 0, 10, False)], {501}),
    ("CompositeSolid", [OUTER, (5, 5, 5, 10, False)], {501}),
    ("CompositeSolid", [OUTER, (2, 2, 2, 3, False)], {501}),
    ("CompositeSolid", [OUTER, (0, 0, 0, 10, False)], {502}),
]


@pytest.mark.parametrize(("kind", "members", "wanted"), SHELLS)
def test_shells_and_solids_beside_each_other(
    kind: str, members: list[Any], wanted: set[int], tmp_path: Path
) -> None:
    assert faults.codes(tmp_path / "a.city.json", cubes(kind, *members)) == wanted


def test_parts_of_a_building_may_touch_but_not_overlap(tmp_path: Path) -> None:
    for x, wanted in ((10.0, set()), (9.0, {601}), (0.0, {601})):
        data = cubes("CompositeSolid", OUTER, (x, 0, 0, 10, False))
        solids = data["CityObjects"]["a"].pop("geometry")[0]["boundaries"]
        data["CityObjects"]["a"]["children"] = ["p", "q"]
        for name, solid in zip("pq", solids, strict=True):
            geometry = [{"type": "Solid", "lod": lod, "boundaries": solid} for lod in ("1", "2")]
            data["CityObjects"][name] = {"type": "BuildingPart", "parents": ["a"], "geometry": geometry}
        assert faults.codes(tmp_path / "a.city.json", data) == wanted


SQUARE = [(0, 0), (10, 0), (10, 10), (0, 10)]
HOLE = [(2, 2), (2, 4), (4, 4), (4, 2)]
RINGS = [
    ([SQUARE], set()),
    ([SQUARE, HOLE], set()),
    ([SQUARE, [(8, 2), (8, 4), (12, 4), (12, 2)]], {201}),
    ([SQUARE, [(0, 2), (0, 4), (4, 4), (4, 2)]], {201}),
    ([SQUARE, SQUARE[::-1]], {202}),
    ([SQUARE, [(0, 5), (5, 10), (10, 5), (5, 0)]], {205}),
    ([SQUARE, [(0, 5), (4, 6), (4, 4)]], set()),
    ([SQUARE, [(12, 2), (12, 4), (14, 4), (14, 2)]], {206}),
    ([SQUARE, [(1, 1), (1, 9), (9, 9), (9, 1)], HOLE], {207}),
    ([SQUARE, HOLE[::-1]], {208}),
    ([[(0, 0), (10, 0), (5, 0)]], {104}),
    ([[(0, 0), (10, 0), (10, 10), (5, 0), (0, 10)]], {104}),
]


@pytest.mark.parametrize(("rings", "wanted"), RINGS)
@pytest.mark.parametrize("steep", [False, True])
def test_rings_of_a_polygon(
    rings: list[list[tuple[float, float]]], wanted: set[int], steep: bool, tmp_path: Path
) -> None:
    vertices: list[list[float]] = []
    surface = []
    for ring in rings:
        surface.append(list(range(len(vertices), len(vertices) + len(ring))))
        vertices += [[1000 * x, 0, 1000 * y] if steep else [1000 * x, 1000 * y, 0] for x, y in ring]
    data = cubes("shells", OUTER)
    data["vertices"] = vertices
    geometry = {"type": "MultiSurface", "lod": "2", "boundaries": [surface]}
    data["CityObjects"]["a"]["geometry"] = [geometry]
    assert faults.codes(tmp_path / "a.city.json", data) == wanted


def test_a_roof_that_sinks_through_the_floor_crosses_it(tmp_path: Path) -> None:
    data = cubes("shells", OUTER)
    data["vertices"] = [[0, 0, 0], [8000, 0, 0], [8000, 8000, 0], [0, 8000, 0]]
    data["vertices"] += [[x, y, 3000] for x, y, _ in data["vertices"]] + [[4000, 4000, -1000]]
    floor, _, *walls = cube(0, 0, 0, 1)[1]
    roof = [[[4, 5, 8]], [[5, 6, 8]], [[6, 7, 8]], [[7, 4, 8]]]
    data["CityObjects"]["a"]["geometry"][0]["boundaries"] = [[floor, *walls, *roof]]
    assert faults.codes(tmp_path / "a.city.json", data) == {306}


def test_a_small_fold_is_one(tmp_path: Path) -> None:
    data = cubes("shells", OUTER)
    # Within 10 mm of a plane, but the last triangle stands on edge.
    data["vertices"] = [[0, 0, 0], [4000, 0, 0], [4000, 3000, 0], [3990, 3010, 16], [0, 3000, 0]]
    geometry = {"type": "MultiSurface", "lod": "2", "boundaries": [[[0, 1, 2, 3, 4]]]}
    data["CityObjects"]["a"]["geometry"] = [geometry]
    assert faults.codes(tmp_path / "a.city.json", data, planarity=0.02) == {204}


def test_roofs_that_face_down_are_warnings(tmp_path: Path) -> None:
    data = cubes("shells", OUTER)
    names = ("RoofSurface", "GroundSurface", "WallSurface")
    semantics = {"surfaces": [{"type": name} for name in names], "values": [[1, 0, 2, 2, 2, 2]]}
    data["CityObjects"]["a"]["geometry"][0]["semantics"] = semantics
    assert faults.codes(tmp_path / "a.city.json", data) == set()
    semantics["values"] = [[0, 1, 2, 2, 2, 2]]
    report = geovision.validate(tmp_path / "a.city.json")
    assert report.ok
    assert faults.codes(tmp_path / "a.city.json", data) == {844, 845}
    report = geovision.validate(tmp_path / "a.city.json")
    assert report.ok
    assert report.warnings == 2
    semantics["values"] = [[1, 2, 0, 0, 0, 0]]
    assert faults.codes(tmp_path / "a.city.json", data) == {846}


def test_points_nearer_than_the_tolerance_are_one(tmp_path: Path) -> None:
    data = cubes("shells", OUTER)
    data["transform"]["scale"] = [0.0001] * 3
    data["vertices"] = [[10 * value for value in vertex] for vertex in data["vertices"]]
    # A face of its own corners, 0.6 mm off.
    data["vertices"] += [[x + 6, y, z] for x, y, z in data["vertices"][4:8]]
    shell = data["CityObjects"]["a"]["geometry"][0]["boundaries"][0]
    shell[1] = [[8, 9, 10, 11]]
    assert faults.codes(tmp_path / "a.city.json", data) == set()
    assert faults.codes(tmp_path / "a.city.json", data, snap=0.0001) == {302}


def test_a_sequence_is_checked_line_by_line(sound: faults.Document, tmp_path: Path) -> None:
    path = tmp_path / "b.city.jsonl"
    faults.document(path, [1, 2, 3])
    lines = path.read_text().splitlines()
    cases: list[tuple[list[str], set[int]]] = [
        (lines, set()),
        ([*lines, lines[1]], {831}),
        ([*lines[:-1], lines[-1][:200]], {901}),
        (lines[1:], {901}),
        ([*lines, "[]"], {802}),
        ([*lines, '{"type":"CityJSONFeature","id":"x","CityObjects":{},"vertices":[]}'], {806}),
    ]
    for text, wanted in cases:
        path.write_text("\n".join(text))
        assert geovision.validate(path, ignore=[609]).codes == wanted


def test_a_key_that_comes_twice_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.city.json"
    text = json.dumps(cubes("shells", OUTER))
    item = json.dumps(cubes("shells", OUTER)["CityObjects"]["a"])
    path.write_text(text.replace('"CityObjects": {', f'"CityObjects": {{"a": {item}, '))
    report = geovision.validate(path)
    assert report.codes == {831}


def test_the_report_does_not_depend_on_threads_and_counts_all(tmp_path: Path) -> None:
    path = tmp_path / "b.city.jsonl"
    faults.document(path, list(range(40)))
    text = path.read_text().replace('"WallSurface"', '"Wall"')
    path.write_text(text)
    reports = [geovision.validate(path, threads=threads, limit=3) for threads in (1, 3)]
    assert reports[0] == reports[1]
    assert reports[0].counts[843] > 20
    assert len([item for item in reports[0].findings if item.code == 843]) == 3
    assert reports[0].invalid > 20


def test_what_is_no_file_of_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there"):
        geovision.validate(tmp_path / "none.city.json")
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(UsageError, match="no format"):
        geovision.validate(tmp_path / "a.txt")
    with pytest.raises(UsageError, match="code 7"):
        geovision.validate(tmp_path / "a.txt", ignore=[7])
    (tmp_path / "a.city.json").write_text("{")
    assert geovision.validate(tmp_path / "a.city.json").codes == {901}


def test_any_json_is_safe_to_read(tmp_path: Path) -> None:
    """Values swapped for others at random end in findings, never in an error."""
    data = cubes("shells", OUTER, (2, 2, 2, 3, True))
    semantics = {"surfaces": [{"type": "RoofSurface"}], "values": [[0] * 6, None]}
    data["CityObjects"]["a"]["geometry"][0]["semantics"] = semantics
    path = tmp_path / "a.city.json"
    for seed in range(400):
        rng = Random(f"json-{seed}")
        changed = json.loads(json.dumps(data))
        places: list[tuple[Any, Any]] = []
        pending: list[Any] = [changed]
        while pending:
            item = pending.pop()
            keys = list(item) if isinstance(item, dict) else range(len(item))
            places += [(item, key) for key in keys]
            pending += [item[key] for key in keys if isinstance(item[key], (dict, list))]
        for _ in range(rng.randint(1, 3)):
            item, key = rng.choice(places)
            item[key] = rng.choice(
                [None, -1, 10**12, 1.5, "x", [], {}, [[]], [[[1]]], True, float("nan"), {"a": 1}, 10**30]
            )
        path.write_text(json.dumps(changed))
        report = geovision.validate(path)
        assert report.codes <= set(CODES)
