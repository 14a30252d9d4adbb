"""Our encoder of EXT_meshopt_compression, decoded by the words of the specification and by meshoptimizer."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from geovision import _kernel
from tests.helpers_meshopt import decode_attributes, decode_triangles
from tests.node_judges import node_environment, node_modules

SCRIPT = """
const fs = require('fs');
import(process.argv[1]).then(async ({MeshoptDecoder: decoder}) => {
  await decoder.ready;
  for (const [name, count, stride, mode] of JSON.parse(process.argv[2])) {
    const target = new Uint8Array(count * stride);
    decoder.decodeGltfBuffer(target, count, stride, new Uint8Array(fs.readFileSync(name)), mode, 'NONE');
    fs.writeFileSync(name + '.raw', target);
  }
});
"""


def streams(rng: np.random.Generator) -> list[tuple[NDArray[np.uint8], int]]:
    """Elements of every habit: constant, slowly rising, jumping, noise; block borders and odd ends."""
    result = []
    for stride in (4, 8, 12, 16, 60, 256):
        for count in (1, 15, 16, 17, 33, 255, 256, 257, 700):
            habit = rng.integers(0, 4, stride)
            columns = [
                np.full(count, rng.integers(256)),
                np.cumsum(rng.integers(-1, 2, count)),
                np.where(rng.random(count) < 0.1, rng.integers(0, 256, count), 7),
                rng.integers(0, 256, count),
            ]
            data = np.stack([columns[h] for h in habit], axis=1).astype(np.uint8)
            result.append((data, stride))
    return result


def meshes(rng: np.random.Generator) -> list[NDArray[np.uint32]]:
    """Fans, grids, strips and noise; small and large indices; none at all."""
    n = 40
    corner = np.arange(n * n).reshape(n, n)[:-1, :-1].reshape(-1)
    grid = np.stack([corner, corner + 1, corner + n, corner + n, corner + 1, corner + n + 1], 1)
    fans = [
        (base, base + k, base + k + 1) for base in range(0, 4000, 7) for k in range(1, rng.integers(2, 7))
    ]
    found = [np.zeros(0), grid.reshape(-1), np.array(fans).reshape(-1)]
    found += [rng.integers(0, top, 900) for top in (3, 20, 300, 60_000, 2**31)]
    walk = np.cumsum(rng.integers(-3, 4, 3000)) + 20_000
    found += [walk, np.repeat(np.arange(50), 3), np.arange(900)[::-1]]
    return [f.astype(np.uint32) for f in found]


def same_triangles(got: NDArray[np.uint32], wanted: NDArray[np.uint32]) -> bool:
    """Equal one by one, whichever corner comes first."""
    a, b = got.reshape(-1, 3), wanted.reshape(-1, 3)
    turns = [(np.roll(a, k, axis=1) == b).all(axis=1) for k in range(3)]
    return len(a) == len(b) and bool(np.logical_or.reduce(turns).all())


def test_attributes_come_back() -> None:
    for data, stride in streams(np.random.default_rng(1)):
        coded = _kernel.encode_meshopt(data.tobytes(), stride, "ATTRIBUTES")
        assert np.array_equal(decode_attributes(coded, len(data), stride), data)


def test_triangles_come_back() -> None:
    for indices in meshes(np.random.default_rng(2)):
        coded = _kernel.encode_meshopt(indices.tobytes(), 4, "TRIANGLES")
        assert same_triangles(decode_triangles(coded, len(indices)), indices)
        if len(indices) and indices.max() < 65535:
            narrow = _kernel.encode_meshopt(indices.astype("<u2").tobytes(), 2, "TRIANGLES")
            assert narrow == coded


def test_flat_shaded_faces_take_about_a_byte_a_triangle() -> None:
    quads = np.array([(4 * i, 4 * i + a, 4 * i + a + 1) for i in range(1000) for a in (1, 2)], np.uint32)
    assert len(_kernel.encode_meshopt(quads.tobytes(), 4, "TRIANGLES")) < 1.01 * len(quads) + 17


@pytest.mark.parametrize(
    ("size", "stride", "mode"),
    [
        (10, 4, "ATTRIBUTES"),
        (12, 6, "ATTRIBUTES"),
        (520, 260, "ATTRIBUTES"),
        (12, 4, "INDICES"),
        (8, 2, "TRIANGLES"),
        (9, 3, "TRIANGLES"),
        (12, 0, "TRIANGLES"),
    ],
)
def test_what_the_format_lacks_is_refused(size: int, stride: int, mode: str) -> None:
    with pytest.raises(ValueError, match=r"element|indices|mode"):
        _kernel.encode_meshopt(bytes(size), stride, mode)


def test_meshoptimizer_decodes_it(tmp_path: Path) -> None:
    modules = node_modules()
    rng = np.random.default_rng(3)
    jobs: list[tuple[str, int, int, str]] = []
    wanted: list[Any] = []
    for data, stride in streams(rng):
        wanted.append(data)
        jobs.append((str(tmp_path / f"{len(jobs)}"), len(data), stride, "ATTRIBUTES"))
    for indices in meshes(rng)[1:]:
        wanted.append(indices)
        jobs.append((str(tmp_path / f"{len(jobs)}"), len(indices), 4, "TRIANGLES"))
    for (name, _, stride, mode), data in zip(jobs, wanted, strict=True):
        Path(name).write_bytes(_kernel.encode_meshopt(data.tobytes(), stride, mode))
    decoder = modules / "meshoptimizer" / "meshopt_decoder.mjs"
    subprocess.run(
        ["node", "-e", SCRIPT, str(decoder), json.dumps(jobs)],
        check=True,
        timeout=120,
        env=node_environment(modules),
    )
    for (name, _, stride, mode), data in zip(jobs, wanted, strict=True):
        raw = Path(f"{name}.raw").read_bytes()
        if mode == "ATTRIBUTES":
            assert raw == data.tobytes(), (name, stride)
        else:
            assert same_triangles(np.frombuffer(raw, "<u4"), data)
