from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from geovision.errors import InputError
from geovision.formats.columns import encode_column
from geovision.formats.glb import glb_bytes, write_glb
from tests.helpers_glb import parse_glb
from tests.helpers_solids import FakeSolids, solids_of, village, world_vertices

# A corner of the country in the CRS that is named: the largest coordinates people bring.
PLACES = {
    "EPSG:28992": (155000.0, 463000.0, 3.0),
    "EPSG:2056": (2_600_000.0, 1_200_000.0, 540.0),
    "EPSG:25832": (691_000.0, 5_336_000.0, 515.0),
    "EPSG:3006": (617_000.0, 7_620_000.0, 420.0),
    "EPSG:31287": (530_000.0, 480_000.0, 170.0),
    "EPSG:32756": (334_000.0, 6_250_000.0, 40.0),
    "EPSG:2193": (1_748_000.0, 5_427_000.0, -2.0),
}


def expected_triangles(solids: FakeSolids) -> set[tuple[int, tuple[tuple[int, ...], ...]]]:
    """Every triangle as (building, its corners in world millimetres, smallest first)."""
    result = set()
    offsets = solids.data["triangle_offsets"]
    for building in range(len(solids)):
        world = np.rint(world_vertices(solids, building) * 1000).astype(np.int64)
        for triangle in solids.data["triangles"][offsets[building] : offsets[building + 1]]:
            result.add((building, turned(world[triangle])))
    return result


def turned(corners: Any) -> tuple[tuple[int, ...], ...]:
    rows = [tuple(int(c) for c in corner) for corner in corners]
    start = rows.index(min(rows))
    return tuple(rows[start:] + rows[:start])


@pytest.mark.parametrize(("crs", "place"), PLACES.items())
def test_world_coordinates_come_back(crs: str, place: tuple[float, float, float]) -> None:
    solids = village(14, at=place)
    glb = parse_glb(glb_bytes(solids, crs=crs))
    corners, features = glb.world_triangles()
    millimetres = corners * 1000
    assert np.abs(millimetres - np.rint(millimetres)).max() < 0.05
    got = {(int(f), turned(np.rint(c))) for f, c in zip(features, millimetres, strict=True)}
    assert got == expected_triangles(solids)
    assert glb.json["asset"]["extras"]["crs"] == crs
    assert glb.json["scenes"][0]["extras"]["crs"] == crs


def test_under_a_millimetre_at_the_largest_reach() -> None:
    solids = village(2, at=(2_600_000.0, 1_200_000.0, 540.0))
    solids.data["origin"][1] += (32_000.0, 31_000.0, 0.0)
    corners, features = parse_glb(glb_bytes(solids)).world_triangles()
    for building in (0, 1):
        got = corners[features == building].reshape(-1, 3)
        world = world_vertices(solids, building)
        nearest = np.linalg.norm(got[:, None] - world[None], axis=2).min(axis=1)
        assert nearest.max() < 0.001


def test_too_far_apart_is_refused() -> None:
    solids = village(2)
    solids.data["origin"][1] += (40_000.0, 0.0, 0.0)
    with pytest.raises(InputError, match=r"float32.*several tiles"):
        glb_bytes(solids)


def test_accessors_are_exact_and_aligned() -> None:
    glb = parse_glb(glb_bytes(village(30)))
    for view in glb.json["bufferViews"]:
        assert view["byteOffset"] % 4 == 0
    for primitive in glb.primitives:
        position = glb.json["accessors"][primitive["attributes"]["POSITION"]]
        values = glb.accessor(primitive["attributes"]["POSITION"])
        assert values.min(axis=0).astype(float).tolist() == position["min"]
        assert values.max(axis=0).astype(float).tolist() == position["max"]
        indices = glb.accessor(primitive["indices"])
        assert np.array_equal(np.unique(indices), np.arange(len(values)))


def test_normals_are_unit_and_those_of_the_faces() -> None:
    glb = parse_glb(glb_bytes(village(9)))
    for primitive in glb.primitives:
        normals = glb.accessor(primitive["attributes"]["NORMAL"]).astype(float)
        assert np.abs(np.linalg.norm(normals, axis=1) - 1).max() < 1e-6
        index = glb.accessor(primitive["indices"]).reshape(-1, 3)
        p = glb.accessor(primitive["attributes"]["POSITION"]).astype(float)[index]
        area = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
        area /= np.linalg.norm(area, axis=1)[:, None]
        for corner in range(3):
            assert np.einsum("ij,ij->i", area, normals[index[:, corner]]).min() > 0.99999


def test_materials_follow_the_labels() -> None:
    glb = parse_glb(glb_bytes(village(6)))
    names = [glb.json["materials"][p["material"]]["name"] for p in glb.primitives]
    assert names == ["roof", "wall", "ground"]
    assert len(glb.json["meshes"]) == 1
    for material in glb.json["materials"]:
        assert material["doubleSided"] is False
        assert all(0 <= c <= 1 for c in material["pbrMetallicRoughness"]["baseColorFactor"])


