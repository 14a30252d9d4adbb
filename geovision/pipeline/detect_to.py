"""The job behind `geovision detect`: a scene to a file of outlines, resumed where it was stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geovision.errors import UsageError
from geovision.formats.footprints import FOOTPRINT_FORMATS, write_footprints
from geovision.pipeline.detect import (
    Detected,
    DetectProgress,
    DetectSettings,
    Finder,
    find_outlines,
    open_finder,
)

if TYPE_CHECKING:
    from geovision.sources import Bounds, Scene
    from geovision.vision.infer import Strip
    from geovision.vision.infer.feeds import Hint

__all__ = ["DetectSummary", "detect_kept", "detect_to", "preview_detected"]

_ROWS = 1024


@dataclass
class DetectSummary:
    """What `detect_to` wrote."""

    out: Path
    buildings: int = 0
    area_m2: float = 0.0
    confidence: float | None = None
    """Median of the buildings."""
    model: str = ""
    groups: tuple[str, ...] = ()
    cell_m: float = 0.0
    threshold: float = 0.0
    rows: int = 0
    columns: int = 0
    crs: str | None = None
    seconds: float = 0.0
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "out": str(self.out),
            "buildings": self.buildings,
            "area_m2": round(self.area_m2, 1),
            "confidence_median": self.confidence,
            "model": self.model,
            "groups": list(self.groups),
            "cell_m": self.cell_m,
            "threshold": self.threshold,
            "pixels": [self.rows, self.columns],
            "crs": self.crs,
            "seconds": round(self.seconds, 3),
            "files": list(self.files),
            "notes": list(self.notes),
        }


def detect_to(
    scene: Scene,
    out: str | Path,
    settings: DetectSettings | None = None,
    *,
    bounds: Bounds | None = None,
    hints: Mapping[str, Hint] | None = None,
    probabilities: str | Path | None = None,
    preview: str | Path | None = None,
    progress: Callable[[DetectProgress], None] | None = None,
) -> DetectSummary:
    """Find the buildings of a scene and write their outlines.

    Rows that a network has looked at are kept beside `out` until the file is whole, so that a run that was
    stopped goes on from there. The file depends on the scene, the model and these arguments alone.

    Args:
        scene: from `open_scene`, with an image, heights or points.
        out: .gpkg, .parquet, .geojson or .fgb.
        settings: the defaults where they are left out.
        bounds: where to look, in the CRS of the scene.
        hints: vector layers as further input.
        probabilities: .tif for what the model thinks of every pixel.
        preview: .png for a picture of the scene with the outlines.
        progress: called after each strip.
    """
    target, started = Path(out), time.monotonic()
    if target.suffix.lower() not in FOOTPRINT_FORMATS:
        known = ", ".join(FOOTPRINT_FORMATS)
        raise UsageError(str(out), f"the suffix {target.suffix!r} is not known", f"End it in {known}")
    if preview is not None and Path(preview).suffix.lower() != ".png":
        raise UsageError(str(preview), "is no name of a picture", "Give one that ends in .png")
    finder = open_finder(scene, settings or DetectSettings(), bounds=bounds, hints=hints)
    kept = probabilities is not None
    raster = Path(probabilities) if probabilities is not None else _beside(target, "probabilities")
    heights = _beside(target, "heights") if finder.gives_heights else None
    try:
        _look(finder, raster, heights, bool(hints), progress)
        found = find_outlines(finder, _strips(raster, heights), progress=progress)
        write_footprints(target, found.footprints)
    finally:
        # What a run that ends in an error has worked out lies in parts; these are whole files of this run.
        if heights is not None:
            heights.unlink(missing_ok=True)
        if not kept:
            raster.unlink(missing_ok=True)
    if preview is not None:
        preview_detected(preview, finder, found)
    summary = _summary(target, finder, found)
    written = [target, *([raster] if kept else []), *([] if preview is None else [Path(preview)])]
    summary.files = tuple(str(path) for path in written)
    summary.seconds = time.monotonic() - started
    return summary


def detect_kept(
    scene: Scene,
    folder: Path,
    settings: DetectSettings,
    *,
    progress: Callable[[DetectProgress], None] | None = None,
    each: Callable[[Strip, Finder], None] | None = None,
) -> Detected:
    """As `detect`, but what was looked at is kept until the end, so that a search that was stopped goes on.

    Args:
        scene: from `open_scene`.
        folder: one that is there.
        settings: how to look.
        progress: called after each strip.
        each: called with each strip of probabilities, from the top.
    """
    finder = open_finder(scene, settings)
    raster = folder / ".probabilities.tif"
    heights = folder / ".heights.tif" if finder.gives_heights else None
    _look(finder, raster, heights, False, progress)
    found = find_outlines(finder, _strips(raster, heights), progress=progress, each=each)
    for path in (raster, heights):
        if path is not None:
            path.unlink(missing_ok=True)
    return found


def _beside(target: Path, what: str) -> Path:
    return target.with_name(f".{target.name}.{what}.tif")


def _look(
    finder: Finder,
    raster: Path,
    heights: Path | None,
    hinted: bool,
    progress: Callable[[DetectProgress], None] | None,
) -> None:
    from geovision.vision.infer.prediction import write_strips
    from geovision.vision.infer.strips import Progress

    def rows(done: int, total: int) -> None:
        if progress is not None:
            progress(DetectProgress("looking", done, total))

    told: Progress = rows
    paths = [raster] if heights is None else [raster, heights]
    write_strips(
        finder.feed,
        finder.runner,
        finder.plan,
        finder.card,
        paths,
        key=None if hinted else _key(finder),
        progress=told,
    )


def _key(finder: Finder) -> str:
    """What of the scene decides the probabilities; names, sizes and times stand for what is in files."""
    scene = finder.scene
    files: list[tuple[Any, ...]] = []
    for layer in scene.layers.values():
        for piece in layer.pieces:
            path = Path(piece.sheet.info.name)
            changed = path.stat().st_mtime_ns if path.is_file() else 0
            files.append((str(path), changed, piece.sheet.info.width, piece.sheet.info.height))
    if scene.points is not None:
        files.append((scene.points.points.name, scene.points.points.count, scene.points.bounds, 0))
    return repr((finder.feed.grid, finder.feed.cut, sorted(finder.feed.roles.items()), files))


def _strips(raster: Path, heights: Path | None) -> Iterator[Strip]:
    """The rows of finished rasters, as a model gives them."""
    from geovision.sources.limits import Limits
    from geovision.sources.raster_info import Cut
    from geovision.sources.raster_open import HandlePool, open_sheet
    from geovision.vision.infer import Strip

    pool = HandlePool(cache_mb=64)
    limits = Limits()
    first = open_sheet(str(raster), pool, limits, allow_vrt=False, allow_network=False)
    second = (
        None
        if heights is None
        else open_sheet(str(heights), pool, limits, allow_vrt=False, allow_network=False)
    )
    rows, columns = first.info.height, first.info.width
    for row in range(0, rows, _ROWS):
        cut = Cut(0, row, columns, min(_ROWS, rows - row))
        pixels, valid = first.read(cut, (0, 1, 2, 3))
        values = None if second is None else np.asarray(second.read(cut, (0, 1))[0], np.float32)
        if valid is not None:
            pixels = np.where(valid, pixels, np.uint8(0))
        yield Strip(row, np.asarray(pixels, np.uint8), valid, values)


def _summary(out: Path, finder: Finder, found: Detected) -> DetectSummary:
    sure = [row["confidence"] for row in found.footprints.attributes]
    return DetectSummary(
        out=out,
        buildings=len(found),
        area_m2=float(sum(row["area_m2"] for row in found.footprints.attributes)),
        confidence=round(float(np.median(sure)), 3) if sure else None,
        model=found.model,
        groups=finder.groups,
        cell_m=found.cell_m,
        threshold=found.threshold,
        rows=finder.feed.rows,
        columns=finder.feed.columns,
        crs=found.footprints.crs,
        notes=(*finder.scene.notes, *(note for note in found.notes if note not in finder.scene.notes)),
    )


def preview_detected(path: str | Path, finder: Finder, found: Detected, *, size: int = 1600) -> None:
    """Write a picture of the scene with the outlines that were found."""
    from PIL import Image

    from geovision.formats.atomic import atomic_write
    from geovision.sources.extend import with_footprints

    scene = with_footprints(finder.scene, found.footprints) if len(found) else finder.scene
    picture = Image.fromarray(scene.overview(size))
    with atomic_write(path) as file:
        picture.save(file, format="PNG")
