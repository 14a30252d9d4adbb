"""The supervisor: one bad tile costs its own retries, every attempt is on record, a second run goes on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from geovision.batch import RunProgress, TileResult, iter_run, run
from geovision.batch.plan_file import save_plan
from geovision.batch.run_folder import RunFolder, Shard
from geovision.errors import EnvironmentFault, InputError, UsageError
from tests.batch.jobs import NAME
from tests.batch.runs import FAST, make_run, manifest, results, tries


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOVISION_TEST_JOB", NAME)


def test_all_tiles_are_done_once(tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    folder = make_run(tmp_path / "run", 30, head={"counted": str(counted)})
    seen: list[TileResult] = []
    steps: list[RunProgress] = []
    summary = run(folder, callback=seen.append, progress=steps.append)
    assert summary.exit_code == 0
    assert summary.done == summary.done_now == summary.tiles == len(seen) == 30
    assert summary.buildings == 90
    assert len(results(folder)) == 30
    assert set(tries(counted).values()) == {1}
    assert {row["state"] for row in manifest(folder)} == {"done"}
    assert steps[-1].total == 30
    again = run(folder)
    assert (again.done, again.done_now, again.attempts) == (30, 0, 0)
    assert set(tries(counted).values()) == {1}


def test_bad_tiles_cost_their_own_retries_and_are_quarantined(tmp_path: Path) -> None:
    """Errors three times, deaths twice, with what they were; all others are done."""
    counted = tmp_path / "counted"
    faults = {"1_0": "error", "2_0": "bug", "3_0": "segfault", "4_0": "kill", "5_0": "exit", "6_0": "abort"}
    passing = {"7_0": "error*2", "8_0": "kill*1"}
    head = {"faults": {**faults, **passing}, "counted": str(counted)}
    folder = make_run(tmp_path / "run", 16, head=head)
    summary = run(folder)
    assert summary.exit_code == 1
    assert sorted(summary.failed) == sorted(faults)
    assert set(results(folder)) == {f"{index}_0" for index in range(16)} - set(faults)
    tried = tries(counted)
    assert {key: tried[key] for key in faults} == {"1_0": 3, "2_0": 3, **dict.fromkeys(list(faults)[2:], 2)}
    assert {key: tried[key] for key in passing} == {"7_0": 3, "8_0": 2}
    assert {tried[f"{index}_0"] for index in (0, *range(9, 16))} == {1}
    last = {row["key"]: row for row in manifest(folder)}
    assert last["1_0"]["error"]["message"] == "tile 1_0: has a hole. Mend it."
    assert "ZeroDivisionError" in last["2_0"]["error"]["log"]
    assert "SIGSEGV" in last["3_0"]["error"]["message"]
    assert "about to fault" in last["3_0"]["error"]["log"]
    assert "SIGKILL" in last["4_0"]["error"]["message"]
    assert "code 3" in last["5_0"]["error"]["message"]
    # A second run leaves them alone.
    assert run(folder).attempts == 0


@pytest.mark.parametrize(
    ("fault", "limits", "kind", "told"),
    [("memory", {"memory_mb": 1500}, "MemoryError", ""), ("spin", {"cpu_s": 1}, "crash", "SIGXCPU")],
)
def test_memory_and_cpu_have_limits(
    tmp_path: Path, fault: str, limits: dict[str, int], kind: str, told: str
) -> None:
    folder = make_run(tmp_path / "run", 3, head={"faults": {"1_0": f"{fault}*1"}}, run=limits)
    assert run(folder).exit_code == 0
    (crashed,) = [row for row in manifest(folder) if row["state"] == "crashed"]
    assert crashed["key"] == "1_0"
    assert crashed["error"]["kind"] == kind
    assert told in crashed["error"]["message"]


def test_a_tile_that_hangs_is_ended(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 2, head={"faults": {"1_0": "hang*1"}}, run={"tile_s": 3.0})
    assert run(folder).exit_code == 0
    (crashed,) = [row["error"] for row in manifest(folder) if row["state"] == "crashed"]
    assert "more than 3 s" in crashed["message"]


def test_a_full_disk_ends_the_run_and_blames_no_tile(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 6, head={"faults": {"2_0": "readonly*1"}})
    with pytest.raises(EnvironmentFault, match="Read-only file system"):
        run(folder)
    rows = manifest(folder)
    assert [row["key"] for row in rows if row["state"] == "halted"] == ["2_0"]
    assert not [row for row in rows if row["state"] in ("failed", "crashed", "running")]
    summary = run(folder)
    assert summary.exit_code == 0
    assert len(results(folder)) == 6


def test_a_request_to_stop_ends_in_time_and_is_gone_on_with(tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    folder = make_run(tmp_path / "run", 12, head={"sleep_s": 0.2, "counted": str(counted)})
    seen: list[TileResult] = []
    summary = run(folder, callback=seen.append, stop=lambda: len(seen) >= 3)
    assert summary.exit_code == 75
    assert 3 <= summary.done < 12
    assert not [row for row in manifest(folder) if row["state"] == "running"]
    assert run(folder).done == 12
    assert set(tries(counted).values()) == {1}


def test_no_grace_gives_tiles_up_without_blame(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 4, head={"faults": {"3_0": "hang*1"}})
    seen: list[TileResult] = []
    begun = folder / ".tries-3_0"  # by the job itself, which hangs once

    def stop() -> bool:
        return len(seen) >= 3 and begun.exists()

    summary = run(folder, settings={"grace_s": 0.0}, callback=seen.append, stop=stop)
    assert summary.stopped
    assert [row["state"] for row in manifest(folder) if row["key"] == "3_0"] == ["stopped"]
    assert run(folder).exit_code == 0


def test_an_iterator_that_is_closed_stops_the_run(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 10, head={"sleep_s": 0.15})
    results_of_run = iter_run(folder, workers=1)
    assert next(results_of_run).done
    results_of_run.close()
    done = sum(row["state"] == "done" for row in manifest(folder))
    assert 1 <= done < 10
    assert run(folder).done == 10


def test_two_supervisors_are_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 3)
    with RunFolder(folder).hold(), pytest.raises(UsageError, match="is in use by process"):
        run(folder)
    with RunFolder(folder).hold(Shard(1, 2)):
        with pytest.raises(UsageError, match="is in use"):
            run(folder)
        with pytest.raises(UsageError, match="shard 1/2"):
            run(folder, shard="1/2")
        assert run(folder, shard="2/2").exit_code == 0


def test_shards_together_are_one_run(tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    whole = make_run(tmp_path / "whole", 40)
    parts = make_run(tmp_path / "parts", 40, head={"counted": str(counted)})
    run(whole)
    assert [run(parts, shard=f"{number}/7", workers=1).exit_code for number in range(1, 8)] == [0] * 7
    assert results(parts) == results(whole)
    assert set(tries(counted).values()) == {1}
    assert run(parts).attempts == 0


def test_quick_tiles_wait_with_the_worker_and_are_not_blamed_for_it(tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    head = {"faults": {"30_0": "kill*1"}, "counted": str(counted)}
    folder = make_run(tmp_path / "run", 60, head=head, run={"workers": 1})
    assert run(folder).exit_code == 0
    rows = manifest(folder)
    assert [row["key"] for row in rows if row["state"] == "crashed"] == ["30_0"]
    waited = {row["key"] for row in rows if row["state"] == "stopped"}
    assert 1 <= len(waited) < 16
    assert {key: count for key, count in tries(counted).items() if count > 1} == {"30_0": 2}


@pytest.mark.parametrize("text", ["0/3", "4/3", "a/b", "3", "1/0", "-1/3", ""])
def test_a_shard_that_is_none(text: str, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 1)
    with pytest.raises(UsageError, match="is not i/n"):
        run(folder, shard=text)


def test_a_changed_digest_is_done_again_and_the_rest_is_not(tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    folder = make_run(tmp_path / "run", 10, head={"counted": str(counted)})
    run(folder)
    make_run(folder, 10, head={"counted": str(counted)})
    plan = RunFolder(folder).load()
    digests = [*plan.tiles["digest"][:4], "f" * 16, *plan.tiles["digest"][5:]]
    save_plan(folder / "plan.json", replace(plan, tiles={**plan.tiles, "digest": digests}))
    summary = run(folder)
    assert (summary.done, summary.done_now) == (10, 1)
    assert tries(counted)["4_0"] == 2


def test_a_tile_that_was_published_and_not_recorded_is_taken_as_it_is(tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    folder = make_run(tmp_path / "run", 5, head={"counted": str(counted)})
    run(folder)
    (folder / "manifest.sqlite").unlink()
    damaged = RunFolder(folder).load().task(2)
    (RunFolder(folder).tile(damaged.key, damaged.digest) / "a.json").write_text("{}")
    assert run(folder).done_now == 5
    assert tries(counted) == {"0_0": 1, "1_0": 1, "2_0": 2, "3_0": 1, "4_0": 1}
    assert len(results(folder)) == 5


def test_a_folder_that_was_removed_is_done_again(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 5)
    run(folder)
    shutil.rmtree(folder / "tiles" / "2")
    assert run(folder).done_now == 1
    assert len(results(folder)) == 5


def test_a_job_of_a_plan_opens_no_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_run(tmp_path / "run", 2)
    monkeypatch.delenv("GEOVISION_TEST_JOB")
    with pytest.raises(EnvironmentFault, match="is not known"):
        run(folder)


@pytest.mark.parametrize("how", ["cut", "changed", "foreign", "absent"])
def test_plans_that_are_none(how: str, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 4)
    path = folder / "plan.json"
    text = path.read_text()
    if how == "cut":
        path.write_text(text[:-20])
    elif how == "changed":
        path.write_text(text.replace('"EPSG:28992"', '"EPSG:28991"'))
    elif how == "foreign":
        path.write_text("[]")
    else:
        path.unlink()
    with pytest.raises((InputError, UsageError), match="lan"):
        run(folder)


def test_the_supervisor_loads_nothing_native(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 2)
    code = (
        f"import sys; from geovision.batch import run; assert run({str(folder)!r}).done == 2;"
        "print(sorted({'numpy', 'pyarrow', 'rasterio', 'shapely', 'geovision._kernel'} & set(sys.modules)))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        ).stdout.strip()
        == "[]"
    )


def test_settings_of_a_run(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", 2)
    with pytest.raises(UsageError, match="Did you mean 'workers'"):
        run(folder, settings={"worker": 2})
    environ: dict[str, Any] = {"GEOVISION_BATCH_RUN__WORKERS": "many"}
    with pytest.raises(UsageError, match="workers"):
        run(folder, environ=environ)
    assert FAST["workers"] == RunFolder(folder).load().config.run.workers
