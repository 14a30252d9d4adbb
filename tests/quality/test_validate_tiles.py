"""3D Tiles: what geovision writes has no code; every fault has its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import geovision
from geovision.formats import write_3dtiles


def write_town(folder: Path, tiling: Any) -> Path:
    town = geovision.generate(area=(0, 0, 500, 400), seed=4)
    write_3dtiles(folder, [town], crs="EPSG:28992", geoid=43.0, tiling=tiling, per_tile=60)
    return folder


@pytest.fixture(scope="module")
def explicit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_town(tmp_path_factory.mktemp("tiles") / "explicit", "explicit")


@pytest.fixture(scope="module")
def implicit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_town(tmp_path_factory.mktemp("tiles") / "implicit", "implicit")


@pytest.fixture(params=["explicit", "implicit"])
def tileset(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


@pytest.mark.parametrize("compression", ["meshopt", "none"])
@pytest.mark.parametrize("tiling", ["explicit", "implicit"])
@pytest.mark.parametrize("crs", ["EPSG:28992", "EPSG:32660", "EPSG:5041"])
def test_what_geovision_writes_has_no_code(compression: Any, tiling: Any, crs: str, tmp_path: Path) -> None:
    town = geovision.generate(area=(0, 0, 300, 200), seed=8)
    options: dict[str, Any] = {"tiling": tiling, "compression": compression, "geoid": 20.0, "per_tile": 40}
    write_3dtiles(tmp_path / "out", [town], crs=crs, **options)
    report = geovision.validate(tmp_path / "out")
    assert not report.counts, report.findings
    assert report.objects == len(town)
    assert report.primitives > report.objects
    assert geovision.validate(tmp_path / "out" / "tileset.json").objects == len(town)


def test_an_empty_tileset_is_valid(tmp_path: Path) -> None:
    write_3dtiles(tmp_path / "out", [], crs="EPSG:28992", geoid=0.0)
    assert not geovision.validate(tmp_path / "out").counts


def contents(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.glb"))


def lost(folder: Path) -> None:
    contents(folder)[-1].unlink()


def cut(folder: Path) -> None:
    path = contents(folder)[-1]
    path.write_bytes(path.read_bytes()[:-9])


def not_a_glb(folder: Path) -> None:
    contents(folder)[0].write_text("hello")


@pytest.mark.parametrize(("how", "code"), [(lost, 861), (cut, 901), (not_a_glb, 901)])
def test_faults_of_files(how: Callable[[Path], None], code: int, tileset: Path, tmp_path: Path) -> None:
    shutil.copytree(tileset, tmp_path / "out")
    how(tmp_path / "out")
    report = geovision.validate(tmp_path / "out")
    assert report.codes == {code}
    assert report.invalid == 1


def changed(tileset: Path, folder: Path, change: Callable[[Any], None]) -> set[int]:
    shutil.copytree(tileset, folder)
    data = json.loads((folder / "tileset.json").read_text())
    change(data)
    (folder / "tileset.json").write_text(json.dumps(data))
    return geovision.validate(folder).codes


def leaf_of(data: Any) -> Any:
    node = data["root"]
    while node.get("children"):
        node = node["children"][0]
    return node


def test_an_implicit_tree_without_subtrees(implicit: Path, tmp_path: Path) -> None:
    def forget(data: Any) -> None:
        del data["root"]["implicitTiling"]["subtrees"]

    assert changed(implicit, tmp_path / "a", forget) == {802}


def test_faults_of_the_tree(explicit: Path, tmp_path: Path) -> None:
    def small_box(node: Any) -> None:
        node["boundingVolume"]["box"][3:] = [0.98 * value for value in node["boundingVolume"]["box"][3:]]

    def error(value: float) -> Callable[[Any], None]:
        return lambda data: leaf_of(data).update(geometricError=value)

    assert changed(explicit, tmp_path / "a", lambda data: small_box(leaf_of(data))) == {862}
    # The root's own content, and that of the tiles below it.
    assert changed(explicit, tmp_path / "b", lambda data: small_box(data["root"])) == {862, 864}
    assert changed(explicit, tmp_path / "c", error(900.0)) == {863}
    assert changed(explicit, tmp_path / "d", lambda data: data.update(geometricError=0.0)) == {863}
    assert changed(explicit, tmp_path / "e", lambda data: data["root"].pop("boundingVolume")) == {802}
    assert changed(
        explicit, tmp_path / "f", lambda data: leaf_of(data).update(geometricError=float("nan"))
    ) == {811}
    assert changed(explicit, tmp_path / "g", lambda data: data["asset"].update(version="7")) == {805}


def test_spheres_and_regions_hold_their_contents_or_not(explicit: Path, tmp_path: Path) -> None:
    def sphere(share: float) -> Callable[[Any], None]:
        def change(data: Any) -> None:
            leaf = leaf_of(data)
            box = leaf["boundingVolume"]["box"]
            radius = sum(value * value for value in box[3:]) ** 0.5
            leaf["boundingVolume"] = {"sphere": [*box[:3], share * radius]}

        return change

    def region(low: float) -> Callable[[Any], None]:
        def change(data: Any) -> None:
            leaf = leaf_of(data)
            # The whole Earth but for its heights, by way of the antimeridian.
            leaf["boundingVolume"] = {"region": [0.0, -1.57, 6.28, 1.57, low, 9000.0]}

        return change

    assert changed(explicit, tmp_path / "a", sphere(1.0)) == set()
    assert changed(explicit, tmp_path / "b", sphere(0.4)) == {862}
    assert changed(explicit, tmp_path / "c", region(-100.0)) == set()
    assert changed(explicit, tmp_path / "d", region(50.0)) == {862}
