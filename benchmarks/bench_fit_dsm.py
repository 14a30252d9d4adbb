"""Fit synthetic scenes from their laser points and from height rasters, and score both on the same points.

    python benchmarks/bench_fit_dsm.py [--scenes 8] [--side 200] [--cells 0.1 0.25 0.5 1.0]

Every scene has a style, sensors and a survey of its own. The scores are those of bench_fit.py over the
scene's class-6 points, per building; so the raster is judged by points that it has never seen, and the laser
fit by its own. The bar: cells of 0.5 m at most five points below the laser.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench_fit import score
from common import report

import geovision
from geovision.pipeline.synth_to import synth_to

STYLES = ("mixed", "dutch_town", "suburb", "block_city")
BAR, BAR_CELL_M = 0.05, 0.5
LIDAR = "lidar"


def main(argv: Sequence[str] | None = None) -> int:
    """Make the scenes, fit them, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=8)
    parser.add_argument("--side", type=float, default=200.0, help="metres")
    parser.add_argument("--first", type=int, default=0, help="seed of the first scene")
    parser.add_argument("--cells", type=float, nargs="+", default=[0.1, 0.25, 0.5, 1.0])
    parser.add_argument("--no-record", action="store_true", help="leave benchmarks/RESULTS.md as it is")
    args = parser.parse_args(argv)
    shares: dict[str, list[float]] = {}
    for seed in range(args.first, args.first + args.scenes):
        style = STYLES[seed % len(STYLES)]
        with tempfile.TemporaryDirectory() as folder:
            line = {}
            for name, found in scene_scores(Path(folder), style, seed, args.side, args.cells):
                shares.setdefault(name, []).extend(found)
                line[name] = round(float(np.mean(found)), 3)
            print(f"{style} {seed}: {len(found)} buildings, {line}", file=sys.stderr, flush=True)
    summary: dict[str, Any] = {"scenes": args.scenes, "buildings": len(shares[LIDAR])}
    summary |= {f"{name} within_0p2": round(float(np.mean(found)), 4) for name, found in shares.items()}
    bar_name = raster_name(BAR_CELL_M)
    passed = True
    if bar_name in shares:
        summary["below"] = round(float(np.mean(shares[LIDAR]) - np.mean(shares[bar_name])), 4)
        passed = summary["below"] <= BAR
    bar = f"at {BAR_CELL_M} m no more than {BAR} below the laser"
    return report("fit from height rasters", summary, bar, passed=passed, record=not args.no_record)


def raster_name(cell_m: float) -> str:
    """What a raster is called in the result."""
    return f"{cell_m:g} m"


def scene_scores(
    folder: Path, style: str, seed: int, side: float, cells: Sequence[float]
) -> Iterator[tuple[str, list[float]]]:
    """The shares within 0.2 m of all buildings of one scene, for the laser and for each cell size."""
    area = (0.0, 0.0, side, side)
    for number, cell in enumerate(cells):
        layers = ("dsm", "dtm") if number else ("points", "dsm", "dtm")
        synth_to(
            folder / f"{number}",
            area=area,
            style=style,
            seed=seed,
            layers=layers,
            dsm_cell_m=cell,
            preview=False,
        )
    points, footprints = folder / "0" / "points.laz", folder / "0" / "footprints.gpkg"
    yield LIDAR, shares_of(points, footprints, points=points, dtm=folder / "0" / "dtm.tif")
    for number, cell in enumerate(cells):
        made = folder / f"{number}"
        yield raster_name(cell), shares_of(points, footprints, dsm=made / "dsm.tif", dtm=made / "dtm.tif")


def shares_of(judged: Path, footprints: Path, **sources: Path) -> list[float]:
    """Fit a scene of these sources and score it on the judged points."""
    scene = geovision.open_scene(footprints=footprints, **sources)
    evidence = [item for tile in scene.tiles() for item in scene.evidence(tile, images=False)]
    fitted = geovision.fit(evidence)
    solids = fitted.solids if fitted.solids is not None else geovision.mesh(fitted.programs)
    return [row["within_0p2"] for row in score(solids, [judged], footprints, "id")]


if __name__ == "__main__":
    sys.exit(main())
