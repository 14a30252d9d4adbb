"""A world: city, land, trees and cars, drawn tile by tile wherever somebody looks.

What stands somewhere depends on the style, the area and the seed, never on where one looked before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from geovision.model.table import ProgramTable
from geovision.procedural.cars import Cars, park_cars
from geovision.procedural.city import Area, CityGrid, city_grid, tile_blocks, tile_parts
from geovision.procedural.clusters import building_of_vertex, wall_clusters
from geovision.procedural.fences import Fences, put_fences
from geovision.procedural.land import Land
from geovision.procedural.paths import lay_paths
from geovision.procedural.plans import I64
from geovision.procedural.rng import F64, U64, combine, name_key
from geovision.procedural.sample import sample_table
from geovision.procedural.site import survey_site
from geovision.procedural.style import Style
from geovision.procedural.trees import Trees, plant_trees
from geovision.procedural.yards import Yards, lay_yards

__all__ = ["Content", "World"]

_CACHED_TILES = 32


@dataclass(frozen=True)
class Content:
    """What stands in some place."""

    programs: ProgramTable
    tile: I64
    """For each building the tile of the city that it stands in, counted row by row."""
    number: I64
    """For each building its place among those of its tile."""
    cluster: U64
    """For each building the key of its row or block: the same for buildings that share walls."""
    yards: Yards
    trees: Trees
    cars: Cars
    fences: Fences


class World:
    """The rules of a scene, and what they make of each place.

    >>> from geovision.procedural.style import load_style
    >>> world = World(load_style("mixed"), (0.0, 0.0, 200.0, 160.0), seed=3)
    >>> len(world.content((0.0, 0.0, 200.0, 160.0)).programs) > 20
    True
    """

    def __init__(self, style: Style, area: Area, seed: int) -> None:
        self.style = style
        self.area = area
        self.seed = seed
        self.grid: CityGrid = city_grid(style, area=area, seed=seed)
        self.land = Land(style, area, seed)
        self._tiles: dict[tuple[int, int], Content] = {}

    def tiles(self) -> Iterator[Content]:
        """What stands in each tile of the city, row by row."""
        assert self.grid.rows is not None
        for row in range(self.grid.rows):
            for column in range(self.grid.columns):
                yield self._tile((column, row))

    def content(self, window: Area, margin: float = 0.0) -> Content:
        """All that reaches into a window or its margin."""
        low = np.array(window[:2]) - margin
        high = np.array([window[0] + window[2], window[1] + window[3]]) + margin
        pieces = [_cut(self._tile(place), low, high) for place in self._places(low, high)]
        return Content(
            ProgramTable.concat([piece.programs for piece in pieces]),
            np.concatenate([piece.tile for piece in pieces]),
            np.concatenate([piece.number for piece in pieces]),
            np.concatenate([piece.cluster for piece in pieces]),
            Yards.concat([piece.yards for piece in pieces]),
            Trees.concat([piece.trees for piece in pieces]),
            Cars.concat([piece.cars for piece in pieces]),
            Fences.concat([piece.fences for piece in pieces]),
        )

    def _places(self, low: F64, high: F64) -> list[tuple[int, int]]:
        """Tiles that may reach into a box; their corners wander by a share of the tile."""
        assert self.grid.rows is not None
        wander = 0.25 * self.style.layout.jitter
        start = (low - self.grid.origin) / self.grid.tile - wander
        stop = (high - self.grid.origin) / self.grid.tile + wander
        columns = _span(start[0], stop[0], self.grid.columns)
        return [(column, row) for row in _span(start[1], stop[1], self.grid.rows) for column in columns]

    def _tile(self, place: tuple[int, int]) -> Content:
        if place not in self._tiles:
            while len(self._tiles) >= _CACHED_TILES:
                del self._tiles[next(iter(self._tiles))]
            self._tiles[place] = self._make(place)
        return self._tiles[place]

    def _make(self, place: tuple[int, int]) -> Content:
        blocks = tile_blocks(self.style, self.grid, place, self.seed)
        parts, (count,) = tile_parts(self.style, self.grid, [place], self.seed)
        ids = [f"{place[0]}_{place[1]}.{number}" for number in range(count)]
        programs = sample_table(parts, self.style, self.seed, ids)
        cluster = wall_clusters(programs)
        programs.ground_z[:] = self._ground(programs, cluster)
        yards = lay_yards(blocks, self.seed)
        site = survey_site(yards, programs)
        trees = plant_trees(blocks, site, self.style, self.seed)
        trees.foot[:, 2] = self.land.heights(trees.foot[:, :2])
        cars = park_cars(blocks, self.style, self.seed)
        cars.middle[:, 2] = self.land.heights(cars.middle[:, :2]) - self.land.kerb
        fences = put_fences(programs, site, self.style, self.seed)
        for end in (fences.start, fences.end):
            end[:, 2] = self.land.heights(end[:, :2])
        keys = combine(name_key("cluster"), *place, cluster)
        yards = Yards.concat([yards, lay_paths(programs, site, self.seed)])
        tile = np.full(count, place[1] * self.grid.columns + place[0])
        return Content(programs, tile, np.arange(count), keys, yards, trees, cars, fences)

    def _ground(self, programs: ProgramTable, cluster: I64) -> F64:
        """Buildings stand on the lowest ground at their walls; a row on one level where it is nearly that."""
        count = len(programs)
        building = building_of_vertex(programs)
        height = self.land.heights(programs.xy)
        low, high = np.full(count, np.inf), np.full(count, -np.inf)
        np.minimum.at(low, building, height)
        np.maximum.at(high, building, height)
        row_low, row_high = np.full(count, np.inf), np.full(count, -np.inf)
        np.minimum.at(row_low, cluster, low)
        np.maximum.at(row_high, cluster, high)
        level = (row_high - row_low)[cluster] <= self.style.terrain.row_step_m
        return np.where(level, row_low[cluster], low)


def _span(start: float, stop: float, count: int) -> range:
    return range(min(max(math.floor(start), 0), count - 1), min(max(math.ceil(stop), 1), count))


def _cut(content: Content, low: F64, high: F64) -> Content:
    """What reaches into a box; blocks are kept whole, for they are few."""
    programs = content.programs
    count = len(programs)
    least, most = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    building = building_of_vertex(programs)
    np.minimum.at(least, building, programs.xy)
    np.maximum.at(most, building, programs.xy)

    def near(least: F64, most: F64) -> I64:
        return np.flatnonzero(((least <= high) & (most >= low)).all(axis=1))

    rows = near(least, most)
    foot, crown = content.trees.foot[:, :2], content.trees.crown[:, None]
    middle, half = content.cars.middle[:, :2], content.cars.length[:, None] / 2
    start, end = content.fences.start[:, :2], content.fences.end[:, :2]
    return Content(
        programs.take(rows),
        content.tile[rows],
        content.number[rows],
        content.cluster[rows],
        content.yards,
        content.trees.take(near(foot - crown, foot + crown)),
        content.cars.take(near(middle - half, middle + half)),
        content.fences.take(near(np.minimum(start, end), np.maximum(start, end))),
    )
