"""Vector layers as rasters for networks: shares of pixels, widths of roads, other CRS, and refusals."""

from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from geovision.errors import InputError, UsageError
from geovision.sources.hints import ROAD_M, VectorHint, hint_from_frame, read_hint
from geovision.sources.raster_info import Cut
from geovision.sources.resample import PixelGrid

RD = "EPSG:28992"
GRID = PixelGrid(85000.0, 446020.0, 0.5)
CUT = Cut(0, 0, 80, 40)


def frame(*shapes: object, crs: str = RD, **columns: object) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def test_shares_are_areas() -> None:
    house = shapely.affinity.rotate(shapely.box(85010, 446005, 85022, 446013), 20)
    drawn = VectorHint(np.array([house]))(GRID, CUT)
    assert drawn.shape == (40, 80)
    assert drawn.sum() * 0.25 == pytest.approx(house.area, rel=0.01)
    assert 0 < drawn[(drawn > 0) & (drawn < 1)].size < 200


def test_a_cut_is_a_part_of_the_whole() -> None:
    hint = VectorHint(np.array([shapely.Point(85020, 446010).buffer(7)]))
    whole = hint(GRID, CUT)
    part = hint(GRID, Cut(10, 5, 30, 20))
    assert (part == whole[5:25, 10:40]).all()
    assert not hint(GRID, Cut(5000, 0, 8, 8)).any()


def test_roads_have_their_width() -> None:
    line = shapely.LineString([(84990, 446010), (85060, 446010)])
    assert hint_from_frame(frame(line), "roads", target_crs=RD)(GRID, CUT).sum() * 0.5 / 80 == pytest.approx(
        ROAD_M, rel=0.05
    )
    wide = hint_from_frame(frame(line, width=["9"]), "roads", target_crs=RD)(GRID, CUT)
    assert wide.sum() * 0.5 / 80 == pytest.approx(9, rel=0.05)


def test_another_crs_is_carried_over(tmp_path: Path) -> None:
    house = shapely.box(85010, 446005, 85022, 446013)
    path = tmp_path / "old.gpkg"
    frame(house).to_crs("EPSG:4326").to_file(path)
    drawn = read_hint(path, "footprints", target_crs=RD)(GRID, CUT)
    assert drawn.sum() * 0.25 == pytest.approx(house.area, rel=0.02)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'rivers'"):
        hint_from_frame(frame(shapely.box(0, 0, 1, 1)), "rivers", target_crs=RD)
    with pytest.raises(InputError, match="holds Point"):
        hint_from_frame(frame(shapely.Point(85000, 446000)), "roads", target_crs=RD)
    with pytest.raises(InputError, match="no such file"):
        read_hint(tmp_path / "none.gpkg", "roads", target_crs=RD)
    (tmp_path / "roads.txt").write_text("")
    with pytest.raises(InputError, match="suffix"):
        read_hint(tmp_path / "roads.txt", "roads", target_crs=RD)


def test_an_empty_layer_hints_at_nothing() -> None:
    empty = geopandas.GeoDataFrame(geometry=[], crs=RD)
    assert not hint_from_frame(empty, "roads", target_crs=RD)(GRID, CUT).any()
