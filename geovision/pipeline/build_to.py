"""The streaming job behind `geovision build`: a scene to a folder of buildings that every client opens."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from geovision._version import __version__
from geovision.formats.attributes import attribute_types
from geovision.formats.footprints import write_footprints
from geovision.inverse.placement import Place
from geovision.model.kinds import RoofKind
from geovision.pipeline.fit import Fitted, iter_fit
from geovision.pipeline.found import Found, found_buildings
from geovision.pipeline.ground import Surroundings
from geovision.pipeline.products import Products, ProductSettings
from geovision.pipeline.publish import publish_folder
from geovision.pipeline.run_facts import run_facts, write_json
from geovision.pipeline.tally import FitTally
from geovision.pipeline.timings import Timings
from geovision.quality.report import report as report_page

if TYPE_CHECKING:
    from geovision.pipeline.detect import DetectProgress, DetectSettings
    from geovision.sources import Scene

__all__ = [
    "DEFAULT_FORMATS",
    "BuildProgress",
    "BuildSummary",
    "build_to",
    "publish_buildings",
    "write_buildings",
]

INDEX_SCHEMA = "geovision.build/1"
DEFAULT_FORMATS = ("3dtiles", "cityjsonseq", "parquet", "viewer", "preview", "report")
FOUND = "footprints.gpkg"
"""Outlines of buildings that were found, because none were given."""
_PROBLEMS_KEPT = 1000


@dataclass(frozen=True)
class BuildProgress:
    """Where the job stands."""

    stage: Literal["detect", "fit", "publish"]
    done: int
    total: int
    failures: int


@dataclass
class BuildSummary(FitTally):
    """What `build_to` wrote."""

    out: Path = Path()
    crs: str | None = None
    solid_crs: str | None = None
    """With the height system, where it is known."""
    formats: tuple[str, ...] = ()
    tiles: int = 0
    notes: tuple[str, ...] = ()
    """What was assumed of the sources."""
    found_by: str | None = None
    """What found the buildings, where no footprints were given."""
    files: tuple[str, ...] = ()
    seconds: float = 0.0
    timings: Timings = field(default_factory=Timings)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return self.facts() | {
            "out": str(self.out),
            "files": list(self.files),
            "seconds": round(self.seconds, 3),
            "stages": self.timings.to_dict(),
        }

    def facts(self) -> dict[str, Any]:
        """What depends on the input alone."""
        return {
            "crs": self.crs,
            "solid_crs": self.solid_crs,
            "formats": list(self.formats),
            "tiles": self.tiles,
            "found_by": self.found_by,
            **self.counts(),
            "problem_count": len(self.problems),
            "problems": self.problems[:_PROBLEMS_KEPT],
            "notes": list(self.notes),
        }


def build_to(
    scene: Scene,
    out: str | Path,
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    kinds: Collection[RoofKind | str] | None = None,
    place: Place = "both",
    find: DetectSettings | None = None,
    roofs: str | Path | None = None,
    lod: str = "2.2",
    merged: bool = False,
    geoid: float | None = None,
    heights: str | None = None,
    terrain: bool = True,
    textures: bool | None = None,
    facades: str | None = None,
    lod3: Literal["instanced", "full"] = "instanced",
    title: str = "Buildings",
    on_error: Literal["raise", "record"] = "record",
    overwrite: bool = False,
    threads: int = 0,
    progress: Callable[[BuildProgress], None] | None = None,
) -> BuildSummary:
    """Fit every building of a scene and publish programs, fits and models as a folder.

    Where the scene has no footprints, buildings are found in it first, and their outlines are written as
    footprints.gpkg.

    The folder takes its name when everything is in it, in one step; until then `out` is what it was. Memory
    follows a tile, not the scene. All files but run.json and report.html depend on the scene and these
    arguments alone, not on `threads`, the machine or the time.

    Args:
        scene: from `open_scene`, with footprints and with points, heights or both; or without footprints,
            with an image, heights or points to find buildings in.
        out: folder to write. One that exists is refused, or with `overwrite` replaced if it is an earlier
            result.
        formats: names from `geovision.pipeline.products.FORMATS`.
        kinds: roof kinds to choose from; all if left out.
        place: what keeps its place where points lie shifted against a footprint, as for `fit`.
        find: how buildings are found where there are no footprints.
        roofs: name or path of a roof network whose proposals are tried too.
        lod: level of detail of the solids, "1.1" to "2.3".
        merged: one mesh file for all buildings instead of one a tile (glb, obj, ply, stl).
        geoid: height of the geoid above the ellipsoid in metres, for 3D Tiles; by default PROJ's, where it
            has the grid for the place.
        heights: vertical CRS of all heights, such as "EPSG:5709", for CityJSON and 3D Tiles; by default what
            the height sources state, where they agree.
        terrain: publish the ground with 3D Tiles and GLB, with the orthophoto on it, and carry walls there
            down to it.
        textures: put the orthophoto on roofs in 3D Tiles and GLB, where the scene has one; by default where
            there are no facades, whose roofs have materials in its colour.
        facades: style of buildings that name none, or "auto" to choose by attributes: facades and materials
            in 3D Tiles, GLB and CityJSON (LoD 3), roofs in the colour of the photo instead of the photo.
        lod3: facades in 3D Tiles and GLB as instances before walls that stay whole, or as full geometry.
        title: of the viewer and the preview.
        on_error: "record" lists buildings that could not be fitted; "raise" stops at the first.
        overwrite: replace an earlier result.
        threads: 0 for all cores.
        progress: called after each batch.
    """

    def looked(state: DetectProgress) -> None:
        if progress is not None:
            progress(BuildProgress("detect", state.done, state.total, 0))

    from geovision.sources.height_system import compound_name, stated_heights

    crs = scene.crs.to_string()
    solid_crs = compound_name(crs, heights or stated_heights(scene))
    settings = ProductSettings(
        tuple(dict.fromkeys(formats)),
        types={},
        crs=crs,
        solid_crs=solid_crs,
        lod=lod,
        merged=merged,
        geoid=geoid,
        terrain=terrain,
        textures=textures,
        facades=facades,
        lod3=lod3,
        title=title,
        threads=threads,
    )
    settings.check()
    if facades is not None:
        scene.streets  # noqa: B018  # refused now, and not when everything is fitted
    summary = BuildSummary(out=Path(out), crs=crs, solid_crs=solid_crs)
    with found_buildings(scene, find, progress=looked) as found:
        return _build_found(found, out, settings, summary, kinds, place, roofs, on_error, overwrite, progress)


def _build_found(
    found: Found,
    out: str | Path,
    settings: ProductSettings,
    summary: BuildSummary,
    kinds: Collection[RoofKind | str] | None,
    place: Place,
    roofs: str | Path | None,
    on_error: Literal["raise", "record"],
    overwrite: bool,
    progress: Callable[[BuildProgress], None] | None,
) -> BuildSummary:
    scene = found.scene
    footprints = scene.footprints
    summary.notes = scene.notes
    summary.found_by = None if found.detected is None else found.detected.model
    summary.problems += [str(problem) for problem in footprints.problems]

    def tiles() -> Iterator[tuple[str, Iterator[Fitted]]]:
        for tile in scene.tiles():
            evidence = summary.timings.each("read", found.evidence(tile))
            options: dict[str, Any] = {"kinds": kinds, "place": place, "roofs": roofs}
            batches = iter_fit(evidence, on_error=on_error, threads=settings.threads, **options)
            yield f"{tile.key.column}_{tile.key.row}", summary.timings.each("fit", found.marked(batches))

    settings = replace(settings, types=attribute_types(footprints.attributes, footprints.ids))
    return publish_buildings(
        tiles(),
        out,
        settings,
        summary,
        total=len(footprints),
        scene=scene,
        overwrite=overwrite,
        progress=progress,
    )


def publish_buildings(
    tiles: Iterable[tuple[str, Iterable[Fitted]]],
    out: str | Path,
    settings: ProductSettings,
    summary: BuildSummary,
    *,
    total: int,
    scene: Scene | None = None,
    overwrite: bool = False,
    progress: Callable[[BuildProgress], None] | None = None,
) -> BuildSummary:
    """Write fitted buildings as a folder, as `build_to` does.

    Args:
        tiles: names of tiles and the batches of each.
        out: as for `build_to`.
        settings: what is written.
        summary: what is known already; it is filled and returned.
        total: buildings that are to come, for `progress`.
        scene: what they were fitted to, for the viewer.
        overwrite: as for `build_to`.
        progress: as for `build_to`.
    """
    settings.check()
    started, clock = time.time(), time.monotonic()
    reads = [] if scene is None else scene.spec.local_files()
    with publish_folder(out, overwrite=overwrite, schema=INDEX_SCHEMA, reads=reads) as folder:
        write_buildings(tiles, folder, settings, summary, total=total, scene=scene, progress=progress)
        summary.seconds = time.monotonic() - clock
        facts = run_facts(started, summary.seconds, settings.threads)
        write_json(folder / "run.json", facts | {"stages": summary.timings.to_dict()})
        if "report" in settings.formats:
            report_page(folder, title=settings.title, threads=settings.threads)
        summary.files = tuple(
            sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        )
    return summary


def write_buildings(
    tiles: Iterable[tuple[str, Iterable[Fitted]]],
    folder: Path,
    settings: ProductSettings,
    summary: BuildSummary,
    *,
    total: int,
    scene: Scene | None = None,
    progress: Callable[[BuildProgress], None] | None = None,
) -> None:
    """Write all that depends on the input alone into a folder, and fill the summary.

    Args:
        tiles: names of tiles and the batches of each.
        folder: an empty one; whether it is whole is the caller's to say.
        settings: what is written.
        summary: what is known already.
        total: buildings that are to come, for `progress`.
        scene: what they were fitted to.
        progress: called after each batch.
    """

    def report(stage: Literal["fit", "publish"]) -> None:
        if progress is not None:
            progress(BuildProgress(stage, summary.buildings, total, len(summary.problems)))

    def tiles_done(done: int, of: int) -> None:
        if progress is not None:
            progress(BuildProgress("publish", done, of, len(summary.problems)))

    with Surroundings.of(scene, terrain=settings.needs_terrain, photo=settings.needs_photo) as around:
        with Products(folder, settings, summary.timings, around) as products:
            for name, batches in tiles:
                for fitted in batches:
                    products.add(fitted.programs, fitted.fits, fitted.solids)
                    summary.add(fitted)
                    report("fit")
                products.end_tile(name)
                summary.tiles += 1
        report("publish")
        if scene is not None and summary.found_by is not None:
            write_footprints(folder / FOUND, scene.footprints)
        products.finish(tiles_done)
    summary.problems += products.failures
    summary.notes += tuple(products.notes)
    summary.formats = settings.formats
    index = {"schema": INDEX_SCHEMA, "geovision": __version__, "lod": settings.lod, **summary.facts()}
    write_json(folder / "index.json", index)
