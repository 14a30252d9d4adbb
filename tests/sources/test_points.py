from __future__ import annotations

import os
import pickle
import struct
from pathlib import Path
from typing import Any

import laspy
import numpy as np
import pytest
from pyproj import CRS

from geovision.errors import GeovisionError, InputError, UsageError
from geovision.formats.points import write_points
from geovision.sources import PointBlock, open_points
from geovision.sources.las_chunks import decode_chunk
from geovision.sources.limits import Limits
from geovision.sources.point_file import ChunkCache
from tests.web_server import serve

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("GEOVISION_SHARED", ROOT.parent / "shared")) / "data"
COPC = DATA / "pairs/basel/lidar0_CH_val.copc.laz"
RD = "EPSG:28992"


def las(
    path: Path, point_format: int = 6, count: int = 3000, seed: int = 0, crs: Any = None, **columns: Any
) -> laspy.LasData:
    """A file by laspy: an independent writer, and any point format."""
    rng = np.random.default_rng(seed)
    header = laspy.LasHeader(point_format=point_format, version="1.2" if point_format < 4 else "1.4")
    header.scales, header.offsets = [0.01, 0.01, 0.001], [85_000, 446_000, 0]
    if crs is not None:
        header.add_crs(CRS.from_user_input(crs), keep_compatibility=point_format < 6)
    data = laspy.LasData(header)
    data.x = 85_000 + rng.uniform(0, 200, count)
    data.y = 446_000 + rng.uniform(0, 100, count)
    data.z = rng.uniform(-5, 20, count)
    top = 7 if point_format < 6 else 15
    data.return_number = rng.integers(1, top + 1, count)
    data.number_of_returns = rng.integers(1, top + 1, count)
    data.classification = rng.choice([1, 2, 6, 9], count)
    data.intensity = rng.integers(0, 65_536, count)
    data.point_source_id = rng.integers(0, 65_536, count)
    for name in ("red", "green", "blue", "nir"):
        if name in data.point_format.dimension_names:
            data[name] = rng.integers(0, 65_536, count)
    for name, values in columns.items():
        data[name] = values
    data.write(path)
    return data


def copy_of(path: Path, **patches: tuple[int, str, Any]) -> Path:
    """The same file with values written over it: name=(byte, struct format, value)."""
    data = bytearray(path.read_bytes())
    for place, form, value in patches.values():
        struct.pack_into(form, data, place, value)
    target = path.with_name(f"patched_{path.name}")
    target.write_bytes(data)
    return target


