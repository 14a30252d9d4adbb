"""What each stage of the fit buys in score and costs in time, and the score over the number of planes.

    python benchmarks/bench_fit_stages.py POINTS.laz... FOOTPRINTS.gpkg [--every 3] [--curve PLANES.png]

Each row leaves one stage out. Scores on real points are those of bench_fit.py, on every N-th building; kinds
are counted on generated buildings, with true and with surveyed footprints. CPU seconds are those of the fit
in memory, at one thread. With --curve the price of planes varies instead, planes alone are fitted, and the
share within 0.2 m is drawn over the planes a building takes, with the whole fit beside.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from bench_fit import ROOFER, score, summarise
from common import report, survey_parser
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import geovision
from geovision.inverse import solver
from geovision.model import Evidence
from geovision.model.kinds import KIND_NAMES, RoofKind
from geovision.pipeline.fit import iter_fit
from tests.inverse.scan import Scanner, kinds_of, scan_table, surveyed_table

NAMED = [name for kind, name in KIND_NAMES.items() if kind != RoofKind.PLANAR]
PLANE_NATS = (6.0, 12.0, 24.0, 36.0, 48.0, 72.0, 96.0)
SIDE = 460


@dataclass(frozen=True)
class Variant:
    """The fit with options of its stages changed."""

    search: Mapping[str, Any] = field(default_factory=dict)
    planar: Mapping[str, Any] = field(default_factory=dict)
    place: Mapping[str, Any] = field(default_factory=dict)
    kinds: Sequence[str] | None = None

    @contextmanager
    def active(self) -> Iterator[None]:
        """`solve` takes these options while the block runs."""
        with (
            patch.object(
                solver, "propose_parametric", partial(solver.propose_parametric, options=self.search)
            ),
            patch.object(solver, "propose_planar", partial(solver.propose_planar, options=self.planar)),
            patch.object(solver, "place_outlines", partial(solver.place_outlines, options=self.place)),
        ):
            yield

    def fit(self, evidence: Sequence[Evidence]) -> tuple[list[geovision.Fitted], float]:
        """The batches and the CPU seconds that they took."""
        start = time.process_time()
        with self.active():
            batches = list(iter_fit(evidence, kinds=self.kinds, threads=1))
        return batches, time.process_time() - start


VARIANTS = {
    "all stages": Variant(),
    "no graduated non-convexity": Variant(search={"graduated": False}),
    "no ties": Variant(search={"ties": False}),
    "no superstructures": Variant(search={"superstructures": False}),
    "no shift": Variant(search={"shift_sigma": 0.0}, place={"shift_sigma": 1e-3, "rotation_sigma": 1e-5}),
    "no straight skeletons": Variant(search={"skeletons": False}),
    "no cutting": Variant(search={"most_ways": 1}),
    "no second round of planes": Variant(planar={"rounds": 1}),
    "no planes": Variant(kinds=NAMED),
    "planes alone": Variant(kinds=["planar"]),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the variants, print the table or draw the curve."""
    parser = survey_parser(__doc__)
    parser.add_argument("--every", type=int, default=3, help="fit every N-th building")
    parser.add_argument("--buildings", type=int, default=300, help="generated ones")
    parser.add_argument("--curve", type=Path, help="draw the score over planes to this PNG")
    args = parser.parse_args(argv)
    real = Real(args)
    if args.curve is not None:
        return _curve(real, args)
    towns = Towns(args.buildings)
    rows = {name: real.score(variant) | towns.score(variant) for name, variant in VARIANTS.items()}
    _print(rows)
    whole = rows["all stages"]
    result = {"set": real.name, "buildings": real.count} | whole
    better = [name for name, row in rows.items() if row["within 0.2 m"] > whole["within 0.2 m"] + 0.002]
    result["better without"] = ", ".join(better)
    return report("fit stages", result, "no stage costs score", passed=not better, record=not args.no_record)


