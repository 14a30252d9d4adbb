"""Forward generation: a style and a seed in, a city of programs out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geovision.errors import UsageError
from geovision.model.table import ProgramTable
from geovision.procedural.city import Area, city_grid, iter_tiles
from geovision.procedural.given import programs_on_footprints
from geovision.procedural.style import Style, load_style

# The room `sources` is loaded where it is used: whoever trains on generated scenes has no GDAL and no PROJ.
if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from geovision.sources.footprints import Footprints

__all__ = ["City", "TableTile", "generate", "open_city"]


@dataclass(frozen=True)
class TableTile:
    """Programs of one tile."""

    name: str
    column: int
    row: int
    table: ProgramTable


@dataclass
class City:
    """A city that is generated as it is iterated over, tile by tile."""

    tiles: Iterator[TableTile]
    tile_count: int
    """0 where it is not known beforehand."""
    style: Style
    seed: int
    crs: str | None
    problems: list[str] = field(default_factory=list)
    """Footprints that cannot serve, and why."""
    repairs: list[str] = field(default_factory=list)
    """What was mended in the others."""


def generate(
    *,
    footprints: Footprints | GeoDataFrame | str | Path | None = None,
    layer: str | None = None,
    area: Area | None = None,
    count: int | None = None,
    style: str | Path | Style = "mixed",
    seed: int = 0,
) -> ProgramTable:
    """Generate building programs in memory.

    Give `footprints` to draw roofs onto them, or `area` to lay out streets, parcels and buildings in it, or
    `count` for a city of that many buildings. Same arguments, same programs.

    >>> city = generate(area=(0, 0, 200, 150), style="dutch_town", seed=7)
    >>> len(city) > 50 and city[0] == generate(area=(0, 0, 200, 150), style="dutch_town", seed=7)[0]
    True
    >>> len(generate(count=40))
    40

    Args:
        footprints: a file (see `read_footprints`) or a GeoDataFrame, which are repaired and noded (see
            `prepare_footprints`), or `Footprints`, which are taken as they are.
        layer: layer of a GeoPackage; needed where it has several.
        area: X, Y, width, height in metres.
        count: number of buildings; with `area`, at most that many.
        style: name of a style that comes with geovision, a TOML file, or a `Style`.
        seed: another seed, another city.
    """
    city = open_city(footprints=footprints, layer=layer, area=area, count=count, style=style, seed=seed)
    return ProgramTable.concat([tile.table for tile in city.tiles])


def open_city(
    *,
    footprints: Footprints | GeoDataFrame | str | Path | None = None,
    layer: str | None = None,
    area: Area | None = None,
    count: int | None = None,
    style: str | Path | Style = "mixed",
    seed: int = 0,
    crs: str | None = None,
) -> City:
    """The same as `generate`, but as a stream of tiles."""
    rules = load_style(style)
    if crs is not None:
        from geovision.sources.footprints import known_crs

        known_crs(crs, metric=footprints is None)
    if footprints is None:
        if layer is not None:
            raise UsageError(
                f"layer {layer!r}", "is given without footprints", "Give footprints, or no layer"
            )
        grid = city_grid(rules, area=area, count=count, seed=seed)
        tiles = (TableTile(t.name, t.column, t.row, t.table) for t in iter_tiles(rules, grid, seed))
        return City(tiles, grid.tiles, rules, seed, crs)
    if area is not None or count is not None:
        raise UsageError(
            "generate",
            "got footprints and also an area or a count",
            "Give footprints alone, or area and count without",
        )
    plans = _footprints(footprints, layer, crs)
    found = list(_footprint_tiles(plans, rules, seed))
    problems = [str(problem) for problem in plans.problems]
    repairs = [str(repair) for repair in plans.repairs]
    return City(iter(found), len(found), rules, seed, plans.crs or crs, problems, repairs)


def _footprints(source: Any, layer: str | None, crs: str | None) -> Footprints:
    from geovision.sources.footprints import Footprints, footprints_from_geodataframe, read_footprints
    from geovision.sources.prepare import prepare_footprints

    if isinstance(source, (str, Path)):
        return prepare_footprints(read_footprints(source, layer=layer, crs=crs))
    if layer is not None:
        raise UsageError(f"layer {layer!r}", "is given, but no file to take it from", "Leave layer out")
    if isinstance(source, Footprints):
        return source
    return prepare_footprints(footprints_from_geodataframe(source, crs=crs))


def _footprint_tiles(plans: Footprints, style: Style, seed: int) -> Iterator[TableTile]:
    """Tiles of a fixed lattice; a building belongs to the one that holds the middle of its shell's box."""
    if not len(plans):
        return
    table = programs_on_footprints(
        plans.ids,
        plans.ring_offsets,
        plans.vertex_offsets,
        plans.xy,
        style,
        seed,
        attributes=plans.attributes or None,
    )
    starts = plans.vertex_offsets[plans.ring_offsets[:-1]]
    ends = plans.vertex_offsets[plans.ring_offsets[:-1] + 1]
    pairs = np.stack([starts, ends], axis=1).reshape(-1)
    padded = np.concatenate([plans.xy, plans.xy[-1:]])
    low = np.minimum.reduceat(padded, pairs, axis=0)[::2]
    high = np.maximum.reduceat(padded, pairs, axis=0)[::2]
    cell = np.floor((low + high) / 2 / style.layout.tile_m).astype(np.int64)
    order = np.lexsort((np.arange(len(cell)), cell[:, 0], cell[:, 1]))
    breaks = np.flatnonzero((np.diff(cell[order], axis=0) != 0).any(axis=1)) + 1
    for rows in np.split(order, breaks):
        column, row = (int(value) for value in cell[rows[0]])
        yield TableTile(f"{column}_{row}", column, row, table.take(rows))
