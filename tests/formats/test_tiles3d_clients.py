"""What real clients make of our tiles: CesiumJS and three.js in headless Chromium, all on loopback.

Runs where Chromium is installed; npm fetches the rest once. The pages report what was drawn and what picking
read.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from geovision.formats.tiles3d import write_3dtiles
from geovision.mesh import mesh
from geovision.model.table import ProgramTable
from tests.formats.test_tiles3d import PLACES, city
from tests.formats.test_tiles3d_facades import Dresser, dress
from tests.helpers_tiles3d import read_content, read_tileset
from tests.node_judges import node_environment, node_modules

CLIENTS = Path(__file__).parent / "clients"
PACKAGES = ("cesium@1.140.0", "three@0.187.0", "3d-tiles-renderer@0.5.3", "puppeteer-core@24.43.1")


def show(page: str, site: Path, chromium: str, picture: Path) -> dict[str, Any]:
    """What a client reports of the tileset in a folder."""
    modules = node_modules(*PACKAGES)
    done = subprocess.run(
        ["node", str(CLIENTS / "show.mjs"), page, str(site), str(modules), chromium, str(picture)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env={**node_environment(modules), "HOME": os.environ.get("HOME", "/tmp")},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert report["problems"] == []
    result: dict[str, Any] = report["result"]
    return result


@pytest.fixture(scope="module")
def table() -> ProgramTable:
    return city(120, PLACES["EPSG:28992"])


@pytest.mark.slow
@pytest.mark.parametrize(("tiling", "compression"), [("explicit", "none"), ("implicit", "meshopt")])
def test_cesium_reads_every_property(
    tmp_path: Path, table: ProgramTable, chromium: str, tiling: Any, compression: Any
) -> None:
    site = tmp_path / "t"
    summary = write_3dtiles(
        site, [table], crs="EPSG:28992", geoid=43.0, tiling=tiling, compression=compression, per_tile=30
    )
    result = show("cesium.html", site, chromium, tmp_path / "cesium.png")
    assert result["tiles"] == summary.tiles
    rows = dict(zip(table.ids, table.attributes, strict=True))
    # The finest tiles hold each building once; the features of those above are loaded too.
    assert sorted(result["leaves"]) == sorted(table.ids)
    for name, got in result["leaves"].items():
        wanted = {key: value for key, value in rows[name].items() if value is not None}
        if "gas" in wanted:
            wanted["gas"] = int(wanted["gas"])
        kind = got.pop("roof_kind")
        assert isinstance(kind, str)
        assert got == {"id": name, **wanted}
    assert result["picked"] > 0
    assert result["height"] == pytest.approx(float(table.ground_z.min()) + 43.0, abs=60)


@pytest.mark.slow
def test_three_draws_every_triangle(tmp_path: Path, table: ProgramTable, chromium: str) -> None:
    ways: tuple[tuple[Any, Any], ...] = (("explicit", "meshopt"), ("implicit", "none"))
    for tiling, compression in ways:
        site = tmp_path / str(tiling)
        summary = write_3dtiles(
            site, [table], crs="EPSG:28992", tiling=tiling, compression=compression, per_tile=30
        )
        result = show("three.html", site, chromium, tmp_path / f"{tiling}.png")
        leaves = [tile for tile in read_tileset(summary.tileset) if not tile.children]
        contents = [read_content(tile.content) for tile in leaves if tile.content]
        assert result["triangles"] == sum(len(content.corners) for content in contents)
        assert sorted(result["ids"]) == sorted(table.ids)


@pytest.mark.slow
def test_three_draws_every_window(tmp_path: Path, chromium: str) -> None:
    site = tmp_path / "t"
    table = city(14, PLACES["EPSG:28992"])
    write_3dtiles(site, [table], crs="EPSG:28992", dresser=Dresser(), texture_size=16)
    result = show("three.html", site, chromium, tmp_path / "facades.png")
    _, _, elements = dress(mesh(table))
    # Each window is one piece of two meshes, its pane and its frame.
    assert result["pieces"] == 2 * len(elements) > 20
