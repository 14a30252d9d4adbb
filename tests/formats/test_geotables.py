"""Outlines, facets and figures of solids, and the tables that they go into."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

import geovision
from geovision.errors import InputError
from geovision.formats.attributes import (
    FACTS,
    attribute_types,
    building_columns,
    column_types,
    facts_columns,
    fits_columns,
)
from geovision.formats.geotables import open_geotable, write_flatgeobuf, write_geopackage
from geovision.formats.outlines import building_facts, building_outlines, roof_facets
from geovision.mesh import Solids, mesh
from geovision.model import Flat, Part, Program, ProgramTable
from geovision.model.fit import Fit
from geovision.model.labels import Label

WEIRD: list[dict[str, Any]] = [
    {"name": "a/b", "year": 1932, "mixed": 1, "list": [1, 2], "roof_kind": "thatch", "big": 2**70},
    {"name": "🏠", "year": None, "mixed": "x", "half": 2.5, "model_height": 3, "ok": True},
    {"name": "x" * 100_000, "half": 3, "nan": float("nan"), "Geometry": "no", "geometry": "yes"},
]


@pytest.fixture(scope="module")
def town() -> tuple[ProgramTable, Solids]:
    table = geovision.generate(area=(85_000, 446_000, 300, 250), seed=5)
    return table, mesh(table)


def test_figures_agree_with_other_libraries(town: tuple[ProgramTable, Solids]) -> None:
    table, solids = town
    facts = building_facts(solids)
    outlines = building_outlines(solids)
    facets = roof_facets(solids)
    assert shapely.is_valid(outlines).all()
    assert np.allclose(shapely.area(outlines), facts["ground_area"])
    assert np.allclose(shapely.area(facets.geometry), facets.plan_area_m2)
    for row in range(0, len(solids), 7):
        solid = solids[row]
        body = solid.to_trimesh()
        assert facts["volume"][row] == pytest.approx(body.volume, rel=1e-9)
        assert facts["height"][row] == pytest.approx(np.ptp(body.vertices[:, 2]))
        assert facts["ground_z"][row] == pytest.approx(float(table.ground_z[row]), abs=0.001)
        own = facets.building == row
        roofs = solid.area(Label.ROOF, Label.DORMER_ROOF)
        assert facets.area_m2[own].sum() == pytest.approx(facts["roof_area"][row])
        # Corners on the grid leave their plane by up to a millimetre or two.
        assert roofs == pytest.approx(facts["roof_area"][row], rel=1e-3)
        # Each facet lies in the plane that its slope and azimuth say.
        for shape, slope, azimuth in zip(
            facets.geometry[own], facets.slope_deg[own], facets.azimuth_deg[own], strict=True
        ):
            xyz = shapely.get_coordinates(shape, include_z=True)
            fall = np.array([np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))])
            grade = 0.0 if np.isnan(azimuth) else np.tan(np.radians(slope))
            height = xyz[:, 2] + grade * (xyz[:, :2] @ np.nan_to_num(fall))
            assert np.ptp(height) < 0.01 + 0.01 * np.ptp(xyz[:, :2])


def test_no_solid_no_figures() -> None:
    flat = Part(shell=[(0, 0), (9, 0), (9, 5)], eave_height=3.0, roof=Flat())
    table = ProgramTable.from_programs([Program(id="a", parts=[flat]), Program(id="b", parts=[flat])])
    table.eave[0] = -5.0
    solids = mesh(table, on_error="record")
    facts = building_facts(solids)
    assert [np.isnan(facts[name][0]) for name in FACTS] == [True] * len(FACTS)
    assert facts["volume"][1] == pytest.approx(67.5)
    assert building_outlines(solids)[0].is_empty
    assert facts_columns(facts)["model_height"] == [None, 3.0]
    with pytest.raises(InputError, match="polygons"):
        roof_facets(mesh(table, on_error="record", polygons=False))
    assert len(roof_facets(mesh(ProgramTable.empty())).geometry) == 0


def write_tables(folder: Path, batches: list[ProgramTable]) -> dict[str, Path]:
    types = attribute_types([row for table in batches for row in table.attributes])
    columns: dict[str, Any] = {"id": "text", **column_types(types, fits=True)}
    paths = {"buildings": folder / "buildings.parquet", "roof_facets": folder / "facets.parquet"}
    with (
        open_geotable(paths["buildings"], columns, crs="EPSG:28992") as buildings,
        open_geotable(
            paths["roof_facets"], {"building": "text", "slope": "float"}, crs="EPSG:28992"
        ) as facets,
    ):
        for table in batches:
            solids = mesh(table)
            fits = [Fit(name, kind="flat", confidence=0.5) for name in table.ids]
            found = (
                building_columns(table, types) | facts_columns(building_facts(solids)) | fits_columns(fits)
            )
            buildings.write(building_outlines(solids), {"id": table.ids, **found})
            roofs = roof_facets(solids)
            ids = np.array(table.ids, object)[roofs.building]
            facets.write(roofs.geometry, {"building": ids, "slope": roofs.slope_deg})
    return paths


def test_every_table_reads_back(town: tuple[ProgramTable, Solids], tmp_path: Path) -> None:
    table, _ = town
    paths = write_tables(tmp_path, [table[:40], table[40:]])
    write_geopackage(tmp_path / "town.gpkg", paths)
    write_flatgeobuf(tmp_path / "town.fgb", paths["buildings"])
    frames = {
        "parquet": geopandas.read_parquet(paths["buildings"]),
        "gpkg": geopandas.read_file(tmp_path / "town.gpkg", layer="buildings"),
        "fgb": geopandas.read_file(tmp_path / "town.fgb"),
    }
    for name, frame in frames.items():
        assert frame["id"].tolist() == table.ids, name
        assert frame.crs.to_epsg() == 28992, name
        assert frame["levels"].tolist() == [row["levels"] for row in table.attributes], name
        assert (frame.geometry.area - frame["model_ground_area"]).abs().max() < 0.001, name
    layers = dict(pyogrio.list_layers(tmp_path / "town.gpkg").tolist())
    assert layers == {"buildings": "MultiPolygon", "roof_facets": "Polygon Z"}
    facets = geopandas.read_file(tmp_path / "town.gpkg", layer="roof_facets")
    assert facets.has_z.all()
    assert set(facets["building"]) == set(table.ids)
    about = json.loads(pq.read_metadata(paths["buildings"]).metadata[b"geo"])["columns"]["geometry"]
    assert np.allclose(about["bbox"], frames["parquet"].total_bounds)
    # The same content has the same bytes, whenever it is written.
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_geopackage(tmp_path / "town.gpkg", write_tables(tmp_path, [table[:40], table[40:]]))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_awkward_attributes_survive(tmp_path: Path) -> None:
    part = Part(shell=[(0, 0), (9, 0), (9, 5)], eave_height=3.0, roof=Flat())
    programs = [
        Program(
            id=str(row),
            parts=[part],
            attributes={k: v for k, v in item.items() if k != "nan" and not isinstance(v, list)},
        )
        for row, item in enumerate(WEIRD)
    ]
    types = attribute_types(WEIRD)
    assert types["mixed"] == types["list"] == types["big"] == types["nan"] == "text"
    assert types["half"] == "float"
    assert types["ok"] == "bool"
    assert types["year"] == "int"
    paths = write_tables(tmp_path, [ProgramTable.from_programs([program]) for program in programs])
    frame = geopandas.read_parquet(paths["buildings"])
    assert frame["name"].tolist() == [row["name"] for row in WEIRD]
    assert frame["roof_kind"].tolist() == ["flat"] * 3
    assert frame["roof_kind_given"].tolist()[0] == "thatch"
    assert frame["geometry_given"].tolist()[2] == "yes"
    assert frame["model_height"].tolist() == [3.0] * 3
    assert frame["mixed"].tolist()[:2] == ["1", "x"]
    assert frame["big"].tolist()[0] == str(2**70)
