"""Random neighbourhoods: rows of houses and blocks of plans, drawn with a shaky hand."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import numpy as np
import shapely
from shapely.affinity import translate
from shapely.ops import split

from geovision.sources import Footprints
from geovision.sources.footprint_set import polygon_arrays
from tests import footprints as shapes

WORLD = (118_000.0, 479_000.0)


def layer(polygons: list[Any], ids: list[str] | None = None) -> Footprints:
    names = [f"{index:04}" for index in range(len(polygons))] if ids is None else ids
    return Footprints(names, *polygon_arrays(np.array(polygons, dtype=object)), "EPSG:28992")


def row(rng: Random, jitter: float) -> list[Any]:
    """Houses side by side and back to back; each corner is drawn anew by each house that has it.

    Fronts step back here and there, so that a corner of one house lies on the wall of the next.
    """
    count = rng.randint(2, 9)
    x = 0.0
    houses = []
    for _ in range(count):
        width = rng.uniform(4, 8)
        front, back = rng.choice((0.0, 0.0, 0.6, -1.5)), rng.choice((9.0, 9.0, 10.5))
        houses.append([(x, front), (x + width, front), (x + width, back), (x, back)])
        if rng.random() < 0.5:  # the house behind starts at the same wall or half a house off
            shift = rng.choice((0.0, width / 2))
            houses.append(
                [(x + shift, back), (x + shift + width, back), (x + shift + width, 18.0), (x + shift, 18.0)]
            )
        x += width
    return _drawn(rng, _apart(houses), jitter)


def block(rng: Random, jitter: float) -> list[Any]:
    """A rectangle cut again and again by slanted lines: plots that share every wall."""
    whole = shapely.box(0, 0, rng.uniform(20, 50), rng.uniform(20, 50))
    plots = [whole]
    for _ in range(rng.randint(3, 14)):
        plots.sort(key=lambda plot: -plot.area)
        plot = plots.pop(0)
        centre = plot.representative_point()
        angle = rng.uniform(0, math.pi)
        dx, dy = 200 * math.cos(angle), 200 * math.sin(angle)
        line = [(centre.x - dx, centre.y - dy), (centre.x + dx, centre.y + dy)]
        parts = shapely.get_parts(split(plot, shapely.LineString(line)))
        plots += [part for part in parts if part.geom_type == "Polygon"]
    plots = [plot for plot in plots if plot.area > 6 and 2 * plot.area / plot.length > 0.8]
    return _drawn(rng, [list(plot.exterior.coords)[:-1] for plot in plots], jitter)


def heap(rng: Random) -> list[Any]:
    """Footprints of all kinds thrown over each other."""
    polygons = []
    for _ in range(rng.randint(2, 8)):
        plan = shapes.footprint(rng)
        polygon = shapely.make_valid(shapely.Polygon(plan.shell, plan.holes))
        dx, dy = rng.uniform(0, 25) + WORLD[0], rng.uniform(0, 25) + WORLD[1]
        polygons += [
            translate(part, dx, dy)
            for part in shapely.get_parts(polygon)
            if part.geom_type == "Polygon" and part.area > 0.5
        ]
    return polygons


def _apart(houses: list[Any]) -> list[Any]:
    """Leaves out houses that lie in an earlier one by more than jitter."""
    kept: list[Any] = []
    for house in houses:
        polygon = shapely.Polygon(house)
        if all(polygon.intersection(shapely.Polygon(other)).area < 1e-6 for other in kept):
            kept.append(house)
    return kept


def _drawn(rng: Random, rings: list[Any], jitter: float) -> list[Any]:
    turn = rng.uniform(0, 2 * math.pi)
    c, s = math.cos(turn), math.sin(turn)
    polygons = []
    for ring in rings:
        corners = []
        for x, y in ring:
            dx, dy = rng.uniform(-jitter, jitter), rng.uniform(-jitter, jitter)
            corners.append((c * x - s * y + dx + WORLD[0], s * x + c * y + dy + WORLD[1]))
        polygon = shapely.Polygon(corners)
        if polygon.is_valid:
            polygons.append(polygon)
    return polygons
