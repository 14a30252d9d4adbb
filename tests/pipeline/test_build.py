"""From files to a published folder: every format holds the same buildings; whole or not there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import geopandas
import pyarrow.parquet as pq
import pytest
import trimesh

import geovision
from geovision.cli.options import FORMATS as CLI_FORMATS
from geovision.errors import OutputError, UsageError
from geovision.model.fit import FitTable
from geovision.pipeline.build_to import BuildProgress, build_to
from geovision.pipeline.products import FORMATS
from geovision.pipeline.publish import publish_folder
from tests.pipeline.built import content, make_village, scene_of
from tests.pipeline.formats import AVAILABLE

COUNT = 24
VOLATILE = ("run.json", "report.html")


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_village(tmp_path_factory, COUNT)


def read_table(path: Path) -> geopandas.GeoDataFrame:
    if path.suffix == ".parquet":
        return geopandas.read_parquet(path)
    return geopandas.read_file(path, **({"layer": "buildings"} if path.suffix == ".gpkg" else {}))


def test_every_format_holds_every_building(village: Path, tmp_path: Path) -> None:
    steps: list[BuildProgress] = []
    summary = build_to(scene_of(village), tmp_path / "town", formats=list(AVAILABLE), progress=steps.append)
    town = tmp_path / "town"
    programs = geovision.read_programs(town / "programs.parquet")
    assert summary.buildings == len(programs) == steps[-1].done == steps[-1].total
    assert not summary.problems
    assert [
        fit.id for fit in FitTable.from_arrow(pq.read_table(town / "programs.fits.parquet"))
    ] == programs.ids
    features = [json.loads(line) for line in (town / "buildings.city.jsonl").read_text().splitlines()[1:]]
    assert [feature["id"] for feature in features] == programs.ids
    attributes = features[3]["CityObjects"][programs.ids[3]]["attributes"]
    assert {"roof_kind", "fit_status", "fit_confidence", "model_height", "model_volume"} <= set(attributes)
    for name in ("buildings.parquet", "buildings.gpkg", "buildings.fgb"):
        assert read_table(town / name)["id"].tolist() == programs.ids
    for kind in ("glb", "obj", "ply", "stl"):
        assert len(trimesh.load_mesh(next((town / kind).glob(f"*.{kind}"))).faces)
    index = json.loads((town / "index.json").read_text())
    assert index["buildings"] == len(programs)
    assert index["status"] == dict(summary.status)
    assert set(summary.files) == {str(path.relative_to(town)) for path in town.rglob("*") if path.is_file()}
    page = (town / "report.html").read_text()
    assert all(name in page for name in ("Coverage", "The run", programs.ids[0][:1]))
    assert '<a href="report.html">report</a>' in (town / "index.html").read_text()
    assert json.loads((town / "run.json").read_text())["stages"]["fit"]["seconds"] > 0


def test_bytes_depend_on_the_scene_alone(village: Path, tmp_path: Path) -> None:
    for threads in (1, 2):
        build_to(scene_of(village), tmp_path / str(threads), formats=list(AVAILABLE), threads=threads)
    assert content(tmp_path / "1", leave=VOLATILE) == content(tmp_path / "2", leave=VOLATILE)


def test_merged(village: Path, tmp_path: Path) -> None:
    build_to(scene_of(village), tmp_path / "town", formats=["glb", "ply"], merged=True)
    assert (tmp_path / "town" / "buildings.glb").is_file()
    assert (tmp_path / "town" / "buildings.ply").is_file()
    assert not (tmp_path / "town" / "glb").exists()
    assert not (tmp_path / "town" / "buildings.parquet").exists()


def test_what_is_there_is_safe(village: Path, tmp_path: Path) -> None:
    town = tmp_path / "town"
    build_to(scene_of(village), town, formats=["cityjsonseq"])
    before = content(town, leave=VOLATILE)
    with pytest.raises(OutputError, match="exists already"):
        build_to(scene_of(village), town)

    def stop(_: BuildProgress) -> None:
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        build_to(scene_of(village), town, overwrite=True, progress=stop)
    assert content(town, leave=VOLATILE) == before
    assert [path.name for path in tmp_path.iterdir()] == ["town"]
    build_to(scene_of(village), town, formats=["parquet"], overwrite=True)
    assert "buildings.city.jsonl" not in content(town, leave=VOLATILE)
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.doc").write_text("years of work")
    with pytest.raises(OutputError, match=r"index\.json"):
        build_to(scene_of(village), other, overwrite=True)
    for wrong, message in ((["gml"], "format 'gml'"), (["3dtiles"], "geoid = nan")):
        with pytest.raises(UsageError, match=message):
            build_to(scene_of(village), tmp_path / "new", formats=wrong, geoid=float("nan"), progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "town"]


def test_what_is_read_is_never_replaced(village: Path, tmp_path: Path) -> None:
    delivery = tmp_path / "delivery"
    shutil.copytree(village, delivery)
    scene = geovision.open_scene(points=delivery / "points.laz", footprints=delivery / "houses.gpkg")
    for index, told in (
        (
            {"schema": "geovision.synth/1"},
            "is of 'geovision.synth/1', so it is no earlier result of geovision.build",
        ),
        ([], "is of ''"),
        (
            {"schema": "geovision.build/1"},
            "houses.gpkg, which is read for it|points.laz, which is read for it",
        ),
    ):
        (delivery / "index.json").write_text(json.dumps(index))
        before = content(delivery)
        with pytest.raises(OutputError, match=told):
            build_to(scene, delivery, overwrite=True, formats=[])
        assert content(delivery) == before


def test_a_kill_leaves_one_whole_result(village: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "geovision", "build", "--points", str(village / "points.laz")]
    command += ["--footprints", str(village / "houses.gpkg"), "--overwrite", "-q"]
    old, new, town = (tmp_path / name for name in ("old", "new", "town"))
    assert subprocess.run([*command, "-o", old, "--formats", "fgb"], check=False).returncode == 0
    started = time.monotonic()
    command += ["--formats", "cityjsonseq,parquet"]
    assert subprocess.run([*command, "-o", new], check=False).returncode == 0
    took = time.monotonic() - started
    for share in (0.3, 0.6, 0.8, 0.9, 0.97):
        shutil.rmtree(town, ignore_errors=True)
        shutil.copytree(old, town)
        with subprocess.Popen([*command, "-o", town]) as process:
            time.sleep(share * took)
            process.kill()
        assert content(town, leave=VOLATILE) in (content(old, leave=VOLATILE), content(new, leave=VOLATILE))
    assert subprocess.run([*command, "-o", town], check=False).returncode == 0
    assert content(town, leave=VOLATILE) == content(new, leave=VOLATILE)


def test_folders_change_places_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And where the file system cannot, in two."""
    for able in (True, False):
        if not able:
            monkeypatch.setattr("geovision.pipeline.publish._exchange", lambda one, other: False)
        for text in ('{"schema": "town/1"}', '{"schema": "town/2"}'):
            with publish_folder(tmp_path / "town", overwrite=True, schema="town/2") as folder:
                (folder / "index.json").write_text(text)
            assert (tmp_path / "town" / "index.json").read_text() == text
            assert [path.name for path in tmp_path.iterdir()] == ["town"]


