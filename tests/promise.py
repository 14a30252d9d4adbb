"""The kernel's promise as one function: buildings in, complaints out. Tests, corpus and campaign share it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geovision.mesh.check import Fault, check

from . import judges, strategies
from .judges import Complaints
from .strategies import Case

LODS = (11, 12, 13, 22, 23)
CORPUS = Path(__file__).parent / "kernel" / "corpus"
TOO_FEW, CROSSING, HOLE_OUTSIDE, NOT_FINITE, ZERO_AREA, TOO_LARGE, BAD_PARAMETER, NOT_QUAD, NOT_STAR = range(
    1, 10
)
EMPTY = 11
# A part thinner than this all over may be gone once edges under 1 cm are merged.
THINNEST = 0.012
# Metres that a vertex may be off the plane that fits its face best.
OFF_PLANE = 0.002


def compile_cases(cases: Sequence[Case], lod: int, threads: int = 1) -> dict[str, Any]:
    """Solids of a batch, at full precision, with polygons."""
    from geovision import _kernel

    solids: dict[str, Any] = _kernel.compile_solids(
        strategies.to_arrays(cases), lod=lod, threads=threads, grid=0.001, min_edge=0.01, polygons=True
    )
    return solids


def judge(cases: Sequence[Case], lod: int, thorough: int = 0) -> Complaints:
    """Compile and judge; every `thorough`-th building also by the slow judges (0: none)."""
    solids = compile_cases(cases, lod)
    report = check(solids, self_intersection=True, planarity=1e9)
    found: Complaints = [(int(b), report.describe(int(b))) for b in report.faulty]
    found += refusals(cases, solids)
    found += planarity(report.deviation)
    if report.faults.astype(np.int64).tolist().count(int(Fault.BAD_INDEX)) == 0:
        found += judges.volume(solids, report.volume)
        found += judges.labels(solids, cases)
        found += judges.bookkeeping(solids, cases)
        found += judges.heights(solids, cases)
        found += judges.manifold(solids, report.volume)
        if lod == 22:
            found += judges.analytic_volume(solids, cases, report.volume)
        if lod != 23:
            found += judges.outline(solids, cases, range(len(cases)), whole=lod > 11)
    if thorough:
        found += slow(solids, range(0, len(cases), thorough))
    return found


def slow(solids: dict[str, Any], wanted: range) -> Complaints:
    """trimesh, and the exact test in fractions on the smaller ones."""
    found = judges.trimesh_volume(solids, wanted)
    for b in judges.buildings(solids):
        if b.index in wanted and len(b.triangles) <= 80:
            found += [(b.index, f"fractions: triangles {p} meet") for p in judges.self_intersections(b)[:1]]
    return found


def refusals(cases: Sequence[Case], solids: dict[str, Any]) -> Complaints:
    """A building may be refused only for what is wrong with it."""
    found: Complaints = []
    for b in np.flatnonzero(solids["status"]).tolist():
        status = int(solids["status"][b])
        if status not in allowed(cases[b]):
            found.append((b, f"refused with status {status}"))
    return found


def allowed(c: Case) -> set[int]:
    """Statuses that are no failure for this case."""
    statuses: set[int] = set()
    polygons = [shapely.Polygon(p.footprint.shell, p.footprint.holes) for p in c.parts]
    if not all(p.is_valid for p in polygons):
        statuses |= {TOO_FEW, CROSSING, HOLE_OUTSIDE, ZERO_AREA}
    if any(shapely.buffer(p, -THINNEST / 2).is_empty for p in polygons):
        statuses |= {TOO_FEW, ZERO_AREA, EMPTY}
    for part in c.parts:
        if part.kind not in strategies.ANY_POLYGON:
            statuses |= {NOT_QUAD, NOT_STAR, BAD_PARAMETER}
        if part.kind == strategies.HIPPED and not np.isnan(part.params[strategies.INSET]):
            statuses |= {NOT_QUAD, BAD_PARAMETER}
        if part.kind == strategies.PLANAR:
            statuses.add(EMPTY)
    return statuses


def planarity(deviation: judges.Floats) -> Complaints:
    """Vertices lie on the plane of their face: 1 mm·(1 + tan pitch) upright is at most 1.42 mm across.

    The plane that they are measured from is fitted to the rounded vertices, hence a little more.
    """
    return [
        (int(b), f"a vertex lies {deviation[b] * 1000:.2f} mm off the plane of its face")
        for b in np.flatnonzero(deviation > OFF_PLANE)
    ]


def shrink(case: Case, lod: int, rounds: int = 4) -> Case:
    """A smaller case that still fails: fewer superstructures, parts, holes and vertices, plainer numbers."""
    for _ in range(rounds):
        before = case
        for smaller in _simpler(case):
            if fails(smaller, lod):
                case = smaller
                break
        if case is before:
            return case
    return case


def fails(case: Case, lod: int) -> bool:
    return bool(judge([case], lod))


def _simpler(c: Case) -> list[Case]:
    data = strategies.to_json(c)
    out: list[dict[str, Any]] = []

    def variant(change: Any) -> None:
        copy = json.loads(json.dumps(data))
        change(copy)
        out.append(copy)

    if len(c.parts) > 1 and not c.supers:
        for i in range(len(c.parts)):
            variant(lambda d, i=i: d["parts"].pop(i))
    for i in range(len(c.supers)):
        variant(lambda d, i=i: d["supers"].pop(i))
    x0, y0 = (float(round(v)) for v in c.parts[0].footprint.shell[0])
    if abs(x0) + abs(y0) > 1:
        variant(lambda d: _shift(d, -x0, -y0))
    if c.ground_z:
        variant(lambda d: d.update(ground_z=0.0))
    for i, p in enumerate(c.parts):
        for key, plain in (
            ("overhang", 0.0),
            ("roof_shift", (0.0, 0.0)),
            ("base", 0.0),
            ("edge_pitch", None),
        ):
            if data["parts"][i][key] != plain:
                variant(lambda d, i=i, key=key, plain=plain: d["parts"][i].update({key: plain}))
        if p.edge_pitch is None:
            for h in range(len(p.footprint.holes)):
                variant(lambda d, i=i, h=h: d["parts"][i]["holes"].pop(h))
            if len(p.footprint.shell) > 3:
                for v in range(len(p.footprint.shell)):
                    variant(lambda d, i=i, v=v: d["parts"][i]["shell"].pop(v))
    cases = [strategies.from_json(d) for d in out]
    return [
        s
        for s in cases
        if all(shapely.Polygon(p.footprint.shell, p.footprint.holes).is_valid for p in s.parts)
    ]


def _shift(data: dict[str, Any], dx: float, dy: float) -> None:
    def moved(ring: list[list[float]]) -> list[list[float]]:
        return [[x + dx, y + dy] for x, y in ring]

    for p in data["parts"]:
        p["shell"], p["holes"] = moved(p["shell"]), [moved(r) for r in p["holes"]]
        for f in p["faces"]:
            f["rings"] = [moved(r) for r in f["rings"]]
    for s in data["supers"]:
        if s["kind"] != 5:
            s["params"][0] += dx
            s["params"][1] += dy


def write_case(folder: Path, name: str, case: Case, lod: int, why: str) -> Path:
    """A corpus file: what failed, and how, when it was found."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    data = {"why": why, "lod": lod, "case": strategies.to_json(case)}
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return path


def read_case(path: Path) -> tuple[Case, int]:
    data = json.loads(path.read_text(encoding="utf-8"))
    return strategies.from_json(data["case"]), int(data["lod"])
