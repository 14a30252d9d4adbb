"""The job `build`: buildings of a tile, fitted and written as programs, fits and what else is wanted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from geovision.batch.found_parts import opened_found
from geovision.batch.inputs import FootprintParts
from geovision.batch.plan_file import Task
from geovision.batch.run_folder import RunFolder
from geovision.batch.scene_parts import open_part
from geovision.batch.sealing import Made
from geovision.batch.source_files import check_source
from geovision.errors import EnvironmentFault, OutputError
from geovision.pipeline.build_to import BuildSummary, write_buildings
from geovision.pipeline.fit import Fitted, Proposer, iter_fit, proposer
from geovision.pipeline.products import ProductSettings
from geovision.sources.scene import SceneTile

__all__ = ["PROBLEMS", "BuildJob", "network_fact"]

PROBLEMS = "problems.json"
"""Buildings of a tile that could not be fitted, where there are any."""


class BuildJob:
    """Opens the scene and the networks once, and does tile after tile.

    Args:
        run: the folder of the run.
        head: of the plan.
    """

    def __init__(self, run: Path, head: Mapping[str, Any]) -> None:
        build = head["build"]
        self._scene = open_part(head["spec"], head["crs"], head["facts"]["whole"])
        self._found = opened_found(self._scene, head.get("found"), RunFolder(run).inputs)
        self._parts = FootprintParts(RunFolder(run).inputs / "footprints.arrow")
        self._sources: list[Mapping[str, Any]] = head["sources"]
        self._touched: list[list[int]] = head["touched"]
        self._place = build["place"]
        self._kinds = tuple(build["kinds"]) or None
        self._roofs: Proposer | None = None
        if build["roofs"]:
            check_network(build["roofs"], head["network"])
            self._roofs = proposer(build["roofs"])
        self._settings = ProductSettings(
            tuple(build["formats"]),
            types=head["types"],
            crs=head["crs"],
            solid_crs=head["solid_crs"],
            lod=build["lod"],
            terrain=False,
            textures=False,
            threads=1,
        )

    def run(self, task: Task, folder: Path) -> Made:
        """Fit the buildings that the tile owns, and write them."""
        footprints = self._parts.part(task.index)
        found = replace(self._found, scene=self._scene.part(footprints))
        column, _, row = task.key.partition("_")
        summary = BuildSummary(crs=self._settings.crs, solid_crs=self._settings.solid_crs)
        summary.found_by = None if found.detected is None else found.detected.model
        tile = SceneTile(*_tile(int(column), int(row), task))
        fits = iter_fit(
            found.evidence(tile), kinds=self._kinds, place=self._place, roofs=self._roofs, threads=1
        )
        problems: list[str] = []
        batches = _noting(found.marked(fits), problems)
        write_buildings([(task.key, batches)], folder, self._settings, summary, total=task.buildings)
        if problems:
            (folder / PROBLEMS).write_text(json.dumps(problems, indent=1) + "\n", encoding="utf-8")
        for number in self._touched[task.index]:
            check_source(self._sources[number])  # a file that changed while it was read
        _check_written(folder, task, summary)
        return Made(summary.buildings, len(summary.problems))


def _noting(batches: Iterator[Fitted], problems: list[str]) -> Iterator[Fitted]:
    for batch in batches:
        problems += batch.problems
        yield batch


def _tile(column: int, row: int, task: Task) -> tuple[Any, ...]:
    from geovision.sources import Bounds, TileKey

    return TileKey(column, row), Bounds(*task.bounds), task.buildings


def _check_written(folder: Path, task: Task, summary: BuildSummary) -> None:
    """Read back that programs and fits are there, building by building."""
    import pyarrow.parquet as pq

    for name in ("programs.parquet", "programs.fits.parquet"):
        rows = pq.read_metadata(folder / name).num_rows
        if rows != summary.buildings:
            raise OutputError(
                f"tile {task.key}, {name}", f"has {rows} rows of {summary.buildings}", "Check the disk"
            )


def network_fact(name: str) -> dict[str, str]:
    """Hash, runtime and precision of a roof network: what of it decides bytes."""
    from geovision.vision.infer.runtimes import runtime_version
    from geovision.vision.store import load_card, load_network

    content = load_network(name, load_card(name))
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "runtime": f"onnxruntime {runtime_version('onnxruntime')}",
        "precision": "float32",
    }


def check_network(name: str, planned: Mapping[str, str]) -> None:
    """Refuse a network, a runtime or a precision that is not the one that was planned."""
    here = network_fact(name)
    for what, value in planned.items():
        if here[what] != value:
            raise EnvironmentFault(
                f"roof network {name}",
                f"has {what} {here[what][:40]} here, and the run was planned with {value[:40]}",
                "Use the same files and versions on every machine, or plan again",
            )
