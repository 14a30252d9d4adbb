"""The streaming job behind `geovision generate`: a city to a folder of files, tile by tile."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from geovision._version import __version__
from geovision.errors import UsageError
from geovision.formats.attributes import building_columns
from geovision.model.kinds import KIND_NAMES, RoofKind
from geovision.model.table import ProgramTable
from geovision.pipeline.generate import City, TableTile, open_city
from geovision.pipeline.publish import publish_folder
from geovision.pipeline.run_facts import run_facts, write_json
from geovision.pipeline.sinks import open_program_sink
from geovision.procedural.city import Area
from geovision.procedural.style import Style

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from geovision.mesh import Solids
    from geovision.sources.footprints import Footprints

__all__ = ["GenerateSummary", "Progress", "generate_to"]

INDEX_SCHEMA = "geovision.city/1"
FORMATS = ("glb", "obj", "ply", "stl")
_PREVIEW_BUILDINGS = 6000
_PREVIEW_TILES = 3
"""The preview of a large city shows a corner of this many tiles by as many."""


@dataclass(frozen=True)
class Progress:
    """Where a job stands: counts so far, and totals (0 while they are not known)."""

    stage: Literal["tiles", "preview", "publish"]
    tiles_done: int
    tiles_total: int
    buildings_done: int
    failures: int


@dataclass(frozen=True)
class GenerateSummary:
    """What `generate_to` wrote."""

    out: Path
    buildings: int
    failures: int
    tiles: int
    triangles: int
    seconds: float
    roof_kinds: dict[str, int]
    files: tuple[str, ...]
    crs: str | None
    problems: tuple[str, ...] = ()
    """Footprints that could not be read, and why."""
    repairs: tuple[str, ...] = ()
    """What was mended in footprints."""
    failed: tuple[str, ...] = ()
    """Buildings that have no solid, and why."""


def generate_to(
    out: str | Path,
    *,
    footprints: Footprints | GeoDataFrame | str | Path | None = None,
    layer: str | None = None,
    area: Area | None = None,
    count: int | None = None,
    style: str | Path | Style = "mixed",
    seed: int = 0,
    lod: str = "2.2",
    threads: int = 0,
    formats: Sequence[str] = ("glb",),
    programs: Literal["parquet", "jsonl", "none"] = "parquet",
    preview: bool = True,
    crs: str | None = None,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> GenerateSummary:
    """Generate a city into the folder `out`: tiles/*.glb, programs, preview.png, index.json, run.json.

    The folder appears when everything is in it, or not at all. Memory follows the largest tile (and the
    footprints, where given), not the city. All files but run.json depend on the arguments alone: not on
    `threads`, the machine or the time.

    Args:
        out: folder to write. One that exists is refused, or with `overwrite` replaced if it is
            an earlier result.
        footprints: as for `generate`.
        layer: as for `generate`.
        area: as for `generate`.
        count: as for `generate`.
        style: as for `generate`.
        seed: as for `generate`.
        lod: level of detail of the meshes, "1.1" to "2.3".
        threads: 0 for all cores.
        formats: of glb, obj, ply, stl; one file per tile and format.
        programs: how the programs are kept.
        preview: draw preview.png.
        crs: CRS that files carry where footprints give none.
        overwrite: replace an earlier result.
        progress: called after each tile.
    """
    started = time.time()
    _check(formats, programs)
    city = open_city(
        footprints=footprints, layer=layer, area=area, count=count, style=style, seed=seed, crs=crs
    )
    reads = [os.fspath(footprints)] if isinstance(footprints, str | os.PathLike) else []
    with publish_folder(out, overwrite=overwrite, schema=INDEX_SCHEMA, reads=reads) as folder:
        job = _Job(folder, city, lod, tuple(formats), preview)
        workers = threads or os.cpu_count() or 1
        # The workers have ended before the folder goes, also after Ctrl-C.
        with open_program_sink(folder, programs) as keep, closing(_meshed(job, workers)) as made:
            for done in made:
                keep(done.tile.table)
                job.add(done)
                _report(progress, "tiles", job)
        if job.preview_tables:
            _report(progress, "preview", job)
            _draw_preview(folder, job, threads)
        _report(progress, "publish", job)
        write_json(folder / "index.json", _index(job))
        seconds = time.time() - started
        write_json(folder / "run.json", run_facts(started, seconds, workers))
        files = tuple(sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()))
    return GenerateSummary(
        out=Path(out),
        buildings=job.buildings,
        failures=len(job.failures),
        tiles=len(job.tiles),
        triangles=job.triangles,
        seconds=seconds,
        roof_kinds=job.roof_kinds,
        files=files,
        crs=city.crs,
        problems=tuple(city.problems),
        repairs=tuple(city.repairs),
        failed=tuple(f"building {failure['id']!r}: {failure['message']}" for failure in job.failures),
    )


@dataclass
class _Done:
    tile: TableTile
    solids: Solids
    files: list[str]


@dataclass
class _Job:
    """What has come out so far."""

    folder: Path
    city: City
    lod: str
    formats: tuple[str, ...]
    preview: bool
    buildings: int = 0
    triangles: int = 0
    tiles: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    kinds: Counter[int] = field(default_factory=Counter)
    preview_tables: list[ProgramTable] = field(default_factory=list)
    preview_count: int = 0
    corner: tuple[int, int] | None = None

    def add(self, done: _Done) -> None:
        """Count a tile that is on disk."""
        table, solids = done.tile.table, done.solids
        failures = [{"id": f.id, "status": int(f.status), "message": f.message} for f in solids.failures]
        triangles = int(solids.arrays()["triangle_offsets"][-1])
        self.buildings += len(table)
        self.triangles += triangles
        self.failures += failures
        self.kinds.update(table.roof_kind.tolist())
        low, high = table.xy.min(axis=0), table.xy.max(axis=0)
        self.tiles.append(
            {
                "name": done.tile.name,
                "buildings": len(table),
                "triangles": triangles,
                "failures": len(failures),
                "bounds": [round(float(value), 3) for value in (*low, *high)],
                "files": done.files,
            }
        )
        self._keep_for_preview(done)

    def _keep_for_preview(self, done: _Done) -> None:
        corner = self.corner or (done.tile.column, done.tile.row)
        self.corner = corner
        near = max(done.tile.column - corner[0], done.tile.row - corner[1]) < _PREVIEW_TILES
        few = self.preview_count + len(done.tile.table) <= _PREVIEW_BUILDINGS
        if self.preview and near and (few or not self.preview_tables):
            self.preview_tables.append(done.tile.table)
            self.preview_count += len(done.tile.table)

    @property
    def roof_kinds(self) -> dict[str, int]:
        """Parts by the name of their roof kind."""
        return {KIND_NAMES[kind]: self.kinds[int(kind)] for kind in RoofKind if self.kinds[int(kind)]}


def _check(formats: Sequence[str], programs: str) -> None:
    for name in formats:
        if name not in FORMATS:
            raise UsageError(f"format {name!r}", "is not known", f"Use one of {', '.join(FORMATS)}")
    if programs not in ("parquet", "jsonl", "none"):
        raise UsageError(f"programs = {programs!r}", "is not known", "Use parquet, jsonl or none")


def _meshed(job: _Job, workers: int) -> Generator[_Done, None, None]:
    """Tiles in order, each meshed and written by one of the workers; only a few are in flight."""
    (job.folder / "tiles").mkdir()
    waiting: deque[Future[_Done]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="tile")
    try:
        for tile in job.city.tiles:
            if not len(tile.table):
                continue
            waiting.append(pool.submit(_make_tile, job, tile))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _make_tile(job: _Job, tile: TableTile) -> _Done:
    from geovision.formats import write_glb, write_mesh
    from geovision.mesh import mesh

    solids = mesh(tile.table, lod=job.lod, threads=1, on_error="record", polygons=False)
    files = []
    for name in job.formats:
        path = job.folder / "tiles" / f"{tile.name}.{name}"
        if name == "glb":
            write_glb(path, solids, attributes=building_columns(tile.table), crs=job.city.crs, threads=1)
        else:
            write_mesh(path, solids, crs=job.city.crs)
        files.append(f"tiles/{path.name}")
    return _Done(tile, solids, files)


def _draw_preview(folder: Path, job: _Job, threads: int) -> None:
    from geovision.mesh import mesh
    from geovision.quality.preview import preview_png

    table = ProgramTable.concat(job.preview_tables)
    solids = mesh(table, lod=job.lod, threads=threads, on_error="record", polygons=False)
    preview_png(folder / "preview.png", solids, threads=threads)


def _index(job: _Job) -> dict[str, Any]:
    return {
        "schema": INDEX_SCHEMA,
        "geovision": __version__,
        "style": job.city.style.name,
        "seed": job.city.seed,
        "lod": job.lod,
        "crs": job.city.crs,
        "buildings": job.buildings,
        "triangles": job.triangles,
        "roof_kinds": job.roof_kinds,
        "tiles": job.tiles,
        "failures": job.failures,
        "problems": job.city.problems,
        "repairs": job.city.repairs,
    }


def _report(progress: Callable[[Progress], None] | None, stage: Any, job: _Job) -> None:
    if progress is not None:
        progress(Progress(stage, len(job.tiles), job.city.tile_count, job.buildings, len(job.failures)))
