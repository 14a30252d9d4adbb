"""The streaming job behind `geovision synth`: a synthetic scene to a folder of files, window by window."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from geovision._version import __version__
from geovision.errors import UsageError
from geovision.mesh import Window, mesh, simulate_lidar
from geovision.mesh.scene_mesh import SceneMesh
from geovision.model.kinds import KIND_NAMES, RoofKind
from geovision.pipeline.publish import publish_folder
from geovision.pipeline.run_facts import run_facts, write_json
from geovision.pipeline.sinks import open_program_sink
from geovision.pipeline.synth_draw import IMAGE_BANDS, LABELS, draw_dsm, draw_dtm, draw_image, draw_labels
from geovision.pipeline.synth_map import joined_footprints, surveyed_footprints
from geovision.pipeline.synth_oblique import write_oblique
from geovision.pipeline.synth_preview import draw_preview
from geovision.procedural.city import Area
from geovision.procedural.scenery import build_scenery
from geovision.procedural.sensors import Sensors, draw_sensors
from geovision.procedural.style import Style, load_style
from geovision.procedural.world import Content, World
from geovision.sources.footprints import known_crs

__all__ = ["LAYERS", "SynthProgress", "SynthSummary", "synth_to"]

INDEX_SCHEMA = "geovision.synth/1"
LAYERS = ("image", "dsm", "dtm", "points", "labels")
_WINDOW_CELLS = 1024
_WINDOW_M = 256.0
"""Side of a window of the scanner."""


@dataclass(frozen=True)
class SynthProgress:
    """Where a job stands."""

    stage: Literal["buildings", "image", "labels", "heights", "points", "oblique", "preview", "publish"]
    done: int
    total: int


@dataclass(frozen=True)
class SynthSummary:
    """What `synth_to` wrote."""

    out: Path
    buildings: int
    footprints: int
    points: int
    pixels: int
    """Of the image."""
    seconds: float
    roof_kinds: dict[str, int]
    files: tuple[str, ...]
    crs: str
    failed: tuple[str, ...] = ()
    """Buildings that have no solid and so are not seen, and why."""


def synth_to(
    out: str | Path,
    *,
    area: Area,
    style: str | Path | Style = "mixed",
    seed: int = 0,
    changes: Mapping[str, Any] | None = None,
    layers: Collection[str] = LAYERS,
    cell_m: float = 0.25,
    dsm_cell_m: float = 0.5,
    programs: Literal["parquet", "jsonl"] = "parquet",
    oblique: int = 0,
    preview: bool = True,
    crs: str = "EPSG:25832",
    threads: int = 0,
    overwrite: bool = False,
    progress: Callable[[SynthProgress], None] | None = None,
) -> SynthSummary:
    """Make a synthetic scene as a folder: image, heights, points, footprints, and the truth beside them.

    The folder appears when everything is in it, or not at all. Memory follows the window, and the number of
    footprints, not the area. All files but run.json depend on the arguments and the versions of the
    libraries alone: not on `threads`, the machine or the time.

    Args:
        out: folder to write. One that exists is refused, or with `overwrite` replaced if it is
            an earlier result.
        area: X, Y, width, height in metres.
        style: name of a style that comes with geovision, a TOML file, or a `Style`.
        seed: another seed, another scene.
        changes: knobs of the style to change, by dotted key, as {"lidar.density": 8}.
        layers: which of `LAYERS` to make; footprints and programs come always.
        cell_m: cell size of image and labels.
        dsm_cell_m: cell size of DSM and DTM.
        programs: how the truth is kept.
        oblique: how many oblique pictures with labels of openings to make.
        preview: draw preview.png.
        crs: projected, metric CRS that all files say they are in.
        threads: 0 for all cores.
        overwrite: replace an earlier result.
        progress: called after each window.
    """
    started = time.time()
    unknown = sorted(set(layers) - set(LAYERS))
    if isinstance(layers, str) or unknown:
        raise UsageError(f"layers {layers!r}", "are not all known", f"Choose from {', '.join(LAYERS)}")
    known_crs(crs, metric=True)
    rules = load_style(style, changes)
    world = World(rules, area, seed)
    job = _Job(world, draw_sensors(rules, seed), crs, cell_m, dsm_cell_m, threads, progress)
    for cell in (cell_m, dsm_cell_m):
        job.grid(cell)  # refuses rasters that are too large before anything is written
    with publish_folder(out, overwrite=overwrite, schema=INDEX_SCHEMA) as folder:
        job.folder = folder
        _write_buildings(job, programs)
        if "image" in layers:
            _write_image(job)
        if "labels" in layers:
            _write_labels(job)
        if {"dsm", "dtm"} & set(layers):
            _write_heights(job, layers)
        if "points" in layers:
            _write_points(job)
        if oblique:
            write_oblique(
                folder / "oblique",
                world,
                oblique,
                threads=threads,
                progress=lambda done, total: job.report("oblique", done, total),
            )
        _write_scene_file(job, layers)
        if preview:
            job.report("preview", 0, 1)
            draw_preview(folder / "preview.png", world, job.sensors, threads=threads)
        job.report("publish", 0, 1)
        write_json(folder / "index.json", _index(job, layers, oblique))
        seconds = time.time() - started
        write_json(folder / "run.json", run_facts(started, seconds, threads or os.cpu_count() or 1))
        files = tuple(sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()))
    return SynthSummary(
        out=Path(out),
        buildings=job.buildings,
        footprints=job.footprints,
        points=job.points,
        pixels=job.grid(cell_m).width * job.grid(cell_m).height if "image" in layers else 0,
        seconds=seconds,
        roof_kinds=job.roof_kinds,
        files=files,
        crs=crs,
        failed=tuple(job.failed),
    )


@dataclass
class _Job:
    world: World
    sensors: Sensors
    crs: str
    cell_m: float
    dsm_cell_m: float
    threads: int
    progress: Callable[[SynthProgress], None] | None
    folder: Path = Path()
    first_row: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    """Row in the programs' file of each city tile's first building."""
    kinds: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(RoofKind), np.int64))
    footprints: int = 0
    points: int = 0
    failed: list[str] = field(default_factory=list)

    @property
    def buildings(self) -> int:
        """How many there are."""
        return int(self.first_row[-1])

    @property
    def roof_kinds(self) -> dict[str, int]:
        """Parts by the name of their roof kind."""
        return {KIND_NAMES[kind]: int(self.kinds[kind]) for kind in RoofKind if self.kinds[kind]}

    def report(self, stage: Any, done: int, total: int) -> None:
        """Tell the caller."""
        if self.progress is not None:
            self.progress(SynthProgress(stage, done, total))

    def grid(self, cell: float) -> Window:
        """The cells of a whole raster."""
        x, y, width, height = self.world.area
        return Window.of((x, y, x + width, y + height), cell)

    def windows(self, cell: float, stage: Any) -> Iterator[tuple[Window, int, int, Content, SceneMesh]]:
        """Windows of a raster with their row and column, and what there is to see."""
        grid = self.grid(cell)
        places = [
            (row, column)
            for row in range(0, grid.height, _WINDOW_CELLS)
            for column in range(0, grid.width, _WINDOW_CELLS)
        ]
        for done, (row, column) in enumerate(places):
            self.report(stage, done, len(places))
            window = Window(
                grid.left + column * cell,
                grid.top - row * cell,
                cell,
                min(_WINDOW_CELLS, grid.width - column),
                min(_WINDOW_CELLS, grid.height - row),
            )
            west, south, east, north = window.bounds
            scenery = build_scenery(
                self.world, (west, south, east - west, north - south), threads=self.threads
            )
            yield window, row, column, scenery.content, scenery.scene
        self.report(stage, len(places), len(places))


def _write_buildings(job: _Job, how: Literal["parquet", "jsonl"]) -> None:
    """The truth, and the map of it."""
    from geovision.formats import write_footprints

    grid = job.world.grid
    maps, counts = [], []
    with open_program_sink(job.folder, how) as keep:
        for done, content in enumerate(job.world.tiles()):
            job.report("buildings", done, grid.tiles)
            counts.append(len(content.programs))
            if not counts[-1]:
                continue
            keep(content.programs)
            job.kinds += np.bincount(content.programs.roof_kind, minlength=len(RoofKind))
            solids = mesh(content.programs, threads=job.threads, on_error="record", polygons=False)
            job.failed += [f"building {item.id!r}: {item.message}" for item in solids.failures]
            maps.append(surveyed_footprints(content, solids, job.world, job.crs))
    job.first_row = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    footprints = joined_footprints(maps, job.crs)
    job.footprints = len(footprints)
    write_footprints(job.folder / "footprints.gpkg", footprints)


def _write_image(job: _Job) -> None:
    from geovision.formats.rasters import open_raster

    grid = job.grid(job.cell_m)
    with open_raster(
        job.folder / "ortho.tif",
        shape=(len(IMAGE_BANDS), grid.height, grid.width),
        dtype=np.uint8,
        bands=IMAGE_BANDS,
        **_place(job, grid),
    ) as file:
        for window, row, column, _, scene in job.windows(job.cell_m, "image"):
            image = draw_image(scene, window, job.sensors, seed=job.world.seed, threads=job.threads)
            file.write(image, row, column)


def _write_labels(job: _Job) -> None:
    from geovision.formats.rasters import open_raster

    (job.folder / "labels").mkdir()
    grid = job.grid(job.cell_m)
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(
                open_raster(
                    job.folder / "labels" / f"{name}.tif",
                    shape=(3 if name == "normal" else 1, grid.height, grid.width),
                    dtype=label.dtype,
                    nodata=label.nodata,
                    **_place(job, grid),
                )
            )
            for name, label in LABELS.items()
        }
        for window, row, column, content, scene in job.windows(job.cell_m, "labels"):
            labels = draw_labels(scene, window, threads=job.threads)
            known = np.append(job.first_row[content.tile] + content.number, -1).astype(np.int32)
            labels["building"] = known[labels["building"]]
            for name, file in files.items():
                file.write(labels[name], row, column)


def _write_heights(job: _Job, layers: Collection[str]) -> None:
    from geovision.formats.rasters import open_raster

    grid = job.grid(job.dsm_cell_m)
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(
                open_raster(
                    job.folder / f"{name}.tif",
                    shape=(1, grid.height, grid.width),
                    dtype=np.float32,
                    nodata=-9999.0,
                    **_place(job, grid),
                )
            )
            for name in ("dsm", "dtm")
            if name in layers
        }
        seed, threads = job.world.seed, job.threads
        for window, row, column, _, scene in job.windows(job.dsm_cell_m, "heights"):
            for name, file in files.items():
                if name == "dsm":
                    height = draw_dsm(scene, window, job.sensors, seed=seed, threads=threads)
                else:
                    height = draw_dtm(scene, window, threads=threads)
                file.write(np.where(np.isfinite(height), height, np.float32(-9999)), row, column)


def _place(job: _Job, grid: Window) -> dict[str, Any]:
    return {"left": grid.left, "top": grid.top, "cell_m": grid.cell_m, "crs": job.crs}


def _write_points(job: _Job) -> None:
    from geovision.formats.points import points_writer

    x, y, width, height = job.world.area
    columns, rows = max(1, math.ceil(width / _WINDOW_M)), max(1, math.ceil(height / _WINDOW_M))
    origin = (math.floor(x), math.floor(y), job.world.land.level)
    with points_writer(job.folder / "points.laz", origin=origin, crs=job.crs) as file:
        for number in range(columns * rows):
            job.report("points", number, columns * rows)
            west, south = x + number % columns * _WINDOW_M, y + number // columns * _WINDOW_M
            east, north = min(west + _WINDOW_M, x + width), min(south + _WINDOW_M, y + height)
            window = (west, south, east - west, north - south)
            scene = build_scenery(job.world, window, threads=job.threads).scene
            found = simulate_lidar(
                scene,
                (west, south, east, north),
                job.sensors.lidar,
                seed=job.world.seed,
                threads=job.threads,
            )
            job.points += len(found)
            file.write(
                found.xyz,
                classification=found.classification,
                return_number=found.return_number,
                number_of_returns=found.number_of_returns,
                intensity=found.intensity,
                source_id=found.strip,
                gps_time=found.gps_time,
            )


def _write_scene_file(job: _Job, layers: Collection[str]) -> None:
    from geovision.formats.atomic import atomic_write

    names = {"image": "ortho.tif", "dsm": "dsm.tif", "dtm": "dtm.tif", "points": "points.laz"}
    lines = ['schema = "geovision.scene/1"', f'crs = "{job.crs}"']
    lines += [f'{role} = "{name}"' for role, name in names.items() if role in layers]
    lines.append('footprints = "footprints.gpkg"')
    with atomic_write(job.folder / "scene.toml") as file:
        file.write("\n".join(lines).encode() + b"\n")


def _index(job: _Job, layers: Collection[str], oblique: int) -> dict[str, Any]:
    return {
        "schema": INDEX_SCHEMA,
        "geovision": __version__,
        "style": job.world.style.name,
        "seed": job.world.seed,
        "area": list(job.world.area),
        "crs": job.crs,
        "buildings": job.buildings,
        "footprints": job.footprints,
        "points": job.points,
        "cell_m": job.cell_m,
        "dsm_cell_m": job.dsm_cell_m,
        "layers": [name for name in LAYERS if name in layers],
        "labels": {name: label.text for name, label in LABELS.items()} if "labels" in layers else {},
        "oblique": oblique,
        "roof_kinds": job.roof_kinds,
        "sensors": asdict(job.sensors),
        "failures": job.failed,
    }
