"""Threads change nothing but the time; Ctrl-C stops a long call; other Python threads run meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import promise, strategies

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cases() -> list[strategies.Case]:
    return [strategies.case(seed) for seed in range(50_000, 51_500)]


@pytest.mark.parametrize("lod", [12, 22])
def test_same_bytes_for_any_number_of_threads(cases: list[strategies.Case], lod: int) -> None:
    one = promise.compile_cases(cases, lod, threads=1)
    for threads in (2, 8, 0):
        other = promise.compile_cases(cases, lod, threads=threads)
        assert one.keys() == other.keys()
        for name, values in one.items():
            assert np.asarray(values).tobytes() == np.asarray(other[name]).tobytes(), (
                f"{name}, {threads} threads"
            )


def test_a_building_does_not_know_its_neighbours(cases: list[strategies.Case]) -> None:
    """Alone, or at the end of a batch: the same solid. Scratch memory that is not cleared shows here."""
    together = promise.compile_cases(cases, 22)
    for b in range(0, len(cases), 37):
        alone = promise.compile_cases([cases[b]], 22)
        assert _slice(together, b) == _slice(alone, 0), cases[b].name


def _slice(solids: dict[str, Any], b: int) -> tuple[bytes, ...]:
    v, t = solids["vertex_offsets"], solids["triangle_offsets"]
    return (
        solids["status"][b : b + 1].tobytes(),
        solids["flags"][b : b + 1].tobytes(),
        solids["vertices"].reshape(-1, 3)[v[b] : v[b + 1]].tobytes(),
        solids["triangles"].reshape(-1, 3)[t[b] : t[b + 1]].tobytes(),
    )


LONG = """
import sys, time
sys.path.insert(0, {root!r})
import numpy as np
from tests import promise, strategies
from geovision import _kernel
cases = [strategies.case(seed) for seed in range(2000)] * 200
arrays = strategies.to_arrays(cases)
print("ready", flush=True)
try:
    _kernel.compile_solids(arrays, lod=22, threads={threads}, grid=0.001, min_edge=0.01, polygons=True)
except KeyboardInterrupt:
    print("stopped", flush=True)
else:
    print("finished", flush=True)
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_stops_within_half_a_second(threads: int) -> None:
    program = LONG.format(root=str(ROOT), threads=threads)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        start = time.perf_counter()
        answer = process.stdout.readline()
        waited = time.perf_counter() - start
        process.wait(20)
    assert answer == "stopped\n"
    assert waited < 0.5


def test_the_gil_is_free_meanwhile(cases: list[strategies.Case]) -> None:
    arrays_of = cases * 10
    gaps: list[float] = []
    done = threading.Event()

    def tick() -> None:
        last = time.perf_counter()
        while not done.is_set():
            time.sleep(0.002)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    arrays = strategies.to_arrays(arrays_of)
    from geovision import _kernel

    ticker = threading.Thread(target=tick)
    ticker.start()
    start = time.perf_counter()
    _kernel.compile_solids(arrays, lod=22, threads=1, grid=0.001, min_edge=0.01, polygons=True)
    seconds = time.perf_counter() - start
    done.set()
    ticker.join()
    # A call that holds the GIL lets the ticker run once before and once after.
    assert len(gaps) > 0.2 * seconds / 0.004
