"""Faults, one by one or all: `python -m tests.batch.faults [NAME ...]`; each says what it saw.

Every one compares what comes out with an undisturbed run, byte by byte, and looks for files that bear a final
name and are not whole.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from geovision.batch.attempts import Attempt
from geovision.batch.journal import SqliteJournal
from geovision.batch.journal_parts import PartJournal
from geovision.batch.run_folder import RunFolder
from geovision.batch.running import run
from tests.batch.jobs import NAME
from tests.batch.runs import make_run, manifest, results, tries

__all__ = ["FAULTS", "POINTS", "Skipped"]

STEPS = ("write", "seal", "publish")
POINTS = [
    *(f"supervisor-{step}:{count}" for count in (1, 3) for step in STEPS),
    *(f"record-{when}:{count}" for count in (2, 5) for when in ("before", "after")),
    *(f"time:{seconds}" for seconds in (0.5, 0.8, 1.1, 1.4)),
    *(f"worker-{step}:{count}" for count in (1, 3) for step in STEPS),
]
"""Twenty places to be killed at: steps of a tile, the commit of the manifest, and whenever."""
_TILES = 60


class Skipped(Exception):
    """This machine does not allow it."""


def session(folder: Path, where: str = "", *, before: str = "") -> subprocess.Popen[str]:
    """A supervisor in a process of its own, which may be killed."""
    environ = {**os.environ, "GEOVISION_TEST_JOB": NAME, "GEOVISION_TEST_KILL": where}
    code = f"{before}\nimport sys; from tests.batch.supervise import main; sys.exit(main(sys.argv[1:]))"
    arguments = [sys.executable, "-c", code, str(folder)]
    if where.startswith("record") or where == "clock":
        arguments.append(where)
    return subprocess.Popen(arguments, env=environ, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str], seconds: float = 120.0) -> tuple[int, str]:
    _, said = process.communicate(timeout=seconds)
    return process.returncode, said


def undisturbed(folder: Path, count: int, **options: Any) -> dict[str, Any]:
    run(make_run(folder / "undisturbed", count, **options))
    return results(folder / "undisturbed")


def kill(folder: Path, points: list[str] | None = None) -> str:
    """kill -9 of supervisors and workers at twenty points; what was recorded as done is never repeated."""
    counted = folder / "counted"
    here = make_run(folder / "run", _TILES, head={"counted": str(counted), "sleep_s": 0.01})
    wanted = undisturbed(folder, _TILES)
    chosen = points or POINTS
    for point in chosen:
        if point.startswith("worker"):
            kill_worker(folder / point.replace(":", "-"), point)
        else:
            kill_supervisor(here, point, counted, wanted)
    code, said = ended(session(here))
    assert code == 0, said
    assert results(here) == wanted
    no_leftovers(here)
    lost = [row.get("state") for row in manifest(here)].count("running")
    tried = sum(tries(counted).values())
    return f"{len(chosen)} points; {_TILES} tiles, {lost} lost with their run, done in {tried} tries"


def kill_supervisor(here: Path, point: str, counted: Path, wanted: dict[str, Any]) -> None:
    before = {row["key"] for row in manifest(here) if row.get("state") == "done"}
    once = {key: count for key, count in tries(counted).items() if key in before}
    process = session(here, "" if point.startswith("time") else point)
    if point.startswith("time"):
        time.sleep(float(point.partition(":")[2]))
        process.kill()
    code, said = ended(process)
    assert code == -signal.SIGKILL or (code == 0 and point.startswith("time")), f"{point}: {code} {said}"
    wait_for_workers(here)
    now = tries(counted)
    assert all(now[key] == count for key, count in once.items()), f"{point}: a tile that was done"
    assert results(here).items() <= wanted.items(), point


def kill_worker(folder: Path, point: str) -> None:
    """The tile at work is blamed, alone, and done by the next worker."""
    here = make_run(folder, 8)
    code, said = ended(session(here, point))
    assert code == 0, f"{point}: {code} {said}"
    assert [row["state"] for row in manifest(here)].count("crashed") == 1, point
    assert len(results(here)) == 8, point
    no_leftovers(here)


def wait_for_workers(folder: Path) -> None:
    """They die with their supervisor; a kill from outside takes a moment to reach them."""
    until = time.monotonic() + 10
    while time.monotonic() < until and workers_of(folder):
        time.sleep(0.02)
    assert not workers_of(folder), "workers outlive their supervisor"


def workers_of(folder: Path) -> list[int]:
    """Processes that write to the logs of a run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/fd/2"):
        with contextlib.suppress(OSError):
            if str(path.readlink()).startswith(str((folder / "logs").resolve())):
                found.append(int(path.parts[2]))
    return found


