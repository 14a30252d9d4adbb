"""Cloud-optimised files: what GDAL reads back, their layout, and that a resumed one is the same bytes."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from geovision.errors import InputError, OutputError
from geovision.formats import cog
from geovision.formats.cog import CogWriter, Layout, halved, work_folder
from geovision.formats.tiff_parts import TILE, directories

PLACE = (0.5, 0.0, 85000.0, 0.0, -0.5, 446000.0)


def layout(bands: int = 3, dtype: str = "uint8", **more: Any) -> Layout:
    names = tuple(f"band {number}" for number in range(bands))
    return Layout(bands, dtype, PLACE, "EPSG:28992", names, **more)


def waves(rows: int, columns: int, bands: int = 3) -> NDArray[np.uint8]:
    y, x = np.mgrid[:rows, :columns]
    return np.stack([(127 + 120 * np.sin(x / (9 + band) + y / 13)) for band in range(bands)]).astype(np.uint8)


def write(path: Path, pixels: Any, valid: Any, steps: int = 300, **more: Any) -> None:
    writer = CogWriter(
        work_folder(path),
        layout(len(pixels), str(pixels.dtype), **more),
        pixels.shape[1],
        pixels.shape[2],
        "key",
    )
    for row in range(writer.rows_done, pixels.shape[1], steps):
        rows = slice(row, row + steps)
        writer.write(pixels[:, rows], None if valid is None else valid[rows])
    writer.publish(path)


@pytest.mark.parametrize("shape", [(1, 1), (512, 512), (513, 700), (1500, 1301), (40, 2100), (2600, 30)])
@pytest.mark.parametrize("masked", [True, False])
def test_gdal_reads_what_was_written(tmp_path: Path, shape: tuple[int, int], masked: bool) -> None:
    pixels = waves(*shape)
    valid = np.ones(shape, np.bool_)
    valid[shape[0] // 3 : shape[0] // 2, : shape[1] // 2] = False
    pixels[:, ~valid] = 0
    path = tmp_path / "a.tif"
    write(path, pixels, valid if masked else None)
    assert [item.name for item in tmp_path.iterdir()] == ["a.tif"]
    with rasterio.open(path, driver="GTiff") as file:
        assert file.crs.to_epsg() == 28992
        assert tuple(file.transform)[:6] == PLACE
        assert file.descriptions == ("band 0", "band 1", "band 2")
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        np.testing.assert_array_equal(file.read(), pixels)
        want = valid if masked else np.ones(shape, np.bool_)
        np.testing.assert_array_equal(file.dataset_mask() > 0, want)
        factors = file.overviews(1)
    assert factors == [2 ** (n + 1) for n in range(len(factors))]
    level: tuple[Any, Any] = (pixels, valid if masked else None)
    for number in range(len(factors)):
        level = halved(*level)
        with rasterio.open(path, driver="GTiff", OVERVIEW_LEVEL=number) as file:
            np.testing.assert_array_equal(file.read(), level[0])
            if masked:
                np.testing.assert_array_equal(file.dataset_mask() > 0, level[1])
    if factors:
        assert max(level[0].shape[1:]) <= TILE


def test_directories_come_first_and_small_overviews_before_large(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write(path, waves(1500, 1301) | np.uint8(1), None)
    data = path.read_bytes()
    found = directories(data)
    assert len(found) == 6
    first = [struct.unpack_from("<I", item[324].data)[0] for item in found]
    assert first == sorted(first, reverse=True)
    ends = [struct.unpack_from("<I", data, 4)[0]]
    assert ends[0] < 300
    # Every directory ends before the first tile.
    assert min(first) > data.index(b"GDAL_STRUCTURAL")
    subfiles = [struct.unpack("<I", item[254].data)[0] if 254 in item else 0 for item in found]
    assert subfiles == [0, 4, 1, 5, 1, 5]


def test_floats_keep_their_values(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    pixels = rng.normal(20, 5, (2, 700, 600)).astype(np.float32)
    write(tmp_path / "h.tif", pixels, None)
    with rasterio.open(tmp_path / "h.tif") as file:
        np.testing.assert_array_equal(file.read(), pixels)


@pytest.mark.parametrize("steps", [1, 100, 512, 1025, 5000])
def test_bytes_do_not_depend_on_how_rows_come(tmp_path: Path, steps: int) -> None:
    pixels = waves(1100, 520)
    if steps == 1:
        pixels = pixels[:, :600]
    write(tmp_path / "a.tif", pixels, None)
    write(tmp_path / "b.tif", pixels, np.ones(pixels.shape[1:], np.bool_), steps)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


@pytest.mark.parametrize("stop", [0, 512, 1100, 1700])
@pytest.mark.parametrize("damage", ["", "torn", "flipped", "lost"])
def test_a_resumed_file_is_the_same_bytes(tmp_path: Path, stop: int, damage: str) -> None:
    pixels = waves(1700, 1100)
    valid = pixels[0] > 60
    pixels[:, ~valid] = 0
    write(tmp_path / "whole.tif", pixels, valid)
    path = tmp_path / "a.tif"
    writer = CogWriter(work_folder(path), layout(), 1700, 1100, "key")
    for row in range(0, stop, 100):
        writer.write(pixels[:, row : row + 100], valid[row : row + 100])
    parts = sorted(work_folder(path).glob("00-*.part"))
    if parts and damage:
        part = parts[len(parts) // 2]
        data = bytearray(part.read_bytes())
        if damage == "flipped":
            data[-3] ^= 4
        part.write_bytes(data[:-7] if damage == "torn" else data)
        if damage == "lost":
            part.unlink()
    done = CogWriter(work_folder(path), layout(), 1700, 1100, "key").rows_done
    assert done == (len(parts) // 2 if damage else len(parts)) * TILE or done == 1700
    write(path, pixels, valid)
    assert path.read_bytes() == (tmp_path / "whole.tif").read_bytes()
    assert not work_folder(path).exists()


def test_parts_of_something_else_are_discarded(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    pixels = waves(1100, 520)
    CogWriter(work_folder(path), layout(), 1100, 520, "one").write(pixels[:, :600])
    assert CogWriter(work_folder(path), layout(), 1100, 520, "two").rows_done == 0
    CogWriter(work_folder(path), layout(), 1100, 520, "two").write(pixels[:, :600])
    assert CogWriter(work_folder(path), layout(), 1100, 520, "two").rows_done == 512


def test_a_file_over_4_gib_is_a_big_tiff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geovision.formats.tiff_parts._CLASSIC_BYTES", 1000)
    pixels = waves(1100, 1301)
    write(tmp_path / "a.tif", pixels, None)
    assert (tmp_path / "a.tif").read_bytes()[:4] == b"II+\x00"
    with rasterio.open(tmp_path / "a.tif") as file:
        np.testing.assert_array_equal(file.read(), pixels)
        assert file.overviews(1) == [2, 4]
        assert file.crs.to_epsg() == 28992


def test_overviews_are_means_of_what_is_valid() -> None:
    pixels = np.array([[[10, 20, 7], [30, 40, 9], [50, 60, 200]]], np.uint8)
    valid = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]], np.bool_)
    small, mask = halved(pixels, valid)
    assert small.tolist() == [[[27, 0], [0, 200]]]
    assert mask is not None
    assert mask.tolist() == [[True, False], [False, True]]


def test_rows_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    writer = CogWriter(tmp_path / "parts", layout(), 100, 50)
    with pytest.raises(InputError, match="do not fit"):
        writer.write(np.zeros((3, 10, 49), np.uint8))
    with pytest.raises(InputError, match="do not fit"):
        writer.write(np.zeros((3, 101, 50), np.uint8))
    with pytest.raises(OutputError, match="0 of 100 rows"):
        writer.publish(tmp_path / "a.tif")
    with pytest.raises(OutputError, match="cannot be made"):
        CogWriter(Path("/proc/nowhere/parts"), layout(), 100, 50)


def test_levels_end_with_one_tile() -> None:
    assert cog._shapes(8192, 8192)[-1] == (512, 512)
    assert cog._shapes(512, 512) == [(512, 512)]
    assert cog._shapes(10, 5000) == [(10, 5000), (5, 2500), (3, 1250), (2, 625), (1, 313)]
