"""What a batch costs beside its tiles: the supervisor and the manifest, two workers against one, empty tiles.

python benchmarks/bench_batch.py
python benchmarks/bench_batch.py --only empty --count 100000
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import common
import numpy as np

sys.path.insert(0, str(common.ROOT))

from geovision.batch import merge, plan, run
from geovision.batch.config import BatchConfig
from tests.batch.jobs import EMPTY, NAME
from tests.batch.runs import make_run, results


def overhead(folder: Path, record: bool) -> int:
    """Tiles that wait for 10 s take no CPU: what is taken beside is the batch's, here and in workers."""
    tiles, seconds, workers = 8, 10.0, 2
    here = make_run(folder / "run", tiles, head={"sleep_s": seconds}, run={"workers": workers})
    cpu, started = time.process_time(), time.monotonic()
    summary = run(here)
    wall, cpu = time.monotonic() - started, time.process_time() - cpu
    assert len(results(here)) == tiles
    result = {
        "tiles": tiles,
        "seconds of a tile": seconds,
        "supervisor CPU %": 100 * cpu / (tiles * seconds),
        "tile CPU beside the job %": 100 * summary.cpu_s / (tiles * seconds),
        "wall %, workers' start included": 100 * (wall * workers / (tiles * seconds) - 1),
        "load": os.getloadavg()[0],
    }
    passed = result["supervisor CPU %"] + result["tile CPU beside the job %"] < 1
    return common.report(
        "batch overhead", result, "under 1 % of a 10 s tile (CPU)", passed=passed, record=record
    )


def two_workers(folder: Path, record: bool) -> int:
    """The same work with one worker and with two; how much CPU each got says what the machine allowed."""
    os.environ["GEOVISION_TEST_JOB"] = NAME
    walls, shares = [], []
    for workers in (1, 2):
        here = make_run(folder / f"run{workers}", 16, head={"busy_s": 1.5}, run={"workers": workers})
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        run(here)
        walls.append(time.monotonic() - started)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        shares.append(cpu / walls[-1] / workers)
        assert len(results(here)) == 16
    speedup = walls[0] / walls[1]
    result = {
        "one worker s": walls[0],
        "two workers s": walls[1],
        "speed-up": speedup,
        "CPU share of one": shares[0],
        "CPU share of each of two": shares[1],
        "speed-up for equal shares": speedup * shares[0] / shares[1],
        "load": os.getloadavg()[0],
    }
    return common.report(
        "batch workers", result, "two workers at least 1.8 times one", passed=speedup >= 1.8, record=record
    )


@contextmanager
def timed(name: str, steps: dict[str, float]) -> Iterator[None]:
    """Seconds, and CPU seconds of this process and its workers."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    before, started = [resource.getrusage(kind) for kind in kinds], time.monotonic()
    yield
    steps[f"{name} s"] = time.monotonic() - started
    after = [resource.getrusage(kind) for kind in kinds]
    steps[f"{name} CPU s"] = sum(b.ru_utime + b.ru_stime for b in after) - sum(
        a.ru_utime + a.ru_stime for a in before
    )


def empty(folder: Path, record: bool, count: int) -> int:
    """Tiles with an outline each and nothing to do, planned from a file, run and merged."""
    import geopandas
    import shapely

    os.environ["GEOVISION_TEST_JOB"] = EMPTY
    index, side = np.arange(count), int(np.ceil(count**0.5))
    x, y = 100_200.0 + 500 * (index % side), 400_200.0 + 500 * (index // side)
    outlines = shapely.box(x, y, x + 12, y + 8)
    frame = geopandas.GeoDataFrame({"id": index.astype(str)}, geometry=outlines, crs="EPSG:28992")
    frame.to_parquet(folder / "outlines.parquet")
    plain: dict[str, Any] = {"scene": {"footprints": str(folder / "outlines.parquet")}}
    config = BatchConfig.model_validate(plain | {"publish": {"formats": []}, "run": {"workers": 2}})
    steps: dict[str, float] = {}
    with timed("plan", steps):
        made = plan(config, folder / "run", job=EMPTY)
    with timed("run", steps):
        summary = run(folder / "run")
    with timed("merge", steps):
        merged = merge(folder / "run")
    assert len(made) == summary.done == merged.tiles == count
    total = sum(value for name, value in steps.items() if not name.endswith("CPU s"))
    with timed("resume", steps):
        assert run(folder / "run").attempts == 0
    result = {"tiles": count, **steps, "total s": total, "load": os.getloadavg()[0]}
    return common.report(
        "batch empty tiles", result, "100,000 in under 300 s", passed=total < 300, record=record
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=["overhead", "workers", "empty"], nargs="+")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--no-record", action="store_true", help="leave benchmarks/RESULTS.md as it is")
    options = parser.parse_args()
    record, failed = not options.no_record, 0
    os.environ["GEOVISION_TEST_JOB"] = NAME
    for name in options.only or ["overhead", "workers", "empty"]:
        with tempfile.TemporaryDirectory() as folder:
            if name == "overhead":
                failed |= overhead(Path(folder), record)
            elif name == "workers":
                failed |= two_workers(Path(folder), record)
            else:
                failed |= empty(Path(folder), record, options.count)
    return failed


if __name__ == "__main__":
    sys.exit(main())
