"""From a LAZ file and footprints to the evidence of every building: CPU seconds at one thread.

    python benchmarks/bench_evidence.py POINTS.laz FOOTPRINTS.gpkg

Beside it, the time that `laspy.read` takes for the same file in the same process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable

import laspy
from common import report

from geovision.model.evidence import Evidence, PointKind
from geovision.sources import (
    Footprints,
    evidence_from_arrays,
    open_points,
    prepare_footprints,
    read_footprints,
)

MILLION_A_SECOND = 1.0


def cpu_seconds(work: Callable[[], object], rounds: int) -> float:
    """The least of several: whatever else the machine does only adds."""
    times = []
    for _ in range(rounds):
        start = sum(os.times()[:2])
        work()
        times.append(sum(os.times()[:2]) - start)
    return min(times)


def make(path: str, footprints: Footprints) -> list[Evidence]:
    return list(evidence_from_arrays(footprints, open_points(path).read(), threads=1))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("points", help="a .las or .laz file")
    parser.add_argument("footprints", help="outlines in the same CRS")
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    parser.add_argument(
        "--no-record", dest="record", action="store_false", help="do not append to RESULTS.md"
    )
    options = parser.parse_args()
    footprints = prepare_footprints(read_footprints(options.footprints))
    count = open_points(options.points).count
    found = make(options.points, footprints)
    roofs = [int((item.point_kind == PointKind.BUILDING).sum()) for item in found]
    assert len(found) == len(footprints)
    assert all(item.ground_known for item in found)
    assert statistics.median(roofs) > 10
    whole = cpu_seconds(lambda: make(options.points, footprints), options.rounds)
    decode = cpu_seconds(lambda: open_points(options.points).read(), options.rounds)
    peer = cpu_seconds(lambda: laspy.read(options.points), options.rounds)
    rate = count / whole / 1e6
    result = {
        "points": count,
        "buildings": len(found),
        "CPU s": whole,
        "of which reading": decode,
        "laspy.read of the file": peer,
        "million points/s": rate,
    }
    bar = f"at least {MILLION_A_SECOND:g} million points a second and core, decoding included"
    return report("evidence", result, bar, passed=rate >= MILLION_A_SECOND, record=options.record)


if __name__ == "__main__":
    sys.exit(main())
