"""From the tiles of a run to one folder, the same as `geovision build` makes of the scene."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geovision.batch.build_job import PROBLEMS
from geovision.batch.checking import BadTile
from geovision.batch.exporting import export_manifest
from geovision.batch.plan_file import Plan, Task, content_hash
from geovision.batch.run_folder import RunFolder
from geovision.batch.sealing import check_sealed
from geovision.batch.source_files import check_unchanged
from geovision.errors import UsageError
from geovision.model.fit import FitTable
from geovision.model.table import ProgramTable
from geovision.pipeline.build_to import BuildProgress, BuildSummary, publish_buildings
from geovision.pipeline.fit import Fitted
from geovision.pipeline.products import ProductSettings
from geovision.procedural.grammar import AUTO, load_facade

if TYPE_CHECKING:
    from geovision.sources import Scene

__all__ = ["MergeSummary", "merge"]

MERGED = "geovision.batch.merged/1"


@dataclass
class MergeSummary:
    """What `merge` wrote."""

    out: Path
    tiles: int = 0
    missing: list[str] = field(default_factory=list)
    """Keys of tiles that are not in it."""
    fresh: bool = True
    """False where the folder held the same already."""
    built: BuildSummary | None = None

    @property
    def exit_code(self) -> int:
        """1 where tiles are missing, or buildings are: as `geovision build` ends."""
        problems = self.built.problems if self.built is not None else []
        return 1 if self.missing or problems else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        plain = {"out": str(self.out), "tiles": self.tiles, "missing": self.missing, "fresh": self.fresh}
        return plain | ({} if self.built is None else {"built": self.built.to_dict()})


def merge(
    folder: str | Path,
    out: str | Path | None = None,
    *,
    partial: bool = False,
    threads: int = 0,
    progress: Callable[[BuildProgress], None] | None = None,
) -> MergeSummary:
    """Join the tiles of a run, with what [publish] wants, in one folder that appears when it is whole.

    With tiles of 500 m every file but run.json and report.html is, byte for byte, that of `geovision build`;
    with others the buildings are the same, in the order of the tiles.

    Args:
        folder: of the run.
        out: where to; run/merged by default. An earlier result is replaced.
        partial: go on without tiles that are not done, and name them.
        threads: 0 for all cores. The result does not depend on it.
        progress: called now and then.
    """
    place = RunFolder(Path(folder))
    plan = place.load()
    target = place.merged if out is None else Path(out)
    with place.hold():
        check_unchanged(plan)
        done, missing = _done(place, plan)
        if missing and not partial:
            few = ", ".join(missing[:5])
            raise UsageError(
                f"run {place.path}",
                f"has {len(missing):,} of {len(plan):,} tiles that are not done ({few} ...)",
                "Do them (geovision batch run, retry), or merge without them: --partial",
            )
        export_manifest(place, plan, place.path / "manifest.parquet")
        summary = MergeSummary(target, len(done), missing)
        wanted = _identity(plan, done)
        if _is_there(target, wanted):
            summary.fresh = False
            return summary
        scene = _merged_scene(place, plan, threads)
        summary.built = _publish(place, plan, scene, done, target, threads, progress)
        (target / ".merged.json").write_text(json.dumps(wanted), encoding="utf-8")
    return summary


def _done(place: RunFolder, plan: Plan) -> tuple[list[Task], list[str]]:
    ledger = place.ledger(plan)
    tasks = list(plan.tasks())
    done = [task for task in tasks if ledger[task.key].done]
    return done, [task.key for task in tasks if not ledger[task.key].done]


def _identity(plan: Plan, done: list[Task]) -> dict[str, Any]:
    tiles = content_hash([[task.key, task.digest] for task in done])
    publish = plan.config.publish.model_dump(mode="json")
    marks = [[source["role"], source["mark"]] for source in plan.sources]
    wanted = {"schema": MERGED, "version": plan.version, "tiles": tiles, "publish": publish, "sources": marks}
    facades = plan.config.publish.facades
    # A rule file may have changed since, under its name.
    return wanted | ({} if facades in ("", AUTO) else {"style": load_facade(facades).digest()})


def _is_there(target: Path, wanted: dict[str, Any]) -> bool:
    try:
        return bool(json.loads((target / ".merged.json").read_bytes()) == json.loads(json.dumps(wanted)))
    except (OSError, ValueError):
        return False


def _merged_scene(place: RunFolder, plan: Plan, threads: int) -> Scene | None:
    """What buildings stand in: the scene as it was planned; a job of tests has none."""
    if plan.job != "build":
        return None
    from geovision.batch.inputs import FootprintParts
    from geovision.batch.scene_parts import open_part

    scene = open_part(plan.head["spec"], plan.crs, plan.head["facts"]["whole"], threads=threads)
    return scene.part(FootprintParts(place.inputs / "all.arrow").part(0))


def _publish(
    place: RunFolder,
    plan: Plan,
    scene: Scene | None,
    done: list[Task],
    target: Path,
    threads: int,
    progress: Callable[[BuildProgress], None] | None,
) -> BuildSummary:
    publish = plan.config.publish
    summary = BuildSummary(out=target, crs=plan.crs, solid_crs=plan.head["solid_crs"])
    summary.notes = plan.notes
    summary.found_by = None if plan.head["found"] is None else plan.head["found"]["model"]
    summary.problems += plan.problems
    settings = ProductSettings(
        tuple(dict.fromkeys(publish.formats)),
        types=plan.head["types"],
        crs=plan.crs,
        solid_crs=plan.head["solid_crs"],
        lod=plan.config.build.lod,
        merged=publish.merged,
        geoid=publish.geoid,
        terrain=publish.terrain,
        textures=publish.textures,
        facades=publish.facades or None,
        lod3=publish.lod3,
        title=publish.title,
        threads=threads,
    )
    nothing = place.empty()
    tiles = ((task.key, () if (task.key, task.digest) in nothing else _batches(place, task)) for task in done)
    total = sum(task.buildings for task in done)
    return publish_buildings(
        tiles, target, settings, summary, total=total, scene=scene, overwrite=True, progress=progress
    )


def _batches(place: RunFolder, task: Task) -> Iterator[Fitted]:
    """The programs and fits of a tile, in the batches in which they were fitted."""
    import pyarrow.parquet as pq

    folder = place.tile(task.key, task.digest)
    if check_sealed(folder) is None:
        raise BadTile(task.key, place.path)
    told = folder / PROBLEMS
    problems = json.loads(told.read_bytes()) if told.exists() else []
    with (
        pq.ParquetFile(folder / "programs.parquet") as programs,
        pq.ParquetFile(folder / "programs.fits.parquet") as fits,
    ):
        for number in range(programs.num_row_groups):
            table = ProgramTable.from_arrow(programs.read_row_group(number))
            known = FitTable.from_arrow(fits.read_row_group(number))
            yield Fitted(table, known, None, problems if number == 0 else [])
        if problems and not programs.num_row_groups:
            yield Fitted(ProgramTable.empty(), FitTable([]), None, problems)
