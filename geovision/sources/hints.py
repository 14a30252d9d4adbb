"""Vector layers as rasters: roads, parcels and old outlines as hints to a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError, UsageError
from geovision.sources.burn import burn_cover
from geovision.sources.crs import crs_name
from geovision.sources.footprint_frame import to_metric_frame
from geovision.sources.raster_info import Cut
from geovision.sources.resample import PixelGrid
from geovision.sources.tile_archives import is_tile_folder
from geovision.sources.vector_files import FORMATS, VectorLimits, read_vector_file
from geovision.sources.vector_tiles import read_vector_tiles

__all__ = ["HINTS", "VectorHint", "hint_from_frame", "read_hint"]

HINTS = ("footprints", "roads", "parcels")
"""What a vector layer can be to a network."""
ROAD_M = 6.0
"""Width of a road whose record does not state one."""
_WIDTHS = ("width", "width_m", "breite", "bredd", "breedte")
_TILED = (".pmtiles", ".mbtiles")
_FINE = 3


@dataclass(frozen=True)
class VectorHint:
    """Shapes that are drawn on whatever grid is read.

    >>> import shapely
    >>> hint = VectorHint(np.array([shapely.box(0, 0, 3, 1.5)]))
    >>> hint(PixelGrid(0.0, 3.0, 1.0), Cut(0, 0, 3, 3))[:, 0].tolist() == [0, np.float32(2 / 3), 1]
    True
    """

    shapes: NDArray[np.object_]
    """Polygons in the CRS of the scene."""
    _tree: Any = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        import shapely

        object.__setattr__(self, "_tree", shapely.STRtree(self.shapes))

    def __call__(self, grid: PixelGrid, cut: Cut) -> NDArray[np.float32]:
        """[rows, columns] share of each pixel that the shapes cover."""
        import shapely

        near = np.sort(self._tree.query(shapely.box(*grid.bounds(cut))))
        fine = PixelGrid(grid.left, grid.top, grid.cell_m / _FINE)
        finer = Cut(_FINE * cut.column, _FINE * cut.row, _FINE * cut.width, _FINE * cut.height)
        drawn = burn_cover(self.shapes[near], fine, finer)
        blocks = drawn.reshape(cut.height, _FINE, cut.width, _FINE)
        return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


def read_hint(
    path: str | Path,
    kind: str,
    *,
    target_crs: Any,
    crs: str | None = None,
    layer: str | None = None,
    limits: VectorLimits | None = None,
) -> VectorHint:
    """Read a layer of roads, parcels or old outlines from a vector file or vector tiles.

    Args:
        path: any file or folder of tiles that `read_footprints` takes; lines too.
        kind: footprints, roads or parcels.
        target_crs: of the scene.
        crs: of a file that states none.
        layer: layer of the file; needed where it has several.
        limits: what the file may hold.
    """
    file, notes = Path(path), list[str]()
    limits = limits or VectorLimits()
    if not file.exists():
        raise InputError(f"{kind} {file}", "there is no such file", "Check the path")
    if is_tile_folder(file) or file.suffix.lower() in _TILED:
        frame = read_vector_tiles(file, layer=layer, window=None, limits=limits, notes=notes)
    elif file.suffix.lower() in FORMATS:
        frame = read_vector_file(file, layer=layer, window=None, limits=limits, notes=notes)
    else:
        known = ", ".join([*FORMATS, *_TILED])
        raise InputError(f"{kind} {file}", f"the suffix {file.suffix!r} is not known", f"Give one of {known}")
    return hint_from_frame(frame, kind, target_crs=target_crs, crs=crs, name=str(file))


def hint_from_frame(
    frame: Any, kind: str, *, target_crs: Any, crs: str | None = None, name: str = "table"
) -> VectorHint:
    """The shapes of a GeoDataFrame: roads with their width, parcels as their borders' insides, outlines.

    Args:
        frame: lines or polygons.
        kind: footprints, roads or parcels.
        target_crs: of the scene.
        crs: of a table that states none.
        name: of the table, in errors.
    """
    import shapely

    if kind not in HINTS:
        raise UsageError(f"hint {kind!r}", "is not known", f"Use one of {', '.join(HINTS)}")
    if not len(frame):
        return VectorHint(np.zeros(0, object))
    target = crs_name(target_crs) if not isinstance(target_crs, str) else target_crs
    frame, _ = to_metric_frame(frame, crs, target, name)
    shapes = np.asarray(frame.geometry.to_numpy(), object)
    shapes = np.where(shapely.is_missing(shapes), shapely.Point(), shapes)
    lines = np.isin(shapely.get_type_id(shapes), (1, 2, 5))
    if lines.any():
        shapes[lines] = shapely.buffer(shapes[lines], 0.5 * _widths(frame)[lines], cap_style="flat")
    flat = np.isin(shapely.get_type_id(shapes), (3, 6)) & ~shapely.is_empty(shapes)
    if not flat.any():
        held = ", ".join(sorted({str(kind) for kind in frame.geom_type.dropna().unique()})) or "nothing"
        raise InputError(f"{kind} {name}", f"holds {held}", "Give lines or polygons")
    return VectorHint(shapely.make_valid(shapes[flat]))


def _widths(frame: Any) -> NDArray[np.float64]:
    """Metres: what a column says, between 1 and 60; `ROAD_M` where it says nothing."""
    import pandas

    columns = {str(column).lower(): column for column in frame.columns}
    for name in _WIDTHS:
        if name in columns:
            values = pandas.to_numeric(frame[columns[name]], errors="coerce").to_numpy(np.float64)
            return np.where((values >= 1) & (values <= 60), values, ROAD_M)
    return np.full(len(frame), ROAD_M)
