"""Buildings where no outlines were given: they are found first, and what was inferred says so."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geovision.model.evidence import Evidence, PointSource
from geovision.model.fit import FitTable
from geovision.model.table import RECORDS, ProgramTable
from geovision.pipeline.fit import Fitted

if TYPE_CHECKING:
    from geovision.pipeline.detect import Detected, DetectProgress, DetectSettings, Finder
    from geovision.sources import Scene, SceneTile
    from geovision.vision.infer import Strip

__all__ = ["Found", "found_buildings"]

_LEAST_SIGMA_M = 0.05


@dataclass(frozen=True)
class Found:
    """A scene with outlines, whoever they come from."""

    scene: Scene
    detected: Detected | None = None
    """None where outlines were given."""
    sigma: Scene | None = None
    """Where heights are what a network makes of the image: their standard deviation, in place of heights."""

    def evidence(self, tile: SceneTile) -> Iterator[Evidence]:
        """As `Scene.evidence`; inferred heights come with the sigma that the network gives them."""
        for item in self.scene.evidence(tile, images=False):
            yield item if self.sigma is None else self._told(item)

    def _told(self, item: Evidence) -> Evidence:
        assert self.sigma is not None
        assert self.detected is not None
        cells = np.asarray(item.point_source) == PointSource.CELL
        if not cells.any():
            return item
        from geovision.sources import Bounds, HeightGrid

        xy = item.points[:, :2] + item.origin[:2]
        box = Bounds(*xy.min(axis=0).tolist(), *xy.max(axis=0).tolist())
        window = self.sigma.window("ndsm", box)
        grid = HeightGrid(window.data[0], window.bounds.west, window.bounds.north, window.cell_m)
        said = np.nan_to_num(grid.at(xy), nan=1.0).clip(_LEAST_SIGMA_M)
        sigma = np.where(cells, np.maximum(said, item.point_sigma), item.point_sigma).astype(np.float32)
        note = f"heights are inferred from the image by {self.detected.model}, not measured"
        return replace(item, point_sigma=sigma, notes=(*item.notes, note))

    def marked(self, batches: Iterable[Fitted]) -> Iterator[Fitted]:
        """Batches whose outlines, and whose roofs where heights were inferred, are said to be no gift."""
        for batch in batches:
            yield batch if self.detected is None else self._marked(batch, self.detected)

    def _marked(self, batch: Fitted, detected: Detected) -> Fitted:
        from geovision.mesh import mesh

        inferred = detected.inferred_heights
        word = "inferred" if inferred else "observed"
        provenance = [
            {path: "inferred" if inferred else known for path, known in record.items()} | {"default": word}
            for record in batch.programs.provenance
        ]
        records: dict[str, Any] = {
            name: batch.programs.records(name) for name in RECORDS if name != "provenance"
        }
        columns: dict[str, Any] = dict(batch.programs.columns())
        programs = ProgramTable.from_arrays(**columns, **records, provenance=provenance)
        fits = batch.fits
        if inferred:
            note = f"heights inferred from the image by {detected.model}"
            fits = FitTable([replace(fit, notes=(*fit.notes, note)) for fit in fits])
        solids = None if batch.solids is None else mesh(programs, on_error="record")
        return Fitted(programs, fits, solids, batch.problems)


@contextmanager
def found_buildings(
    scene: Scene,
    settings: DetectSettings | None = None,
    *,
    progress: Callable[[DetectProgress], None] | None = None,
    keep: Path | None = None,
) -> Iterator[Found]:
    """The scene with outlines: its own, or those that are found in it now.

    Where there are neither points nor heights, those that the network infers from the image stand in for them
    until the block ends; they lie in a folder of their own.

    Args:
        scene: from `open_scene`.
        settings: how to look.
        progress: called after each strip.
        keep: folder for what was found out and is not in the sources, ground.tif, heights.tif and sigma.tif,
            where it is to outlive the block; a search that was stopped then goes on from there.
    """
    if scene.has_footprints:
        yield Found(scene)
        return
    from geovision.pipeline.detect import DetectSettings, detect
    from geovision.pipeline.detect_to import detect_kept
    from geovision.sources.extend import with_footprints

    settings = settings or DetectSettings()

    with ExitStack() as stack:
        keeper: _Keeper | None = None
        if not (scene.can_read("dsm") or scene.can_read("ndsm")):
            folder = keep or stack.enter_context(tempfile.TemporaryDirectory(prefix="geovision-"))
            keeper = _Keeper(Path(folder), stack)
        if keep is None:
            detected = detect(scene, settings, progress=progress, each=keeper)
        else:
            detected = detect_kept(scene, keep, settings, progress=progress, each=keeper)
        notes = (
            f"no footprints were given: {len(detected):,} buildings were found by {detected.model}",
            *detected.notes,
        )
        # The ground is estimated once more, as `detect` did; it depends on the scene alone.
        grown = with_footprints(_grounded(scene, keep), detected.footprints)
        grown = replace(grown, notes=tuple(dict.fromkeys((*grown.notes, *notes))))
        if keeper is None or not keeper.open:
            yield Found(grown, detected)
            return
        yield keeper.found(grown, detected)


def _grounded(scene: Scene, keep: Path | None) -> Scene:
    """With its ground, also where that has to be estimated; as a file where it is kept."""
    from geovision.formats.rasters import open_raster
    from geovision.sources.extend import with_ground, with_heights

    grown = with_ground(scene)
    if keep is None or grown is scene:
        return grown
    area, cell = grown.layers["dtm"].bounds, grown.cell_m("dtm")
    window = grown.window("dtm", area, cell)
    with open_raster(
        keep / "ground.tif",
        shape=window.data.shape,
        dtype=np.float32,
        left=window.bounds.west,
        top=window.bounds.north,
        cell_m=cell,
        crs=scene.crs.to_wkt(),
        nodata=float("nan"),
    ) as file:
        file.write(window.data, 0)
    return with_heights(scene, "dtm", keep / "ground.tif", grown.notes[len(scene.notes) :])


class _Keeper:
    """Keeps inferred heights and their sigma as rasters, strip by strip."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._writing = ExitStack()
        stack.push(self._writing.__exit__)
        self._files: list[Any] = []

    @property
    def open(self) -> bool:
        """Whether there were heights to keep."""
        return bool(self._files)

    def __call__(self, strip: Strip, finder: Finder) -> None:
        """Write the rows of a strip."""
        from geovision.formats.rasters import open_raster

        if strip.heights is None:
            return
        if not self._files:
            feed = finder.feed
            place = feed.grid.bounds(feed.cut)
            for name in ("heights", "sigma"):
                file = open_raster(
                    self._folder / f"{name}.tif",
                    shape=(1, feed.rows, feed.columns),
                    dtype=np.float32,
                    left=place.west,
                    top=place.north,
                    cell_m=feed.grid.cell_m,
                    crs=finder.scene.crs.to_wkt(),
                    nodata=float("nan"),
                )
                self._files.append(self._writing.enter_context(file))
        for file, values in zip(self._files, strip.heights, strict=True):
            kept = values if strip.valid is None else np.where(strip.valid, values, np.float32(np.nan))
            file.write(kept, strip.row)

    def found(self, scene: Scene, detected: Detected) -> Found:
        """The scene with these heights."""
        from geovision.sources import open_scene
        from geovision.sources.extend import with_heights

        self._writing.close()
        note = f"no heights were given: {detected.model} inferred them from the image"
        grown = with_heights(scene, "ndsm", self._folder / "heights.tif", (note,))
        sigma = open_scene(ndsm=str(self._folder / "sigma.tif"), target_crs=scene.crs.to_wkt())
        return Found(grown, detected, sigma)
