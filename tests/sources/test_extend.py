"""Scenes with something added: outlines that were found, heights, ground that nobody measured."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from geovision.sources import Footprints, Raster, open_scene
from geovision.sources.extend import with_footprints, with_ground, with_heights
from geovision.sources.footprint_set import polygon_arrays

RD = "EPSG:28992"
PLACE = (0.5, 0.0, 85000.0, 0.0, -0.5, 446060.0)


def surface() -> NDArray[np.float32]:
    """A slope with a house of 12 x 10 m on it."""
    _, x = np.mgrid[:120, :160] * 0.5
    z = (10 + 0.05 * x).astype(np.float32)
    z[40:60, 60:84] += 6
    return np.asarray(z)


def footprints(*shapes: object, ids: list[str]) -> Footprints:
    rings, vertices, xy = polygon_arrays(np.array(shapes, object))
    return Footprints(ids, rings, vertices, xy, RD, [{"confidence": 0.9} for _ in ids])


def test_ground_is_estimated_where_there_is_a_surface_alone() -> None:
    scene = open_scene(dsm=Raster(surface(), PLACE, RD))
    assert not scene.can_read("ndsm")
    grown = with_ground(scene)
    assert any("no ground was given" in note for note in grown.notes)
    heights = grown.window("ndsm", grown.bounds).data[0]
    assert np.nanmedian(heights[42:58, 62:82]) == pytest.approx(6, abs=0.3)
    away = np.abs(heights[70:, :])
    assert np.nanquantile(away, 0.95) < 0.2


def test_ground_that_is_known_is_left_alone() -> None:
    scene = open_scene(dsm=Raster(surface(), PLACE, RD), dtm=Raster(surface() * 0 + 10, PLACE, RD))
    assert with_ground(scene) is scene
    only = open_scene(ndsm=Raster(surface() - 10, PLACE, RD))
    assert with_ground(only) is only


def test_outlines_join_a_scene_as_if_they_were_given() -> None:
    scene = open_scene(dsm=Raster(surface(), PLACE, RD))
    assert not scene.has_footprints
    left, right = shapely.box(85030, 446030, 85036, 446040), shapely.box(85036, 446030, 85042, 446040)
    found = with_footprints(scene, footprints(left, right, ids=["a", "b"]), ("found by a test",))
    assert found.footprints.ids == ["a", "b"]
    assert found.notes[-1] == "found by a test"
    assert found.footprints.neighbours(0) == [1]
    items = list(found.evidence(images=False))
    assert [item.id for item in items] == ["a", "b"]
    assert items[0].attributes["confidence"] == 0.9
    assert not scene.has_footprints


def test_a_scene_that_was_added_to_travels_to_workers() -> None:
    scene = open_scene(dsm=Raster(surface(), PLACE, RD), target_crs=RD)
    box = shapely.box(85030, 446030, 85036, 446040)
    grown = with_footprints(with_ground(scene), footprints(box, ids=["a"]))
    again = pickle.loads(pickle.dumps(grown))
    assert again.footprints.ids == ["a"]
    first, second = (one.window("ndsm", grown.bounds).data for one in (grown, again))
    np.testing.assert_array_equal(first, second)


def test_heights_from_a_file(tmp_path: Path) -> None:
    from tests.rasters import write_tif

    path = write_tif(tmp_path / "ndsm.tif", surface() - 10, PLACE)
    scene = open_scene(image=Raster(np.full((3, 120, 160), 90, np.uint8), PLACE, RD))
    assert not scene.can_read("ndsm")
    grown = with_heights(scene, "ndsm", path)
    np.testing.assert_allclose(grown.window("ndsm", grown.bounds).data[0], surface() - 10)
