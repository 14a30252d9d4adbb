"""Oblique pictures: labels agree with the geometry that they show."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geovision.errors import UsageError
from geovision.mesh import OPENINGS, SceneLabel
from geovision.model import Flat, Part, Program
from geovision.model.labels import Label
from geovision.pipeline.facades import dress
from geovision.pipeline.oblique import ObliqueCamera, draw_oblique, solid_soup
from geovision.pipeline.synth_to import synth_to


def test_a_pixel_shows_what_is_on_its_ray() -> None:
    part = Part(shell=[(0, 0), (12, 0), (12, 9), (0, 9)], eave_height=8.0, roof=Flat())
    dressed = dress(Program(id="a", parts=[part], facade={"style": "slab_1960s"}))
    camera = ObliqueCamera((6.0, -30.0, 12.0), (6.0, 4.5, 4.0), width=400, height=300)
    view = draw_oblique(solid_soup(dressed.solids), camera, threads=1)
    wall = np.argwhere(np.isin(view.label, (Label.WALL, Label.WINDOW, Label.FRAME)))
    assert len(wall) > 5000
    assert {Label.ROOF, Label.WALL, Label.WINDOW, SceneLabel.NOTHING} <= set(view.label.ravel().tolist())
    # Where the rays end, told by the depth, is on the south wall or in its recesses.
    right, up, forward = camera.axes()
    for row, column in wall[:: len(wall) // 200].tolist():
        x, y = (column + 0.5 - 200) / camera.focal_px, (150 - row - 0.5) / camera.focal_px
        place = np.array(camera.eye) + float(view.depth[row, column]) * (forward + x * right + y * up)
        assert -0.05 < place[0] < 12.05
        assert -0.01 < place[1] < 0.5
        assert -0.01 < place[2] < 8.01
    elements = dressed.elements
    panes = view.element[view.label == Label.WINDOW]
    assert np.isin(elements.kind[elements.building_offsets[0] + panes], OPENINGS).all()
    assert view.building[view.label == Label.WINDOW].tolist() == [0] * len(panes)
    # Seen from the other side it is another wall, and the sun lights only one of the two.
    bright, dark = (
        draw_oblique(solid_soup(dressed.solids), camera, sun_azimuth_deg=azimuth).image
        for azimuth in (180, 0)
    )
    lit = view.label == Label.WALL
    assert bright[lit].mean() > 1.3 * dark[lit].mean()


@pytest.mark.parametrize(
    "camera", [((0.0, 0.0, 9.0), (0.0, 0.0, 1.0), 64), ((0.0, 5.0, 9.0), (0.0, 0.0, 1.0), 0)]
)
def test_cameras_that_see_nothing_are_refused(
    camera: tuple[tuple[float, float, float], tuple[float, float, float], int],
) -> None:
    part = Part(shell=[(0, 0), (12, 0), (12, 9), (0, 9)], eave_height=8.0, roof=Flat())
    soup = solid_soup(dress(Program(id="a", parts=[part])).solids)
    with pytest.raises(UsageError):
        draw_oblique(soup, ObliqueCamera(camera[0], camera[1], width=camera[2]))


def test_pictures_of_a_scene_lie_in_its_folder_and_do_not_depend_on_threads(tmp_path: Path) -> None:
    area = (155_000.0, 463_000.0, 90.0, 80.0)
    digests = []
    for threads in (1, 2):
        out = tmp_path / str(threads)
        summary = synth_to(
            out, area=area, seed=3, layers=(), oblique=1, preview=False, crs="EPSG:28992", threads=threads
        )
        assert "oblique/000.png" in summary.files
        made = [out / name for name in summary.files if "oblique" in name]
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in made])
    assert digests[0] == digests[1]
    folder = tmp_path / "1" / "oblique"
    labels, numbers, image = (
        np.asarray(Image.open(folder / f"000{kind}.png")) for kind in (".labels", ".openings", "")
    )
    facts = json.loads((folder / "000.json").read_text())
    assert image.shape == (*labels.shape, 3) == (768, 1024, 3)
    assert set(np.unique(labels)) <= set(facts["labels"].values())
    listed = {item["number"]: item["pixels"] for item in facts["openings"]}
    found = dict(zip(*np.unique(numbers[numbers > 0], return_counts=True), strict=True))
    assert {int(k): int(v) for k, v in found.items()} == listed
    assert len(listed) > 3
    assert (numbers[labels == Label.WINDOW] > 0).all()
