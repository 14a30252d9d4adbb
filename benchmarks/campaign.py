"""A million random buildings through the judges, by command; every failure is shrunk and kept in the corpus.

python benchmarks/campaign.py --cases 1000000 --first 1000000 --workers 2
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import common
from rich.progress import Progress

from tests import promise, strategies

CHUNK = 500


def run_chunk(first: int, count: int, thorough: int) -> list[tuple[int, int, str]]:
    """(seed, lod, complaint) of the first complaint about each building."""
    # One level a chunk, mostly 2.2; chosen by the seed, so that a chunk can be repeated alone.
    turn = first // CHUNK
    lod = 22 if turn % 3 else promise.LODS[turn // 3 % len(promise.LODS)]
    cases = [strategies.case(seed) for seed in range(first, first + count)]
    found: dict[int, str] = {}
    for b, text in promise.judge(cases, lod, thorough):
        found.setdefault(b, text)
    return [(first + b, lod, text) for b, text in found.items()]


def keep(seed: int, lod: int, text: str, folder: Path) -> Path:
    small = promise.shrink(strategies.case(seed), lod, rounds=40)
    return promise.write_case(folder, f"seed_{seed}_lod{lod}", small, lod, text)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument(
        "--first", type=int, default=1_000_000, help="first seed; the tests use those from 0 on"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--thorough", type=int, default=200, help="every n-th also to trimesh and to fractions"
    )
    parser.add_argument("--keep", type=int, default=20, help="how many failures to shrink and write")
    parser.add_argument("--corpus", type=Path, default=promise.CORPUS)
    parser.add_argument("--no-record", dest="record", action="store_false")
    return parser.parse_args()


def main() -> int:
    o = options()
    start, failures = time.perf_counter(), []
    firsts = range(o.first, o.first + o.cases, CHUNK)
    with ProcessPoolExecutor(o.workers) as pool, Progress(transient=True) as progress:
        task = progress.add_task("campaign", total=o.cases)
        last = o.first + o.cases
        jobs = [pool.submit(run_chunk, first, min(CHUNK, last - first), o.thorough) for first in firsts]
        for job in as_completed(jobs):
            failures += job.result()
            progress.update(task, advance=CHUNK, description=f"campaign: {len(failures)} failures")
    failures.sort()
    for seed, lod, text in failures[: o.keep]:
        path = keep(seed, lod, text, o.corpus)
        print(f"seed {seed}, lod {lod / 10}: {text} -> {path.name}", file=sys.stderr)
    seconds = time.perf_counter() - start
    result: dict[str, object] = {"cases": o.cases, "failures": len(failures), "seconds": seconds}
    if not o.record:
        print(json.dumps(result))
        return 1 if failures else 0
    return common.report("campaign", result, "0 failures", passed=not failures)


if __name__ == "__main__":
    sys.exit(main())
