"""One contract for all executors: exactly one outcome a tile, blame where it belongs, an end in time."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from geovision.batch import run
from geovision.batch.executors.dask import DaskExecutor
from geovision.batch.executors.local import LocalExecutor
from geovision.batch.executors.protocol import Executor, Outcome
from geovision.batch.plan_file import Task
from geovision.batch.run_folder import RunFolder
from geovision.errors import EnvironmentFault, GeovisionError, UsageError
from tests.batch.clusters import Cluster, dask_cluster
from tests.batch.jobs import NAME
from tests.batch.runs import make_run, manifest, results, tries

Maker = Callable[[Path], Executor]


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOVISION_TEST_JOB", NAME)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEOVISION_TEST_JOB", NAME)
        with dask_cluster(tmp_path_factory.mktemp("dask")) as found:
            yield found


@pytest.fixture(params=["local", "dask"])
def maker(request: pytest.FixtureRequest) -> Maker:
    """Makes an executor with two workers for a run."""

    def make(folder: Path) -> Executor:
        place = RunFolder(folder)
        settings = place.load().config.run
        if request.param == "local":
            return LocalExecutor(place.path, settings, place.logs)
        return on(folder, request.getfixturevalue("cluster").address)

    return make


def on(folder: Path, cluster: str) -> DaskExecutor:
    place = RunFolder(folder)
    return DaskExecutor(place.path, place.load().config.run, place.logs, cluster)


def until_ended(executor: Executor, tasks: list[Task]) -> dict[str, Outcome]:
    """Submit tasks as there is room; those that only waited for a worker that died go again."""
    left = {task.key: task for task in tasks}
    found: dict[str, Outcome] = {}
    at_work: set[str] = set()
    end = time.monotonic() + 120
    while len(found) < len(tasks):
        assert time.monotonic() < end
        for key in list(left)[: executor.free()]:
            executor.submit(left.pop(key))
            at_work.add(key)
        for outcome in executor.wait(0.1):
            at_work.remove(outcome.key)
            if outcome.state == "stopped":
                left[outcome.key] = next(task for task in tasks if task.key == outcome.key)
            else:
                found[outcome.key] = outcome
    return found


def test_every_tile_has_one_outcome_that_says_how_it_ended(tmp_path: Path, maker: Maker) -> None:
    counted = tmp_path / "counted"
    faults = {
        "1_0": "error",
        "2_0": "bug",
        "3_0": "segfault",
        "4_0": "kill",
        "5_0": "exit",
        "6_0": "readonly",
    }
    folder = make_run(tmp_path / "run", 12, head={"faults": faults, "counted": str(counted)})
    plan = RunFolder(folder).load()
    executor = maker(folder)
    executor.start(plan.worker_head())
    found = until_ended(executor, list(plan.tasks()))
    assert executor.stop(0.0) == []
    states = {
        "1_0": "failed",
        "2_0": "failed",
        "6_0": "halted",
        **dict.fromkeys(("3_0", "4_0", "5_0"), "crashed"),
    }
    assert {key: one.state for key, one in found.items()} == {
        f"{index}_0": states.get(f"{index}_0", "done") for index in range(12)
    }
    # Nothing is tried again behind the caller's back.
    assert set(tries(counted).values()) == {1}
    errors = {key: dict(one.error or {}) for key, one in found.items()}
    assert errors["1_0"]["message"] == "tile 1_0: has a hole. Mend it."
    assert "ZeroDivisionError" in errors["2_0"]["log"]
    assert "SIGSEGV" in errors["3_0"]["message"]
    assert "SIGKILL" in errors["4_0"]["message"]
    assert len(results(folder)) == 6
    assert all(
        one.outputs and one.buildings == 3 and one.host for one in found.values() if one.state == "done"
    )


def test_a_stop_lets_a_tile_end_in_the_time_that_it_is_given(tmp_path: Path, maker: Maker) -> None:
    executor = one_at_work(maker, tmp_path, {"sleep_s": 1.0})
    assert [one.state for one in executor.stop(60.0)] == ["done"]


def test_a_stop_ends_what_does_not_end_by_itself(tmp_path: Path, maker: Maker) -> None:
    executor = one_at_work(maker, tmp_path, {"faults": {"0_0": "hang"}})
    begun = time.monotonic()
    assert [one.state for one in executor.stop(0.5)] == ["stopped"]
    assert time.monotonic() - begun < 30
    executor.close()


def one_at_work(maker: Maker, place: Path, head: dict[str, object]) -> Executor:
    """An executor whose only tile has begun."""
    counted = place / "counted"
    folder = make_run(place / "run", 1, head={**head, "counted": str(counted)})
    plan = RunFolder(folder).load()
    executor = maker(folder)
    executor.start(plan.worker_head())
    while not executor.free():
        executor.wait(0.1)
    executor.submit(plan.task(0))
    while not tries(counted):
        assert not executor.wait(0.1)
    return executor


def test_a_tile_that_takes_too_long_is_ended(tmp_path: Path, maker: Maker) -> None:
    folder = make_run(tmp_path / "run", 2, head={"faults": {"1_0": "hang"}}, run={"tile_s": 2.0})
    plan = RunFolder(folder).load()
    executor = maker(folder)
    executor.start(plan.worker_head())
    found = until_ended(executor, list(plan.tasks()))
    executor.close()
    assert {key: one.state for key, one in found.items()} == {"0_0": "done", "1_0": "crashed"}
    assert "more than 2 s" in (found["1_0"].error or {})["message"]


def test_workers_that_cannot_do_such_tiles_say_so(tmp_path: Path, maker: Maker) -> None:
    folder = make_run(tmp_path / "run", 1)
    plan = RunFolder(folder).load()
    executor = maker(folder)
    with pytest.raises(GeovisionError, match=r"is not the version.*0\.0\.0"):
        begin_and_wait(executor, {**plan.worker_head(), "version": "0.0.0"}, plan.task(0))
    assert {one.state for one in executor.stop(0.0)} <= {"stopped"}
    executor.close()


def begin_and_wait(executor: Executor, head: dict[str, object], task: Task) -> None:
    executor.start(head)
    sent = False
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if executor.free() and not sent:
            executor.submit(task)
            sent = True
        executor.wait(0.1)


def test_one_that_was_not_started_can_be_closed(tmp_path: Path, maker: Maker) -> None:
    executor = maker(make_run(tmp_path / "run", 1))
    executor.close()
    executor.close()
    assert executor.free() == 0


# Whole runs


def test_shards_processes_and_a_cluster_give_the_same(tmp_path: Path, cluster: Cluster) -> None:
    folders = [make_run(tmp_path / name, 20) for name in ("local", "shards", "dask")]
    assert run(folders[0]).exit_code == 0
    assert [run(folders[1], shard=f"{part}/3", workers=1).exit_code for part in (1, 2, 3)] == [0] * 3
    assert run(folders[2], executor=on(folders[2], cluster.address)).exit_code == 0
    assert results(folders[0]) == results(folders[1]) == results(folders[2])
    assert len(results(folders[0])) == 20


def test_two_workers_killed_in_mid_run_cost_one_try_of_their_own_tiles(tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    folder = make_run(tmp_path / "run", 24, head={"counted": str(counted), "sleep_s": 0.3})
    killed: list[int] = []

    def kill(cluster: Cluster) -> None:
        """Both, one after the other; others come in their place."""
        for number, marks in ((0, 6), (1, 14)):
            while sum(tries(counted).values()) < marks:
                time.sleep(0.02)
            cluster.workers[number].send_signal(signal.SIGKILL)
            killed.append(cluster.workers[number].wait())
            cluster.add_worker()

    with dask_cluster(tmp_path / "dask") as cluster:
        killer = threading.Thread(target=kill, args=(cluster,))
        killer.start()
        summary = run(folder, executor=on(folder, cluster.address))
        killer.join()
    assert killed == [-signal.SIGKILL] * 2
    assert summary.exit_code == 0
    assert len(results(folder)) == 24
    blamed = [row for row in manifest(folder) if row["state"] != "done"]
    assert len(blamed) <= 2
    assert all(row["state"] == "crashed" and "was lost" in row["error"]["message"] for row in blamed)
    tried = tries(counted)
    assert {key for key, count in tried.items() if count > 1} <= {row["key"] for row in blamed}
    assert summary.attempts == 24 + len(blamed)


def test_a_scheduler_that_goes_ends_the_run_and_blames_no_tile(tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    folder = make_run(tmp_path / "run", 12, head={"counted": str(counted), "sleep_s": 0.3})
    with dask_cluster(tmp_path / "dask") as cluster:

        def stop() -> bool:
            if sum(tries(counted).values()) >= 3:
                cluster.scheduler.kill()
            return False

        with pytest.raises(EnvironmentFault, match="the scheduler is gone"):
            run(folder, executor=on(folder, cluster.address), stop=stop)
    assert not [row for row in manifest(folder) if row["state"] in ("failed", "crashed", "running")]
    assert run(folder).exit_code == 0
    assert len(results(folder)) == 12


@pytest.mark.parametrize("name", ["local", "tests.batch.clusters:local_cluster"])
def test_clusters_of_its_own_are_ended_with_the_run(tmp_path: Path, name: str) -> None:
    folder = make_run(tmp_path / "run", 6)
    assert run(folder, executor=on(folder, name)).exit_code == 0
    assert len(results(folder)) == 6


def test_clusters_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_run(tmp_path / "run", 1)
    for name, words in {"somewhere": "is no cluster", "no.such:thing": "does not exist"}.items():
        with pytest.raises(UsageError, match=words):
            on(folder, name).start({})
    monkeypatch.setattr("geovision.batch.executors.dask._CONNECT_S", 1.0)
    with pytest.raises(EnvironmentFault, match="cannot be reached"):
        on(folder, "tcp://127.0.0.1:9").start({})
