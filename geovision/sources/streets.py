"""Streets from vector files: lines in the CRS of a scene, which fronts look at and doors open to."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.sources.footprint_frame import to_metric_frame
from geovision.sources.footprints import read_frame, window_finder
from geovision.sources.names import check_name
from geovision.sources.remote_files import is_uri, local_copy
from geovision.sources.roles import VECTOR_SUFFIXES
from geovision.sources.scene_file import expand_paths
from geovision.sources.vector_files import Box, VectorLimits

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from geovision.sources.scene import Scene

__all__ = ["NONE_NEAR", "STREET_REACH_M", "Streets", "read_streets", "streets_from_frame", "streets_of_scene"]

F64 = NDArray[np.float64]

STREET_REACH_M = 100.0
"""A wall looks no further for its street."""

NONE_NEAR = "no street lies within 100 m of the footprints; if one should, check the CRS of the streets"

_NO_STREET = {
    "motorway", "motorway_link", "trunk_link", "track", "bridleway", "steps", "raceway", "corridor",
    "elevator", "platform", "bus_stop", "proposed", "construction", "planned", "abandoned", "razed",
    "disused",
}  # fmt: skip
"""Values of OSM's `highway` that no door opens to."""


@dataclass(frozen=True)
class Streets:
    """Centre lines of streets, or borders of street areas.

    >>> line = Streets(np.array([0, 2]), np.array([[0.0, 0.0], [50.0, 0.0]]))
    >>> len(line), len(line.near((0, 60, 9, 70))), len(line.near((0, 120, 9, 130)))
    (1, 1, 0)
    """

    offsets: NDArray[np.int64]
    """[lines + 1] into xy."""
    xy: F64
    """[n, 2] in the CRS of the scene."""
    notes: tuple[str, ...] = ()
    """What was assumed and left out, as sentences."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def _corners(self) -> tuple[F64, F64]:
        """Lower left and upper right of every line."""
        first = self.offsets[:-1]
        if not len(first):
            return np.zeros((0, 2)), np.zeros((0, 2))
        return np.minimum.reduceat(self.xy, first), np.maximum.reduceat(self.xy, first)

    def lines(self) -> list[F64]:
        """All of them."""
        return np.split(self.xy, self.offsets[1:-1])

    def near(self, bounds: Box) -> list[F64]:
        """The lines that a wall within some bounds can see, whole and in their order."""
        low, high = self._corners
        west, south, east, north = bounds
        reach = STREET_REACH_M + 1.0
        seen = (low <= (east + reach, north + reach)).all(axis=1)
        seen &= (high >= (west - reach, south - reach)).all(axis=1)
        return [self.xy[self.offsets[row] : self.offsets[row + 1]] for row in np.flatnonzero(seen).tolist()]


def read_streets(
    files: Sequence[str | Path],
    *,
    target_crs: str,
    crs: str | None = None,
    layer: str | None = None,
    bounds: Box | None = None,
    limits: VectorLimits | None = None,
    allow_network: bool = False,
) -> Streets:
    """Read streets from vector files or vector tiles.

    Lines are taken as they are, of areas the borders. Where a column `highway` has OSM's words, what no door
    opens to is left out (motorways, tracks, steps, what is not built), and so are tunnels.

    Args:
        files: of any kind that `read_footprints` takes.
        target_crs: projected CRS in metres to return them in.
        crs: of files that state none.
        layer: of files with several.
        bounds: west, south, east, north in `target_crs`; streets out of sight of these may be left out.
        limits: what a file may hold.
        allow_network: read URIs.
    """
    limits = limits or VectorLimits()
    reach = None if bounds is None else _wider(bounds)
    window = window_finder(crs, target_crs, reach)
    found = []
    for file in files:
        name, notes = os.fspath(file), list[str]()
        check_name(name, "streets")
        with _as_streets():
            if is_uri(name):
                with local_copy(name, allow_network=allow_network, limit=limits.file_bytes) as copy:
                    frame = read_frame(copy, layer, window, limits, notes)
            else:
                frame = read_frame(Path(name), layer, window, limits, notes)
        found.append(streets_from_frame(frame, target_crs=target_crs, crs=crs, name=name, notes=notes))
    return _joined(found)


def streets_of_scene(scene: Scene) -> Streets | None:
    """Those in sight of its footprints, or all where it has none; None where none were given."""
    spec = scene.spec
    source = spec.streets
    if source is None:
        return None
    near = scene.footprints.bounds if scene.has_footprints and len(scene.footprints) else None
    target, crs = scene.crs.to_string(), source.crs or spec.crs
    tables = [item for item in source.files if not isinstance(item, (str, os.PathLike))]
    named = [item for item in source.files if isinstance(item, (str, os.PathLike))]
    read = read_streets(
        expand_paths(named, VECTOR_SUFFIXES, "streets", spec.allow.roots),
        target_crs=target,
        crs=crs,
        layer=source.layer,
        bounds=near,
        limits=VectorLimits(features=scene.limits.features, vertices=scene.limits.vertices),
        allow_network=spec.allow.network,
    )
    found = _joined([read, *(streets_from_frame(table, target_crs=target, crs=crs) for table in tables)])
    return found if len(found) or near is None else replace(found, notes=(*found.notes, NONE_NEAR))


def streets_from_frame(
    frame: GeoDataFrame,
    *,
    target_crs: str,
    crs: str | None = None,
    name: str = "GeoDataFrame",
    notes: Sequence[str] = (),
) -> Streets:
    """Streets of a table; the rules are those of `read_streets`."""
    import shapely

    if not hasattr(frame, "geometry"):
        raise InputError(f"streets {name}", "the table has no geometry column", "Set one with set_geometry")
    told = list(notes)
    usable = _are_streets(frame)
    if not usable.all():
        told.append(f"streets {name}: {int((~usable).sum()):,} that no door opens to were left out")
    with _as_streets():
        frame, assumed = to_metric_frame(frame, crs, target_crs, name)
    told += [f"streets {name}: {text}" for text in assumed]
    if not len(frame):
        return Streets(np.zeros(1, np.int64), np.zeros((0, 2)), tuple(told))
    shapes = np.asarray(frame.geometry.to_numpy(), object)
    lines = shapely.get_parts(shapely.force_2d(_lines(shapes[usable])))
    lines = lines[np.isfinite(shapely.length(lines)) & (shapely.length(lines) > 0)]
    if not len(lines) and usable.any():
        held = ", ".join(sorted({str(kind) for kind in frame.geom_type.dropna().unique()})) or "no shapes"
        raise InputError(f"streets {name}", f"hold no line ({held})", "Give a layer of lines or areas")
    xy, of_line = shapely.get_coordinates(lines, return_index=True)
    return Streets(np.searchsorted(of_line, np.arange(len(lines) + 1)).astype(np.int64), xy, tuple(told))


def _lines(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Lines, and the borders of areas; nothing of what is neither."""
    import shapely

    kind = shapely.get_type_id(shapes)
    areas = np.isin(kind, (3, 6))
    shapes = shapes[np.isin(kind, (1, 2, 5)) | areas]
    areas = areas[np.isin(kind, (1, 2, 5)) | areas]
    return np.asarray(np.where(areas, shapely.boundary(shapes), shapes), object)