def no_leftovers(folder: Path) -> None:
    left = [path for path in (folder / "tiles").rglob("*") if path.name.endswith(".tmp")]
    assert not left, f"left over: {left[:3]}"


def crashes(folder: Path) -> str:
    """Segmentation faults, aborts, no memory (RLIMIT_AS), hangs: exactly their tiles are blamed."""
    faults = {"3_0": "segfault", "7_0": "abort", "11_0": "memory", "13_0": "kill", "17_0": "exit"}
    here = make_run(folder / "run", 24, head={"faults": faults}, run={"memory_mb": 1500})
    summary = run(here)
    assert sorted(summary.failed) == sorted(faults), summary.failed
    wanted = undisturbed(folder, 24)
    assert results(here) == {key: value for key, value in wanted.items() if key not in faults}
    rows = [row for row in manifest(here) if row["state"] == "crashed"]
    assert {row["key"] for row in rows} == set(faults)
    assert len(rows) == 2 * len(faults)
    return f"{len(faults)} of 24 tiles set aside after 2 deaths each, the others done"


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    place = folder / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        raise Skipped("mounting a file system is not allowed here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def disk_full(folder: Path) -> str:
    """A disk that fills up ends the run with 3 and blames no tile; with room it goes on."""
    wanted = undisturbed(folder, 60)
    with small_disk(folder, "600k") as disk:
        here = make_run(disk / "run", 60)
        code, said = ended(session(here))
        assert code == 3, (code, said)
        assert results(here).items() < wanted.items()
        assert not [row for row in manifest(here) if row["state"] in ("failed", "crashed")]
        subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)
        code, said = ended(session(here))
        assert code == 0, said
        assert results(here) == wanted
        no_leftovers(here)
    return "stopped with exit code 3 and went on"


def file_limit(folder: Path) -> str:
    """RLIMIT_FSIZE: a file that may not grow is the machine's fault, too."""
    here = make_run(folder / "run", 6, head={"faults": {"4_0": "full"}})
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))"
    code, said = ended(session(here, before=limit))
    assert code == 3, (code, said)
    assert "File too large" in said
    run(here)
    assert results(here) == undisturbed(folder, 6)
    return "exit code 3, and done without the limit"


def read_only(folder: Path) -> str:
    """A file system that becomes read-only."""
    with small_disk(folder, "16m") as disk:
        here = make_run(disk / "run", 20)
        ended(session(here, "supervisor-seal:3"))
        wait_for_workers(here)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        code, said = ended(session(here))
        assert code == 3, (code, said)
        assert "Read-only" in said or "readonly" in said, said
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        code, said = ended(session(here))
        assert code == 0, said
        assert results(here) == undisturbed(folder, 20)
    return "exit code 3, and done when it could be written again"


def clock(folder: Path) -> str:
    """A clock that jumps by a day, back and forth."""
    here = make_run(folder / "run", 30, head={"faults": {"5_0": "error*1"}})
    started = time.monotonic()
    code, said = ended(session(here, "clock"))
    assert code == 0, said
    assert results(here) == undisturbed(folder, 30)
    return f"done in {time.monotonic() - started:.1f} s"


