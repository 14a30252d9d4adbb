from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio

from geovision.errors import InputError, OutputError, UsageError
from geovision.formats.rasters import BLOCK, open_raster, write_raster

PLACE: dict[str, Any] = {"left": 155_000.0, "top": 463_000.0, "cell_m": 0.5, "crs": "EPSG:28992"}


def heights(rows: int = 300, columns: int = 700) -> npt.NDArray[np.float32]:
    return np.random.default_rng(3).normal(10, 2, (rows, columns)).astype(np.float32)


@pytest.mark.parametrize("kind", ["uint8", "int8", "uint16", "int16", "int32", "float32", "float64"])
def test_what_is_written_is_read(tmp_path: Path, kind: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 100, (3, 70, 90)).astype(kind)
    write_raster(tmp_path / "a.tif", pixels, **PLACE, nodata=99, bands=("red", "green", "blue"))
    with rasterio.open(tmp_path / "a.tif", driver="GTiff") as file:
        np.testing.assert_array_equal(file.read(), pixels)
        assert file.crs.to_epsg() == 28992
        assert file.nodata == 99
        assert file.descriptions == ("red", "green", "blue")
        assert file.bounds == (155_000.0, 463_000.0 - 35, 155_000.0 + 45, 463_000.0)
        assert file.profile["compress"] == "deflate"
        assert file.block_shapes[0] == (BLOCK, BLOCK)


def test_the_fourth_band_is_no_transparency(tmp_path: Path) -> None:
    pixels = np.zeros((4, 9, 9), np.uint8)
    write_raster(tmp_path / "a.tif", pixels, **PLACE, bands=("red", "green", "blue", "nir"))
    with rasterio.open(tmp_path / "a.tif", driver="GTiff") as file:
        assert [item.name for item in file.colorinterp] == ["red", "green", "blue", "undefined"]
        assert all(flags == [rasterio.enums.MaskFlags.all_valid] for flags in file.mask_flag_enums)


def test_the_same_bytes_every_time_and_window_by_window(tmp_path: Path) -> None:
    pixels = heights()
    for name in ("a.tif", "b.tif"):
        with open_raster(tmp_path / name, shape=(1, *pixels.shape), dtype="float32", **PLACE) as file:
            for row in range(0, pixels.shape[0], BLOCK):
                for column in range(0, pixels.shape[1], BLOCK):
                    file.write(pixels[row : row + BLOCK, column : column + BLOCK], row, column)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    with rasterio.open(tmp_path / "a.tif", driver="GTiff") as read:
        np.testing.assert_array_equal(read.read(1), pixels)


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="not inside"),
        open_raster(tmp_path / "a.tif", shape=(1, 9, 9), dtype="uint8", **PLACE) as file,
    ):
        file.write(np.zeros((5, 5), np.uint8), 6, 0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"path": "a.png"}, UsageError),
        ({"path": "missing/a.tif"}, OutputError),
        ({"pixels": np.zeros((2, 2), bool)}, InputError),
        ({"pixels": np.zeros(4, np.uint8)}, InputError),
        ({"bands": ("red", "green")}, InputError),
    ],
)
def test_bad_input_is_refused(tmp_path: Path, change: dict[str, Any], error: type[Exception]) -> None:
    arguments: dict[str, Any] = {"path": "a.tif", "pixels": np.zeros((2, 2), np.uint8), **PLACE, **change}
    path = tmp_path / arguments.pop("path")
    with pytest.raises(error):
        write_raster(path, arguments.pop("pixels"), **arguments)