def test_one_property_table_with_every_type() -> None:
    solids = village(5)
    attributes: dict[str, Any] = {
        "storeys": [1, 2, None, 4, 5],
        "big": [2**40, 0, -1, 1, 2],
        "height": [1.5, float("nan"), 2.5, None, float("inf")],
        "use": ["house", None, "", "Käfig 🏠", "a\nb"],
        "listed": [True, False, True, True, False],
        "maybe": [True, None, False, None, True],
        "area": np.array([1, 2, 3, 4, 5], np.float32),
        "code": np.array([1, 2, 3, 4, 250], np.uint8),
        "wide": np.array([1, 2, 3, 4, 2**63], np.uint64),
        "narrow": np.arange(5),
        "mixed": [1, "two", None, {"three": 3}, 4.5],
    }
    glb = parse_glb(glb_bytes(solids, attributes=attributes))
    assert glb.columns() == {
        "id": ["b0", "b1", "b2", "b3", "b4"],
        "storeys": [1, 2, None, 4, 5],
        "big": [2**40, 0, -1, 1, 2],
        "height": [1.5, None, 2.5, None, None],
        "use": ["house", None, "", "Käfig 🏠", "a\nb"],
        "listed": [True, False, True, True, False],
        "maybe": [1, None, 0, None, 1],
        "area": [1.0, 2.0, 3.0, 4.0, 5.0],
        "code": [1, 2, 3, 4, 250],
        "wide": [1, 2, 3, 4, 2**63],
        "narrow": [0, 1, 2, 3, 4],
        "mixed": ["1", "two", None, '{"three": 3}', "4.5"],
    }
    schema = glb.json["extensions"]["EXT_structural_metadata"]["schema"]["classes"]["building"]["properties"]
    types = {key: schema[key].get("componentType") for key in ("wide", "narrow", "big", "code", "area")}
    assert types == {"wide": "UINT64", "narrow": "INT32", "big": "INT64", "code": "UINT8", "area": "FLOAT32"}
    for primitive in glb.primitives:
        (features,) = primitive["extensions"]["EXT_mesh_features"]["featureIds"]
        assert features == {"featureCount": 5, "attribute": 0, "propertyTable": 0, "label": "building"}


def test_a_failed_building_keeps_its_row() -> None:
    whole = village(3).data
    shape = whole["vertices"][whole["vertex_offsets"][0] : whole["vertex_offsets"][1]]
    faces = [(3, (3, 2, 1, 0)), (0, (4, 5, 6, 7))]
    solids = solids_of([(shape, faces), (shape[:0], []), (shape, faces)], whole["origin"])
    glb = parse_glb(glb_bytes(solids))
    assert glb.columns()["id"] == ["b0", "b1", "b2"]
    assert np.unique(glb.world_triangles()[1]).tolist() == [0, 2]


def test_no_buildings_is_a_valid_file() -> None:
    glb = parse_glb(glb_bytes(solids_of([], np.empty((0, 3)))))
    assert "meshes" not in glb.json
    assert glb.bin == b""


def test_bytes_do_not_depend_on_threads() -> None:
    solids = village(900)
    one = glb_bytes(solids, threads=1)
    assert one == glb_bytes(solids, threads=2) == glb_bytes(solids, threads=8)


def test_place_false_leaves_the_mesh_at_the_origin() -> None:
    glb = parse_glb(glb_bytes(village(2), place=False))
    assert "translation" not in glb.json["nodes"][1]
    assert glb.json["asset"]["extras"]["origin"] == [155010.0, 463000.0, 3.0]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"height": [1.0]}, "'height': has 1 values for 3 buildings"),
        ({"use": ["\ud800", "a", "b"]}, "not valid Unicode"),
        ({"table": np.zeros((3, 2))}, "Give one value a building"),
    ],
)
def test_bad_attributes_are_refused(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        glb_bytes(village(3), attributes=attributes)


def test_names_are_made_to_fit_and_kept() -> None:
    glb = parse_glb(glb_bytes(village(1), attributes={"roof kind": ["a"], "roof-kind": ["b"], "id": ["c"]}))
    assert glb.columns() == {"id": ["c"], "roof_kind": ["a"], "roof_kind_2": ["b"]}
    schema = glb.json["extensions"]["EXT_structural_metadata"]["schema"]["classes"]["building"]["properties"]
    assert schema["roof_kind_2"]["name"] == "roof-kind"


@pytest.mark.parametrize(
    ("key", "index", "value"),
    [("triangles", 4, 99), ("triangles", 4, -1), ("triangle_face", 3, 50), ("face_label", 1, 200)],
)
def test_arrays_that_lie_are_refused(key: str, index: int, value: int) -> None:
    solids = village(2)
    solids.data[key].reshape(-1)[index] = value
    with pytest.raises(ValueError, match="building 0"):
        glb_bytes(solids)


def test_offsets_that_lie_are_refused() -> None:
    for offsets in ([0, 8], [0, 99, 18], [1, 8, 18], [0, 8, 17]):
        solids = village(2)
        solids.data["vertex_offsets"] = np.array(offsets, np.int64)
        with pytest.raises(ValueError, match="vertex_offsets"):
            glb_bytes(solids)


def test_trimesh_reads_it(tmp_path: Path) -> None:
    solids = village(7)
    path = tmp_path / "city.glb"
    write_glb(path, solids, crs="EPSG:28992")
    assert [p.name for p in tmp_path.iterdir()] == ["city.glb"]
    scene = trimesh.load_scene(io.BytesIO(path.read_bytes()), file_type="glb")
    merged = scene.to_mesh()
    assert len(merged.faces) == len(solids.data["triangles"])
    # trimesh keeps glTF's y up; its volume is the sum over the houses.
    merged.merge_vertices(merge_norm=True, merge_tex=True)
    assert merged.is_volume
    world = np.concatenate([world_vertices(solids, b) for b in range(7)])
    x, y, z = world.T
    y_up = np.stack([x, z, -y], axis=1)
    np.testing.assert_allclose(merged.bounds, [y_up.min(axis=0), y_up.max(axis=0)], atol=1e-3, rtol=0)


def test_whole_numbers_beyond_every_float_become_text() -> None:
    column = encode_column("n", [10**400, None])
    assert column.schema["type"] == "STRING"
    assert column.buffers["values"] == str(10**400).encode()
