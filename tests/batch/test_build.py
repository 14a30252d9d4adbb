"""The real job: the tiles of a run together are what `geovision build` makes, whatever the tiles."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely

import geovision
from geovision.batch import run
from geovision.batch.checking import verify
from geovision.batch.config import BatchConfig
from geovision.batch.executors.protocol import Outcome
from geovision.batch.jobs import open_job
from geovision.batch.layers import load_config
from geovision.batch.merging import merge
from geovision.batch.plan_file import Plan, Task
from geovision.batch.planning import plan
from geovision.batch.reporting import retry, status
from geovision.batch.run_folder import RunFolder
from geovision.batch.task import run_task
from geovision.errors import EnvironmentFault, InputError, UsageError
from geovision.formats.points import write_points
from geovision.model.fit import FitTable
from geovision.pipeline.build_to import build_to
from geovision.sources import Bounds, PointBlock
from tests.pipeline.built import content

SAMPLE = Path(__file__).resolve().parent.parent.parent / "sample_data" / "village"
EVERYWHERE = Bounds(-1e7, -1e7, 1e7, 1e7)
FORMATS = ["cityjsonseq", "parquet", "3dtiles", "glb", "viewer"]


class Here:
    """An executor in this process: what tests the job need no workers for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.waiting: list[Outcome] = []
        self.done: list[str] = []

    def start(self, head: Any) -> None:
        self.head = head

    def free(self) -> int:
        return 1 - len(self.waiting)

    def submit(self, task: Task) -> None:
        self.done.append(task.key)
        self.waiting.append(run_task(self.folder, self.head, task))

    def wait(self, timeout_s: float) -> list[Outcome]:
        found, self.waiting = self.waiting, []
        return found

    def stop(self, grace_s: float) -> list[Outcome]:
        return self.wait(0)

    def close(self) -> None:
        pass


def config(scene: Path | dict[str, Any], **changes: Any) -> BatchConfig:
    plain = {"scene": scene if isinstance(scene, dict) else str(scene / "scene.toml")}
    publish = {"formats": FORMATS, "geoid": 43.0}
    return BatchConfig.model_validate({**plain, "publish": publish, "run": {"wait_s": 0.0}, **changes})


def do(folder: Path) -> list[str]:
    """Run to the end here; the tiles that were worked on."""
    here = Here(folder)
    summary = run(folder, executor=here)
    assert summary.exit_code == 0, status(folder).failed
    return here.done


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "village"
    shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns("labels"))
    return folder


