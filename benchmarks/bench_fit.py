"""Fit real buildings from files and score the models as their judge does; CPU-seconds of the whole process.

    python benchmarks/bench_fit.py POINTS.laz FOOTPRINTS.gpkg [--id-field id] [--judge score.py]

The fit is `geovision fit` in a process of its own, start-up and the CityJSONSeq file included, at one thread.
The scores are over the class-6 points inside each footprint as it was given: shares within 0.1 and 0.2 m of
any face, root mean square of distances up to 1 m, and planes. With --judge a sample of buildings is scored by
that script as well and must agree.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas
import laspy
import numpy as np
import shapely
from common import report
from numpy.typing import NDArray

import geovision
from geovision import _kernel
from geovision.mesh import Solids, check, mesh

F64 = NDArray[np.float64]
BAR = 0.92
FLAT_ENOUGH = 0.05
SAME_NORMAL = 0.99985
SAME_PLANE_M = 0.02


def main(argv: Sequence[str] | None = None) -> int:
    """Run the fit, score it, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("points", type=Path)
    parser.add_argument("footprints", type=Path)
    parser.add_argument("--id-field", default="id")
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--no-record", action="store_true", help="leave benchmarks/RESULTS.md as it is")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        out, models = Path(folder) / "programs.parquet", Path(folder) / "models.city.jsonl"
        seconds = run_fit(args.points, args.footprints, out, models)
        reading = read_seconds(args.points)
        solids = mesh(geovision.read_programs(out))
        rows = score(solids, args.points, args.footprints, args.id_field)
        summary = summarise(rows) | {
            "sound": bool(check(solids, self_intersection=True).ok),
            "cpu_s": round(seconds, 2),
            "cpu_per_laspy_read": round(seconds / reading, 1),
        }
        if args.judge is not None:
            summary["judge_difference"] = compare(args.judge, args.points, args.footprints, models, rows)
    passed = summary["within_0p2"] >= BAR and summary["sound"] and summary.get("judge_difference", 0) <= 0.002
    name = f"fit {args.points.parent.name}"
    return report(name, summary, f"{BAR} within 0.2 m", passed=passed, record=not args.no_record)


def run_fit(points: Path, footprints: Path, out: Path, models: Path) -> float:
    """User and system seconds of the command."""
    command = [sys.executable, "-m", "geovision", "fit", "--points", str(points), "--footprints"]
    command += [str(footprints), "-o", str(out), "--models", str(models), "--threads", "1"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def read_seconds(points: Path) -> float:
    """CPU-seconds that laspy takes to read the points, the yardstick between machines."""
    times = []
    for _ in range(3):
        start = time.process_time()
        laspy.read(points)
        times.append(time.process_time() - start)
    return min(times)


def score(solids: Solids, points: Path, footprints: Path, id_field: str) -> list[dict[str, Any]]:
    """One row per footprint with at least four points."""
    las = laspy.read(points)
    xyz = np.column_stack([np.asarray(las.x), np.asarray(las.y), np.asarray(las.z)])
    xyz = xyz[np.asarray(las.classification) == 6]
    frame = geopandas.read_file(footprints)
    tree = shapely.STRtree(shapely.points(xyz[:, :2]))
    owner, index = tree.query(frame.geometry.values, predicate="intersects")
    order = np.lexsort((index, owner))
    owner, index = owner[order], index[order]
    counts = np.bincount(owner, minlength=len(frame))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    rows = {name: row for row, name in enumerate(solids.ids)}
    which = [rows.get(str(name), -1) for name in frame[id_field]]
    known = [k for k, row in enumerate(which) if row >= 0]
    origin = np.zeros((len(solids), 3))
    sets = np.zeros(len(solids), np.int64)
    for k in known:
        sets[which[k]] = k
    origin = np.array([solids.origin[max(row, 0)] for row in which])
    local = xyz[index] - origin[owner]
    distance = _kernel.point_distances(solids.arrays(), local, offsets, origin, sets, 1.0, 0)
    begin = np.concatenate([[0], np.cumsum(counts[sets])])
    planes = planes_of(solids)
    out = []
    for k, name in enumerate(frame[id_field]):
        if counts[k] < 4:
            continue
        row = which[k]
        d = distance[begin[row] : begin[row + 1]].astype(np.float64) if row >= 0 else np.ones(counts[k])
        out.append(
            {
                "id": str(name),
                "points": int(counts[k]),
                "modelled": row >= 0,
                "within_0p1": float((d <= 0.1).mean()),
                "within_0p2": float((d <= 0.2).mean()),
                "rms_capped_1m": float(np.sqrt((d**2).mean())),
                "planes": planes[row] if row >= 0 else 0,
            }
        )
    return out


def planes_of(solids: Solids) -> list[int]:
    """Distinct roof planes of every building: not near-vertical, 0.3 m above its lowest point."""
    out = []
    for solid in solids:
        corners = solid.local_vertices[solid.triangles]
        if not len(corners):
            out.append(0)
            continue
        face, count = solid.triangle_faces, int(solid.triangle_faces.max()) + 1
        normal, top, centre = np.zeros((count, 3)), np.full(count, -np.inf), np.zeros((count, 3))
        np.add.at(normal, face, np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
        np.maximum.at(top, face, corners[:, :, 2].max(axis=1))
        centre[face] = corners[:, 0]
        length = np.linalg.norm(normal, axis=1)
        normal /= np.maximum(length, 1e-12)[:, None]
        keep = (np.abs(normal[:, 2]) >= FLAT_ENOUGH) & (top >= corners[:, :, 2].min() + 0.3) & (length > 2e-6)
        groups: list[tuple[F64, float]] = []
        for n, c in zip(normal[keep], centre[keep], strict=True):
            up = n if n[2] > 0 else -n
            if not any(up @ m > SAME_NORMAL and abs(m @ c - e) < SAME_PLANE_M for m, e in groups):
                groups.append((up, float(up @ c)))
        out.append(len(groups))
    return out


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of the score table."""
    column = {name: np.array([row[name] for row in rows], float) for name in rows[0] if name != "id"}
    within, points = column["within_0p2"], column["points"]
    figures = {
        "within_0p2": within.mean(),
        "median": np.median(within),
        "p10": np.percentile(within, 10),
        "by_points": (within * points).sum() / points.sum(),
        "within_0p1": column["within_0p1"].mean(),
        "rms": column["rms_capped_1m"].mean(),
        "planes": column["planes"].mean(),
    }
    return {"buildings": len(rows), "modelled": int(column["modelled"].sum())} | {
        name: round(float(value), 4) for name, value in figures.items()
    }


def compare(judge: Path, points: Path, footprints: Path, models: Path, rows: list[dict[str, Any]]) -> float:
    """Largest difference of a share within 0.2 m between this script and the judge, on a sample."""
    import csv

    table = models.with_suffix(".csv")
    command = [sys.executable, str(judge), str(points), str(footprints), str(models), "--sample", "20"]
    subprocess.run([*command, "--csv", str(table)], check=True, stdout=subprocess.DEVNULL)
    ours = {row["id"]: row["within_0p2"] for row in rows}
    with table.open() as lines:
        theirs = {row["id"]: float(row["within_0p2"]) for row in csv.DictReader(lines)}
    return round(max(abs(float(ours[name]) - value) for name, value in theirs.items()), 4)


if __name__ == "__main__":
    sys.exit(main())
