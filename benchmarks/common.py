"""What the benchmarks share: timing side by side, random programs in bulk, and the log of results."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
HEAD = """# Benchmark results

Appended by the scripts in this folder; newest last. Every script asserts what it makes before it prints a
time. Runs in one row share one process on one machine, in turns; figures are medians.

| date | benchmark | machine | result | bar | command |
|---|---|---|---|---|---|
"""


def survey_parser(doc: str | None) -> argparse.ArgumentParser:
    """The arguments of what fits a survey: points, footprints, and what their files do not say."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("points", type=Path, nargs="+")
    parser.add_argument("footprints", type=Path)
    parser.add_argument("--id-field", default="id")
    parser.add_argument("--crs", help="of points that state none")
    parser.add_argument("--no-record", action="store_true", help="leave benchmarks/RESULTS.md as it is")
    return parser


def race(runs: Mapping[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """Median seconds of each, run in turns so that a busy moment hits all of them; one warm-up round."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if turn:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def report(name: str, result: Mapping[str, object], bar: str, *, passed: bool, record: bool = True) -> int:
    """Print the result as JSON, append a row to RESULTS.md, and give the exit code."""
    print(json.dumps({"benchmark": name, "passed": passed, "bar": bar, **result}, indent=1))
    if record:
        if not RESULTS.exists():
            RESULTS.write_text(HEAD, encoding="utf-8")
        text = ", ".join(f"{key} {_short(value)}" for key, value in result.items())
        command = " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
        verdict = f"{bar}: {'held' if passed else 'MISSED'}"
        row = f"| {datetime.now(UTC):%Y-%m-%d} | {name} | {machine()} | {text} | {verdict} | `{command}` |\n"
        with RESULTS.open("a", encoding="utf-8") as log:
            log.write(row)
    return 0 if passed else 1


def _short(value: object) -> str:
    return (
        f"{value:,.4g}"
        if isinstance(value, float) and abs(value) < 1000
        else f"{value:,.0f}"
        if isinstance(value, float)
        else str(value)
    )


def machine() -> str:
    """Cores and processor; nothing that names a host."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{os.cpu_count()} x {model}"


def arguments(description: str, **counts: int) -> argparse.Namespace:
    """Parse --no-record and one --option per count."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--no-record", dest="record", action="store_false", help="do not append to RESULTS.md"
    )
    for key, value in counts.items():
        parser.add_argument(f"--{key.replace('_', '-')}", type=int, default=value, help=f"default {value}")
    return parser.parse_args()


def compile_solids(
    programs: Mapping[str, NDArray[Any]], lod: int, threads: int = 1, polygons: bool = False
) -> dict[str, Any]:
    """The kernel's call, as geovision.mesh makes it."""
    from geovision import _kernel

    solids: dict[str, Any] = _kernel.compile_solids(
        dict(programs), lod=lod, threads=threads, grid=0.001, min_edge=0.01, polygons=polygons
    )
    return solids


def assert_sound(solids: Mapping[str, Any], count: int, *, all_built: bool = True) -> NDArray[np.float64]:
    """Every building is there and closed; gives their volumes."""
    from geovision.mesh.check import check

    status = solids["status"]
    assert len(status) == count, f"{len(status)} buildings, expected {count}"
    assert not all_built or not status.any(), f"{np.count_nonzero(status)} refused: {np.unique(status)}"
    checked = check(solids, planarity=1e9)
    assert checked.ok, checked.summary()
    return checked.volume


def single_parts(
    rings: NDArray[np.float64] | list[NDArray[np.float64]],
    kind: NDArray[np.uint8],
    eave: NDArray[np.float64],
    params: NDArray[np.float64],
    ring_counts: NDArray[np.int64] | None = None,
) -> dict[str, NDArray[Any]]:
    """Arrays of programs with one part each; `rings` is a list of (n, 2), `ring_counts` rings per part."""
    count = len(kind)
    lengths = np.array([len(r) for r in rings], np.int64)
    zero = np.zeros(count)
    counts = np.ones(count, np.int64) if ring_counts is None else ring_counts
    none = np.zeros(count + 1, np.int64)
    return {
        "ground_z": zero,
        "part_offsets": np.arange(count + 1, dtype=np.int64),
        "roof_kind": kind,
        "eave": eave,
        "base": zero,
        "overhang": zero,
        "roof_params": params,
        "ring_offsets": np.concatenate(([0], np.cumsum(counts))),
        "vertex_offsets": np.concatenate(([0], np.cumsum(lengths))),
        "xy": np.ascontiguousarray(np.concatenate(rings)),
        "edge_pitch": np.full(int(lengths.sum()), np.nan),
        "face_offsets": none,
        "face_ring_offsets": np.zeros(1, np.int64),
        "face_vertex_offsets": np.zeros(1, np.int64),
        "face_xy": np.zeros((0, 2)),
        "face_plane": np.zeros((0, 3)),
        "super_offsets": none,
        "super_kind": np.zeros(0, np.uint8),
        "super_part": np.zeros(0, np.int32),
        "super_params": np.zeros((0, 7)),
    }


def rectangles(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """(count, 4, 2) rectangles of 4 to 20 m, turned and spread over a town."""
    size = rng.uniform(4, 20, (count, 1, 2))
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    return turned(rng, unit[None] * size)


def turned(rng: np.random.Generator, shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each shape (count, n, 2) with its own rotation and place."""
    angle = rng.uniform(0, 2 * np.pi, len(shapes))
    c, s = np.cos(angle), np.sin(angle)
    turn = np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
    place = rng.uniform(0, 5000, (len(shapes), 1, 2)) + np.array([155_000.0, 463_000.0])
    return np.asarray(np.einsum("nij,nkj->nki", turn, shapes) + place)


GABLED, HIPPED, MANSARD = 2, 4, 6


def mixed_roofs(rng: np.random.Generator, count: int) -> dict[str, NDArray[Any]]:
    """Gabled, hipped and mansard roofs, a third each, on rectangles."""
    rings = rectangles(rng, count)
    side = (
        np.linalg.norm(rings[:, 1] - rings[:, 0], axis=1),
        np.linalg.norm(rings[:, 2] - rings[:, 1], axis=1),
    )
    short = np.minimum(*side)
    kind = rng.choice(np.array([GABLED, HIPPED, MANSARD], np.uint8), count)
    eave = rng.uniform(3, 9, count)
    rise = rng.uniform(0.25, 0.5, count) * short
    params = np.full((count, 8), np.nan)
    params[:, 0] = eave + rise
    mansard = kind == MANSARD
    params[mansard, 3] = (eave + 0.7 * rise)[mansard]
    params[mansard, 4] = 0.12 * short[mansard]
    return single_parts(list(rings), kind, eave, params)
