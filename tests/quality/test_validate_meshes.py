"""GLB, OBJ, PLY, STL: what geovision writes has no code; every fault has its own."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import geovision
from geovision import _kernel
from geovision.mesh import Solids, mesh
from geovision.quality.codes import CODES
from tests.strategies import case, to_arrays

SUFFIXES = (".glb", ".obj", ".ply", ".stl")


@pytest.fixture(scope="module")
def town() -> Solids:
    return mesh(geovision.generate(area=(0, 0, 300, 200), seed=5))


@pytest.fixture(scope="module")
def random_solids() -> Solids:
    seeds = list(range(20_000, 20_150))
    arrays = _kernel.compile_solids(to_arrays([case(seed) for seed in seeds]), lod=22, polygons=True)
    # Near the origin: seeds are strewn over continents, and one file has one place.
    arrays["origin"] = np.column_stack([np.arange(len(seeds)) * 200.0, np.zeros((len(seeds), 2))])
    return Solids(arrays, [f"b{seed}" for seed in seeds])


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("which", ["town", "random_solids"])
def test_what_geovision_writes_has_no_code(
    suffix: str, which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    solids = request.getfixturevalue(which)
    path = tmp_path / f"a{suffix}"
    geovision.write_mesh(path, solids, crs="EPSG:28992")
    report = geovision.validate(path)
    assert not report.counts, report.findings
    assert report.primitives >= (1 if suffix == ".stl" else 100)
    geovision.write_mesh(path, solids)
    report = geovision.validate(path)
    assert report.ok
    assert report.codes == {823}


def split(path: Path) -> tuple[Any, bytearray]:
    data = path.read_bytes()
    size = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + size]), bytearray(data[28 + size :])


def join(path: Path, document: Any, binary: bytes) -> None:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text
    body += struct.pack("<II", len(binary), 0x004E4942) + binary
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body)


def place_of(document: Any, accessor: int) -> int:
    item = document["accessors"][accessor]
    view = document["bufferViews"][item["bufferView"]]
    return int(view["byteOffset"] + item.get("byteOffset", 0))


def primitive_of(document: Any, rng: Random) -> Any:
    return rng.choice(document["meshes"][0]["primitives"])


def indices_of(document: Any, binary: bytearray, rng: Random) -> tuple[int, str, int]:
    """Place of a random triangle's indices, their type, and their size."""
    accessor = document["accessors"][primitive_of(document, rng)["indices"]]
    kind, size = ("<3H", 2) if accessor["componentType"] == 5123 else ("<3I", 4)
    view = document["bufferViews"][accessor["bufferView"]]
    start = view["byteOffset"] + accessor.get("byteOffset", 0)
    return start + 3 * size * rng.randrange(accessor["count"] // 3), kind, size


def hole(document: Any, binary: bytearray, rng: Random) -> None:
    document["accessors"][primitive_of(document, rng)["indices"]]["count"] -= 3


def flipped(document: Any, binary: bytearray, rng: Random) -> None:
    at, kind, _ = indices_of(document, binary, rng)
    a, b, c = struct.unpack_from(kind, binary, at)
    struct.pack_into(kind, binary, at, a, c, b)


def index_out(document: Any, binary: bytearray, rng: Random) -> None:
    at, kind, _ = indices_of(document, binary, rng)
    struct.pack_into(kind[0] + kind[2], binary, at, 65_535)


def not_finite(document: Any, binary: bytearray, rng: Random) -> None:
    at = place_of(document, primitive_of(document, rng)["attributes"]["POSITION"])
    struct.pack_into("<f", binary, at, float("nan"))


def bounds(document: Any, binary: bytearray, rng: Random) -> None:
    accessor = document["accessors"][primitive_of(document, rng)["attributes"]["POSITION"]]
    accessor["max"][rng.randrange(3)] -= 0.5


def table_short(document: Any, binary: bytearray, rng: Random) -> None:
    document["extensions"]["EXT_structural_metadata"]["propertyTables"][0]["count"] = 3


def view_out(document: Any, binary: bytearray, rng: Random) -> None:
    rng.choice(document["bufferViews"])["byteOffset"] = len(binary)


def no_bounds(document: Any, binary: bytearray, rng: Random) -> None:
    del document["accessors"][primitive_of(document, rng)["attributes"]["POSITION"]]["min"]


def no_mesh(document: Any, binary: bytearray, rng: Random) -> None:
    for node in document["nodes"]:
        if "mesh" in node:
            node["mesh"] = 7


GLB_FAULTS: list[tuple[Callable[[Any, bytearray, Random], None], int]] = [
    (hole, 302),
    (flipped, 307),
    (index_out, 803),
    (not_finite, 811),
    (bounds, 813),
    (table_short, 865),
    (no_bounds, 802),
    (no_mesh, 803),
]


@pytest.mark.parametrize(("how", "code"), GLB_FAULTS, ids=[how.__name__ for how, _ in GLB_FAULTS])
def test_a_fault_of_a_glb_has_its_code(how: Any, code: int, town: Solids, tmp_path: Path) -> None:
    path = tmp_path / "a.glb"
    geovision.write_glb(path, town, crs="EPSG:28992")
    document, binary = split(path)
    for seed in range(6):
        changed, data = json.loads(json.dumps(document)), bytearray(binary)
        how(changed, data, Random(f"{how.__name__}-{seed}"))
        join(path, changed, bytes(data))
        report = geovision.validate(path)
        assert report.codes == {code}, report.findings
        assert not report.ok


def test_a_glb_that_is_cut_off_is_not_read(town: Solids, tmp_path: Path) -> None:
    path = tmp_path / "a.glb"
    geovision.write_glb(path, town, crs="EPSG:28992")
    data = path.read_bytes()
    for size in (0, 3, 19, 200, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        assert geovision.validate(path).codes == {901}


def test_any_glb_is_safe_to_read(town: Solids, tmp_path: Path) -> None:
    path = tmp_path / "a.glb"
    geovision.write_glb(path, mesh(geovision.generate(area=(0, 0, 80, 80), seed=5)), crs="EPSG:28992")
    document, binary = split(path)
    for seed in range(300):
        rng = Random(f"glb-{seed}")
        changed, data = json.loads(json.dumps(document)), bytearray(binary)
        places: list[tuple[Any, Any]] = []
        pending: list[Any] = [changed]
        while pending:
            item = pending.pop()
            keys = list(item) if isinstance(item, dict) else list(range(len(item)))
            places += [(item, key) for key in keys]
            pending += [item[key] for key in keys if isinstance(item[key], (dict, list))]
        item, key = rng.choice(places)
        item[key] = rng.choice([None, -1, 10**9, 0, 1.5, "x", [], {}, True, [1]])
        for _ in range(rng.randrange(20)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        join(path, changed, bytes(data))
        assert geovision.validate(path).codes <= set(CODES)


def test_faults_of_an_obj_have_their_codes(town: Solids, tmp_path: Path) -> None:
    path = tmp_path / "a.obj"
    geovision.write_mesh(path, town, crs="EPSG:28992")
    lines = path.read_text().splitlines()
    faces = [row for row, line in enumerate(lines) if line.startswith("f ")]
    corners = [row for row, line in enumerate(lines) if line.startswith("v ")]
    rng = Random(3)
    for _ in range(5):
        at = rng.choice(faces)
        _, a, b, c = lines[at].split()
        for line, wanted in ((None, {302}), (f"f {a} {c} {b}", {307}), (f"f {a} {b} 9999999", {302, 803})):
            path.write_text("\n".join([*lines[:at], *([line] if line else []), *lines[at + 1 :]]))
            assert geovision.validate(path).codes == wanted
    lines[rng.choice(corners)] = "v 1 nan 2"
    path.write_text("\n".join(lines))
    assert geovision.validate(path).codes == {811}
    path.write_text("# nothing\n")
    assert geovision.validate(path, ignore=[823]).codes == {902}


def test_faults_of_ply_and_stl_have_their_codes(town: Solids, tmp_path: Path) -> None:
    path = tmp_path / "a.stl"
    geovision.write_mesh(path, town, crs="EPSG:28992")
    data = bytearray(path.read_bytes())
    at = 84 + 50 * 17
    data[at + 12 : at + 48] = data[at + 24 : at + 48] + data[at + 12 : at + 24]
    path.write_bytes(data)
    assert geovision.validate(path).ok  # the corners of a triangle may begin anywhere
    data[at + 12 : at + 36] = data[at + 24 : at + 36] + data[at + 12 : at + 24]
    path.write_bytes(data)
    assert geovision.validate(path).codes == {307}
    path = tmp_path / "a.ply"
    geovision.write_mesh(path, town, crs="EPSG:28992")
    path.write_bytes(path.read_bytes()[:-4000])
    assert geovision.validate(path).codes == {901}


def test_the_decoder_gives_back_what_the_encoder_took() -> None:
    rng = np.random.default_rng(2)
    for _ in range(60):
        stride, count = 4 * int(rng.integers(1, 9)), int(rng.integers(0, 700))
        steps = rng.integers(0, int(rng.choice([1, 3, 40, 256])), (count, stride))
        data = np.cumsum(steps, axis=0).astype(np.uint8).tobytes()
        coded = _kernel.encode_meshopt(data, stride, "ATTRIBUTES")
        assert _kernel.decode_meshopt(coded, count, stride, "ATTRIBUTES") == data
    for _ in range(40):
        count = 3 * int(rng.integers(0, 400))
        walk = np.abs(np.cumsum(rng.integers(-2, 4, count)))
        data = walk.astype("<u4").tobytes()
        coded = _kernel.encode_meshopt(data, 4, "TRIANGLES")
        back = np.frombuffer(_kernel.decode_meshopt(coded, count, 4, "TRIANGLES"), "<u4").reshape(-1, 3)
        # A triangle may come back begun at another corner.
        for one, two in zip(walk.reshape(-1, 3).tolist(), back.tolist(), strict=True):
            assert two in (one, one[1:] + one[:1], one[2:] + one[:2])


def test_the_decoder_refuses_what_is_damaged() -> None:
    rng = np.random.default_rng(4)
    for mode, stride in (("ATTRIBUTES", 8), ("TRIANGLES", 4)):
        data = np.arange(900, dtype="<u4").tobytes()
        count = len(data) // stride
        coded = bytearray(_kernel.encode_meshopt(data, stride, mode))
        for _ in range(300):
            changed = bytearray(coded)
            for _ in range(int(rng.integers(1, 5))):
                changed[int(rng.integers(len(changed)))] = int(rng.integers(256))
            size = int(rng.integers(len(changed) + 1)) if rng.random() < 0.5 else len(changed)
            try:
                back = _kernel.decode_meshopt(bytes(changed[:size]), count, stride, mode)
            except ValueError:
                continue
            assert len(back) == count * stride
        with pytest.raises(ValueError, match="meshopt data"):
            _kernel.decode_meshopt(bytes(coded), 10**15, stride, mode)
