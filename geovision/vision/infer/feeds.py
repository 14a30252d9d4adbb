"""Where a network's input comes from: a scene, read aligned on one grid, or arrays in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError, UsageError
from geovision.vision.inputs import GROUPS

if TYPE_CHECKING:
    from geovision.sources.grid import Bounds
    from geovision.sources.raster_info import Cut
    from geovision.sources.resample import PixelGrid
    from geovision.sources.scene import Scene
    from geovision.vision.card import ModelCard

__all__ = ["ArrayFeed", "Feed", "Hint", "Patch", "SceneFeed", "scene_feed"]

Patch = dict[str, tuple[NDArray[Any], NDArray[np.bool_] | None]]
"""Per input group: values [bands, rows, columns], and [rows, columns] True where data is (None: all)."""

Hint = Callable[["PixelGrid", "Cut"], NDArray[np.float32]]
"""Draws a vector layer on pixels of a grid: [rows, columns] share of each pixel that it covers."""

# Coarser than this many times the coarsest that a network takes, there is nothing left to see.
_COARSEST = 4.0
# A pixel is taken as it is where it is within this of the range.
_SLACK = 0.02


class Feed(Protocol):
    """A raster of input groups that is read in windows, which may reach beyond it."""

    @property
    def rows(self) -> int:
        """Height in pixels."""
        ...

    @property
    def columns(self) -> int:
        """Width in pixels."""
        ...

    def read(self, row: int, column: int, rows: int, columns: int) -> Patch:
        """Rows and columns from a pixel on. Beyond the raster nothing is valid, or it is real context."""
        ...


@dataclass(frozen=True)
class ArrayFeed:
    """Groups in memory."""

    groups: Mapping[str, NDArray[Any]]
    """[bands, rows, columns], or [rows, columns] for one band."""
    valid: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    """[rows, columns] True where there is data."""

    def __post_init__(self) -> None:
        if not self.groups or any(name not in GROUPS for name in self.groups):
            raise InputError(
                f"input groups {', '.join(self.groups) or 'none'}",
                "are not what networks take",
                f"Give some of {', '.join(GROUPS)}",
            )
        if len({np.shape(values)[-2:] for values in [*self.groups.values(), *self.valid.values()]}) > 1:
            raise InputError("input groups", "differ in rows or columns", "Cut all on one grid")

    @property
    def rows(self) -> int:
        """Height in pixels."""
        return int(next(iter(self.groups.values())).shape[-2])

    @property
    def columns(self) -> int:
        """Width in pixels."""
        return int(next(iter(self.groups.values())).shape[-1])

    def read(self, row: int, column: int, rows: int, columns: int) -> Patch:
        """See `Feed.read`."""
        top, left = max(row, 0), max(column, 0)
        bottom = max(min(row + rows, self.rows), top)
        right = max(min(column + columns, self.columns), left)
        there = (slice(top, bottom), slice(left, right))
        inside = (slice(top - row, bottom - row), slice(left - column, right - column))
        whole = (rows, columns) == (bottom - top, right - left)
        found: Patch = {}
        for name, values in self.groups.items():
            bands = values[None] if values.ndim == 2 else values
            given = self.valid.get(name)
            if whole:
                found[name] = (bands[(slice(None), *there)], None if given is None else given[there])
                continue
            data = np.zeros((len(bands), rows, columns), bands.dtype)
            valid = np.zeros((rows, columns), np.bool_)
            data[(slice(None), *inside)] = bands[(slice(None), *there)]
            valid[inside] = True if given is None else given[there]
            found[name] = (data, valid)
        return found


@dataclass(frozen=True)
class SceneFeed:
    """A scene on one pixel grid, whatever grids and CRS its files are in."""

    scene: Scene
    grid: PixelGrid
    cut: Cut
    """The pixels of the grid that are wanted."""
    roles: Mapping[str, tuple[str, tuple[int, ...]]]
    """Per input group: role of the scene, and which of the role's bands."""
    hints: Mapping[str, Hint] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What was assumed or resampled, as sentences."""

    @property
    def rows(self) -> int:
        """Height in pixels."""
        return self.cut.height

    @property
    def columns(self) -> int:
        """Width in pixels."""
        return self.cut.width

    def read(self, row: int, column: int, rows: int, columns: int) -> Patch:
        """See `Feed.read`; what lies beyond the area that was asked for is read as context."""
        from geovision.sources.raster_info import Cut

        cut = Cut(self.cut.column + column, self.cut.row + row, columns, rows)
        windows = {}
        found: Patch = {}
        for name, (role, bands) in self.roles.items():
            if role not in windows:
                windows[role] = self.scene.read_cut(role, self.grid, cut)
            window = windows[role]
            every = bands == tuple(range(len(window.data)))
            found[name] = (window.data if every else window.data[list(bands)], window.valid)
        for name, hint in self.hints.items():
            found[name] = (hint(self.grid, cut)[None], None)
        return found


def scene_feed(
    scene: Scene,
    card: ModelCard,
    *,
    bounds: Bounds | None = None,
    gsd_m: float | None = None,
    use: Sequence[str] | None = None,
    hints: Mapping[str, Hint] | None = None,
) -> SceneFeed:
    """What of a scene a network takes, and on which grid.

    Args:
        scene: where from.
        card: of the model.
        bounds: in the CRS of the scene, which they must touch; by default all that its rasters cover.
        gsd_m: size of a pixel; by default the image's own (else that of the heights) where the model takes
            it, else the nearest that it takes, which is announced in `notes`.
        use: input groups to use of those that are there; by default all.
        hints: vector layers as further groups.

    Raises:
        InputError: the scene has nothing that the model takes, or its pixels are too coarse.
    """
    roles, notes = _roles(scene, card, use)
    hints = dict(hints or {})
    for name in hints:
        if name not in card.groups:
            raise UsageError(f"input group {name!r}", f"is not one of {card.name}'s", "Leave it out")
    if not roles:
        have = ", ".join(scene.roles) or "nothing"
        raise InputError(
            "scene",
            f"has nothing that {card.name} takes (it has {have}; the model takes {', '.join(card.groups)})",
            "Give an image with red, green and blue, or heights above the ground (ndsm, or dsm and dtm)",
        )
    cell_m, said = _cell(scene, card, [role for role, _ in roles.values()], gsd_m)
    grid = scene.grid(cell_m)
    area = _area(scene, {role for role, _ in roles.values()})
    if bounds is not None:
        area = _within(bounds, area)
    return SceneFeed(scene, grid, grid.cut(area), roles, hints, (*notes, *said))


def _within(asked: Bounds, area: Bounds) -> Bounds:
    """Bounds to look at: a part of the plan that has something to see."""
    from geovision.sources.grid import overlaps

    if not (all(map(math.isfinite, asked)) and asked.west < asked.east and asked.south < asked.north):
        raise UsageError(
            f"bounds {asked}",
            "are no area",
            "Give west, south, east and north in this order, in the CRS of the scene",
        )
    if not overlaps(asked, area):
        raise UsageError(
            f"bounds {asked}",
            f"lie outside of the scene, which is {area}",
            "Give them in the CRS of the scene, east before north",
        )
    return asked


def _roles(
    scene: Scene, card: ModelCard, use: Sequence[str] | None
) -> tuple[dict[str, tuple[str, tuple[int, ...]]], list[str]]:
    for name in use or ():
        if name not in card.groups:
            raise UsageError(
                f"input group {name!r}", f"is not one of {card.name}'s", f"Use {', '.join(card.groups)}"
            )
    found: dict[str, tuple[str, tuple[int, ...]]] = {}
    notes: list[str] = []
    wanted = tuple(card.groups if use is None else use)
    if "image" in scene.layers:
        found |= _image_groups(scene, [name for name in ("rgb", "nir") if name in wanted], notes)
    if "ndsm" in wanted and scene.can_read("ndsm"):
        found["ndsm"] = ("ndsm", (0,))
    elif "ndsm" in wanted and scene.can_read("dsm"):
        notes.append("heights were left out: without the ground (dtm) they are not heights above it")
    missing = [name for name in use or () if name not in found and name in ("rgb", "nir", "ndsm")]
    if missing:
        raise InputError(
            "scene", f"has no {', '.join(missing)}, which was asked for", "Give it, or leave it out of use"
        )
    return found, notes


def _image_groups(
    scene: Scene, wanted: Sequence[str], notes: list[str]
) -> dict[str, tuple[str, tuple[int, ...]]]:
    layer = scene.layer("image")
    found: dict[str, tuple[str, tuple[int, ...]]] = {}
    for name in wanted:
        if all(band in layer.bands for band in GROUPS[name]):
            found[name] = ("image", tuple(layer.bands.index(band) for band in GROUPS[name]))
    if not wanted:
        return {}
    if not found:
        raise InputError(
            "image",
            f"its bands are {', '.join(layer.bands)}; networks look for red, green, blue or nir",
            'Name them, as in bands = ["red", "green", "blue"], or leave the image out with use=["ndsm"]',
        )
    if layer.dtype != np.uint8:
        raise InputError(
            "image",
            f"its pixels are {layer.dtype}; networks know bytes (0 to 255)",
            "Put them on that range first (gdal_translate -scale -ot Byte)",
        )
    if len(found) < len(wanted):
        left = ", ".join(name for name in wanted if name not in found)
        notes.append(f"the image has no {left}: the model goes without")
    return found


def _cell(
    scene: Scene, card: ModelCard, roles: Sequence[str], asked: float | None
) -> tuple[float, tuple[str, ...]]:
    """Size of a pixel, and what is to be said of it."""
    role = "image" if "image" in roles else roles[0]
    # Corners far from the origin leave noise in the last digits.
    own = float(f"{scene.cell_m(role):.9g}")
    low, high = card.gsd_range_m
    if role != "image" and not {"dsm", "ndsm"} & set(scene.layers):
        own = _filled_cell(scene, max(low, min(card.gsd_m, own)), own)
    if own > _COARSEST * high * (1 + _SLACK):
        raise InputError(
            role,
            f"its pixels are {own:g} m; {card.name} sees buildings at {low:g} to {high:g} m",
            "Give a finer one",
        )
    if asked is not None:
        if not (math.isfinite(asked) and low * (1 - _SLACK) <= asked <= high * (1 + _SLACK)):
            raise UsageError(
                f"pixel size {asked:g} m", f"{card.name} takes {low:g} to {high:g} m", "Ask for one of these"
            )
        cell = asked
    elif low * (1 - _SLACK) <= own <= high * (1 + _SLACK):
        cell = own
    else:
        cell = high if own > high else card.gsd_m
    notes = []
    if not math.isclose(cell, own, rel_tol=1e-6):
        verb = "upsampled" if cell < own else "downsampled"
        notes.append(f"{role} was {verb} from {own:g} m to {cell:g} m a pixel, which {card.name} takes")
    return cell, tuple(notes)


def _filled_cell(scene: Scene, least: float, most: float) -> float:
    """Points have no pixels of their own: the cell that holds one in the mean, in steps of 5 cm."""
    box = None if scene.points is None else scene.points.bounds
    if scene.points is None or box is None or not scene.points.points.count:
        return most
    density = scene.points.points.count / max(box.area, 1.0)
    return min(max(round(20 / math.sqrt(density)) / 20, least), most)


def _area(scene: Scene, roles: set[str]) -> Bounds:
    from geovision.sources.grid import union

    found: list[Bounds] = []
    for role in sorted(roles):
        if role in scene.extents:
            found.append(scene.extents[role])
        else:
            # Heights above the ground made of two rasters, or gridded from points.
            parts = ("dsm", "dtm") if "dsm" in scene.extents else ("points",)
            boxes = [scene.extents[part] for part in parts if part in scene.extents]
            found.append(boxes[0] if len(boxes) == 1 else _common(boxes[0], boxes[1]))
    whole = found[0]
    for box in found[1:]:
        whole = union(whole, box)
    return whole


def _common(a: Bounds, b: Bounds) -> Bounds:
    from geovision.sources.grid import intersection

    return intersection(a, b) or a