def million(folder: Path, count: int = 1_000_000) -> str:
    """A manifest of a million rows, in SQLite and in lines, is taken up in under 30 s."""
    here = make_run(folder / "run", count, buildings=0)
    place = RunFolder(here)
    plan = place.load()
    some = [
        Attempt(task.key, task.digest, 1, "done", f"{task.index:016x}", "2026-01-01T00:00:00Z", 1.0, 1.0)
        for task in plan.tasks()
    ]
    told = []
    for name in ("sqlite", "lines"):
        journal: Any = SqliteJournal(place.manifest)
        if name == "lines":
            place.manifest.unlink()
            place.parts.mkdir()
            journal = PartJournal(place.parts / "1-of-1.jsonl")
        for first in range(0, count, 10_000):
            journal.write(some[first : first + 10_000])
        journal.close()
        started, cpu = time.monotonic(), time.process_time()
        summary = run(here)
        seconds, cpu = time.monotonic() - started, time.process_time() - cpu
        assert summary.done == count
        assert summary.attempts == 0
        assert cpu < 30, cpu
        told.append(f"{name} {cpu:.1f} CPU s, {seconds:.1f} s")
    return ", ".join(told)


def shards(folder: Path) -> str:
    """Seven shards, two at a time, some killed: together they are one run."""
    here = make_run(folder / "run", 70)
    order = random.Random(7).sample(range(1, 8), 7)
    environ = {**os.environ, "GEOVISION_TEST_JOB": NAME}
    code = (
        "import sys; from geovision.batch import run;"
        "sys.exit(run(sys.argv[1], shard=sys.argv[2], workers=1).exit_code)"
    )

    def start(number: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, str(here), f"{number}/7"], env=environ, text=True
        )

    for first in range(0, 7, 2):
        pair = [start(number) for number in order[first : first + 2]]
        time.sleep(0.6)
        pair[0].kill()
        pair[0].wait()
        assert start(order[first]).wait(60) == 0
        assert all(one.wait(60) == 0 for one in pair[1:])
    assert results(here) == undisturbed(folder, 70)
    assert run(here).attempts == 0
    return "7 shards, 4 of them killed once"


def signals(folder: Path) -> str:
    """SIGTERM and Ctrl-C end with 75 within the grace time, workers included."""
    told = []
    for number in (signal.SIGTERM, signal.SIGINT):
        here = make_run(folder / number.name, 40, head={"sleep_s": 0.3})
        environ = {**os.environ, "GEOVISION_TEST_JOB": NAME}
        command = [sys.executable, "-m", "geovision", "batch", "run", str(here), "-q"]
        process = subprocess.Popen(command, env=environ, start_new_session=True)
        until = time.monotonic() + 30
        while time.monotonic() < until and not any((here / "tiles").glob("*/*/*/checksums.json")):
            time.sleep(0.05)
        asked = time.monotonic()
        os.killpg(process.pid, number)  # as a terminal does
        assert process.wait(20) == 75
        told.append(f"{number.name} {time.monotonic() - asked:.1f} s")
        assert not workers_of(here)
        assert not [row for row in manifest(here) if row["state"] in ("running", "failed", "crashed")]
        assert subprocess.run(command, env=environ, check=False).returncode == 0
        assert len(results(here)) == 40
    return ", ".join(told)


def two_supervisors(folder: Path) -> str:
    """The second one is refused."""
    here = make_run(folder / "run", 20, head={"sleep_s": 0.1})
    pair = [session(here), session(here)]
    codes = sorted(ended(one)[0] for one in pair)
    assert codes == [0, 2], codes
    assert results(here) == undisturbed(folder, 20)
    return "one did it, one was refused"


FAULTS: dict[str, Callable[[Path], str]] = {
    "kill": kill,
    "crashes": crashes,
    "disk-full": disk_full,
    "file-limit": file_limit,
    "read-only": read_only,
    "clock": clock,
    "million": million,
    "shards": shards,
    "signals": signals,
    "two-supervisors": two_supervisors,
}


def main(names: list[str]) -> int:
    os.environ["GEOVISION_TEST_JOB"] = NAME
    failed = 0
    for name in names or FAULTS:
        folder = Path(tempfile.mkdtemp(prefix=f"fault-{name}-"))
        started = time.monotonic()
        try:
            told = "ok: " + FAULTS[name](folder)
        except Skipped as error:
            told = f"skipped: {error}"
        except AssertionError as error:
            told, failed = f"FAILED: {error}", failed + 1
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(f"{name:<16} {time.monotonic() - started:6.1f} s  {told}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
