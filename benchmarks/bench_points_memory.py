"""Reads a generated LAZ file of 100 million points window by window and reports the peak memory.

    python benchmarks/bench_points_memory.py --points 100000000

The file is written first, by a process of its own, to a temporary folder (about 1 GB for 100 million points).
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from common import report

from geovision.formats.points import points_writer
from geovision.sources import open_points

LIMIT_MB = 1500
STRIP = 1_000_000
EAST, NORTH = 85_000.0, 446_000.0


def generate(path: Path, count: int) -> None:
    """Strips of a million points, 8 per square metre, as a scanner would fly them."""
    rng = np.random.default_rng(1)
    side = float(np.sqrt(count / 8))
    strips = -(-count // STRIP)
    with points_writer(path, origin=(EAST, NORTH, 0.0), crs="EPSG:28992") as writer:
        for strip in range(strips):
            number = min(STRIP, count - strip * STRIP)
            y = np.sort(rng.uniform(0, side, number))
            x = (strip + rng.random(number)) * side / strips
            z = 2 * np.sin(x / 90) + np.where((x // 12 + y // 15) % 3 == 0, 6.0, 0.0)
            codes = np.where(z > 3, 6, 2).astype(np.uint8)
            writer.write(np.stack([EAST + x, NORTH + y, z], axis=1), classification=codes)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=100_000_000, help="default 100000000")
    parser.add_argument("--window", type=float, default=500.0, help="side of a window in metres; default 500")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument(
        "--no-record", dest="record", action="store_false", help="do not append to RESULTS.md"
    )
    options = parser.parse_args()
    if options.write is not None:
        generate(options.write, options.points)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "points.laz"
        command = [sys.executable, __file__, "--points", str(options.points), "--write", str(path)]
        subprocess.run(command, check=True)
        points = open_points(path)
        bounds = points.bounds
        assert bounds is not None
        total = windows = 0
        for south in np.arange(bounds.south, bounds.north + 1, options.window):
            for west in np.arange(bounds.west, bounds.east + 1, options.window):
                total += len(points.read((west, south, west + options.window, south + options.window)))
                windows += 1
        size = path.stat().st_size
    assert total == options.points, f"{total} points in the windows, {options.points} in the file"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    result = {"points": total, "file MB": size / 1e6, "windows": windows, "peak MB": peak, "CPU s": cpu}
    bar = f"peak under {LIMIT_MB} MB"
    return report("points in windows", result, bar, passed=peak < LIMIT_MB, record=options.record)


if __name__ == "__main__":
    sys.exit(main())
