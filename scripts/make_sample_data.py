"""Footprints of a small made-up town, as GeoJSON that a national mapping agency could have written."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geovision.formats import atomic_write
from geovision.model import ProgramTable
from geovision.model.kinds import RoofKind, to_osm
from geovision.procedural import city_grid, iter_tiles, load_style
from geovision.procedural.rng import Keyed, id_keys

SEED = 2026
AREA = (155_000.0, 463_000.0, 400.0, 330.0)
SHAPE_KNOWN = 0.15
"""Share of buildings that carry an OSM roof:shape; the first of each kind always does."""


def footprint(table: ProgramTable, row: int) -> shapely.Geometry:
    """The outline over all parts of a building."""
    parts = []
    for part in range(table.part_offsets[row], table.part_offsets[row + 1]):
        cuts = table.vertex_offsets[table.ring_offsets[part] : table.ring_offsets[part + 1] + 1]
        rings = [table.xy[a:b] for a, b in itertools.pairwise(cuts)]
        parts.append(shapely.Polygon(rings[0], rings[1:]))
    whole = parts[0] if len(parts) == 1 else shapely.union_all(parts, grid_size=0.001)
    if whole.geom_type != "Polygon":
        # A tower's corners lie on its nave's wall, but for the rounding to millimetres.
        whole = shapely.union_all(parts, grid_size=0.01)
    return whole.normalize()


def feature(table: ProgramTable, row: int, *, known: bool) -> dict[str, Any]:
    own = table.attributes[row]
    properties: dict[str, Any] = {"id": f"SAMPLE.{row + 1:04d}", "use": own["use"]}
    if own["use"] != "annex":
        properties["building:levels"] = own["levels"]
    if known:
        properties["roof:shape"] = to_osm(RoofKind(int(table.roof_kind[table.part_offsets[row]])))
    polygon = footprint(table, row)
    rings = [polygon.exterior, *polygon.interiors]
    coordinates = [np.round(shapely.get_coordinates(ring), 3).tolist() for ring in rings]
    geometry = {"type": "Polygon", "coordinates": coordinates}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def main(target: Path) -> None:
    style = load_style(Path("sample_data/village.toml"))
    table = ProgramTable.concat([tile.table for tile in iter_tiles(style, city_grid(style, area=AREA), SEED)])
    known = Keyed(SEED, id_keys(table.ids)).chance("shape known", SHAPE_KNOWN)
    seen: set[int] = set()
    lines = []
    for row in range(len(table)):
        kind = int(table.roof_kind[table.part_offsets[row]])
        lines.append(json.dumps(feature(table, row, known=bool(known[row]) or kind not in seen)))
        seen.add(kind)
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::28992"}}
    head = {"type": "FeatureCollection", "name": "footprints", "crs": crs}
    text = json.dumps(head)[:-1] + ', "features": [\n' + ",\n".join(lines) + "\n]}\n"
    with atomic_write(target) as file:
        file.write(text.encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
