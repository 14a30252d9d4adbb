"""Small files that ask for endless work or memory are refused in time, by validators and readers alike."""

from __future__ import annotations

import gzip
import io
import json
import struct
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geovision.errors import InputError
from geovision.formats.describe import describe_mesh
from geovision.formats.programs import read_programs
from geovision.quality.validate import validate
from geovision.sources.tile_archives import open_tile_archive
from geovision.vision.train.state import load_state

ROOT = {"boundingVolume": {"sphere": [0, 0, 0, 1]}, "geometricError": 1}


@pytest.fixture(autouse=True)
def soon() -> Iterator[None]:
    start = time.process_time()
    yield
    assert time.process_time() - start < 8


def glb(path: Path, document: dict[str, Any], data: bytes = b"") -> Path:
    text = json.dumps({"asset": {"version": "2.0"}, **document}).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(data), 0x004E4942) + data
    total = 20 + len(text) + len(body)
    path.write_bytes(struct.pack("<4sIIII", b"glTF", 2, total, len(text), 0x4E4F534A) + text + body)
    return path


def tileset(folder: Path, root: dict[str, Any], **more: Any) -> Path:
    folder.mkdir(exist_ok=True)
    text = json.dumps({"asset": {"version": "1.1"}, "geometricError": 1, "root": {**ROOT, **root}, **more})
    (folder / "tileset.json").write_text(text)
    return folder


def test_nodes_that_have_two_parents(tmp_path: Path) -> None:
    nodes: list[dict[str, Any]] = [{"children": [row + 1, row + 1]} for row in range(60)]
    path = glb(tmp_path / "a.glb", {"scenes": [{"nodes": [0]}], "nodes": [*nodes, {}]})
    assert validate(path).codes == {806, 823}
    with pytest.raises(InputError, match=r"a\.glb"):
        describe_mesh(path)


