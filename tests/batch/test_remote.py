"""Batches over files elsewhere: the same programs, changes seen, no secret in any file of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from geovision.batch import plan, run
from geovision.batch.config import BatchConfig
from geovision.batch.run_folder import RunFolder
from geovision.cli.main import call
from tests.batch.jobs import NAME
from tests.batch.runs import make_run, manifest, results
from tests.s3_server import KEY_ID, SECRET, put, s3_environment, serve_s3
from tests.web_server import serve

VILLAGE = Path(__file__).resolve().parents[2] / "sample_data" / "village"
NAMES = ("points.laz", "footprints.gpkg")


def county(base: str | Path) -> BatchConfig:
    scene = {
        "points": f"{base}/points.laz",
        "footprints": f"{base}/footprints.gpkg",
        "allow": {"network": True},
    }
    return BatchConfig.model_validate({"scene": scene, "tile_m": 500, "run": {"workers": 1, "wait_s": 0.01}})


def programs(folder: Path) -> dict[str, bytes]:
    return {key: files["programs.parquet"] for key, files in results(folder).items()}


def test_a_run_over_the_network_is_the_run_over_files(tmp_path: Path) -> None:
    served = tmp_path / "served"
    served.mkdir()
    for name in NAMES:
        (served / name).write_bytes((VILLAGE / name).read_bytes())
    here, there = tmp_path / "here", tmp_path / "there"
    plan(county(served), here)
    assert run(here).exit_code == 0
    with serve(served) as address:
        plan(county(address), there)
        assert run(there).exit_code == 0
        assert programs(there) == programs(here)
        assert plan(county(address), there).tiles == RunFolder(there).load().tiles
        assert run(there).done_now == 0
        # A file that changes after planning fails the tiles that read it, by name.
        with (served / "points.laz").open("ab") as file:
            file.write(b"\0")
        late = tmp_path / "late"
        made = plan(county(address), late)
        assert set(made.tiles["digest"]).isdisjoint(RunFolder(there).load().tiles["digest"])
        with (served / "points.laz").open("ab") as file:
            file.write(b"\0")
        assert run(late).exit_code == 1
        told = {row["error"]["message"] for row in manifest(late) if row["state"] == "failed"}
        assert all(f"{address}/points.laz" in text and "has changed" in text for text in told)


def test_no_secret_is_in_any_file_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    with serve_s3() as endpoint:
        s3_environment(monkeypatch, endpoint)
        for name in NAMES:
            base = put(endpoint, name, (VILLAGE / name).read_bytes()).rpartition("/")[0]
        plan(county(base), folder)
        assert run(folder).exit_code == 0
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 5
    assert not [
        file
        for file in files
        if SECRET.encode() in (content := file.read_bytes()) or KEY_ID.encode() in content
    ]


def test_dask_by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOVISION_TEST_JOB", NAME)
    folder = make_run(tmp_path / "run", 4)
    assert call(["batch", "run", str(folder), "--dask", "local", "--workers", "1", "-q"]) == 0
    assert len(results(folder)) == 4
    assert call(["batch", "run", str(make_run(tmp_path / "b", 4)), "--dask", "nowhere", "-q"]) == 2
