"""Programs to 3D Tiles on disk: how fast on one core, how large, in how much memory.

A town of three kinds of roofs, 100,000 buildings with six attributes: buildings per CPU second, meshing of
both levels of detail and all writing included; bytes a building, plain and gzipped, beside those of the
finest solids alone as plain GLBs without attributes. And the peak memory of a process that writes half a
million of them from a generator.
"""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import common
import numpy as np

from geovision.formats import glb_bytes, write_3dtiles
from geovision.formats.tiles3d import TilesetSummary
from geovision.mesh import mesh
from geovision.model.table import ProgramTable

BATCH = 5_000
SIDE = 1_100.0  # metres of a batch: about 4,000 buildings a square kilometre, as in a Dutch town


def town(count: int) -> Iterator[ProgramTable]:
    """Batches side by side, as tiles of a fit come."""
    for number in range(count // BATCH):
        rng = np.random.default_rng(number)
        columns: dict[str, Any] = common.mixed_roofs(rng, BATCH)
        xy = columns["xy"].reshape(-1, 4, 2)
        middle = xy.mean(axis=1, keepdims=True)
        place = rng.uniform(0, SIDE, middle.shape) + SIDE * np.array([number % 16, number // 16])
        columns["xy"] = (xy - middle + place + (120_000, 440_000)).reshape(-1, 2)
        columns["ground_z"] = rng.uniform(0, 5, BATCH).round(2)
        yield ProgramTable.from_arrays(
            ids=[f"NL.IMBAG.Pand.{number * BATCH + i:016}" for i in range(BATCH)],
            attributes=[
                {
                    "year": 1900 + i % 120,
                    "use": ("house", "office", "shop")[i % 3],
                    "rms_m": round(0.02 + i % 97 / 1000, 3),
                    "confidence": i % 89 / 89,
                    "points": 40 + i % 700,
                    "listed": i % 50 == 0,
                }
                for i in range(BATCH)
            ],
            **columns,
        )


def write(
    folder: Path, tables: Iterator[ProgramTable], compression: Literal["meshopt", "none"]
) -> TilesetSummary:
    return write_3dtiles(folder, tables, crs="EPSG:28992", geoid=43.0, compression=compression, threads=1)


def peak(count: int) -> None:
    """Write `count` buildings and print this process's peak memory in GB."""
    with tempfile.TemporaryDirectory() as name:
        summary = write(Path(name) / "tiles", town(count), "meshopt")
    assert summary.buildings == count
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9)


def sizes(folder: Path) -> tuple[float, float]:
    """Bytes of all files, plain and gzipped."""
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return float(sum(map(len, files))), float(sum(len(gzip.compress(data, 6)) for data in files))


def main() -> int:
    options = common.arguments(__doc__ or "", count=100_000, memory_count=500_000, rounds=3)
    tables = list(town(options.count))
    result: dict[str, object] = {"buildings": options.count}
    rates = {}
    for compression in ("meshopt", "none"):
        seconds = []
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name) / "tiles"
                start, wall = time.process_time(), time.perf_counter()
                summary = write(folder, iter(tables), compression)  # type: ignore[arg-type]
                seconds.append((time.process_time() - start, time.perf_counter() - wall))
                assert summary.buildings == options.count
                assert not summary.failed
                if len(seconds) == 1:
                    result[f"{compression} tiles"] = summary.tiles
                    size, packed = sizes(folder)
                    result[f"{compression} bytes a building"] = round(size / options.count)
                    result[f"{compression} gz"] = round(packed / options.count)
        rates[compression] = options.count / min(cpu for cpu, _ in seconds)
        result[f"{compression} per CPU s"] = rates[compression]
    start = time.process_time()
    data = b"".join(glb_bytes(mesh(table, polygons=False, threads=1), threads=1) for table in tables)
    result["meshing and plain GLB of one LoD per CPU s"] = options.count / (time.process_time() - start)
    result["GLB without attributes, one LoD, bytes a building"] = round(len(data) / options.count)
    result["its gz"] = round(len(gzip.compress(data, 6)) / options.count)
    command = [sys.executable, __file__, "--peak", str(options.memory_count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    result[f"peak GB for {options.memory_count}"] = float(done.stdout)
    held = rates["meshopt"] >= 25_000 and float(done.stdout) < 1.5
    bar = "at least 25,000 buildings/s and core to disk, under 1.5 GB"
    return common.report("3D Tiles", result, bar, passed=held, record=options.record)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        peak(int(sys.argv[2]))
    else:
        sys.exit(main())
