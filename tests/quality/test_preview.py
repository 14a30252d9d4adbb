from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geovision import _kernel
from geovision.errors import InputError, UsageError
from geovision.formats.materials import LABEL_COLOURS
from geovision.formats.meshes import triangle_soup
from geovision.model.labels import Label
from geovision.quality.preview import preview_image, preview_png
from tests.helpers_solids import solids_of, village

ROOT = Path(__file__).resolve().parents[2]


def test_top_heights_are_the_roofs() -> None:
    solids = village(1)  # a box of 7.123 x 9.456 m, 4.321 m high
    soup = triangle_soup(solids)
    z, face = _kernel.rasterize_top(soup.vertices, soup.triangles, -1.0, 11.0, 0.05, 200, 240)
    inside = face >= 0
    assert np.allclose(z[inside], 4.321, atol=1e-6)
    assert np.isnan(z[~inside]).all()
    assert set(soup.labels[face[inside]].tolist()) == {int(Label.ROOF)}
    assert abs(inside.sum() * 0.05**2 - 7.123 * 9.456) < 0.3


def test_pictures_are_the_same_on_any_number_of_threads() -> None:
    pictures = [preview_image(village(9), size=(320, 200), threads=n) for n in (1, 2, 8)]
    assert np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0], pictures[2])


def test_png_shows_red_roofs_on_green_ground(tmp_path: Path) -> None:
    path = tmp_path / "preview.png"
    preview_png(path, village(12), size=(300, 200))
    picture = np.asarray(Image.open(path)).astype(int)
    assert picture.shape == (200, 300, 3)
    red = (picture[..., 0] - picture[..., 2] > 60).mean()
    assert 0.03 < red < 0.5
    corner = picture[0, 0]
    assert corner[1] >= corner[0] > corner[2]


def test_roofs_take_the_colour_of_their_kind() -> None:
    solids = village(2)
    flat, hipped = (
        preview_image(solids, size=(64, 64), view="top", color_by="roof_kind", roof_kinds=[k, k])
        for k in (0, 4)
    )
    assert hipped[..., 2].astype(int).sum() - hipped[..., 0].astype(int).sum() > 0
    assert not np.array_equal(flat, hipped)
    with pytest.raises(InputError, match="needs 2 roof kinds"):
        preview_image(solids, color_by="roof_kind", roof_kinds=[1])
    with pytest.raises(UsageError, match="no view"):
        preview_image(solids, view="sideways")  # type: ignore[arg-type]


def test_nothing_gives_the_background() -> None:
    picture = preview_image(solids_of([], np.empty((0, 3))), size=(20, 10))
    assert picture.shape == (10, 20, 3)
    assert np.ptp(picture.reshape(-1, 3), axis=0).tolist() == [0, 0, 0]


def test_every_label_has_a_colour() -> None:
    assert set(LABEL_COLOURS) == set(Label)


_INTERRUPTED = """
import os, signal, threading, time
from geovision.quality.preview import preview_image
from tests.helpers_solids import village
solids = village(30)
preview_image(solids, size=(8, 8))
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
begin = time.perf_counter()
try:
    preview_image(solids, size=(2500, 2500), supersample=2, threads=2)
    print("finished")
except KeyboardInterrupt:
    print("stopped", time.perf_counter() - begin)
"""


def test_ctrl_c_stops_a_long_picture() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=ROOT,
    )
    word, seconds = done.stdout.split()
    assert word == "stopped"
    # 0.3 s until the signal, 0.5 s to obey it, and the rest for a busy machine.
    assert float(seconds) < 3.0
