"""CityJSONSeq: what is written reads back as the same closed solids, with semantics from the labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geovision
from geovision import _kernel
from geovision.errors import InputError
from geovision.formats.attributes import PROGRAM
from geovision.formats.cityjson import (
    cityjson_from_seq,
    open_cityjsonseq,
    reference_system,
    write_cityjsonseq,
)
from geovision.mesh import Solids
from geovision.model import Chimney, Flat, Part, Program, ProgramTable
from geovision.model.labels import Label

SEMANTIC = {
    Label.ROOF: "RoofSurface",
    Label.DORMER_ROOF: "RoofSurface",
    Label.WALL: "WallSurface",
    Label.STEP_WALL: "WallSurface",
    Label.DORMER_WALL: "WallSurface",
    Label.GROUND: "GroundSurface",
    Label.UNDERSIDE: "OuterCeilingSurface",
}


@pytest.fixture(scope="module")
def city() -> Solids:
    # lod 2.3 has overhangs, and so undersides.
    return geovision.mesh(geovision.generate(count=300, seed=11), lod="2.3")


def lines(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    header, *features = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return header, features


def solids_of(feature: dict[str, Any]) -> list[dict[str, Any]]:
    return [g for item in feature["CityObjects"].values() for g in item.get("geometry", [])]


def faults(surfaces: list[list[list[int]]]) -> set[str]:
    """Closed and oriented: every directed edge once, and its opposite once."""
    edges: dict[tuple[int, int], int] = {}
    for rings in surfaces:
        for ring in rings:
            for a, b in zip(ring, ring[1:] + ring[:1], strict=True):
                edges[a, b] = edges.get((a, b), 0) + 1
    found = {"repeated" for count in edges.values() if count > 1}
    return found | {"open" for a, b in edges if (b, a) not in edges}


def test_every_solid_reads_back_exactly(city: Solids, tmp_path: Path) -> None:
    path = tmp_path / "city.city.jsonl"
    write_cityjsonseq(path, city, crs="EPSG:28992")
    header, features = lines(path)
    assert header["version"] == "2.0"
    assert header["transform"]["scale"] == [0.001] * 3
    assert header["metadata"]["referenceSystem"].endswith("/EPSG/0/28992")
    assert [feature["id"] for feature in features] == list(city.ids)
    anchor = np.array(header["transform"]["translate"]) * 1000
    for solid, feature in zip(city, features, strict=True):
        expected = solid.grid_vertices + solid.origin * 1000 - anchor
        assert np.array_equal(np.array(feature["vertices"]), expected)
        surfaces = [surface for g in solids_of(feature) for shell in g["boundaries"] for surface in shell]
        assert sorted(map(str, surfaces)) == sorted(
            str([ring.tolist() for ring in rings]) for rings in solid.rings
        )
        assert not any(faults(g["boundaries"][0]) for g in solids_of(feature))


def test_semantics_follow_the_labels(city: Solids, tmp_path: Path) -> None:
    path = tmp_path / "city.city.jsonl"
    write_cityjsonseq(path, city)
    seen = set()
    for solid, feature in zip(city, lines(path)[1], strict=True):
        types = {
            str(rings): g["semantics"]["surfaces"][value]["type"]
            for g in solids_of(feature)
            for rings, value in zip(g["boundaries"][0], g["semantics"]["values"][0], strict=True)
        }
        for rings, label in zip(solid.rings, solid.face_labels.tolist(), strict=True):
            if Label(label) in SEMANTIC:
                assert types[str([ring.tolist() for ring in rings])] == SEMANTIC[Label(label)]
                seen.add(Label(label))
    assert {Label.ROOF, Label.WALL, Label.GROUND, Label.UNDERSIDE, Label.STEP_WALL} <= seen


def test_a_chimney_has_a_top_and_walls(tmp_path: Path) -> None:
    shell = [(0, 0), (8, 0), (8, 5), (0, 5)]
    house = Program(
        id="a",
        parts=[Part(shell=shell, eave_height=3.0, roof=geovision.Gabled(ridge_height=5.0))],
        superstructures=[Chimney(part=0, x=2, y=2, azimuth_deg=20, width=0.6, depth=0.6, top_height=6.0)],
    )
    path = tmp_path / "a.city.jsonl"
    write_cityjsonseq(path, geovision.mesh(house))
    geometry = solids_of(lines(path)[1][0])[0]
    surfaces = geometry["semantics"]["surfaces"]
    kinds = [
        surfaces[v]["type"]
        for v in geometry["semantics"]["values"][0]
        if surfaces[v].get("structure") == "chimney"
    ]
    assert sorted(set(kinds)) == ["RoofSurface", "WallSurface"]
    assert kinds.count("RoofSurface") == 1


def test_several_solids_become_building_parts(tmp_path: Path) -> None:
    apart = [
        Part(shell=[(x, 0), (x + 4, 0), (x + 4, 4), (x, 4)], eave_height=3.0, roof=Flat()) for x in (0, 10)
    ]
    path = tmp_path / "two.city.jsonl"
    write_cityjsonseq(path, geovision.mesh(Program(id='say "two" 🏠', parts=apart)))
    (feature,) = lines(path)[1]
    objects = feature["CityObjects"]
    root = objects[feature["id"]]
    assert feature["id"] == 'say "two" 🏠'
    assert "geometry" not in root
    assert root["children"] == [f"{feature['id']}#0", f"{feature['id']}#1"]
    assert all(objects[child]["parents"] == [feature["id"]] for child in root["children"])
    assert all(len(objects[child]["geometry"]) == 1 for child in root["children"])


def test_a_building_without_a_solid_keeps_its_line(tmp_path: Path) -> None:
    bow = ProgramTable.from_arrays(
        ids=["bow"],
        ground_z=np.zeros(1),
        part_offsets=np.arange(2),
        roof_kind=np.zeros(1, np.uint8),
        eave=np.full(1, 3.0),
        roof_params=np.full((1, 8), np.nan),
        ring_offsets=np.arange(2),
        vertex_offsets=np.array([0, 4]),
        xy=np.array([[0.0, 0], [4, 4], [4, 0], [0, 4.5]]),
    )
    solids = geovision.mesh(bow, on_error="record")
    assert len(solids.failures) == 1
    path = tmp_path / "bow.city.jsonl"
    write_cityjsonseq(path, solids)
    (feature,) = lines(path)[1]
    assert feature["CityObjects"]["bow"] == {"type": "Building", "attributes": {}}


def test_attributes_lose_only_what_json_cannot_hold(tmp_path: Path) -> None:
    house = Program(
        id="a", parts=[Part(shell=[(0, 0), (4, 0), (4, 4)], eave_height=3.0, roof=Flat())], ground_z=2.0
    )
    path = tmp_path / "a.city.jsonl"
    columns: dict[str, Any] = {
        "year": [1932],
        "rmse": np.array([np.nan]),
        "ok": np.array([True]),
        "use": ["</script>"],
    }
    write_cityjsonseq(path, geovision.mesh(house), attributes=columns)
    (feature,) = lines(path)[1]
    # NaN is left out, as None is.
    assert feature["CityObjects"]["a"]["attributes"] == {"year": 1932, "ok": True, "use": "</script>"}
    with pytest.raises(InputError, match="has 2 values for 1 buildings"):
        write_cityjsonseq(path, geovision.mesh(house), attributes={"year": [1, 2]})


def test_bytes_do_not_depend_on_threads_or_batches(city: Solids, tmp_path: Path) -> None:
    write_cityjsonseq(tmp_path / "one", city, threads=1)
    write_cityjsonseq(tmp_path / "two", city, threads=2)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    table = geovision.generate(count=300, seed=11)
    with open_cityjsonseq(tmp_path / "batches", lod="2.3") as writer:
        for first in range(0, 300, 70):
            writer.write(geovision.mesh(table[first : first + 70], lod="2.3"))
    batches = lines(tmp_path / "batches")
    write_cityjsonseq(tmp_path / "whole", city, lod="2.3")
    whole = lines(tmp_path / "whole")
    moved = np.subtract(batches[0]["transform"]["translate"], whole[0]["transform"]["translate"]) * 1000
    for a, b in zip(batches[1], whole[1], strict=True):
        assert np.array_equal(np.array(a["vertices"]) + moved, b["vertices"])
        assert a["CityObjects"] == b["CityObjects"]


def test_a_failed_write_leaves_nothing(city: Solids, tmp_path: Path) -> None:
    columns = {"year": [1]}
    with (
        pytest.raises(InputError, match="has 1 values for 300"),
        open_cityjsonseq(tmp_path / "x") as writer,
    ):
        writer.write(city, columns)
    assert not list(tmp_path.iterdir())
    with open_cityjsonseq(tmp_path / "empty"):
        pass
    assert lines(tmp_path / "empty")[1] == []


def test_reference_systems() -> None:
    assert reference_system(None) is None
    assert reference_system("+proj=tmerc +lon_0=7 +ellps=bessel +units=m") is None
    with pytest.raises(InputError, match="is not known"):
        reference_system("EPSG:99999999")


@pytest.mark.parametrize(("inner", "expected"), [([0, 5, 4], [[0, 1, 2, 3], [0, 5, 4]]), ([0, 4, 5], None)])
def test_a_ring_that_touches_itself_becomes_simple_rings(
    inner: list[int], expected: list[list[int]] | None
) -> None:
    # A notch that touches the outline in a vertex is a hole; a lobe that does is a face of its own.
    corners = [[0, 0, 0], [9, 0, 0], [9, 9, 0], [0, 9, 0]]
    tips = [[4, 2, 0], [2, 4, 0]] if expected else [[-4, -2, 0], [-2, -4, 0]]
    ring = [*inner, 0, 1, 2, 3]
    face = {
        "origin": np.zeros((1, 3)),
        "vertex_offsets": np.array([0, 6]),
        "vertices": np.array(corners + tips, np.int32) * 1000,
        "face_offsets": np.array([0, 1]),
        "face_label": np.zeros(1, np.uint8),
        "face_part": np.zeros(1, np.int32),
        "face_surface": np.zeros(1, np.int32),
        "face_provenance": np.zeros(1, np.uint8),
        "face_solid": np.zeros(1, np.int32),
        "face_ring_offsets": np.array([0, 1]),
        "ring_offsets": np.array([0, len(ring)]),
        "ring_vertices": np.array(ring, np.int32),
    }
    line = json.loads(_kernel.city_features(face, ['"a"'], ["{}"], (0.0, 0.0, 0.0)))
    surfaces = line["CityObjects"]["a"]["geometry"][0]["boundaries"][0]
    assert surfaces == ([expected] if expected else [[inner], [[0, 1, 2, 3]]])


def test_one_document_holds_the_same(city: Solids, tmp_path: Path) -> None:
    source, target = tmp_path / "city.city.jsonl", tmp_path / "city.city.json"
    names = [f'"{i}",\n🏠' for i in range(len(city))]
    write_cityjsonseq(source, city, crs="EPSG:28992", attributes={"name": names})
    cityjson_from_seq(source, target)
    document = json.loads(target.read_text(encoding="utf-8"))
    header, features = lines(source)
    assert document["transform"] == header["transform"]
    assert document["metadata"] == header["metadata"]
    assert list(document["CityObjects"]) == [name for item in features for name in item["CityObjects"]]
    vertices = np.array(document["vertices"])
    used = np.zeros(len(vertices), bool)
    for feature in features:
        own = np.array(feature["vertices"])
        for name, item in feature["CityObjects"].items():
            found = document["CityObjects"][name]
            assert found.get("attributes") == item.get("attributes")
            for ours, theirs in zip(found.get("geometry", []), item.get("geometry", []), strict=True):
                assert ours["semantics"] == theirs["semantics"]
                rings = zip(flat(ours["boundaries"]), flat(theirs["boundaries"]), strict=True)
                for one, other in rings:
                    used[one] = True
                    assert (vertices[one] == own[other]).all()
    assert used.all()


def test_names_of_parts_stay_apart_in_one_document(tmp_path: Path) -> None:
    far = [Part(shell=[(x, 0), (x + 4, 0), (x + 4, 4), (x, 4)], eave_height=3, roof=Flat()) for x in (0, 9)]
    programs = [Program(id="a", parts=far)]
    source, target = tmp_path / "a.city.jsonl", tmp_path / "a.city.json"
    write_cityjsonseq(source, geovision.mesh(programs))
    _, (feature,) = lines(source)
    part = next(name for name in feature["CityObjects"] if name != "a")
    programs.append(Program(id=part, parts=far))
    for order in (programs, programs[::-1]):
        write_cityjsonseq(source, geovision.mesh(order))
        cityjson_from_seq(source, target)
        objects = json.loads(target.read_text())["CityObjects"]
        assert len(objects) == 6
        for name, item in objects.items():
            assert all(objects[child]["parents"] == [name] for child in item.get("children", []))
            assert all(name in objects[parent]["children"] for parent in item.get("parents", []))


def flat(boundaries: list[Any]) -> list[list[int]]:
    """The rings of any geometry."""
    if isinstance(boundaries[0], int):
        return [boundaries]
    return [ring for item in boundaries for ring in flat(item)]


def test_programs_come_back_from_cityjson(tmp_path: Path) -> None:
    table = geovision.generate(count=200, seed=3)
    path = tmp_path / "city.city.jsonl"
    with open_cityjsonseq(path, crs="EPSG:28992") as writer:
        writer.write(geovision.mesh(table), {PROGRAM: table.to_dicts()})
    cityjson_from_seq(path, tmp_path / "city.city.json")
    for name in ("city.city.jsonl", "city.city.json"):
        assert geovision.read_programs(tmp_path / name) == table
    write_cityjsonseq(path, geovision.mesh(table))
    with pytest.raises(InputError, match="holds no building program"):
        geovision.read_programs(path)
