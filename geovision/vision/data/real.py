"""Tiles of real places: what a scene measured, and the outlines of its footprints as labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.bounded import read_toml
from geovision.errors import InputError, short
from geovision.vision.data.tile import Tile, tile_of_rasters

__all__ = ["Place", "read_places", "tile_of_scene"]

_MOST_CELLS = 64_000_000


@dataclass(frozen=True)
class Place:
    """One real place to learn from."""

    name: str
    sources: Mapping[str, Any]
    """What `open_scene` takes: image, dsm, dtm, ndsm, points, footprints, layer."""
    cell_m: float = 0.3
    part: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    """West, south, east and north of the part to learn from, as shares of the image or heights."""

    def tile(self) -> Tile:
        """Open the sources and read the tile."""
        from geovision.sources import open_scene

        return tile_of_scene(open_scene(**self.sources), self.cell_m, part=self.part)


def read_places(path: str | Path) -> list[Place]:
    """Places from a TOML file: a table [[place]] each, whose files are named from the file's own folder.

    Keys: name, image, dsm, dtm, ndsm, points (a name or a list), footprints, layer, cell_m, part.
    """
    file = Path(path)
    tables = read_toml(file, str(file), "Give a TOML file of [[place]]").get("place", [])
    if not tables or not isinstance(tables, list) or not all(isinstance(item, dict) for item in tables):
        raise InputError(str(file), "has no [[place]]", "Give one table for each place")
    return [_place(table, file) for table in tables]


_FILES = ("image", "dsm", "dtm", "ndsm", "points", "footprints")


def _check_types(table: Mapping[str, Any], file: Path) -> None:
    def text(value: Any) -> bool:
        return isinstance(value, str)

    def number(value: Any) -> bool:
        return isinstance(value, (int, float)) and not isinstance(value, bool)

    def some(value: Any) -> bool:
        return text(value) or (isinstance(value, list) and all(map(text, value)))

    kinds: dict[str, Callable[[Any], bool]] = {"name": text, "layer": text, "cell_m": number}
    kinds |= dict.fromkeys(_FILES, some)
    kinds["part"] = lambda value: isinstance(value, list) and all(map(number, value))
    for key, value in table.items():
        if key in kinds and not kinds[key](value):
            problem = f"has {key} = {short(value)}"
            raise InputError(f"{file}: place {short(table.get('name', '?'))}", problem, "See docs/vision.md")


def _place(table: Mapping[str, Any], file: Path) -> Place:
    _check_types(table, file)
    unknown = sorted(set(table) - {"name", "cell_m", "part", "layer", *_FILES})
    if unknown or "name" not in table or "footprints" not in table:
        problem = f"has the unknown key {unknown[0]!r}" if unknown else "has no name or no footprints"
        keys = ", ".join(("name", "cell_m", "part", "layer", *_FILES))
        raise InputError(f"{file}: place {table.get('name', '?')!r}", problem, f"Use the keys {keys}")

    def found(value: Any) -> Any:
        if isinstance(value, list):
            return [found(one) for one in value]
        return str(file.parent / value)

    sources: dict[str, Any] = {key: found(table[key]) for key in _FILES if key in table}
    if "layer" in table:
        sources["layer"] = table["layer"]
    part = tuple(float(share) for share in table.get("part", (0, 0, 1, 1)))
    if len(part) != 4 or not (0 <= part[0] < part[2] <= 1 and 0 <= part[1] < part[3] <= 1):
        problem = f"has part = {table['part']}"
        fix = "Give west, south, east and north as shares from 0 to 1"
        raise InputError(f"{file}: place {table['name']!r}", problem, fix)
    return Place(str(table["name"]), sources, float(table.get("cell_m", 0.3)), part)


def tile_of_scene(
    scene: Any, cell_m: float, *, part: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
) -> Tile:
    """A tile over what the scene's image or heights cover, or over a part of it.

    Args:
        scene: with footprints, and an image or heights.
        cell_m: cell size to read at.
        part: west, south, east and north as shares.
    """
    from geovision.sources.burn import burn_ids
    from geovision.sources.grid import Bounds

    roles = [role for role in ("image", "ndsm") if scene.can_read(role)]
    if not roles:
        raise InputError("scene", "has neither an image nor heights", "Give an image, or a DSM with a DTM")
    extents = scene.extents
    anchor = next(role for role in ("image", "ndsm", "dsm", "points") if role in extents)
    whole = extents[anchor]
    area = Bounds(
        whole.west + part[0] * whole.width,
        whole.south + part[1] * whole.height,
        whole.west + part[2] * whole.width,
        whole.south + part[3] * whole.height,
    )
    grid = scene.grid(cell_m)
    cut = grid.cut(area)
    if cut.width * cut.height > _MOST_CELLS:
        problem = f"has {cut.width} x {cut.height} cells at {cell_m} m"
        raise InputError("place", problem, "Cut it into parts of at most 64 million cells")
    windows = {role: scene.read_cut(role, grid, cut) for role in roles}
    ids = burn_ids(scene.footprints.polygons(), grid, cut)
    image = windows.get("image")
    return tile_of_rasters(
        ids,
        cell_m,
        image=None if image is None else _bytes(image.data),
        image_valid=None if image is None else image.valid,
        ndsm=None if "ndsm" not in windows else np.asarray(windows["ndsm"].data[0], np.float32),
        known=_known(windows, ids.shape),
    )


def _bytes(data: NDArray[Any]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(data[:4]), 0, 255), np.uint8)


def _known(windows: Mapping[str, Any], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where any of the measurements has data."""
    out = np.zeros(shape, bool)
    for window in windows.values():
        out |= np.ones(shape, bool) if window.valid is None else window.valid
    return out
