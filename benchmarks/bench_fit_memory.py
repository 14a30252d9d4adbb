"""Peak memory of fitting many buildings in one stream, programs and fits written as they come.

    python benchmarks/bench_fit_memory.py [--buildings 100000] [--density 2]

A few hundred generated buildings are scanned once and come again and again at other places, so that the
evidence costs nothing and what is measured is the fitter's own memory.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from common import report

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import geovision
from geovision.model import Evidence
from geovision.model.fit import FitTable
from geovision.model.table import ProgramTable
from geovision.pipeline.fit import iter_fit
from tests.inverse.scan import Scanner, scan_table

BAR_MB = 2000


def main(argv: Sequence[str] | None = None) -> int:
    """Fit the stream, report the peak."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--buildings", type=int, default=100_000)
    parser.add_argument("--density", type=float, default=2.0, help="points per square metre")
    parser.add_argument("--no-record", action="store_true", help="leave benchmarks/RESULTS.md as it is")
    args = parser.parse_args(argv)
    _, scanned = scan_table(geovision.generate(count=300, seed=5), Scanner(density=args.density))
    start, fitted, early = time.process_time(), 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        programs = pq.ParquetWriter(Path(folder) / "p.parquet", ProgramTable.empty().to_arrow().schema)
        fits = pq.ParquetWriter(Path(folder) / "f.parquet", FitTable([]).to_arrow().schema)
        with programs, fits:
            for found in iter_fit(stream(scanned, args.buildings), on_error="raise"):
                programs.write_table(found.programs.to_arrow())
                fits.write_table(found.fits.to_arrow())
                fitted += len(found)
                early = early or (peak_mb() if fitted > args.buildings // 10 else 0.0)
    assert fitted == args.buildings
    result = {
        "buildings": fitted,
        "peak MB after a tenth": round(early),
        "peak MB": round(peak_mb()),
        "CPU ms a building": round(1000 * (time.process_time() - start) / fitted, 2),
    }
    passed = peak_mb() < BAR_MB
    return report("fit memory", result, f"under {BAR_MB} MB", passed=passed, record=not args.no_record)


def peak_mb() -> float:
    """Of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def stream(scanned: Sequence[Evidence], count: int) -> Iterator[Evidence]:
    """The same buildings over and over, each time a kilometre further east."""
    for number, item in enumerate(itertools.islice(itertools.cycle(scanned), count)):
        east = np.array([1000.0 * (number // len(scanned)), 0.0, 0.0])
        yield replace(item, id=f"{number}", origin=item.origin + east)


if __name__ == "__main__":
    sys.exit(main())
