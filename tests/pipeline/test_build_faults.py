"""Builds of bad input, and on disks that fail: an error that names its cause, and nothing half-done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from pyproj import Transformer

import geovision
from geovision.errors import OutputError
from geovision.formats.geotables import write_flatgeobuf, write_geopackage
from geovision.formats.points import write_points
from geovision.pipeline.build_to import BuildProgress, build_to
from geovision.quality.validate import validate
from tests.pipeline.built import content, make_village, scene_of
from tests.pipeline.formats import AVAILABLE

COUNT = 12


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_village(tmp_path_factory, COUNT)


def run_build(
    village: Path, out: Path, formats: str, *, before: str = ""
) -> subprocess.CompletedProcess[str]:
    """`geovision build` in a process of its own, after some Python that sets its limits."""
    arguments = ["geovision", "build", "--points", f"{village}/points.laz", "-o", str(out), "--overwrite"]
    arguments += ["--footprints", f"{village}/houses.gpkg", "--formats", formats, "--geoid", "43"]
    code = f"{before}\nimport sys; from geovision.cli.main import run; sys.argv = {arguments!r}; run()"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


OWN_FILES = {
    "3dtiles": "tiles/**/*.glb",
    "viewer": "index.html",
    "preview": "preview.png",
    "cityjson": "buildings.city.json",
    "gpkg": "buildings.gpkg",
    "glb": "glb/**/*.glb",
    "obj": "obj/*.obj",
}


@pytest.fixture(scope="module")
def everything(village: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    town = tmp_path_factory.mktemp("all") / "town"
    build_to(scene_of(village), town, formats=list(OWN_FILES), geoid=43.0)
    return town


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN_FILES)
def test_a_file_that_may_not_grow(village: Path, everything: Path, tmp_path: Path, name: str) -> None:
    """Every writer meets its end of space with an `OutputError`, and the old result stays."""
    town = tmp_path / "town"
    build_to(scene_of(village), town, formats=["fgb"])
    old = content(town)
    # The kernel first: an editable install may build it on import.
    most = max(path.stat().st_size for path in everything.glob(OWN_FILES[name])) - 1
    limit = f"import geovision._kernel, resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))"
    done = run_build(village, town, name, before=limit)
    assert done.returncode == OutputError.exit_code, done.stderr
    assert "Traceback" not in done.stderr
    assert "cannot be written" in done.stderr
    assert content(town) == old
    assert [path.name for path in tmp_path.iterdir()] == ["town"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a file system is not allowed here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk(village: Path, small_disk: Path) -> None:
    old = small_disk / "town"
    build_to(scene_of(village), old, formats=["cityjsonseq"])
    before = content(old)
    (small_disk / "filler").write_bytes(bytes(60_000))
    done = run_build(village, old, "3dtiles,glb,parquet,gpkg,viewer")
    assert done.returncode == OutputError.exit_code, done.stderr
    assert "Traceback" not in done.stderr
    assert content(old) == before
    assert sorted(path.name for path in small_disk.iterdir()) == ["filler", "town"]


@pytest.mark.parametrize("kind", ["gpkg", "fgb"])
def test_gdal_on_a_full_disk(village: Path, tmp_path: Path, small_disk: Path, kind: str) -> None:
    build_to(scene_of(village), tmp_path / "town", formats=["parquet", kind])
    size = (tmp_path / "town" / f"buildings.{kind}").stat().st_size
    source = tmp_path / "town" / "buildings.parquet"
    (small_disk / "filler").write_bytes(bytes(256 * 1024 - size // 4))
    target = small_disk / f"x.{kind}"

    def write() -> None:
        if kind == "gpkg":
            write_geopackage(target, {"buildings": source})
        else:
            write_flatgeobuf(target, source)

    with pytest.raises(OutputError, match="cannot be written"):
        write()
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_a_read_only_disk(village: Path, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = run_build(village, small_disk / "town", "cityjsonseq")
    assert done.returncode == OutputError.exit_code
    assert "cannot be made (Read-only file system)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("stage", ["fit", "publish"])
def test_an_output_folder_that_vanishes(village: Path, tmp_path: Path, stage: str) -> None:
    place = tmp_path / "place"

    def vanish(state: BuildProgress) -> None:
        if state.stage == stage:
            shutil.rmtree(place, ignore_errors=True)

    with pytest.raises(OutputError, match="cannot be written"):
        build_to(scene_of(village), place / "town", formats=list(AVAILABLE), geoid=43.0, progress=vanish)
    assert not place.exists()


def with_attributes(village: Path, **columns: Any) -> geopandas.GeoDataFrame:
    frame = geopandas.read_file(village / "houses.gpkg")
    return frame.assign(**columns)


def test_attributes_that_hardly_fit(village: Path, tmp_path: Path) -> None:
    """NaN, infinity, ten million characters, names that are taken, mixed types: in every format."""
    texts = ["x" * 10_000_000] + [f"é🏠{i}" for i in range(COUNT - 1)]
    # Footprints with longer texts are read with a note, and the texts cut.
    long = ["x" * 10_000, *texts[1:]]
    frame = with_attributes(
        village,
        gap=[np.nan, np.inf, -np.inf] + [1.5] * (COUNT - 3),
        note=texts,
        roof_kind=["mine"] * COUNT,
        mixed=[1, "two", None] + [True] * (COUNT - 3),
    )
    scene = geovision.open_scene(points=village / "points.laz", footprints=frame)
    summary = build_to(scene, tmp_path / "town", formats=list(AVAILABLE), geoid=43.0, merged=True)
    town = tmp_path / "town"
    assert summary.buildings == COUNT
    assert not summary.problems
    programs = geovision.read_programs(town / "programs.parquet")
    for line in (town / "buildings.city.jsonl").read_text().splitlines()[1:]:
        feature = json.loads(line)
        attributes = feature["CityObjects"][feature["id"]]["attributes"]
        row = programs.ids.index(feature["id"])
        assert attributes["note"] == long[row]
        assert attributes.get("gap") == (1.5 if row > 2 else None)
        assert attributes["roof_kind_given"] == "mine"
    for name in ("buildings.parquet", "buildings.gpkg", "buildings.fgb"):
        table = read_table(town / name)
        assert table["note"].tolist() == long
        assert table["gap"].isna().sum() == 3
    for part in ("tiles", "buildings.glb", "buildings.city.json"):
        assert validate(town / part).ok, part


def read_table(path: Path) -> geopandas.GeoDataFrame:
    if path.suffix == ".parquet":
        return geopandas.read_parquet(path)
    return geopandas.read_file(path, **({"layer": "buildings"} if path.suffix == ".gpkg" else {}))


def test_ids_of_every_kind(village: Path, tmp_path: Path) -> None:
    """Slashes, dots, emoji, quotes, blanks: no id becomes the name of a file, and none is changed."""
    odd = ["a/b", "../../etc", "🏠", 'say "hi"', "", " ", "a" * 5000, "NUL", "a\nb", "é", "<b>", "\u202e"]
    scene = geovision.open_scene(points=village / "points.laz", footprints=with_attributes(village, id=odd))
    build_to(scene, tmp_path / "town", formats=list(AVAILABLE), geoid=43.0)
    check_ids(tmp_path / "town", odd)
    assert [path.name for path in tmp_path.iterdir()] == ["town"]


def check_ids(town: Path, wanted: list[str]) -> None:
    programs = geovision.read_programs(town / "programs.parquet")
    assert sorted(programs.ids) == sorted(wanted)
    assert read_table(town / "buildings.gpkg")["id"].tolist() == programs.ids
    features = [json.loads(line) for line in (town / "buildings.city.jsonl").read_text().splitlines()[1:]]
    assert [feature["id"] for feature in features] == programs.ids
    for part in ("tiles", "buildings.city.json"):
        assert validate(town / part).ok, part


def test_ids_that_collide_are_not_taken(village: Path, tmp_path: Path) -> None:
    same = with_attributes(village, id=["same", "same", *map(str, range(COUNT - 2))])
    scene = geovision.open_scene(points=village / "points.laz", footprints=same)
    summary = build_to(scene, tmp_path / "town", formats=list(AVAILABLE), geoid=43.0)
    check_ids(tmp_path / "town", [str(row) for row in range(COUNT)])
    assert any("'same' more than once" in note for note in summary.notes)


def test_a_program_file_of_a_newer_version(village: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    from geovision.errors import GeovisionError

    build_to(scene_of(village), tmp_path / "town", formats=[])
    source = tmp_path / "town" / "programs.parquet"
    table = pq.read_table(source)
    newer = {**(table.schema.metadata or {}), b"geovision.schema": b"geovision.program/99"}
    pq.write_table(table.replace_schema_metadata(newer), tmp_path / "new.parquet")
    with pytest.raises(GeovisionError, match=r"newer geovision.*Update geovision"):
        geovision.read_programs(tmp_path / "new.parquet")
    command = [
        sys.executable,
        "-m",
        "geovision",
        "mesh",
        str(tmp_path / "new.parquet"),
        "-o",
        str(tmp_path / "x.glb"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "newer geovision" in done.stderr
    assert not (tmp_path / "x.glb").exists()


def moved(village: Path, folder: Path, crs: str, at: tuple[float, float], unit_m: float) -> geovision.Scene:
    """The village elsewhere: in another CRS, at another place, in another unit."""
    scene = scene_of(village)
    points, low = scene.read_points(scene.bounds), np.array(scene.bounds[:2])
    xyz = points.xyz.copy()
    xyz[:, :2] -= low
    xyz = xyz / unit_m + np.array([*at, 0.0])
    write_points(folder / "p.laz", xyz, classification=points.classification, crs=crs)
    frame = geopandas.read_file(village / "houses.gpkg")
    place = shapely.transform(frame.geometry.values, lambda xy: (xy - low) / unit_m + np.array(at))
    outlines = geopandas.GeoDataFrame({"id": frame["id"]}, geometry=place, crs=crs)
    return geovision.open_scene(points=folder / "p.laz", footprints=outlines)


def test_a_scene_in_feet_comes_out_in_metres(village: Path, tmp_path: Path) -> None:
    plain = build_to(scene_of(village), tmp_path / "metres", formats=["cityjsonseq"])
    scene = moved(village, tmp_path, "EPSG:2263", (985_000.0, 200_000.0), 1200 / 3937)
    feet = build_to(scene, tmp_path / "feet", formats=["3dtiles", "cityjsonseq"], geoid=-32.0)
    assert feet.crs == "EPSG:32618"
    assert feet.buildings == plain.buildings
    facts = []
    for name in ("metres", "feet"):
        lines = (tmp_path / name / "buildings.city.jsonl").read_text().splitlines()[1:]
        objects = [json.loads(line) for line in lines]
        facts.append({one["id"]: one["CityObjects"][one["id"]]["attributes"] for one in objects})
    for name, attributes in facts[0].items():
        for key, slack in (("model_height", 0.3), ("model_ground_area", 3.0)):
            assert facts[1][name][key] == pytest.approx(attributes[key], abs=slack), (name, key)
    assert validate(tmp_path / "feet" / "tiles").ok


def test_a_scene_over_the_antimeridian(village: Path, tmp_path: Path) -> None:
    there = Transformer.from_crs("EPSG:4326", "EPSG:32760", always_xy=True)
    x, y = there.transform(180.0, -17.0)
    scene = moved(village, tmp_path, "EPSG:32760", (round(x) - 20.0, round(y) - 20.0), 1.0)
    west, east = scene.bounds.west, scene.bounds.east
    assert west < x < east
    summary = build_to(scene, tmp_path / "town", formats=list(AVAILABLE), geoid=50.0)
    assert summary.buildings == COUNT
    assert not summary.problems
    for part in ("tiles", "buildings.city.json", "glb"):
        for path in (
            sorted((tmp_path / "town" / part).glob("*.glb")) if part == "glb" else [tmp_path / "town" / part]
        ):
            assert validate(path).ok, path
    root = json.loads((tmp_path / "town" / "tiles" / "tileset.json").read_text())["root"]
    box = np.array(root["boundingVolume"]["box"])
    assert np.linalg.norm(box[3:].reshape(3, 3), axis=1).max() < 500


def test_zero_buildings_is_a_result(village: Path, tmp_path: Path) -> None:
    geopandas.read_file(village / "houses.gpkg").iloc[:0].to_file(tmp_path / "none.gpkg", driver="GPKG")
    command = [
        sys.executable,
        "-m",
        "geovision",
        "build",
        "--points",
        str(village / "points.laz"),
        "--footprints",
    ]
    command += [str(tmp_path / "none.gpkg"), "-o", str(tmp_path / "town"), "--formats", ",".join(AVAILABLE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert "warning: no footprint" in done.stderr
    report = validate(tmp_path / "town" / "tiles")
    assert report.ok
    tileset = json.loads((tmp_path / "town" / "tiles" / "tileset.json").read_text())
    assert tileset["asset"]["version"] == "1.1"
    assert json.loads((tmp_path / "town" / "buildings.city.json").read_text())["CityObjects"] == {}
