from __future__ import annotations

from pathlib import Path

import pytest

from geovision.errors import OutputError
from geovision.formats.atomic import atomic_write


def test_an_error_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.glb"
    path.write_bytes(b"old")

    def write_half() -> None:
        with atomic_write(path) as file:
            file.write(b"half")
            raise RuntimeError("the writer failed")

    with pytest.raises(RuntimeError, match="the writer failed"):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_it_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.glb"
    for content in (b"one", b"two"):
        with atomic_write(path) as file:
            file.write(content)
            assert path.exists() == (content == b"two")
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_an_output_error(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="Check that the folder exists"),
        atomic_write(tmp_path / "no" / "a"),
    ):
        pass


def test_a_full_disk_is_an_output_error(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this system")

    def write_into(device_path: Path) -> None:
        with atomic_write(tmp_path / "a"), device_path.open("wb", buffering=0) as device:
            device.write(b"x")

    with pytest.raises(OutputError, match="cannot be written"):
        write_into(full)
    assert not list(tmp_path.iterdir())
