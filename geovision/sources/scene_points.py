"""The points of a scene, in its CRS, whatever they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pyproj import CRS

from geovision.errors import InputError, UsageError
from geovision.sources.crs import horizontal, known_crs, transform_bounds, transform_xy
from geovision.sources.grid import Bounds
from geovision.sources.limits import Limits
from geovision.sources.point_block import PointBlock
from geovision.sources.points import PointFiles, open_points

__all__ = ["PointLayer", "PointSet", "open_point_set"]


@dataclass(frozen=True)
class PointSet:
    """Points in their own CRS: files, or a block in memory."""

    source: PointFiles | PointBlock
    crs: CRS
    name: str

    @property
    def count(self) -> int:
        """Points, those that are left out included."""
        return len(self.source) if isinstance(self.source, PointBlock) else self.source.count

    @property
    def files(self) -> int:
        """Files; 0 in memory."""
        return 0 if isinstance(self.source, PointBlock) else len(self.source.files)

    @property
    def bounds(self) -> Bounds | None:
        """Of all of them; None where there are none."""
        if isinstance(self.source, PointFiles):
            found = self.source.bounds
            return None if found is None else Bounds(*found)
        xy = self.source.xyz[:, :2]
        return Bounds(*xy.min(axis=0).tolist(), *xy.max(axis=0).tolist()) if len(xy) else None

    def read(self, bounds: Bounds) -> PointBlock:
        """The points of a window; the eastern and northern borders are not in it."""
        if isinstance(self.source, PointFiles):
            return self.source.read(bounds)
        return self.source.take(_within(self.source, bounds))


def open_point_set(
    files: Sequence[Any], crs: str | None, limits: Limits, *, allow_network: bool = False
) -> PointSet:
    """Files or one `PointBlock`; a CRS is asked for where none is stated."""
    if len(files) == 1 and isinstance(files[0], PointBlock):
        if crs is None:
            raise InputError(
                "points", "in memory state no CRS", "Say which with crs=..., or Source(..., crs=...)"
            )
        return PointSet(files[0], known_crs(crs), "points in memory")
    if any(isinstance(item, PointBlock) for item in files):
        raise UsageError("points", "are a mix of blocks and files", "Give one block, or files")
    found = open_points([str(item) for item in files], crs=crs, limits=limits, allow_network=allow_network)
    name = str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
    if found.crs is None:
        where = Bounds(*found.bounds) if found.bounds else "nothing"
        raise InputError(
            f"points {name}",
            f"state no CRS (their coordinates run over {where})",
            "Say which with crs=... (--crs EPSG:28992)",
        )
    return PointSet(found, known_crs(found.crs), name)


@dataclass(frozen=True)
class PointLayer:
    """A point set read in the CRS of the scene."""

    points: PointSet
    crs: CRS

    @property
    def classes(self) -> frozenset[int]:
        """Classes that the whole set has."""
        return self.points.source.classes

    @property
    def moved(self) -> bool:
        """Whether plan coordinates are carried over into another CRS."""
        return horizontal(self.points.crs) != horizontal(self.crs)

    @property
    def bounds(self) -> Bounds | None:
        """In the CRS of the scene."""
        own = self.points.bounds
        return None if own is None else self.carried(own)

    def carried(self, bounds: Bounds) -> Bounds:
        """Bounds in the CRS of the points, as in that of the scene."""
        return transform_bounds(self.points.crs, self.crs, bounds)

    def read(self, bounds: Bounds) -> PointBlock:
        """The points of a window in the CRS of the scene."""
        if not self.moved:
            return self.points.read(bounds)
        block = self.points.read(_grown(transform_bounds(self.crs, self.points.crs, bounds)))
        xyz = block.xyz.copy()
        xyz[:, :2] = transform_xy(self.points.crs, self.crs, block.xyz[:, :2])
        block = replace(block, xyz=xyz)
        return block.take(_within(block, bounds))


def _within(block: PointBlock, bounds: Bounds) -> Any:
    x, y = block.xyz[:, 0], block.xyz[:, 1]
    return (x >= bounds.west) & (x < bounds.east) & (y >= bounds.south) & (y < bounds.north)


def _grown(bounds: Bounds) -> Bounds:
    """A carried border is followed at 22 points a side; between them it may bulge."""
    by_x, by_y = 0.01 * bounds.width, 0.01 * bounds.height
    return Bounds(bounds.west - by_x, bounds.south - by_y, bounds.east + by_x, bounds.north + by_y)
