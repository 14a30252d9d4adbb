"""The Khronos glTF validator on what we write: not one error, not one warning."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geovision.formats.glb import write_glb
from geovision.formats.tiles3d import write_3dtiles
from tests.formats.test_tiles3d import city
from tests.helpers_solids import solids_of, village
from tests.node_judges import node_environment, node_modules

# Prints one JSON report a file.
SCRIPT = """
const fs = require('fs'), {validateBytes} = require('gltf-validator');
(async () => {
  for (const file of process.argv.slice(1)) {
    const report = await validateBytes(new Uint8Array(fs.readFileSync(file)), {maxIssues: 0});
    console.log(JSON.stringify({...report.issues, triangles: report.info.totalTriangleCount}));
  }
})();
"""


@pytest.fixture(scope="session")
def modules() -> Path:
    return node_modules()


def validate(modules: Path, *files: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["node", "-e", SCRIPT, *map(str, files)],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        env=node_environment(modules),
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_no_errors_and_no_warnings(modules: Path, tmp_path: Path) -> None:
    attributes: dict[str, Any] = {
        "storeys": [1, None] * 2000,
        "height": np.linspace(3, 30, 4000),
        "use": ["house", None, "", "Käfig"] * 1000,
        "listed": [True, False] * 2000,
    }
    write_glb(tmp_path / "full.glb", village(4000), attributes=attributes, crs="EPSG:28992")
    write_glb(tmp_path / "plain.glb", village(3), place=False)
    write_glb(tmp_path / "alps.glb", village(40, at=(2_600_000.0, 1_200_000.0, 1540.0)), crs="EPSG:2056")
    write_glb(tmp_path / "empty.glb", solids_of([], np.empty((0, 3))))
    files = [tmp_path / f"{name}.glb" for name in ("full", "plain", "alps", "empty")]
    reports = validate(modules, *files)
    assert len(reports) == len(files)
    for report in reports:
        assert report["numErrors"] == 0, report["messages"]
        assert report["numWarnings"] == 0, report["messages"]
        # It knows the two metadata extensions by name only, so their buffer views look unused to it.
        assert {m["code"] for m in report["messages"]} <= {
            "UNSUPPORTED_EXTENSION",
            "UNUSED_OBJECT",
            "NODE_EMPTY",
        }
    assert reports[0]["triangles"] == len(village(4000).data["triangles"])


@pytest.mark.parametrize("compression", ["none", "meshopt"])
def test_tiles_have_no_errors_and_no_warnings(modules: Path, tmp_path: Path, compression: Any) -> None:
    table = city(300, (155_000.0, 463_000.0, 3.0))
    summary = write_3dtiles(tmp_path / "t", [table], crs="EPSG:28992", compression=compression, per_tile=60)
    files = sorted(tmp_path.rglob("*.glb"))
    assert len(files) == summary.tiles > 5
    for report in validate(modules, *files):
        assert report["numErrors"] == 0, report["messages"]
        assert report["numWarnings"] == 0, report["messages"]
        assert report["triangles"] > 100


def test_the_judge_sees_a_fault(modules: Path, tmp_path: Path) -> None:
    """A validator that finds nothing wrong anywhere would prove nothing."""
    path = tmp_path / "bad.glb"
    write_glb(path, village(3))
    data = bytearray(path.read_bytes())
    at = data.index(b'"min":[') + 8
    data[at : at + 1] = b"7" if data[at : at + 1] != b"7" else b"8"
    path.write_bytes(bytes(data))
    (report,) = validate(modules, path)
    assert report["numErrors"] > 0
