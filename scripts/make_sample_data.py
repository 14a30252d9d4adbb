"""The sample data: footprints of a small made-up town, and a village as a survey would have measured it."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geovision.formats import atomic_write
from geovision.model import ProgramTable
from geovision.model.kinds import RoofKind, to_osm
from geovision.pipeline.synth_to import synth_to
from geovision.procedural import city_grid, iter_tiles, load_style
from geovision.procedural.rng import Keyed, id_keys
from geovision.procedural.survey import outline

SEED = 2026
AREA = (155_000.0, 463_000.0, 400.0, 330.0)
VILLAGE_STYLE = Path("sample_data/village.toml")
VILLAGE_AREA = (155_800.0, 463_200.0, 190.0, 150.0)
VILLAGE_SEED = 78
SHAPE_KNOWN = 0.15
"""Share of buildings that carry an OSM roof:shape; the first of each kind always does."""


def feature(table: ProgramTable, row: int, *, known: bool) -> dict[str, Any]:
    own = table.attributes[row]
    properties: dict[str, Any] = {"id": f"SAMPLE.{row + 1:04d}", "use": own["use"]}
    if own["use"] != "annex":
        properties["building:levels"] = own["levels"]
    if known:
        properties["roof:shape"] = to_osm(RoofKind(int(table.roof_kind[table.part_offsets[row]])))
    polygon = outline(table, row).normalize()
    rings = [polygon.exterior, *polygon.interiors]
    coordinates = [np.round(shapely.get_coordinates(ring), 3).tolist() for ring in rings]
    geometry = {"type": "Polygon", "coordinates": coordinates}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def write_town(target: Path) -> None:
    """As GeoJSON that a national mapping agency could have written."""
    style = load_style(Path("sample_data/town.toml"))
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


def write_village(folder: Path) -> None:
    """A synthetic scene, and the versions of the libraries that its bytes depend on."""
    target = folder / "village"
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / "village"
        synth_to(made, area=VILLAGE_AREA, style=VILLAGE_STYLE, seed=VILLAGE_SEED, crs="EPSG:28992")
        (made / "run.json").unlink()
        versions = {
            name: version(name) for name in ("numpy", "rasterio", "pyogrio", "pyarrow", "laspy", "lazrs")
        }
        (made / "versions.json").write_text(json.dumps(versions, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(made, target)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_town(folder / "footprints.geojson")
    write_village(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
