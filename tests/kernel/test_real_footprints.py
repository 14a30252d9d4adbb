"""Every real footprint at hand under flat, skillion, hipped and gabled roofs, at every level of detail."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import shapely

from tests import promise
from tests.footprints import Footprint
from tests.strategies import FLAT, GABLED, HIPPED, NAN, SKILLION, Case, Part

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("GEOVISION_SHARED", ROOT.parent / "shared")) / "data"
# Set, file, layer, metric CRS to bring geographic coordinates to.
SETS = [
    ("ahn3_blocks", "ahn3_blocks/footprints.gpkg", None),
    ("dales_west", "dales_west/footprints.gpkg", None),
    ("delft", "delft/footprints.gpkg", None),
    ("goteborg", "goteborg", None),
    ("alexandria", "alexandria/buildings.geojson", None),
    ("zanzibar", "imagery/zanzibar/buildings.gpkg", "buildings"),
    ("philippines", "imagery/philippines/buildings.gpkg", "buildings"),
    ("nairobi", "imagery/nairobi/buildings.gpkg", "buildings"),
    ("kampala", "imagery/kampala/buildings.gpkg", "buildings"),
    ("massachusetts", "imagery/massachusetts/buildings.gpkg", None),
    ("rid_roofs", "rid_roofs/RID_reviewed_25832.gpkg", "roofs"),
    ("rid_segments", "rid_roofs/RID_reviewed_25832.gpkg", "segments"),
]
KINDS = {"flat": FLAT, "skillion": SKILLION, "hipped": HIPPED, "gabled": GABLED}


@cache
def polygons(path: str, layer: str | None) -> tuple[Any, ...]:
    """Single polygons in a metric CRS, as they are; broken ones are repaired as any reader would."""
    geopandas = pytest.importorskip("geopandas")
    file = DATA / path
    if file.is_dir():
        file = next(p for p in sorted(file.iterdir()) if p.suffix in {".gpkg", ".geojson", ".shp", ".fgb"})
    options = {} if layer is None else {"layer": layer}
    frame = geopandas.read_file(file, **options)
    if frame.crs is not None and frame.crs.is_geographic:
        frame = frame.to_crs(frame.estimate_utm_crs())
    found = []
    for geometry in frame.geometry:
        if geometry is None or geometry.is_empty:
            continue
        whole = shapely.force_2d(geometry)
        if not whole.is_valid:
            whole = shapely.make_valid(whole)
        parts = shapely.get_parts(shapely.get_parts(whole))
        found += [p for p in parts if p.geom_type == "Polygon" and p.area > 0.01]
    return tuple(found)


def case(polygon: Any, kind: int, name: str) -> Case:
    """One part with a roof that suits any size."""
    rings = [
        [(float(x), float(y)) for x, y in ring.coords[:-1]] for ring in (polygon.exterior, *polygon.interiors)
    ]
    params = [NAN] * 8
    if kind == SKILLION:
        params[0], params[1] = 7.5, 135.0
    elif kind == HIPPED:
        params[7] = 35.0
    elif kind == GABLED:
        params[0] = 8.0
    part = Part(Footprint(rings[0], tuple(rings[1:]), name), kind, 5.0, params=params)
    return Case([part], ground_z=1.5, name=name)


def runs() -> Iterator[tuple[str, str, str | None, str]]:
    for name, path, layer in SETS:
        for kind in KINDS:
            yield name, path, layer, kind


@pytest.mark.slow
@pytest.mark.parametrize(("name", "path", "layer", "kind"), list(runs()), ids=str)
def test_real_footprints(name: str, path: str, layer: str | None, kind: str) -> None:
    if not (DATA / path).exists():
        pytest.skip(f"no {path} under ../shared/data; set GEOVISION_SHARED to where it is")
    cases = [case(p, KINDS[kind], f"{name} {i} {kind}") for i, p in enumerate(polygons(path, layer))]
    assert cases, f"{path} holds no polygons"
    lods = {"flat": (11, 12), "skillion": (22,), "hipped": (13, 22), "gabled": (22, 23)}[kind]
    for lod in lods:
        complaints = promise.judge(cases, lod, thorough=40)
        reasons = Counter(text.split(" (first")[0][-60:] for _, text in complaints)
        shown = "\n".join(f"{cases[b].name}, lod {lod}: {text}" for b, text in complaints[:10])
        assert not complaints, f"{len(complaints)} of {len(cases)}: {reasons.most_common(5)}\n{shown}"
