"""Recovery curves of the fitter on generated buildings, against density, noise and outliers.

python scripts/fit_recovery.py [--buildings 300] [-o docs/img/fit_recovery.png]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import geovision
from geovision.inverse.solver import solve
from geovision.model import Program
from tests.inverse.scan import Scanner, kinds_of, scan

SWEEPS = {
    "points per square metre": ("density", (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)),
    "noise in metres": ("noise_m", (0.02, 0.05, 0.1, 0.2, 0.3)),
    "share of outliers": ("outliers", (0.0, 0.1, 0.2, 0.3, 0.4)),
}
SIZE, PANEL = (1320, 420), 420
COLOURS = {"single part": (40, 90, 190), "several parts": (210, 110, 30)}


def shares(programs: list[Program], solids: geovision.Solids, scanner: Scanner) -> dict[str, float]:
    """How often all kinds of a building are right, of the programs that are chosen in the end."""
    evidence = [scan(program, solids[row], scanner, row) for row, program in enumerate(programs)]
    right: dict[str, list[bool]] = {name: [] for name in COLOURS}
    for truth, found in zip(programs, solve(evidence).table, strict=True):
        name = "single part" if len(truth.parts) == 1 else "several parts"
        right[name].append(kinds_of(truth) == kinds_of(found))
    return {name: float(np.mean(values)) for name, values in right.items()}


def draw(
    draw_on: ImageDraw.ImageDraw, left: int, title: str, curve: list[tuple[float, dict[str, float]]]
) -> None:
    """One panel: values in equal steps to the right, shares upwards."""
    box = (left + 50, 30, left + PANEL - 20, SIZE[1] - 60)
    draw_on.rectangle(box, outline=(190, 190, 190))
    font = ImageFont.load_default(14)

    def place(step: int, share: float) -> tuple[float, float]:
        x = box[0] + (box[2] - box[0]) * step / max(1, len(curve) - 1)
        return x, box[3] - (box[3] - box[1]) * share

    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = place(0, share)[1]
        draw_on.line((box[0], y, box[2], y), fill=(225, 225, 225))
        draw_on.text((left + 10, y - 8), f"{share:.2f}", fill=(60, 60, 60), font=font)
    for name, colour in COLOURS.items():
        line = [place(step, found[name]) for step, (_, found) in enumerate(curve)]
        draw_on.line(line, fill=colour, width=3)
    for step, (value, _) in enumerate(curve):
        draw_on.text((place(step, 0)[0] - 10, box[3] + 6), f"{value:g}", fill=(60, 60, 60), font=font)
    draw_on.text((box[0] + 80, box[3] + 28), title, fill=(20, 20, 20), font=font)


def main() -> None:
    """Print the numbers and draw them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--buildings", type=int, default=300)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/img/fit_recovery.png"))
    given = parser.parse_args()
    table = geovision.generate(count=given.buildings, seed=12)
    solids = geovision.mesh(table)
    programs = list(table)
    picture = Image.new("RGB", SIZE, (255, 255, 255))
    canvas = ImageDraw.Draw(picture)
    for panel, (title, (knob, values)) in enumerate(SWEEPS.items()):
        curve = [(value, shares(programs, solids, replace(Scanner(), **{knob: value}))) for value in values]
        for value, found in curve:
            print(
                f"{title:26} {value:6g}  " + "  ".join(f"{name} {share:.3f}" for name, share in found.items())
            )
        draw(canvas, panel * (PANEL + 15), title, curve)
    for row, (name, colour) in enumerate(COLOURS.items()):
        canvas.text((70 + 160 * row, 8), name, fill=colour, font=ImageFont.load_default(15))
    picture.save(given.output)


if __name__ == "__main__":
    main()
