"""How well buildings are found: real areas that were not trained on, and synthetic scenes with unseen seeds.

    python benchmarks/bench_detect.py [--model NAME|PATH] [--data DIR] [--only ROW...] [--pictures DIR]

Rows: kampala, zanzibar, philippines, nairobi (images alone, at 0.3 m), massachusetts (east half), delft,
lidarhd, goteborg (heights alone), delft-outlines, ahn3-outlines, dales-outlines (end to end, from points),
synthetic, synthetic-image, synthetic-heights. Where labels cover a part only, that part alone counts; where
it is not said which, bench_detect says what it took. Intervals are 95 % over blocks of 40 m (scenes where
they are synthetic).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common import report
from detect_areas import look, places, score

DRONE = ("kampala", "zanzibar", "philippines", "nairobi")
HEIGHTS = ("delft", "lidarhd", "lidarhd-as-labelled", "goteborg")
SYNTHETIC = {
    "synthetic": ("rgb", "nir", "ndsm"),
    "synthetic-image": ("rgb",),
    "synthetic-heights": ("ndsm",),
}
OUTLINES = ("delft-outlines", "ahn3-outlines", "dales-outlines")
ROWS = (*DRONE, "massachusetts", *HEIGHTS, *OUTLINES, *SYNTHETIC)
IOU_BAR = dict.fromkeys(DRONE, 0.65) | {"massachusetts": 0.65} | dict.fromkeys(HEIGHTS, 0.85)


def main(argv: Sequence[str] | None = None) -> int:
    """Score the rows that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="name or path; by default what `geovision detect` takes")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", nargs="+", choices=ROWS, default=ROWS, metavar="ROW")
    parser.add_argument("--scenes", type=int, default=24, help="synthetic patches of 256 pixels")
    parser.add_argument("--style", default="mixed", help="of synthetic scenes")
    parser.add_argument("--threshold", type=float)
    parser.add_argument("--average", type=int, choices=(1, 2, 4, 8), default=1)
    parser.add_argument("--rows", action="store_true", help="part rows of houses, as `detect --rows` does")
    parser.add_argument("--gsd", type=float, help="size of a pixel, instead of the row's own")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="best, median and worst tiles go here")
    parser.add_argument("--no-record", action="store_true", help="leave benchmarks/RESULTS.md as it is")
    args = parser.parse_args(argv)
    failed = 0
    for row in args.only:
        result, passed, bar = _row(row, args)
        named = {"model": args.model or "default"} | ({"parted": "rows"} if args.rows else {}) | result
        failed |= report(f"detect {row}", named, bar, passed=passed, record=not args.no_record)
    return failed


def _row(row: str, args: argparse.Namespace) -> tuple[dict[str, Any], bool, str]:
    if row in SYNTHETIC:
        from detect_synthetic import score_synthetic

        return score_synthetic(args.model, SYNTHETIC[row], scenes=args.scenes, style=args.style)
    known = places(args.data)
    place = known[row.removesuffix("-outlines")]
    changes: dict[str, Any] = {"threshold": args.threshold, "dihedral": args.average, "rows": args.rows}
    if args.gsd is not None:
        changes["gsd_m"] = args.gsd
    if row in HEIGHTS or row in OUTLINES:
        changes["use"] = ("ndsm",)
    looked = look(place, args.model, **changes)
    result = {"place": place.name} | score(looked, outlines=place.mask is None)
    if args.pictures is not None:
        from detect_pictures import draw

        draw(looked, args.pictures, row)
    if row in OUTLINES:
        passed = result["f1"] >= 0.85 and result["rotation_deg_median"] < 2.0
        return result, passed, "F1 at least 0.85, median rotation under 2 degrees"
    bar = IOU_BAR[row]
    return result, result["iou"] >= bar, f"IoU at least {bar}"


if __name__ == "__main__":
    raise SystemExit(main())
