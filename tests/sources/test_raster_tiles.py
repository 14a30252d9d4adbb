"""Image tiles as they are served: folders and MBTiles read as the raster they were cut from."""

from __future__ import annotations

import io
import json
import math
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from geovision.errors import InputError
from geovision.sources import Bounds, Scene, open_scene
from geovision.sources.raster_info import Cut
from tests.rasters import smooth

ZOOM, LEFT, TOP, SIZE = 18, 134_200, 86_600, 256
COLUMNS, ROWS = 3, 2
WORLD = 2 * math.pi * 6378137.0
CELL = WORLD / (SIZE << ZOOM)
WEB = Bounds(
    LEFT * SIZE * CELL - WORLD / 2,
    WORLD / 2 - (TOP + ROWS) * SIZE * CELL,
    (LEFT + COLUMNS) * SIZE * CELL - WORLD / 2,
    WORLD / 2 - TOP * SIZE * CELL,
)


def picture() -> NDArray[np.uint8]:
    return np.asarray(smooth(ROWS * SIZE, COLUMNS * SIZE, 3) * 255, np.uint8)


def encoded(column: int, row: int, kind: str = "PNG") -> bytes:
    tile = picture()[:, row * SIZE : (row + 1) * SIZE, column * SIZE : (column + 1) * SIZE]
    out = io.BytesIO()
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    Image.fromarray(np.ascontiguousarray(np.moveaxis(tile, 0, -1))).save(out, kind, **options)
    return out.getvalue()


def folder(
    path: Path, kind: str = "PNG", *, south: bool = False, missing: tuple[int, int] | None = None
) -> Path:
    suffix = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}[kind]
    for column in range(COLUMNS):
        for row in range(ROWS):
            if (column, row) == missing:
                continue
            number = TOP + row
            number = (1 << ZOOM) - 1 - number if south else number
            place = path / str(ZOOM) / str(LEFT + column) / f"{number}.{suffix}"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(encoded(column, row, kind))
    (path / "17" / "67100").mkdir(parents=True)
    (path / "17" / "67100" / "43300.png").write_bytes(encoded(0, 0))
    if south:
        (path / "metadata.json").write_text(json.dumps({"scheme": "tms"}))
    return path


def mbtiles(path: Path, kind: str = "png") -> Path:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE metadata (name text, value text)")
        db.execute("CREATE TABLE tiles (zoom_level int, tile_column int, tile_row int, tile_data blob)")
        db.execute("INSERT INTO metadata VALUES ('format', ?)", (kind,))
        for column in range(COLUMNS):
            for row in range(ROWS):
                values = (ZOOM, LEFT + column, (1 << ZOOM) - 1 - TOP - row, encoded(column, row))
                db.execute("INSERT INTO tiles VALUES (?, ?, ?, ?)", values)
    db.close()
    return path


def stored(scene: Scene) -> NDArray[np.uint8]:
    """The pixels before anything is carried into the CRS of the scene."""
    data, _ = scene.layers["image"].pieces[0].sheet.read(Cut(0, 0, COLUMNS * SIZE, ROWS * SIZE), (0, 1, 2))
    return np.asarray(data, np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("south", [False, True])
def test_a_folder_of_tiles_is_one_image(tmp_path: Path, kind: str, south: bool) -> None:
    scene = open_scene(image=folder(tmp_path, kind, south=south))
    info = scene.layers["image"].pieces[0].sheet.info
    assert (info.width, info.height) == (COLUMNS * SIZE, ROWS * SIZE)
    np.testing.assert_allclose(info.bounds, WEB, atol=1e-6)
    off = np.abs(stored(scene).astype(int) - picture())
    assert off.max() <= (30 if kind == "JPEG" else 0)
    assert scene.crs.to_epsg() == 32631
    assert any(f"rows from the {'south' if south else 'north'}" in note for note in scene.notes)
    window = scene.window("image", scene.bounds)
    assert 0.9 < window.coverage < 1.0
    again = open_scene(tmp_path)
    assert again.roles == ("image",)


def test_mbtiles_read_the_same(tmp_path: Path) -> None:
    one = open_scene(image=mbtiles(tmp_path / "ortho.mbtiles"))
    np.testing.assert_array_equal(stored(one), picture())
    two = open_scene(image=folder(tmp_path / "tiles"))
    np.testing.assert_array_equal(one.window("image", one.bounds).data, two.window("image", one.bounds).data)


def test_a_missing_tile_is_nodata(tmp_path: Path) -> None:
    scene = open_scene(image=folder(tmp_path, missing=(1, 0)))
    _, valid = scene.layers["image"].pieces[0].sheet.read(Cut(0, 0, COLUMNS * SIZE, ROWS * SIZE), (0,))
    assert valid is not None
    expected = np.ones((ROWS * SIZE, COLUMNS * SIZE), bool)
    expected[:SIZE, SIZE : 2 * SIZE] = False
    np.testing.assert_array_equal(valid, expected)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no whole PNG"),
        (b"<html>", "no whole PNG"),
        (encoded(0, 0)[:700], "no whole PNG"),
        (b"GIF89a" + bytes(50), "no whole PNG"),
    ],
)
def test_a_bad_tile_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = folder(tmp_path)
    bad = path / str(ZOOM) / str(LEFT + 2) / f"{TOP + 1}.png"
    bad.write_bytes(content)
    scene = open_scene(image=path)
    with pytest.raises(InputError, match=f"tile {ZOOM}/{LEFT + 2}/{TOP + 1} of .*{words}"):
        scene.window("image", scene.bounds)


def test_tiles_of_other_sizes_and_too_many_pixels_are_refused(tmp_path: Path) -> None:
    path = folder(tmp_path)
    with pytest.raises(InputError, match="pixels"):
        open_scene(image=path, limits={"pixels": 1000})
    Image.new("RGB", (512, 512)).save(path / str(ZOOM) / str(LEFT + 1) / f"{TOP}.png")
    scene = open_scene(image=path)
    with pytest.raises(InputError, match="is 512 x 512 pixels, not 256"):
        scene.window("image", scene.bounds)


def test_what_is_no_mbtiles(tmp_path: Path) -> None:
    path = tmp_path / "a.mbtiles"
    path.write_bytes(b"<html>")
    with pytest.raises(InputError, match="not MBTiles"):
        open_scene(image=path)
    sqlite3.connect(tmp_path / "b.mbtiles").execute("CREATE TABLE x (y)").connection.close()
    with pytest.raises(InputError, match="cannot be read as MBTiles"):
        open_scene(image=tmp_path / "b.mbtiles")
    with pytest.raises(InputError, match="vector tiles"):
        open_scene(image=mbtiles(tmp_path / "c.mbtiles", "pbf"))
