"""index.html of a folder of buildings: what a page can show of them, with ground, photo and points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geovision.formats.programs import iter_programs
from geovision.mesh import mesh
from geovision.model.table import ProgramTable
from geovision.quality.web_page import Ground, Photo, write_web_page

if TYPE_CHECKING:
    from geovision.pipeline.dresser import FacadeDresser
    from geovision.sources import Scene

__all__ = ["write_view"]

F64 = NDArray[np.float64]

MOST_BUILDINGS = 3000
MOST_DRESSED = 400
"""With facades each has a hundred times the triangles."""
MOST_POINTS = 400_000
_DRESSED_LOD = "3.1"
_MARGIN_M = 30.0
_MOST_ROWS = 300
"""Rows and columns of the ground."""
_MOST_PIXELS = 3000
_BLOCK_M = 250.0
"""Points are read in squares of this side."""


def write_view(
    path: Path,
    programs: Path,
    columns: Path,
    *,
    title: str,
    crs: str | None,
    scene: Scene | None = None,
    links: Mapping[str, str] | None = None,
    dresser: FacadeDresser | None = None,
    threads: int = 0,
) -> int:
    """Write the page and say how many buildings it shows: all, or those nearest to the middle of many.

    Args:
        path: the page.
        programs: file of the programs.
        columns: GeoParquet file with their attributes, in the same order.
        title: of the page.
        crs: of the programs.
        scene: what they were fitted to.
        links: other pages, by what they are called.
        dresser: facades, shown first; of fewer buildings then.
        threads: 0 for all cores.
    """
    table, rows, count = _central(programs, MOST_BUILDINGS if dresser is None else MOST_DRESSED)
    shown = f"{len(table):,} buildings" if len(table) == count else f"{len(table):,} of {count:,} buildings"
    about: dict[str, Any] = {}
    if scene is not None and len(table):
        low, high = table.xy.min(axis=0) - _MARGIN_M, table.xy.max(axis=0) + _MARGIN_M
        about = _surroundings(scene, (*low.tolist(), *high.tolist()))
    levels = {} if dresser is None else {f"LoD {_DRESSED_LOD}": dresser.opened(table, _DRESSED_LOD)}
    for lod in ("2.2", "1.2", "1.1"):
        levels[f"LoD {lod}"] = mesh(table, lod=lod, threads=threads, on_error="record", polygons=False)
    write_web_page(
        path,
        levels,
        columns=_columns(columns, rows),
        title=title,
        links=links,
        subtitle=" · ".join(text for text in (shown, crs) if text),
        **about,
    )
    return len(table)


def _central(programs: Path, most: int) -> tuple[ProgramTable, NDArray[np.int64], int]:
    """The programs that are shown, their rows, and how many there are."""
    places = [_places(table) for table in iter_programs(programs)]
    place = np.concatenate(places) if places else np.zeros((0, 2))
    if not len(place):
        return ProgramTable.empty(), np.zeros(0, np.int64), 0
    far = np.hypot(*(place - np.median(place, axis=0)).T)
    rows = np.sort(np.argsort(far, kind="stable")[:most])
    kept, first = [], 0
    for table in iter_programs(programs):
        own = rows[(rows >= first) & (rows < first + len(table))] - first
        kept.append(table.take(own))
        first += len(table)
    return ProgramTable.concat(kept), rows, len(place)


def _places(table: ProgramTable) -> F64:
    """The first corner of each building."""
    return table.xy[table.vertex_offsets[table.ring_offsets[table.part_offsets[:-1]]]]


def _columns(path: Path, rows: NDArray[np.int64]) -> dict[str, list[Any]]:
    import pyarrow.parquet as pq

    names = [name for name in pq.read_schema(path).names if name not in ("id", "geometry")]
    found = pq.read_table(path, columns=names).take(rows)
    return {name: found[name].to_pylist() for name in names}


def _surroundings(scene: Scene, bounds: tuple[float, float, float, float]) -> dict[str, Any]:
    from geovision.sources.scene_report import image_colours

    about: dict[str, Any] = {}
    wide = max(bounds[2] - bounds[0], bounds[3] - bounds[1])
    if scene.can_read("dtm"):
        window = scene.window("dtm", bounds, max(1.0, wide / _MOST_ROWS))
        half = window.cell_m / 2
        west, north = window.bounds.west + half, window.bounds.north - half
        about["ground"] = Ground(window.data[0], west, north, window.cell_m)
    if "image" in scene.layers:
        window = scene.window("image", bounds, max(scene.cell_m("image"), wide / _MOST_PIXELS))
        about["photo"] = Photo(image_colours(window.data), window.bounds)
    if scene.points is not None:
        about["points"] = _thinned(scene, bounds)
    return about


def _thinned(scene: Scene, bounds: tuple[float, float, float, float]) -> F64:
    """Some of the points, evenly, so that the page stays small."""
    from geovision.sources.grid import Bounds

    west, south, east, north = bounds
    blocks = [
        Bounds(x, y, min(x + _BLOCK_M, east), min(y + _BLOCK_M, north))
        for y in np.arange(south, north, _BLOCK_M).tolist()
        for x in np.arange(west, east, _BLOCK_M).tolist()
    ]
    most = max(1, MOST_POINTS // len(blocks))
    kept = []
    for block in blocks:
        points = scene.read_points(block).xyz
        kept.append(points[:: max(1, -(-len(points) // most))])
    return np.concatenate(kept)