def test_no_footprints_no_buildings(village: Path, tmp_path: Path) -> None:
    empty = geopandas.read_file(village / "houses.gpkg").iloc[:0]
    scene = geovision.open_scene(points=village / "points.laz", footprints=empty)
    summary = build_to(scene, tmp_path / "town", formats=list(AVAILABLE))
    assert summary.buildings == 0
    assert len(geovision.read_programs(tmp_path / "town" / "programs.parquet")) == 0
    for name in ("buildings.parquet", "buildings.gpkg", "buildings.fgb"):
        assert read_table(tmp_path / "town" / name).empty
    assert any("holds no footprint" in text for text in summary.notes)


def test_in_memory(village: Path, tmp_path: Path) -> None:
    frame = geopandas.read_file(village / "houses.gpkg")
    scene = scene_of(village)
    built = geovision.build(scene.read_points(scene.bounds), frame)
    assert built.crs == "EPSG:28992"
    assert built.solids.ids == built.programs.ids
    summary = built.write(tmp_path / "memory", formats=["cityjsonseq", "parquet"])
    files = build_to(scene, tmp_path / "files")
    assert summary.counts() == files.counts()
    for name in ("buildings.city.jsonl", "buildings.parquet", "programs.parquet"):
        read = (tmp_path / folder / name for folder in ("memory", "files"))
        assert next(read).read_bytes() == next(read).read_bytes()


def test_the_command_line_knows_every_format() -> None:
    assert tuple(FORMATS) == CLI_FORMATS