def sorted_rows(xyz: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return xyz[np.lexsort(xyz.T)]


@pytest.mark.parametrize("suffix", ["las", "laz"])
@pytest.mark.parametrize("point_format", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
def test_every_point_format_as_laspy_reads_it(tmp_path: Path, point_format: int, suffix: str) -> None:
    if suffix == "laz" and point_format in (4, 5, 9, 10):
        pytest.skip("laspy's writer does not compress wave packets")
    path = tmp_path / f"x.{suffix}"
    data = las(path, point_format)
    block = open_points(path).read()
    np.testing.assert_array_equal(block.xyz, np.asarray(data.xyz))
    for name in ("classification", "return_number", "number_of_returns", "intensity"):
        np.testing.assert_array_equal(getattr(block, name), np.asarray(data[name]))
    np.testing.assert_array_equal(block.source_id, np.asarray(data.point_source_id))
    bands = [name for name in ("red", "green", "blue", "nir") if name in data.point_format.dimension_names]
    assert block.colour.shape == (3000, len(bands))
    for band, name in enumerate(bands):
        np.testing.assert_array_equal(block.colour[:, band], np.asarray(data[name]))


@pytest.mark.parametrize("suffix", ["las", "laz"])
def test_a_window_is_what_a_mask_over_everything_gives(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(1)
    # Sorted along x, so that the chunks of 50,000 lie apart.
    x = np.sort(rng.uniform(0, 1000, 230_000))
    xyz = np.stack([85_000 + x, 446_000 + rng.uniform(0, 100, len(x)), rng.uniform(0, 9, len(x))], axis=1)
    path = tmp_path / f"x.{suffix}"
    write_points(path, xyz, classification=rng.choice([2, 6], len(x)), crs=RD)
    whole = open_points(path).read()
    for west, south, east, north in [
        (85_100, 446_010, 85_150, 446_090),
        (85_000, 446_000, 86_000, 446_100),
        (84_000, 445_000, 87_000, 447_000),
        (85_999, 446_000, 86_500, 446_100),
        (90_000, 446_000, 91_000, 446_100),
        (85_100, 446_010, 85_100, 446_010),
    ]:
        fresh = open_points(path)
        found = fresh.read((west, south, east, north))
        xy = whole.xyz[:, :2]
        inside = (xy >= (west, south)).all(axis=1) & (xy < (east, north)).all(axis=1)
        np.testing.assert_array_equal(found.xyz, whole.xyz[inside])
        np.testing.assert_array_equal(found.classification, whole.classification[inside])
        np.testing.assert_array_equal(fresh.read((west, south, east, north)).xyz, found.xyz)


def test_only_the_chunks_of_a_window_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    xyz = np.stack([np.linspace(0, 1000, 300_000), np.zeros(300_000), np.zeros(300_000)], axis=1)
    write_points(tmp_path / "x.laz", xyz)
    points = open_points(tmp_path / "x.laz")
    points.read((0, -1, 10, 1))
    for file in points.files:
        file._cache = ChunkCache(0)
    decoded: list[int] = []

    def counting(file: Any, header: Any, chunks: Any, number: int) -> Any:
        decoded.append(number)
        return decode_chunk(file, header, chunks, number)

    monkeypatch.setattr("geovision.sources.point_file.decode_chunk", counting)
    assert len(points.read((400, -1, 420, 1))) > 5000
    assert set(decoded) <= {0, 2, 5}  # 0, 2 and 5 are the sample that tells the classes
    decoded.clear()
    points.read((400, -1, 420, 1))
    assert decoded == [2]


def test_many_files_a_folder_and_the_chunks_are_the_same_points(tmp_path: Path) -> None:
    for number in range(3):
        las(tmp_path / f"{number}.laz", seed=number, crs=RD)
    (tmp_path / "notes.txt").write_text("not points")
    folder = open_points(tmp_path)
    assert (folder.count, folder.crs, len(folder.files)) == (9000, RD, 3)
    listed = open_points([tmp_path / f"{number}.laz" for number in (2, 0, 1)])
    streamed = PointBlock.join(list(folder.chunks()))
    for block in (listed.read(), streamed, pickle.loads(pickle.dumps(folder)).read()):
        np.testing.assert_array_equal(sorted_rows(block.xyz), sorted_rows(folder.read().xyz))
    assert folder.bounds is not None
    assert folder.bounds == listed.bounds


def test_copc_by_window_and_spacing() -> None:
    if not COPC.exists():
        pytest.skip("no pairs/basel under ../shared/data; set GEOVISION_SHARED to where it is")
    points = open_points(COPC, crs="EPSG:2056")
    whole = np.asarray(laspy.read(COPC).xyz)
    np.testing.assert_array_equal(sorted_rows(points.read().xyz), sorted_rows(whole))
    low, high = whole.min(axis=0)[:2], whole.max(axis=0)[:2]
    window = (*(low + 0.3 * (high - low)), *(low + 0.6 * (high - low)))
    inside = (whole[:, :2] >= window[:2]).all(axis=1) & (whole[:, :2] < window[2:]).all(axis=1)
    np.testing.assert_array_equal(sorted_rows(points.read(window).xyz), sorted_rows(whole[inside]))
    counts = [len(points.read(spacing_m=spacing)) for spacing in (0.001, 0.5, 1.0, 4.0, 1000.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == len(whole) > counts[3] > 0


def test_noise_and_withheld_points_are_left_out(tmp_path: Path) -> None:
    flags = np.arange(3000) % 4 == 0
    codes = np.choose(np.arange(3000) % 3, [2, 7, 18])
    data = las(tmp_path / "x.laz", withheld=flags, classification=codes, overlap=np.arange(3000) % 5 == 0)
    xyz = np.asarray(data.xyz)
    np.testing.assert_array_equal(open_points(tmp_path / "x.laz").read().xyz, xyz[~flags & (codes == 2)])
    assert len(open_points(tmp_path / "x.laz", drop=()).read()) == 3000
    assert len(open_points(tmp_path / "x.laz", drop=("overlap",)).read()) == 2400
    with pytest.raises(UsageError, match="drop \\['junk'\\]"):
        open_points(tmp_path / "x.laz", drop=("junk",))
    las(tmp_path / "noise.las", classification=np.full(3000, 7))
    noise = open_points(tmp_path / "noise.las")
    assert (noise.count, len(noise.read()), len(noise.read((0, 0, 1e6, 1e6)))) == (3000, 0, 0)


def test_legacy_flags_and_classes(tmp_path: Path) -> None:
    withheld = np.arange(3000) % 2 == 0
    data = las(tmp_path / "x.las", 1, withheld=withheld, synthetic=np.ones(3000, bool))
    block = open_points(tmp_path / "x.las").read()
    np.testing.assert_array_equal(block.classification, np.asarray(data.classification)[~withheld])
    assert set(block.flags.tolist()) == {1}
    assert block.classes == {1, 2, 6, 9}


# CRS and units


@pytest.mark.parametrize(
    ("point_format", "stated", "expected", "height_m"),
    [
        (6, RD, RD, 1.0),
        (6, "EPSG:7415", RD, 1.0),  # compound: RD and NAP
        (1, RD, RD, 1.0),  # GeoTIFF keys
        (6, "EPSG:4326", "EPSG:4326", 1.0),
        (6, "EPSG:5703", None, 1.0),  # a height datum alone says nothing of the plan
        (6, "EPSG:2263", "EPSG:2263", 1200 / 3937),
        (6, "EPSG:2263+5703", "EPSG:2263", 1.0),
        (6, "EPSG:2263+6360", "EPSG:2263", 1200 / 3937),
        (1, "EPSG:2263", "EPSG:2263", 1200 / 3937),
    ],
)
def test_crs_and_units(
    tmp_path: Path, point_format: int, stated: str, expected: str | None, height_m: float
) -> None:
    data = las(tmp_path / "x.laz", point_format, crs=stated)
    points = open_points(tmp_path / "x.laz")
    assert points.crs == expected
    np.testing.assert_allclose(points.read().xyz[:, 2], np.asarray(data.z) * height_m, atol=1e-9)
    assert bool(points.notes) == (stated == "EPSG:2263")


def test_a_damaged_crs_is_none_and_one_can_be_given(tmp_path: Path) -> None:
    las(tmp_path / "x.las", crs=RD)
    data = (tmp_path / "x.las").read_bytes()
    (tmp_path / "x.las").write_bytes(data.replace(b"PROJCRS", b"PR\x00JCRS").replace(b"PROJCS", b"PR\x00JCS"))
    assert open_points(tmp_path / "x.las").crs is None
    assert open_points(tmp_path / "x.las", crs="EPSG:7415").crs == RD
    with pytest.raises(InputError, match="crs 'EPSG:1': is not known to PROJ"):
        open_points(tmp_path / "x.las", crs="EPSG:1")


def test_files_of_two_crs_are_refused(tmp_path: Path) -> None:
    las(tmp_path / "a.laz", crs=RD)
    las(tmp_path / "b.laz", crs="EPSG:2056")
    las(tmp_path / "c.laz")
    with pytest.raises(InputError, match=r"b\.laz: is in EPSG:2056, but .*a\.laz is in EPSG:28992"):
        open_points([tmp_path / "a.laz", tmp_path / "b.laz"])
    with pytest.raises(InputError, match=r"c\.laz: is in no CRS"):
        open_points([tmp_path / "a.laz", tmp_path / "c.laz"])
    assert open_points([tmp_path / "a.laz", tmp_path / "c.laz"], crs=RD).crs == RD


# Bad input


def refused(path: Path, problem: str, **options: Any) -> None:
    """Opening or reading raises an error that names the file, and has a remedy."""
    with pytest.raises(InputError, match=problem) as caught:
        open_points(path, **options).read()
    assert str(path) in str(caught.value)
    assert caught.value.remedy


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "x.laz"
    refused(path, "cannot be read \\(No such file")
    path.write_bytes(b"")
    refused(path, "the file is empty")
    path.write_text("  <!DOCTYPE html><html>404</html>")
    refused(path, "it is a web page, not points")
    path.write_bytes(os.urandom(5000))
    refused(path, "the content is not LAS")
    path.write_bytes(b"LASF")
    refused(path, "ends after 4 bytes, inside its header")
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", "holds no .las or .laz file")
    with pytest.raises(UsageError, match="no file was given"):
        open_points([])


@pytest.mark.parametrize("suffix", ["las", "laz"])
def test_truncated_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    las(path, crs=RD)
    whole = path.read_bytes()
    for length in [300, 400, 1500, 3000, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=str(path)):
            open_points(path).read()


def test_a_header_that_claims_too_much_is_refused_before_reading(tmp_path: Path) -> None:
    for suffix in ("las", "laz"):
        las(tmp_path / f"x.{suffix}")
        for claim in (4_000_000_000, 2**63):
            refused(copy_of(tmp_path / f"x.{suffix}", count=(247, "<Q", claim)), f"{claim:,} points")
    refused(copy_of(tmp_path / "x.las", count=(247, "<Q", 3001)), "3,001 points, but the file has room")
    refused(copy_of(tmp_path / "x.laz", count=(247, "<Q", 3001)), "the layers of chunk 0 of 1 do not fit")
    las(tmp_path / "old.laz", 1)
    refused(copy_of(tmp_path / "old.laz", count=(107, "<I", 4_000_000_000)), "4,000,000,000 points")
    vlrs = copy_of(tmp_path / "x.las", vlrs=(100, "<I", 4_000_000_000))
    refused(vlrs, "claims 4,000,000,000 variable length records")
    refused(copy_of(tmp_path / "x.las", start=(96, "<I", 2**31)), "points start at byte")
    refused(copy_of(tmp_path / "x.las", size=(105, "<H", 29)), "records of 29 bytes")
    refused(copy_of(tmp_path / "x.las", form=(104, "<B", 11)), "point format 11 does not exist")
    refused(copy_of(tmp_path / "x.las", minor=(25, "<B", 9)), "LAS 1.9")


def test_limits_can_be_raised(tmp_path: Path) -> None:
    las(tmp_path / "x.laz")
    refused(tmp_path / "x.laz", "has 3,000 points; the limit is 2,000", limits=Limits(points=2000))
    refused(tmp_path / "x.laz", "has 3,000 window points; the limit is 500", limits=Limits(window_points=500))
    assert len(open_points(tmp_path / "x.laz", limits=Limits(points=3000, window_points=3000)).read()) == 3000


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -0.01, 1e300, 1e9])
def test_absurd_scales_and_offsets(tmp_path: Path, value: float) -> None:
    las(tmp_path / "x.laz")
    refused(copy_of(tmp_path / "x.laz", scale=(131, "<d", value)), "give no coordinates")
    if not 0 <= abs(value) < 1e10:
        refused(copy_of(tmp_path / "x.laz", offset=(155, "<d", value)), "give no coordinates")


def test_points_outside_the_stated_bounds(tmp_path: Path) -> None:
    las(tmp_path / "x.laz")
    refused(copy_of(tmp_path / "x.laz", east=(179, "<d", 85_100.0)), "outside the bounds that its header")
    # Bounds that cannot be anything are as good as none: those of the points are found.
    for patches in ({"east": (179, "<d", np.nan)}, {"east": (179, "<d", 84_000.0)}):
        points = open_points(copy_of(tmp_path / "x.laz", **patches))
        assert points.bounds is not None
        assert 85_199 < points.bounds.east < 85_201
        assert len(points.read((85_000, 446_000, 85_100, 446_100))) > 1000


def test_no_points_and_no_classes(tmp_path: Path) -> None:
    write_points(tmp_path / "none.laz", np.zeros((0, 3)), crs=RD)
    none = open_points(tmp_path / "none.laz")
    assert (none.count, none.bounds, none.classes, len(none.read())) == (0, None, frozenset(), 0)
    assert len(none.read((0, 0, 1, 1))) == 0
    las(tmp_path / "x.laz", classification=np.zeros(3000))
    assert open_points(tmp_path / "x.laz").read().classes == {0}


def test_windows_that_are_none(tmp_path: Path) -> None:
    las(tmp_path / "x.laz")
    for window in [(0, 0, 1), (1, 0, 0, 1), (0, 0, np.nan, 1), (0, 0, 1, 1, 1)]:
        with pytest.raises(UsageError, match="are no window"):
            open_points(tmp_path / "x.laz").read(window)


def flipped(data: bytes, rng: np.random.Generator) -> bytes:
    """One to three bits or bytes changed, half of them near the front; now and then the end cut off."""
    out = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(0, min(len(out), 700) if rng.random() < 0.5 else len(out)))
        byte = int(rng.choice([0, 255, 127]))
        out[place] = byte if rng.random() < 0.3 else out[place] ^ (1 << int(rng.integers(8)))
    return bytes(out[: int(rng.integers(len(out)))] if rng.random() < 0.1 else out)


def complaint(path: Path) -> str | None:
    """What is wrong with the file; None where it can be read all the same."""
    try:
        points = open_points(path, crs=RD)
        assert len(points.read()) <= points.count
        points.read((85_000, 446_000, 85_050, 446_050))
    except GeovisionError as error:
        return str(error)
    return None


FLIPPED = [*(f"{number}.laz" for number in (0, 1, 3, 6, 7, 8)), "3.las", "6.las", "copc.laz"]


@pytest.mark.parametrize("name", FLIPPED)
def test_flipped_bits_give_an_error_or_a_result(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(20)
    path = tmp_path / name
    if name == "copc.laz":
        if not COPC.exists():
            pytest.skip("no pairs/basel under ../shared/data; set GEOVISION_SHARED to where it is")
        path.write_bytes(COPC.read_bytes())
    else:
        las(path, int(name[0]), count=400)
    whole = path.read_bytes()
    complaints = []
    for _ in range(30 if name == "copc.laz" else 80):
        path.write_bytes(flipped(whole, rng))
        complaints.append(complaint(path))
    found = [text for text in complaints if text is not None]
    assert found
    assert all(str(path) in text for text in found)


# Remote


def test_uris(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="reading over the network is off"):
        open_points("s3://bucket/x.laz")
    with pytest.raises(InputError, match="scheme 'ftp'"):
        open_points("ftp://example.org/x.laz", allow_network=True)
    data = las(tmp_path / "x.laz")
    with serve(tmp_path) as server:
        for name in ("x.laz", "whole/x.laz"):
            found = open_points(f"{server}/{name}", allow_network=True).read()
            np.testing.assert_array_equal(found.xyz, np.asarray(data.xyz))
        for name, what in (("gone/x.laz", "503"), ("none.laz", "404"), ("short/x.laz", "cut after")):
            with pytest.raises(InputError, match=what) as caught:
                open_points(f"{server}/{name}", allow_network=True).read()
            assert f"{server}/{name}" in str(caught.value)
