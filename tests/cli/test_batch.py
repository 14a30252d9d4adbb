"""`geovision batch` as a shell sees it: exit codes, JSON on stdout, errors that name the next command."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import geopandas
import pytest

from geovision.cli.main import call
from tests.batch.jobs import NAME
from tests.batch.runs import make_run, results

SAMPLE = Path(__file__).resolve().parent.parent.parent / "sample_data" / "village"


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOVISION_TEST_JOB", NAME)


def test_a_run_with_a_bad_tile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_run(tmp_path / "run", 6, head={"faults": {"4_0": "error*4"}}, run={"workers": 1})
    run = str(folder)
    assert call(["batch", "status", run]) == 1
    assert "6 tiles, 0.0 % done" in capsys.readouterr().out
    assert call(["batch", "run", run, "--json"]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["failed"] == ["4_0"]
    assert "failed: tile 4_0: tile 4_0: has a hole. Mend it." in told.err
    assert call(["batch", "status", run, "--json"]) == 1
    (failed,) = json.loads(capsys.readouterr().out)["failed"]
    assert (failed["key"], failed["errors"], failed["quarantined"]) == ("4_0", 3, True)
    assert failed["command"] == f"geovision batch tile {run} 4_0"
    # The command that it names does what failed, and leaves the run alone.
    assert call([*failed["command"].split()[1:], "-o", str(tmp_path / "out")]) == 1
    assert "InputError: tile 4_0: has a hole" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert call(["batch", "tile", run, "2_0", "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "a.json").is_file()
    assert call(["batch", "merge", run]) == 2
    assert "--partial" in capsys.readouterr().err
    assert call(["batch", "retry", run, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"tiles": ["4_0"]}
    assert call(["batch", "run", run, "-q"]) == 0
    assert call(["batch", "status", run, "--export", str(tmp_path / "tiles.parquet")]) == 0
    assert geopandas.read_parquet(tmp_path / "tiles.parquet")["state"].tolist() == ["done"] * 6
    assert len(results(folder)) == 6


def test_verify_and_repair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_run(tmp_path / "run", 3, run={"workers": 1})
    assert call(["batch", "run", str(folder), "-q"]) == 0
    assert call(["batch", "verify", str(folder)]) == 0
    next((folder / "tiles").rglob("b.bin")).write_bytes(b"")
    assert call(["batch", "verify", str(folder), "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["bad"]) == 1
    assert call(["batch", "verify", str(folder), "--repair", "-q"]) == 0
    assert call(["batch", "run", str(folder), "-q"]) == 0
    assert call(["batch", "verify", str(folder), "-q"]) == 0


def test_from_a_configuration_to_a_merged_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "county.toml"
    config.write_text(
        f'scene = "{SAMPLE}/scene.toml"\ntile_m = 200\n[publish]\nformats = ["parquet"]\n[run]\nworkers = 1\n'
    )
    run = str(tmp_path / "run")
    assert call(["batch", "plan", str(config), "-o", run, "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned["estimate"]["buildings"] == sum(tile["buildings"] for tile in planned["tiles"]) == 59
    assert {source["role"] for source in planned["sources"]} >= {"points", "dsm", "dtm", "footprints"}
    assert call(["batch", "run", run, "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["buildings"] == 59
    assert call(["batch", "merge", run, "-o", str(tmp_path / "town"), "-q"]) == 0
    assert len(geopandas.read_parquet(tmp_path / "town" / "buildings.parquet")) == 59


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "nothing"], 2, "holds no plan. Make one: geovision batch plan"),
        (["plan", "none.toml", "-o", "run"], 2, "cannot be read"),
        (["tile", "run", "9_9", "-o", "out"], 1, "is not in the plan"),
        (["run", "run", "--shard", "8/7"], 2, "is not i/n"),
        (["run", "run", "--set", "worker=3"], 2, "Did you mean 'workers'"),
        (["retry", "run", "../../etc"], 1, "is not in the plan"),
    ],
)
def test_wrong_usage(
    arguments: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "run", 2)
    assert call(["batch", *arguments]) == code
    assert said in capsys.readouterr().err


def test_help_of_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("plan", "run", "status", "retry", "merge", "verify", "tile"):
        assert call(["batch", name, "--help"]) == 0
        assert "Examples:" in capsys.readouterr().out


def test_a_place_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "county.toml"
    config.write_text(f'scene = "{SAMPLE}/scene.toml"\n')
    (tmp_path / "file").write_text("")
    assert call(["batch", "plan", str(config), "-o", str(tmp_path / "file" / "run")]) == 3
    assert "cannot be made" in capsys.readouterr().err
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a file system is not allowed here")
    try:
        assert call(["batch", "plan", str(config), "-o", str(disk / "run")]) == 3
        assert "of free disk, and the run is thought to take" in capsys.readouterr().err
        assert not (disk / "run" / "plan.json").exists()
    finally:
        subprocess.run(["umount", str(disk)], check=True)
        shutil.rmtree(disk, ignore_errors=True)
