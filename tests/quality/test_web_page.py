"""The page that shows buildings: everything in it, nothing from elsewhere, and a browser that draws it."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import re
import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import geovision
from geovision.errors import InputError
from geovision.mesh import Solids, mesh
from geovision.model import Flat, Gabled, Part, Program, ProgramTable
from geovision.quality.web_page import Ground, Photo, web_page, write_web_page
from tests.node_judges import node_environment, node_modules

PUPPETEER = "puppeteer-core@24.31.0"
SCRIPT = (Path(__file__).parent / "web_page.cjs").read_text(encoding="utf-8")
AT = np.array([85_000.0, 446_000.0, 2.0])


class Reader(html.parser.HTMLParser):
    """The texts of the scripts, and what the page would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.fetched: list[str] = []
        self._within = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag == "script"
        if self._within:
            self.scripts.append("")
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        self._within = False

    def handle_data(self, data: str) -> None:
        if self._within:
            self.scripts[-1] += data


def data_of(text: str) -> dict[str, Any]:
    reader = Reader(text)
    assert len(reader.scripts) == 2
    assert not reader.fetched
    found: dict[str, Any] = json.loads(reader.scripts[0])
    return found


def unpacked(text: str, dtype: str) -> NDArray[Any]:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype)


@pytest.fixture(scope="module")
def town() -> tuple[ProgramTable, Solids]:
    table = geovision.generate(area=(AT[0], AT[1], 160, 120), seed=4)
    return table, mesh(table)


def test_the_page_holds_the_very_solids(town: tuple[ProgramTable, Solids]) -> None:
    table, solids = town
    blocks = mesh(table, lod="1.2")
    data = data_of(
        web_page({"LoD 2.2": solids, "LoD 1.2": blocks}, columns={"roof_kind": ["flat"] * len(table)})
    )
    assert data["ids"] == table.ids
    for level, expected in zip(data["levels"], (solids, blocks), strict=True):
        corners = unpacked(level["vertices"], "<i4").reshape(-1, 3) * level["step"]
        triangles = unpacked(level["triangles"], "<u4").reshape(-1, 3)
        labels, cuts = unpacked(level["labels"], "u1"), unpacked(level["cuts"], "<u4")
        middle = expected[0].vertices[0] - corners[0]
        assert np.allclose(middle, middle.round(), atol=1e-6)
        for row in range(0, len(table), 5):
            own = slice(cuts[row], cuts[row + 1])
            ours = corners[triangles[own]] + middle
            assert np.allclose(ours, expected[row].vertices[expected[row].triangles], atol=1e-6)
            assert (labels[own] == expected[row].triangle_labels).all()


def test_edges_are_where_surfaces_meet() -> None:
    part = Part(shell=[(0, 0), (9, 0), (9, 6), (0, 6)], eave_height=3.0, roof=Gabled(ridge_height=5.0))
    (level,) = data_of(web_page({"2.2": mesh(Program(id="a", parts=[part]))}))["levels"]
    # Six pieces at the ground (with a corner under each end of the ridge), four upright, the ridge, two
    # eaves, four verges; none in the middle of the gable walls.
    assert len(unpacked(level["edges"], "<u4").reshape(-1, 2)) == 17


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    part = Part(shell=[(0, 0), (9, 0), (9, 6), (0, 6)], eave_height=3.0, roof=Flat())
    name = "</script><script>alert(1)</script>🏠\u2028"
    solids = mesh(ProgramTable.from_programs([Program(id=name, parts=[part])]))
    columns: dict[str, list[Any]] = {"note": ["<!--<script>"], "none": [float("nan")], "list": [[1]]}
    text = web_page({"2.2": solids}, columns=columns, title='<b>"a" & b</b>')
    data = data_of(text)
    assert data["ids"] == [name]
    assert data["columns"] == {"note": ["<!--<script>"], "none": [None], "list": ["[1]"]}
    assert "<b>" not in text
    assert not re.search(r"https?://", text)
    # The one script that may run is the page's own, by its hash.
    script = Reader(text).scripts[1]
    known = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; script-src 'sha256-{known}'; " in text


def test_nothing_to_show_is_a_page_too() -> None:
    empty = mesh(ProgramTable.empty())
    assert data_of(web_page({"2.2": empty}))["count"] == 0
    heights = np.full((3, 4), 5.0, np.float32)
    assert data_of(web_page({"2.2": empty}, ground=Ground(heights, 0.0, 10.0, 2.0)))["terrain"]["rows"] == 3
    part = Part(shell=[(0, 0), (9, 0), (9, 6)], eave_height=3.0, roof=Flat())
    levels = {"2.2": empty, "1.2": mesh(Program(id="a", parts=[part]))}
    with pytest.raises(InputError, match="different buildings"):
        web_page(levels)


def picture(path: Path) -> NDArray[np.float64]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.float64)


def test_a_browser_draws_it(town: tuple[ProgramTable, Solids], tmp_path: Path) -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("there is no Chromium here to open the page in")
    modules = node_modules(PUPPETEER)
    count = len(town[0])
    hostile = [f"<script>alert({row})</script><img src=x onerror=alert(1)>" for row in range(count)]
    programs = [town[0][row].model_copy(update={"id": name}) for row, name in enumerate(hostile)]
    table = ProgramTable.from_programs(programs)
    solids = mesh(table)
    rng = np.random.default_rng(0)
    pixels = np.zeros((120, 160, 3), np.uint8)
    pixels[...] = (30, 60, 200)
    points = AT + rng.uniform((0, 0, -2), (160, 120, 12), (50_000, 3))
    write_web_page(
        tmp_path / "index.html",
        {"LoD 2.2": solids, "LoD 1.2": mesh(table, lod="1.2")},
        columns={"roof_kind": ["flat"] * len(table), "height": [3.5] * len(table), "<b>note</b>": hostile},
        title=hostile[0],
        subtitle=hostile[1],
        ground=Ground(np.zeros((121, 161), np.float32), AT[0], AT[1] + 120, 1.0),
        photo=Photo(pixels, (AT[0], AT[1], AT[0] + 160, AT[1] + 120)),
        points=points,
    )
    done = subprocess.run(
        ["node", "-e", SCRIPT, chromium, (tmp_path / "index.html").as_uri(), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=node_environment(modules),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["log"] == []
    assert found["picked"] in table.ids
    assert found["facts"] > 1
    assert found["colours"] == ["roof kind", "surface", "photo", "height"]
    model, cloud, photo = (picture(tmp_path / f"{name}.png") for name in ("model", "points", "photo"))
    sky = np.array([222, 230, 237])
    assert (np.abs(model - sky).max(axis=2) > 40).mean() > 0.2
    assert (np.abs(model - cloud).max(axis=2) > 40).mean() > 0.05
    blue = (photo[..., 2] > photo[..., 0] + 60) & (photo[..., 2] > photo[..., 1] + 40)
    assert blue.mean() > 0.1