def _are_streets(frame: GeoDataFrame) -> NDArray[np.bool_]:
    columns = {str(column).lower(): column for column in frame.columns}

    def words(name: str) -> NDArray[np.str_]:
        if name not in columns:
            return np.full(len(frame), "")
        return np.array([str(value).lower() for value in frame[columns[name]].tolist()], str)

    tunnel = ~np.isin(words("tunnel"), ["", "no", "none", "nan", "<na>", "false", "0"])
    return ~np.isin(words("highway"), sorted(_NO_STREET)) & ~tunnel


def _wider(bounds: Box) -> Box:
    west, south, east, north = bounds
    reach = STREET_REACH_M + 1.0
    return west - reach, south - reach, east + reach, north + reach


def _joined(found: Sequence[Streets]) -> Streets:
    counts = np.concatenate([np.diff(one.offsets) for one in found] or [np.zeros(0, np.int64)])
    xy = np.concatenate([one.xy for one in found] or [np.zeros((0, 2))])
    notes = tuple(text for one in found for text in one.notes)
    return Streets(np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]), xy, notes)


@contextlib.contextmanager
def _as_streets() -> Iterator[None]:
    """The readers of vector files speak of footprints, which they are mostly asked for."""
    try:
        yield
    except InputError as error:
        thing = error.thing.replace("footprints", "streets", 1)
        remedy = error.remedy.replace("building polygons", "lines")
        raise InputError(thing, error.problem, remedy) from error
