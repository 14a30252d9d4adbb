from __future__ import annotations

from pathlib import Path
from typing import Any

import laspy
import numpy as np
import pytest

from geovision.errors import InputError, UsageError
from geovision.formats.points import points_writer, write_points
from geovision.sources import open_points


def cloud(count: int, bands: int, seed: int = 1) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    rng = np.random.default_rng(seed)
    xyz = np.array([85_000.0, 446_000.0, -3.0]) + rng.uniform(0, 200, (count, 3))
    columns: dict[str, Any] = {
        "classification": rng.choice([0, 1, 2, 6, 9, 64], count).astype(np.uint8),
        "return_number": rng.integers(1, 6, count).astype(np.uint8),
        "number_of_returns": rng.integers(1, 6, count).astype(np.uint8),
        "intensity": rng.integers(0, 65536, count).astype(np.uint16),
        "source_id": rng.integers(0, 65536, count).astype(np.uint16),
    }
    if bands:
        columns["colour"] = rng.integers(0, 65536, (count, bands)).astype(np.uint16)
    return xyz, columns


@pytest.mark.parametrize("suffix", [".las", ".laz"])
@pytest.mark.parametrize("bands", [0, 3, 4])
def test_what_is_written_is_read(tmp_path: Path, suffix: str, bands: int) -> None:
    xyz, columns = cloud(120_000, bands)
    write_points(tmp_path / f"x{suffix}", xyz, crs="EPSG:28992", **columns)
    found = open_points(tmp_path / f"x{suffix}")
    assert found.crs == "EPSG:28992"
    block = found.read()
    np.testing.assert_allclose(block.xyz, xyz, atol=0.000501)
    for name, values in columns.items():
        np.testing.assert_array_equal(getattr(block, name), values)
    las = laspy.read(tmp_path / f"x{suffix}")
    np.testing.assert_array_equal(np.asarray(las.xyz), block.xyz)
    np.testing.assert_array_equal(np.asarray(las.classification), columns["classification"])


@pytest.mark.parametrize("suffix", [".las", ".laz"])
def test_equal_points_give_equal_bytes_batches_or_not(tmp_path: Path, suffix: str) -> None:
    xyz, columns = cloud(120_001, 3)
    whole, again, batches = (tmp_path / f"{name}{suffix}" for name in "abc")
    write_points(whole, xyz, crs="EPSG:7415", **columns)
    write_points(again, xyz, crs="EPSG:7415", **columns)
    with points_writer(batches, origin=np.floor(xyz.min(axis=0)), crs="EPSG:7415", bands=3) as writer:
        for cut in np.split(np.arange(len(xyz)), [17, 50_000, 99_999]):
            writer.write(xyz[cut], **{name: values[cut] for name, values in columns.items()})
    assert whole.read_bytes() == again.read_bytes() == batches.read_bytes()


def write_half(target: Path) -> None:
    with points_writer(target, origin=np.zeros(3)) as writer:
        writer.write([[1.0, 2.0, 3.0]])
        raise RuntimeError


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "x.laz"
    target.write_bytes(b"old")
    with pytest.raises(InputError, match="not finite"):
        write_points(target, [[0.0, 0.0, np.nan]])
    with pytest.raises(RuntimeError):
        write_half(target)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_nothing_to_write_is_a_file_without_points(tmp_path: Path) -> None:
    write_points(tmp_path / "x.laz", np.zeros((0, 3)))
    assert open_points(tmp_path / "x.laz").count == 0


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="suffix"):
        write_points(tmp_path / "x.txt", [[0, 0, 0]])
    with pytest.raises(InputError, match=r"classification has shape \(2,\) but there are 1"):
        write_points(tmp_path / "x.las", [[0, 0, 0]], classification=[1, 2])
    with pytest.raises(InputError, match="not known to PROJ"):
        write_points(tmp_path / "x.las", [[0, 0, 0]], crs="EPSG:1")
    with pytest.raises(InputError, match=r"shape \(3,\)"):
        write_points(tmp_path / "x.las", [0, 0, 0])
    with pytest.raises(UsageError, match="2 colour bands"):
        write_points(tmp_path / "x.las", [[0, 0, 0]], colour=[[1, 2]])
