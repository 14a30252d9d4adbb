"""The height system of a scene: from files where they say so and agree, else from the caller, else none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geovision.errors import InputError
from geovision.formats.points import write_points
from geovision.pipeline.build_to import build_to
from geovision.sources import open_scene
from geovision.sources.height_system import compound_name, stated_heights
from tests.formats.test_atlas import AT, heights_over, houses, write_image


def scene_of(folder: Path, points: str | None, dtm: str | None) -> Any:
    sources: dict[str, Any] = {}
    if points is not None:
        write_points(folder / "p.laz", heights_over(houses()), crs=points)
        sources["points"] = folder / "p.laz"
    if dtm is not None:
        bounds = (AT[0] - 20, AT[1] - 20, AT[0] + 80, AT[1] + 40)
        heights = np.full((1, 60, 100), 2.0, np.float32)
        sources["dtm"] = write_image(folder / "dtm.tif", heights, dtm, bounds)
    return open_scene(footprints=houses(), **sources)


@pytest.mark.parametrize(
    ("points", "dtm", "system"),
    [
        ("EPSG:7415", None, "EPSG:5709"),
        ("EPSG:28992", None, None),
        ("EPSG:28992", "EPSG:7415", "EPSG:5709"),
        ("EPSG:28992+5773", "EPSG:7415", None),  # EGM96 and NAP
    ],
)
def test_what_files_state(tmp_path: Path, points: str | None, dtm: str | None, system: str | None) -> None:
    found = stated_heights(scene_of(tmp_path, points, dtm))
    assert (found and ":".join(found.to_authority())) == system


def test_names() -> None:
    assert compound_name("EPSG:28992", None) == "EPSG:28992"
    assert compound_name(None, "EPSG:5709") is None
    with pytest.raises(InputError, match="no height system in metres"):
        compound_name("EPSG:28992", "EPSG:28992")
    with pytest.raises(InputError, match="no height system in metres"):
        compound_name("EPSG:2263", "EPSG:6360")  # feet


@pytest.mark.parametrize(
    ("points", "given", "code"),
    [("EPSG:7415", None, 7415), ("EPSG:28992", "EPSG:5709", 7415), ("EPSG:28992", None, 28992)],
)
def test_it_reaches_the_files(tmp_path: Path, points: str, given: str | None, code: int) -> None:
    scene = scene_of(tmp_path, points, None)
    summary = build_to(scene, tmp_path / "town", formats=["cityjson", "3dtiles"], heights=given)
    document = json.loads((tmp_path / "town" / "buildings.city.json").read_text())
    assert document["metadata"]["referenceSystem"] == f"https://www.opengis.net/def/crs/EPSG/0/{code}"
    assert document["transform"]["scale"] == [0.001] * 3
    assert summary.crs == "EPSG:28992"
    tileset = json.loads((tmp_path / "town" / "tiles" / "buildings" / "tileset.json").read_text())
    source = tileset["asset"]["extras"]["height"]["source"]
    assert source == ("NAP height" if code == 7415 else "not stated")
