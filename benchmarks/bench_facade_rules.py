"""Facade rules on many houses, one thread: from walls and programs to elements.

    python benchmarks/bench_facade_rules.py

Each style is laid on its own sample house, repeated with another id every time; the answer is checked against
that of one house alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import fields, replace

import common
import numpy as np

from geovision.mesh.walls import Walls
from geovision.model.table import ProgramTable
from geovision.procedural.grammar import evaluate
from geovision.procedural.grammar.sample import SampleHouse, sample_house

HOUSES = {
    "dutch_terraced": {"width": 6.0, "height": 5.6, "gable": 3.0},
    "suburban_house": {"width": 12.0, "height": 3.3, "gable": 3.0},
    "shed": {"width": 3.0, "depth": 5.0, "height": 2.5},
    "mediterranean_apartment": {"width": 16.0, "depth": 12.0, "height": 14.0},
}
TYPICAL = "dutch_terraced"


def many(house: SampleHouse, count: int) -> tuple[Walls, ProgramTable]:
    """The same walls and program over and over, each with an id of its own."""
    columns = {}
    for item in fields(Walls):
        column = getattr(house.walls, item.name)
        if item.name.endswith("offsets"):
            steps = np.tile(np.diff(column), count)
            columns[item.name] = np.concatenate(([0], np.cumsum(steps))).astype(np.int64)
        else:
            columns[item.name] = np.concatenate([column] * count)
    columns["building"] = np.repeat(np.arange(count, dtype=np.int32), len(house.walls))
    programs = house.programs.take(np.zeros(count, np.int64))
    ids = [f"house {number}" for number in range(count)]
    records = {name: programs.records(name) for name in ("attributes", "facade", "provenance")}
    named = ProgramTable(programs.columns(), {**records, "ids": ids, "part_ids": None})
    return replace(house.walls, **columns), named


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--no-record", action="store_true", help="leave benchmarks/RESULTS.md as it is")
    args = parser.parse_args()
    result: dict[str, object] = {"houses": args.count}
    speed = 0.0
    for style, sizes in HOUSES.items():
        house = sample_house(**sizes)
        walls, programs = many(house, args.count)
        last = replace(house, programs=programs[args.count - 1 :])
        alone = evaluate(house.walls, last.programs, origin_z=0, style=style)
        best = np.inf
        for _ in range(4):
            start = time.perf_counter()
            found = evaluate(walls, programs, origin_z=0, style=style, threads=1)
            best = min(best, time.perf_counter() - start)
        elements = found.elements
        assert np.array_equal(elements.s0[elements.building_offsets[-2] :], alone.elements.s0)
        assert found.styles == [style] * args.count
        result[f"{style} houses/s"] = f"{args.count / best:,.0f}"
        result[f"{style} elements"] = round(len(elements) / args.count, 1)
        if style == TYPICAL:
            speed = args.count / best
    return common.report(
        "facade rules", result, "at least 20,000 typical houses/s on one thread",
        passed=speed >= 20_000, record=not args.no_record,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
