"""The manifest as a GeoParquet file with the outlines of tiles, which opens in a GIS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from geovision.batch.attempts import Attempt
from geovision.batch.config import RunConfig
from geovision.batch.plan_file import Plan
from geovision.batch.run_folder import RunFolder
from geovision.formats.attributes import AttributeType
from geovision.formats.geotables import open_geotable

__all__ = ["export_manifest"]

_COLUMNS: dict[str, AttributeType] = {
    "tile": "text",
    "state": "text",
    "digest": "text",
    "attempts": "int",
    "planned": "int",
    "buildings": "int",
    "problems": "int",
    "bytes": "int",
    "seconds": "float",
    "cpu_s": "float",
    "rss_mb": "float",
    "host": "text",
    "started": "text",
    "error": "text",
}
_ROWS = 50_000


def export_manifest(place: RunFolder, plan: Plan, path: Path, rules: RunConfig | None = None) -> None:
    """Write a row for each tile of the plan: state, last attempt, what it took, outline.

    Args:
        place: of the run.
        plan: its plan.
        path: .parquet.
        rules: when a tile is quarantined; as planned, by default.
    """
    import shapely

    rules = rules or plan.config.run
    ledger, digests = place.ledger(plan), plan.digests()
    last: dict[str, Attempt] = {}
    counts: dict[str, int] = {}
    for one in place.attempts():
        if digests.get(one.key) == one.digest and one.state != "released":
            counts[one.key] = counts.get(one.key, 0) + 1
            if one.key not in last or one.number > last[one.key].number:
                last[one.key] = one
    tasks = list(plan.tasks())
    with open_geotable(path, _COLUMNS, crs=plan.crs) as table:
        for first in range(0, len(tasks), _ROWS):
            some = tasks[first : first + _ROWS]
            rows = [last.get(task.key) for task in some]
            columns: dict[str, Any] = {
                "tile": [task.key for task in some],
                "state": [ledger.word(task.key, rules) for task in some],
                "digest": [task.digest for task in some],
                "attempts": [counts.get(task.key, 0) for task in some],
                "planned": [task.buildings for task in some],
                "buildings": [row.buildings if row else 0 for row in rows],
                "problems": [row.problems if row else 0 for row in rows],
                "bytes": [sum(n for _, n in row.outputs.values()) if row else 0 for row in rows],
                "seconds": [row.seconds if row else None for row in rows],
                "cpu_s": [row.cpu_s if row else None for row in rows],
                "rss_mb": [row.rss_mb if row else None for row in rows],
                "host": [row.host if row else None for row in rows],
                "started": [row.started if row else None for row in rows],
                "error": [row.error["message"] if row and row.error else None for row in rows],
            }
            west, south, east, north = np.array([task.bounds for task in some]).T
            table.write(shapely.box(west, south, east, north), columns)
