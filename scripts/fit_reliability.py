"""Fits how sure a kind is on some generated cities, and draws what is stated against what is true on others.

python scripts/fit_reliability.py [--buildings 200] [-o docs/img/fit_reliability.png]

It prints the four numbers of geovision/inverse/confidence.py, and the table that the picture shows.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import geovision
from geovision.inverse.confidence import TIE_NATS
from geovision.inverse.solver import solve
from geovision.model.fit import Fit
from tests.inverse.scan import Scanner, kinds_of, scan_table, surveyed_table

F64 = NDArray[np.float64]
FITTED, DRAWN = (201, 202, 203, 204), (301, 302, 303)
SCANNERS = (Scanner(), Scanner(density=3.0, outliers=0.05), Scanner(density=16.0, outliers=0.02))
SIDE = 460
LEAST = 30


def city(seed: int, count: int) -> tuple[list[Fit], list[bool]]:
    """Fits of a city and whether their kinds are right, with true and with surveyed footprints."""
    table = geovision.generate(count=count, seed=seed)
    fits, right = [], []
    for scanner in SCANNERS:
        programs, evidence = scan_table(table, scanner)
        kinds, beside = surveyed_table(table, scanner, seed)
        solved = solve([*evidence, *beside])
        fits += solved.fits
        truths = [*(kinds_of(program) for program in programs), *kinds]
        right += [truth == kinds_of(found) for truth, found in zip(truths, solved.table, strict=True)]
    return fits, right


def features(fits: list[Fit]) -> F64:
    """What the confidence looks at, one row a fit."""
    rows = []
    for fit in fits:
        others = [r.nats - fit.nats for r in fit.alternatives if r.kind not in (fit.kind, "planar")]
        tied = np.exp(-max(min(others, default=np.inf), 0.0) / TIE_NATS)
        parts = np.log(fit.kind.count("+") + 1)
        rows.append((1.0, tied, parts, np.clip(1 - fit.within_0p2, 0, 0.5)))
    return np.array(rows)


def regression(x: F64, hit: NDArray[np.bool_]) -> F64:
    """Logistic, by Newton's method; a faint prior keeps it finite."""
    weight = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ weight))
        slope = (x * (p * (1 - p))[:, None]).T @ x + 1e-3 * np.eye(len(weight))
        weight -= np.linalg.solve(slope, x.T @ (p - hit) + 1e-3 * weight)
    return weight


def draw(stated: F64, hit: NDArray[np.bool_]) -> Image.Image:
    """Hit rate over stated confidence; the area of a dot follows the number of buildings."""
    picture = Image.new("RGB", (SIDE, SIDE), (255, 255, 255))
    canvas = ImageDraw.Draw(picture)
    font = ImageFont.load_default(14)

    def place(x: float, y: float) -> tuple[float, float]:
        return 60 + x * (SIDE - 80), SIDE - 50 - y * (SIDE - 80)

    canvas.rectangle((*place(0, 1), *place(1, 0)), outline=(190, 190, 190))
    canvas.line((*place(0, 0), *place(1, 1)), fill=(170, 170, 170), width=2)
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        canvas.text((8, place(0, tick)[1] - 8), f"{tick:.2f}", fill=(60, 60, 60), font=font)
        canvas.text((place(tick, 0)[0] - 14, SIDE - 44), f"{tick:.2f}", fill=(60, 60, 60), font=font)
    canvas.text((SIDE / 2 - 60, SIDE - 22), "stated confidence", fill=(20, 20, 20), font=font)
    canvas.text((66, 26), "share of kinds that are right", fill=(20, 20, 20), font=font)
    for low in np.arange(0, 1, 0.1):
        own = (stated >= low) & (stated < low + 0.1)
        if own.sum() < LEAST:
            continue
        print(
            f"{low:.1f}  buildings {own.sum():5d}",
            f" stated {stated[own].mean():.3f}  right {hit[own].mean():.3f}",
        )
        x, y = place(float(stated[own].mean()), float(hit[own].mean()))
        size = 2 + 0.25 * np.sqrt(own.sum())
        canvas.ellipse((x - size, y - size, x + size, y + size), fill=(40, 90, 190))
    return picture


def main() -> None:
    """Fit, print and draw."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--buildings", type=int, default=200)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/img/fit_reliability.png"))
    given = parser.parse_args()
    fits, right = [], []
    for seed in FITTED:
        more, hits = city(seed, given.buildings)
        fits += more
        right += hits
    named = np.array(["planar" not in fit.kind for fit in fits])
    hit = np.array(right)
    weights = regression(features([fit for fit in fits if "planar" not in fit.kind]), hit[named])
    print("ALWAYS, TIED, PARTS, UNEXPLAINED =", ", ".join(f"{weight:.1f}" for weight in weights))
    print(f"PLANAR_CONFIDENCE = {hit[~named].mean():.2f}")
    stated, held = [], []
    for seed in DRAWN:
        more, hits = city(seed, given.buildings)
        stated += [fit.confidence for fit in more]
        held += hits
    draw(np.array(stated), np.array(held)).save(given.output)


if __name__ == "__main__":
    main()