def test_accessors_of_nothing(tmp_path: Path) -> None:
    accessor = {"componentType": 5126, "type": "VEC3", "count": 10**11, "min": [0] * 3, "max": [0] * 3}
    meshes = [{"primitives": [{"attributes": {"POSITION": 0}}]}]
    scene: dict[str, Any] = {"scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}], "meshes": meshes}
    assert 901 in validate(glb(tmp_path / "a.glb", {**scene, "accessors": [accessor]})).codes
    packed = {"buffer": 0, "byteLength": 16, "byteStride": 256, "count": 10**9, "mode": "ATTRIBUTES"}
    views = [{"buffer": 0, "byteLength": 16, "extensions": {"EXT_meshopt_compression": packed}}]
    document = {**scene, "accessors": [{**accessor, "bufferView": 0}], "bufferViews": views}
    assert 901 in validate(glb(tmp_path / "b.glb", document, bytes(16))).codes


def test_a_tileset_that_holds_itself(tmp_path: Path) -> None:
    twice = [{"uri": "tileset.json"}, {"uri": "tileset.json"}]
    assert 806 in validate(tileset(tmp_path / "a", {"contents": twice})).codes


def test_tilesets_that_double_at_every_file(tmp_path: Path) -> None:
    folder = tileset(tmp_path / "a", {"contents": [{"uri": "0.json"}, {"uri": "0.json"}]})
    for number in range(30):
        again = [{"uri": f"{number + 1}.json"}] * 2 if number < 29 else []
        root = {**ROOT, "contents": again}
        (folder / f"{number}.json").write_text(json.dumps({"asset": {"version": "1.1"}, "root": root}))
    assert 806 in validate(folder).codes


def test_contents_outside_of_the_tileset(tmp_path: Path) -> None:
    secret = glb(tmp_path / "secret.glb", {})
    folder = tileset(tmp_path / "a", {"contents": [{"uri": "../secret.glb"}, {"uri": str(secret)}]})
    (folder / "link.glb").symlink_to(secret)
    report = validate(folder)
    assert report.codes == {861}
    assert 861 in validate(tileset(tmp_path / "a", {"contents": [{"uri": "link.glb"}]})).codes
    assert 861 in validate(tileset(tmp_path / "a", {"contents": [{"uri": "../a/../b/tileset.json"}]})).codes


def subtree(path: Path, children: int) -> None:
    text = json.dumps({
        "tileAvailability": {"constant": 1},
        "contentAvailability": [{"constant": 0}],
        "childSubtreeAvailability": {"constant": children},
    }).encode()  # fmt: skip
    path.write_bytes(struct.pack("<4sIQQ", b"subt", 1, len(text), 0) + text)


def test_implicit_tiles_without_end(tmp_path: Path) -> None:
    tiling = {"subdivisionScheme": "QUADTREE", "subtreeLevels": 8, "availableLevels": 30}
    root = {"boundingVolume": {"box": [0.0] * 12}, "refine": "REPLACE"}
    folder = tileset(tmp_path / "a", {**root, "implicitTiling": {**tiling, "subtrees": {"uri": "s.subtree"}}})
    subtree(folder / "s.subtree", 1)
    assert 806 in validate(folder).codes
    large = {**tiling, "subtreeLevels": 10, "subtrees": {"uri": "s.subtree"}}
    assert 806 in validate(tileset(tmp_path / "a", {**root, "implicitTiling": large})).codes


def test_templates_are_no_language(tmp_path: Path) -> None:
    tiling = {"subdivisionScheme": "QUADTREE", "subtreeLevels": 2, "availableLevels": 2}
    root = {"boundingVolume": {"box": [0.0] * 12}}
    for template in ("{level:9999999999}", "{level.__class__.__base__}", "{x!r:>99999999999}.subtree"):
        folder = tileset(
            tmp_path / "a", {**root, "implicitTiling": {**tiling, "subtrees": {"uri": template}}}
        )
        assert validate(folder).codes == {861}


def test_archives_and_tiles_that_swell(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("w.npy", "w") as entry:
        head = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            head, {"descr": "|u1", "fortran_order": False, "shape": (1 << 28,)}
        )
        entry.write(head.getvalue())
        for _ in range(1 << 8):
            entry.write(bytes(1 << 20))
    path = tmp_path / "state.npz"
    path.write_bytes(data.getvalue())
    assert path.stat().st_size < 1 << 20
    with pytest.raises(InputError, match=r"state\.npz: claims 1 arrays of 268,"):
        load_state(path)
    tile = tmp_path / "tiles" / "3" / "4"
    tile.mkdir(parents=True)
    (tile / "5.pbf").write_bytes(gzip.compress(bytes(1 << 27)))
    with pytest.raises(InputError, match="unpacks to more than"):
        list(open_tile_archive(tmp_path / "tiles").tiles(None))


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".stl", ".glb"])
def test_meshes_over_the_size_that_is_read(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"v 0 0 0\n" * 20)
    monkeypatch.setattr("geovision.quality.valid_meshes.MOST_MESH_BYTES", 100)
    with pytest.raises(InputError, match=rf"a\{suffix}: has over 100 bytes"):
        validate(path)
    if suffix in (".ply", ".stl"):
        monkeypatch.setattr("geovision.formats.describe.MOST_MESH_BYTES", 100)
        with pytest.raises(InputError, match=rf"a\{suffix}: has over 100 bytes"):
            describe_mesh(path)


@pytest.mark.parametrize("name", ["a.jsonl", "a.city.jsonl", "a.obj"])
def test_a_line_without_end(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(b'{"type": "CityJSON", "version": "2.0"}\n' if "city" in name else b"")
        file.truncate(65 << 20)
    read: Any = read_programs if name == "a.jsonl" else validate
    with pytest.raises(InputError, match=rf"{name}, line \d: has over"):
        read(path)


def test_a_raster_that_claims_the_earth_has_no_end_of_tiles(tmp_path: Path) -> None:
    from affine import Affine

    from geovision.sources import open_scene
    from tests.rasters import write_tif

    place = Affine(50_000, 0, -3_000_000, 0, -50_000, 3_000_000)
    path = write_tif(tmp_path / "a.tif", np.ones((120, 120), np.float32), place, crs="EPSG:3035")
    with pytest.raises(InputError, match="tiles; the limit is 2,000,000"):
        open_scene(dsm=path, target_crs="EPSG:3035").report()