class Real:
    """Buildings from files, and their score."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._points, self._footprints, self._id = args.points, args.footprints, args.id_field
        self.name = args.points[0].parent.name
        scene = geovision.open_scene(points=args.points, footprints=args.footprints, crs=args.crs)
        every = [item for tile in scene.tiles() for item in scene.evidence(tile, images=False)]
        self._evidence = every[:: args.every]
        self.count = len(self._evidence)

    def fitted(self, variant: Variant) -> tuple[list[geovision.Fitted], float]:
        """Batches and CPU seconds."""
        return variant.fit(self._evidence)

    def score(self, variant: Variant) -> dict[str, Any]:
        """Figures of the buildings that were fitted."""
        batches, seconds = self.fitted(variant)
        solids = geovision.mesh(geovision.ProgramTable.concat([batch.programs for batch in batches]))
        chosen = {name.rpartition("/")[0] or name for name in solids.ids} | set(solids.ids)
        rows = [row for row in score(solids, self._points, self._footprints, self._id) if row["id"] in chosen]
        found = summarise(rows)
        return {
            "within 0.2 m": found["within_0p2"],
            "RMS": found["rms"],
            "planes": found["planes"],
            "CPU s": round(seconds, 2),
        }


class Towns:
    """Generated buildings with true and with surveyed footprints."""

    def __init__(self, count: int) -> None:
        table = geovision.generate(count=count, seed=401)
        programs, evidence = scan_table(table, Scanner())
        surveyed, beside = surveyed_table(table, Scanner(), 401)
        self._sets = {
            "true": ([kinds_of(program) for program in programs], evidence),
            "surveyed": (list(surveyed), beside),
        }

    def score(self, variant: Variant) -> dict[str, Any]:
        """Shares of buildings whose kinds are all right."""
        out: dict[str, Any] = {}
        for name, (truths, evidence) in self._sets.items():
            batches, _ = variant.fit(evidence)
            found = [kinds_of(program) for batch in batches for program, _ in batch]
            hits = [(len(truth), truth == kind) for truth, kind in zip(truths, found, strict=True)]
            out[f"kinds, {name}, one part"] = round(float(np.mean([hit for n, hit in hits if n == 1])), 3)
            out[f"kinds, {name}, more"] = round(float(np.mean([hit for n, hit in hits if n > 1])), 3)
        return out


def _print(rows: Mapping[str, Mapping[str, Any]]) -> None:
    names = list(next(iter(rows.values())))
    print("| |", " | ".join(names), "|")
    print("|---|" + "---|" * len(names))
    for name, row in rows.items():
        print(f"| {name} |", " | ".join(str(row[key]) for key in names), "|")


def _curve(real: Real, args: argparse.Namespace) -> int:
    """Score over planes, with roofer's point; passes where the curve runs above it."""
    found = []
    for nats in PLANE_NATS:
        found.append(real.score(Variant(planar={"plane_nats": nats}, kinds=["planar"])))
        print(nats, found[-1], file=sys.stderr)
    whole = real.score(VARIANTS["all stages"])
    peer = ROOFER[real.name]
    planes, share = (np.array([row[name] for row in found]) for name in ("planes", "within 0.2 m"))
    order = np.argsort(planes)
    # NaN, which does not pass, where the curve does not reach so far.
    at_peer = float(np.interp(peer["planes"], planes[order], share[order], left=np.nan))
    others = {
        "roofer": (peer["planes"], peer["within_0p2"]),
        "whole fit": (whole["planes"], whole["within 0.2 m"]),
    }
    _draw(args.curve, planes[order], share[order], others)
    result = {
        "set": real.name,
        "buildings": real.count,
        "planes": planes[order].tolist(),
        "within 0.2 m": share[order].tolist(),
        "at roofer's planes": round(at_peer, 4),
        "roofer": peer["within_0p2"],
    }
    passed = at_peer > peer["within_0p2"]
    return report("fit planes curve", result, "above roofer", passed=passed, record=not args.no_record)


def _draw(path: Path, planes: Any, share: Any, others: Mapping[str, tuple[float, float]]) -> None:
    picture = Image.new("RGB", (SIDE, SIDE), (255, 255, 255))
    canvas, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    right, low = float(max(planes.max(), *(x for x, _ in others.values())) * 1.25), 0.8

    def place(x: float, y: float) -> tuple[float, float]:
        return 60 + x / right * (SIDE - 80), SIDE - 50 - (y - low) / (1 - low) * (SIDE - 80)

    canvas.rectangle((*place(0, 1), *place(right, low)), outline=(190, 190, 190))
    for y in (0.8, 0.85, 0.9, 0.95, 1.0):
        canvas.line((*place(0, y), *place(right, y)), fill=(228, 228, 228))
        canvas.text((14, place(0, y)[1] - 8), f"{y:.2f}", fill=(60, 60, 60), font=font)
    for x in np.linspace(0, right, 6)[1:-1]:
        canvas.text((place(x, low)[0] - 8, SIDE - 44), f"{x:.0f}", fill=(60, 60, 60), font=font)
    points = [place(float(x), float(y)) for x, y in zip(planes, share, strict=True)]
    canvas.line(points, fill=(40, 90, 190), width=3)
    for x, y in points:
        canvas.ellipse((x - 3, y - 3, x + 3, y + 3), fill=(40, 90, 190))
    for name, at in others.items():
        x, y = place(*at)
        canvas.ellipse((x - 5, y - 5, x + 5, y + 5), fill=(210, 110, 30))
        canvas.text((x + 8, y + 2), name, fill=(210, 110, 30), font=font)
    canvas.text((SIDE // 2 - 60, SIDE - 24), "planes a building", fill=(60, 60, 60), font=font)
    canvas.text((64, 32), "points within 0.2 m", fill=(60, 60, 60), font=font)
    picture.save(path)


if __name__ == "__main__":
    sys.exit(main())
