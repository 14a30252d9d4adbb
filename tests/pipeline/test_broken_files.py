"""Broken rasters, points and tables through `open_scene` and `geovision build`: an error that names the file.

Cut short, with flipped bits, empty, of another kind than the suffix says, with a header that lies.
"""

from __future__ import annotations

import contextlib
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random

import geopandas
import pytest

import geovision
from geovision.cli.main import call
from geovision.errors import GeovisionError
from geovision.formats.atomic import atomic_path
from tests.inverse.village import write_village

VILLAGE = 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with points.laz, houses.gpkg, houses.parquet and dsm.tif that build."""
    folder = tmp_path_factory.mktemp("whole")
    write_village(folder, VILLAGE)
    frame = geopandas.read_file(folder / "houses.gpkg")
    frame.to_parquet(folder / "houses.parquet")
    sample = Path(__file__).resolve().parents[2] / "sample_data" / "village"
    shutil.copy(sample / "dsm.tif", folder / "dsm.tif")
    shutil.copy(sample / "footprints.gpkg", folder / "village.gpkg")
    return folder


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def empty(data: bytes) -> bytes:
    return b""


def flipped(data: bytes) -> bytes:
    out, rng = bytearray(data), Random(1)
    for at in (*range(0, 64, 3), *(rng.randrange(len(data)) for _ in range(200))):
        out[at] ^= 1 << rng.randrange(8)
    return bytes(out)


def of_another_kind(data: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + data[8:]


def lying(data: bytes) -> bytes:
    """A header that claims far more than there is."""
    out = bytearray(data)
    if data[:4] == b"LASF":
        struct.pack_into("<Q", out, 247, 10**10)
        struct.pack_into("<I", out, 107, 2**32 - 1)
    elif data[:2] == b"II":
        for at in range(struct.unpack_from("<I", data, 4)[0] + 2, len(data) - 12, 12):
            if struct.unpack_from("<H", data, at)[0] in (256, 257):
                struct.pack_into("<HII", out, at + 2, 4, 1, 10**6)
                if struct.unpack_from("<H", data, at)[0] == 257:
                    break
    elif data[:4] == b"PAR1":
        struct.pack_into("<I", out, len(out) - 8, 2**31 - 1)
    else:  # the first page of SQLite: its size, and where the schema's cells are
        struct.pack_into(">H", out, 16, 512)
        struct.pack_into(">HH", out, 103, 65_535, 1)
    return bytes(out)


BREAKS = (cut, empty, flipped, of_another_kind, lying)
NAMES = ("points.laz", "houses.gpkg", "houses.parquet", "dsm.tif")


def options_of(folder: Path, broken: str) -> dict[str, Path]:
    if broken == "dsm.tif":
        return {"dsm": folder / "dsm.tif", "footprints": folder / "village.gpkg"}
    footprints = broken if broken.startswith("houses") else "houses.gpkg"
    return {"points": folder / "points.laz", "footprints": folder / footprints}


def read_all(sources: dict[str, Path]) -> None:
    for _ in geovision.open_scene(**sources).evidence():  # type: ignore[arg-type]
        pass


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", BREAKS, ids=lambda how: how.__name__)
def test_a_broken_file_is_named_and_nothing_is_built(
    whole: Path, tmp_path: Path, name: str, how: Callable[[bytes], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    for item in whole.iterdir():
        (tmp_path / item.name).symlink_to(item)
    broken = tmp_path / name
    data = broken.read_bytes()
    broken.unlink()
    broken.write_bytes(how(data))
    sources = options_of(tmp_path, name)
    with pytest.raises(GeovisionError) as caught:
        read_all(sources)
    assert name in str(caught.value)
    assert caught.value.remedy
    out = tmp_path / "out"
    words = [word for role, path in sources.items() for word in (f"--{role}", str(path))]
    code = call(["build", *words, "-o", str(out), "--formats", "parquet", "--threads", "1", "--quiet"])
    told = capsys.readouterr()
    assert code == 1
    assert name in told.err
    assert not told.out
    assert not out.exists()
    assert {item.name for item in tmp_path.iterdir()} == {item.name for item in whole.iterdir()}


def test_the_whole_files_build(whole: Path, tmp_path: Path) -> None:
    for name in NAMES[1:3]:
        sources = options_of(whole, name)
        words = [word for role, path in sources.items() for word in (f"--{role}", str(path))]
        out = tmp_path / Path(name).suffix[1:]
        assert (
            call(["build", *words, "-o", str(out), "--formats", "parquet", "--threads", "1", "--quiet"]) == 0
        )
        assert len(geovision.read_programs(out / "programs.parquet")) == VILLAGE


def test_a_file_that_breaks_off_while_it_is_written_has_no_name(tmp_path: Path) -> None:
    with contextlib.suppress(RuntimeError), atomic_path(tmp_path / "a.tif") as temporary:
        Path(temporary).write_bytes(b"II*\x00")
        raise RuntimeError
    assert not list(tmp_path.iterdir())