@pytest.fixture(scope="module")
def built(village: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "town"
    build_to(geovision.open_scene(str(village / "scene.toml")), out, formats=FORMATS, geoid=43.0)
    return out


def leave_volatile(folder: Path) -> dict[str, bytes]:
    return content(folder, leave=("run.json", "report.html", ".merged.json"))


def test_merged_tiles_are_the_bytes_of_a_build(village: Path, built: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    made = plan(config(village), folder)
    assert len(do(folder)) == len(made) == 1
    summary = merge(folder)
    assert summary.exit_code == 0
    assert leave_volatile(folder / "merged") == leave_volatile(built)
    assert not merge(folder).fresh
    table = geopandas.read_parquet(folder / "manifest.parquet")
    assert table["state"].tolist() == ["done"]
    assert table.crs.to_epsg() == 28992
    assert table.union_all().contains(geopandas.read_parquet(built / "buildings.parquet").union_all())


def features(folder: Path) -> dict[str, Any]:
    """What CityJSON says of each building, in the CRS: where its corners are, and what its faces."""
    head, *lines = (folder / "buildings.city.jsonl").read_text(encoding="utf-8").splitlines()
    scale, shift = (np.array(json.loads(head)["transform"][name]) for name in ("scale", "translate"))
    found = {}
    for line in lines:
        one = json.loads(line)
        corners = (np.array(one["vertices"]) * scale + shift).round(3).tolist()
        found[one["id"]] = (corners, one["CityObjects"])
    return found


def test_merged_tiles_have_facades_as_a_build_has(village: Path, tmp_path: Path) -> None:
    formats = ["3dtiles", "glb", "cityjsonseq"]
    publish = {"formats": formats, "geoid": 43.0, "facades": "auto", "merged": True}
    west, south, east, north = geovision.open_scene(village / "scene.toml").footprints.bounds
    line = shapely.LineString([(west, south), (east, north)])
    roads = geopandas.GeoDataFrame(geometry=[line], crs="EPSG:28992")
    roads.to_file(tmp_path / "roads.gpkg")
    file = village / "with_streets.toml"
    text = (village / "scene.toml").read_text(encoding="utf-8")
    wanted = BatchConfig.model_validate({"scene": str(file), "publish": publish, "run": {"wait_s": 0.0}})
    file.write_text(f'streets = "{tmp_path / "roads.gpkg"}"\n{text}', encoding="utf-8")
    plan(wanted, tmp_path / "run")
    do(tmp_path / "run")
    merge(tmp_path / "run")
    scene = geovision.open_scene(file)
    build_to(scene, tmp_path / "built", formats=formats, geoid=43.0, facades="auto", merged=True)
    merged, built = (leave_volatile(tmp_path / name) for name in ("run/merged", "built"))
    tiles = {name for name in built if name.startswith("tiles/") and name.endswith(".glb")}
    assert tiles
    assert merged == built
    small = BatchConfig.model_validate({**wanted.model_dump(exclude={"schema_"}), "tile_m": 40.0})
    plan(small, tmp_path / "small")
    assert len(do(tmp_path / "small")) > 3
    merge(tmp_path / "small")
    assert features(tmp_path / "small" / "merged") == features(tmp_path / "built")
    assert b"no streets were given" not in merged["index.json"]
    roads.translate(1).to_file(tmp_path / "roads.gpkg")
    with pytest.raises(InputError, match=r"roads\.gpkg.*changed"):
        merge(tmp_path / "run")
    plan(wanted, tmp_path / "run")
    assert not do(tmp_path / "run"), "streets decide no program"
    with pytest.raises(UsageError, match="nonsense"):
        plan(config(village, publish={"facades": "nonsense"}), tmp_path / "other")


def test_a_style_file_dresses_what_is_merged(village: Path, tmp_path: Path) -> None:
    rules, file = tmp_path / "mine.facade", tmp_path / "batch.toml"
    text = 'facade 1 "Mine"\nrule wall { place 1 by 1.2 up 1 : WHAT }\n'
    rules.write_text(text.replace("WHAT", "window"))
    file.write_text(
        f'scene = "{village / "scene.toml"}"\n[publish]\nformats = ["cityjsonseq"]\nfacades = "mine.facade"\n'
    )
    plan(load_config(file).config, tmp_path / "run")
    do(tmp_path / "run")
    merge(tmp_path / "run")
    models = tmp_path / "run/merged/buildings.city.jsonl"
    assert b'"Window"' in models.read_bytes()
    assert not merge(tmp_path / "run").fresh
    rules.write_text(text.replace("WHAT", "shopfront"))
    assert merge(tmp_path / "run").fresh


def by_building(folder: Path) -> dict[str, tuple[str, Any]]:
    programs = geovision.read_programs(folder / "programs.parquet")
    fits = FitTable.from_arrow(pq.read_table(folder / "programs.fits.parquet"))
    solids = geovision.mesh(programs)
    return {
        one.id: (one.to_json(), (fits.of(one.id).evidence, solids[row].vertices.tobytes()))
        for row, one in enumerate(programs)
    }


@pytest.mark.parametrize("tile_m", [37.0, 90.0])
def test_buildings_do_not_depend_on_tiles(village: Path, built: Path, tmp_path: Path, tile_m: float) -> None:
    """Also those on borders, and those larger than a tile: once, whole, with the same evidence."""
    folder = tmp_path / "run"
    made = plan(config(village, tile_m=tile_m), folder)
    assert len(made) > 3
    do(folder)
    merge(folder)
    assert by_building(folder / "merged") == by_building(built)


def replanned(folder: Path, change: Callable[[], BatchConfig]) -> tuple[Plan, list[str]]:
    before = RunFolder(folder).load().digests()
    made = plan(change(), folder)
    changed = [key for key, digest in made.digests().items() if before.get(key) != digest]
    worked = do(folder)
    assert sorted(worked) == sorted(changed)
    assert verify(folder).exit_code == 0
    return made, worked


def halves(village: Path, scene: Path) -> None:
    """The points of the village in two files, west and east."""
    points = geovision.open_scene(points=village / "points.laz", crs="EPSG:28992").read_points(EVERYWHERE)
    middle = float(np.median(points.xyz[:, 0]))
    scene.mkdir(exist_ok=True)
    for name, part in (("west", points.xyz[:, 0] < middle), ("east", points.xyz[:, 0] >= middle)):
        write_half(scene / f"{name}.laz", points.take(part))


def write_half(path: Path, points: PointBlock) -> None:
    write_points(path, points.xyz, classification=points.classification, crs="EPSG:28992")


def test_a_change_repeats_just_what_it_touches(village: Path, tmp_path: Path) -> None:
    """A footprint, points, a setting: tiles near it, or all of them, and never more."""
    scene, folder = tmp_path / "village", tmp_path / "run"
    halves(village, scene)
    shutil.copy(village / "footprints.gpkg", scene)
    files = {"points": [f"{scene}/west.laz", f"{scene}/east.laz"], "footprints": f"{scene}/footprints.gpkg"}

    def planned(**changes: Any) -> BatchConfig:
        return config(files, **{"tile_m": 50.0, **changes})

    plan(planned(), folder)
    tiles = len(do(folder))
    assert tiles == 12
    assert replanned(folder, planned)[1] == []

    (scene / "east.laz").touch()
    assert replanned(folder, planned)[1] == [], "a new date is no change"

    def moved() -> BatchConfig:
        frame = geopandas.read_file(scene / "footprints.gpkg").astype({"building:levels": "Int64"})
        corner = frame.geometry.bounds[["minx", "miny"]].sum(axis=1).idxmin()
        frame.loc[corner, "geometry"] = frame.geometry[corner].buffer(-0.4, join_style="mitre")
        frame.to_file(scene / "footprints.gpkg", driver="GPKG")
        return planned()

    assert 1 <= len(replanned(folder, moved)[1]) < tiles

    def surveyed() -> BatchConfig:
        east = geovision.open_scene(points=scene / "east.laz").read_points(EVERYWHERE)
        write_half(scene / "east.laz", replace(east, xyz=east.xyz + np.array([0.0, 0.0, 0.5])))
        return planned()

    worked = replanned(folder, surveyed)[1]
    assert 3 <= len(worked) < tiles
    assert max(int(key.split("_")[0]) for key in worked) == 3119

    publishing = {"formats": ["parquet"]}
    assert replanned(folder, lambda: planned(publish=publishing))[1] == [], "it concerns no tile"
    assert len(replanned(folder, lambda: planned(build={"place": "footprints"}))[1]) == tiles


def test_an_outline_that_moves_does_not_alter_the_smear_of_a_raster(village: Path, tmp_path: Path) -> None:
    """Smear and waves are measured over all outlines and concern every tile: they are the same after it."""
    files = {role: str(village / f"{role}.tif") for role in ("dsm", "dtm")}
    outlines = tmp_path / "footprints.gpkg"
    frame = geopandas.read_file(village / "footprints.gpkg").astype({"building:levels": "Int64"})

    def planned() -> Plan:
        frame.to_file(outlines, driver="GPKG")
        return plan(config({**files, "footprints": str(outlines)}, tile_m=50.0), tmp_path / "run")

    before = planned()
    assert before.head["facts"]["whole"]["smear"]["spread_m"] > 0.1
    assert before.head["facts"]["whole"]["waves"]["shared_m"] > 0.02
    frame.loc[7, "geometry"] = frame.geometry[7].buffer(-0.4, join_style="mitre")
    changed = set(planned().digests().items()) - set(before.digests().items())
    assert 1 <= len(changed) < len(before)


def test_what_a_run_will_take_is_known_before(village: Path, tmp_path: Path) -> None:
    outlines = str(village / "footprints.gpkg")

    def planned(**scene: str) -> Plan:
        scene = {role: str(village / name) for role, name in scene.items()}
        made = config({**scene, "footprints": outlines}, tile_m=100.0, publish={"formats": []})
        return plan(made, tmp_path / "run")

    cells = planned(dsm="dsm.tif", dtm="dtm.tif")
    made = planned(points="points.laz")
    assert 1 < cells.estimate["cpu_s"] / made.estimate["cpu_s"] < 4, "smear is dear"
    summary = run(tmp_path / "run", executor=Here(tmp_path / "run"))
    assert summary.buildings == made.estimate["buildings"]
    assert 0.2 < summary.cpu_s / made.estimate["cpu_s"] < 5


def test_another_version_repeats_all(village: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    plan(config(village, publish={"formats": []}), folder)
    before = RunFolder(folder).load().digests()
    monkeypatch.setattr("geovision.batch.planning.__version__", "9.9.9")
    assert not set(plan(config(village, publish={"formats": []}), folder).digests().items()) & set(
        before.items()
    )
    with pytest.raises(EnvironmentFault, match=r"is not the version that the run was planned with \(9.9.9\)"):
        open_job(folder, RunFolder(folder).load().worker_head())


def test_a_source_that_changed_since_is_refused(village: Path, tmp_path: Path) -> None:
    scene, folder = tmp_path / "village", tmp_path / "run"
    shutil.copytree(village, scene)
    plan(config(scene), folder)
    (scene / "dsm.tif").write_bytes((scene / "dsm.tif").read_bytes()[:-1000])
    with pytest.raises(InputError, match=r"dsm.tif: has changed since the run was planned.*Plan again"):
        run(folder)


def test_what_is_damaged_is_found_and_done_again(village: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    made = plan(config(village, tile_m=100.0), folder)
    do(folder)
    task = made.task(1)
    target = RunFolder(folder).tile(task.key, task.digest) / "programs.parquet"
    whole = target.read_bytes()
    target.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(InputError, match=f"tile {task.key}: is not what it was"):
        merge(folder)
    assert verify(folder).bad == [task.key]
    assert verify(folder).exit_code == 1
    mended = verify(folder, repair=True)
    assert (mended.repaired, mended.exit_code) == (True, 0), "as in: verify --repair && run"
    assert do(folder) == [task.key]
    assert target.read_bytes() == whole
    assert verify(folder).to_dict()["bad"] == []
    stands = status(folder)
    assert stands.buildings == stands.planned_buildings, "those of a tile that was done twice count once"


def test_merging_asks_for_all_tiles(village: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    plan(config(village, tile_m=100.0, publish={"formats": []}), folder)
    with pytest.raises(UsageError, match="are not done"):
        merge(folder)
    do(folder)
    key = retry(folder, [RunFolder(folder).load().key(0)])[0]
    summary = merge(folder, tmp_path / "part", partial=True)
    assert summary.missing == [key]
    assert summary.exit_code == 1
    assert len(geovision.read_programs(tmp_path / "part" / "programs.parquet")) < 59


def test_footprints_alone_are_blocks(village: Path, tmp_path: Path) -> None:
    """A scene without measurements has tiles too."""
    outlines = str(village / "footprints.gpkg")
    plan(config({"footprints": outlines}, publish={"formats": []}), tmp_path / "run")
    do(tmp_path / "run")
    merge(tmp_path / "run")
    build_to(geovision.open_scene(footprints=outlines), tmp_path / "town", formats=[])
    assert leave_volatile(tmp_path / "run" / "merged") == leave_volatile(tmp_path / "town")
