"""What is wrong with a raster or a scene is said with the file's name and a remedy; nothing large is read."""

from __future__ import annotations

import pickle
import struct
import tracemalloc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.control import GroundControlPoint

from geovision.errors import GeovisionError, InputError, UsageError
from geovision.sources import Limits, PointBlock, Raster, Source, open_scene
from tests.rasters import RD, smooth, write_tif
from tests.web_server import serve

PLACE = Affine(0.5, 0, 85000, 0, -0.5, 446100)


def dsm(path: Path, **profile: Any) -> Path:
    return write_tif(path, (10 + 20 * smooth(200, 240)[0]).astype(np.float32), PLACE, **profile)


def footprints(west: float = 85010, south: float = 446050, crs: str | None = RD) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(
        {"id": ["a"]}, geometry=[shapely.box(west, south, west + 10, south + 8)], crs=crs
    )


def test_an_unknown_crs_is_refused_where_no_source_needs_it(tmp_path: Path) -> None:
    path = dsm(tmp_path / "dsm.tif")
    assert open_scene(dsm=path, crs=RD).crs.to_epsg() == 28992
    with pytest.raises(InputError, match="'EPSG:999999': is not known to PROJ"):
        open_scene(dsm=path, crs="EPSG:999999")


# Files that are not what they should be


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html><body>503</body></html>", "HTML page"),
        (b'<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>', "a VRT, which is refused"),
        (b"\x89PNG\r\n\x1a\n0000", "but PNG"),
        (b"II*\x00\x08\x00\x00\x00", "cannot be opened as GTiff"),
        (b"just text", "the content is not GTiff"),
    ],
)
def test_what_is_no_tiff_is_refused_by_name(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "ortho.tif"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        open_scene(image=path)
    assert str(path) in str(caught.value)
    assert caught.value.remedy


def test_a_missing_file_and_an_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.tif: cannot be opened \(No such file"):
        open_scene(dsm=tmp_path / "nothing.tif")
    (tmp_path / "dsm.xyz").write_text("1 2 3")
    with pytest.raises(InputError, match=r"suffix '\.xyz'"):
        open_scene(dsm=tmp_path / "dsm.xyz")
    with pytest.raises(InputError, match="no file has such a name"):
        open_scene(dsm=str(tmp_path / "a*.tif"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no file that ends in"):
        open_scene(dsm=tmp_path / "empty")


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9])
def test_a_truncated_tiff_says_which_pixels(tmp_path: Path, keep: float) -> None:
    path = dsm(tmp_path / "dsm.tif", compress="deflate")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(InputError, match=r"dsm\.tif: .*(cannot be read|cannot be opened)") as caught:
        open_scene(dsm=path).window("dsm", (85000, 446000, 85120, 446100))
    assert "fetch it again" in caught.value.remedy


def test_flipped_bits_give_an_error_or_a_window(tmp_path: Path) -> None:
    whole = dsm(tmp_path / "dsm.tif", compress="deflate").read_bytes()
    rng = np.random.default_rng(4)
    refused: list[str] = []
    for _ in range(150):
        data = bytearray(whole)
        # The header holds most of what can go wrong.
        at = int(rng.integers(0, 600 if rng.random() < 0.7 else len(data)))
        data[at] ^= 1 << int(rng.integers(8))
        path = tmp_path / "flipped.tif"
        path.write_bytes(bytes(data))
        try:
            scene = open_scene(dsm=path, crs=RD)
            window = scene.window("dsm", (85000, 446000, 85120, 446100), 0.5)
            # A hair's breadth in the place may add a row or a column.
            assert np.abs(np.subtract(window.data.shape, (1, 200, 240))).max() <= 1
        except GeovisionError as error:
            refused.append(str(error))
    assert len(refused) > 20
    assert all("flipped.tif" in text for text in refused)


def test_a_vrt_is_read_only_when_allowed(tmp_path: Path) -> None:
    dsm(tmp_path / "dsm.tif")
    text = f"""<VRTDataset rasterXSize="240" rasterYSize="200"><SRS>{RD}</SRS>
    <GeoTransform>85000, 0.5, 0, 446100, 0, -0.5</GeoTransform>
    <VRTRasterBand dataType="Float32" band="1"><SimpleSource>
    <SourceFilename relativeToVRT="1">dsm.tif</SourceFilename><SourceBand>1</SourceBand>
    </SimpleSource></VRTRasterBand></VRTDataset>"""
    path = tmp_path / "dsm.vrt"
    path.write_text(text)
    with pytest.raises(InputError, match=r"not opened unasked.*--allow-vrt"):
        open_scene(dsm=path)
    assert open_scene(dsm=path, allow_vrt=True).window("dsm", (85000, 446000, 85120, 446100)).coverage == 1.0
    for source in ("/vsicurl/http://example.org/a.tif", "https://example.org/a.tif", "/vsizip/a.zip/b.tif"):
        path.write_text(text.replace(">dsm.tif<", f">{source}<"))
        with pytest.raises(InputError, match="refers to"):
            open_scene(dsm=path, allow_vrt=True)
    path.write_text(
        text.replace("<SimpleSource>", "<PixelFunctionCode>import os</PixelFunctionCode><SimpleSource>")
    )
    with pytest.raises(InputError, match="holds code"):
        open_scene(dsm=path, allow_vrt=True)


@pytest.mark.parametrize("name", ["/vsicurl/http://x/a.tif", "/vsizip/a.zip/a.tif", "/vsimem/a.tif"])
def test_virtual_file_systems_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="virtual file system"):
        open_scene(dsm=name)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    dsm(tmp_path / "dsm.tif", compress="deflate")
    with serve(tmp_path) as address:
        yield address


def test_uris_are_read_only_when_allowed(tmp_path: Path, server: str) -> None:
    with pytest.raises(InputError, match=r"network is off.*--allow-network"):
        open_scene(dsm=f"{server}/dsm.tif")
    with pytest.raises(InputError, match="scheme 'ftp'"):
        open_scene(dsm="ftp://example.org/dsm.tif", allow_network=True)
    remote = open_scene(dsm=f"{server}/dsm.tif", allow_network=True)
    local = open_scene(dsm=tmp_path / "dsm.tif")
    np.testing.assert_array_equal(
        remote.window("dsm", local.bounds).data, local.window("dsm", local.bounds).data
    )


# Files that ask for too much


def sparse(path: Path, side: int, **profile: Any) -> Path:
    settings = {
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
        "SPARSE_OK": True,
        "BIGTIFF": "YES",
        **profile,
    }
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=side,
        height=side,
        count=1,
        dtype="float32",
        crs=RD,
        transform=PLACE,
        **settings,
    ):
        pass
    return path


def test_a_tiff_that_declares_ten_gigabytes_in_a_few_kilobytes(tmp_path: Path) -> None:
    path = sparse(tmp_path / "liar.tif", 52_000, blockxsize=4096, blockysize=4096)
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    with pytest.raises(InputError, match=r"liar\.tif: declares 10\.1 GiB .* expansion"):
        open_scene(dsm=path)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    # Somebody may mean it: a sparse file is a file.
    scene = open_scene(dsm=path, limits={"expansion": 10**9})
    window = scene.window("dsm", (85000, 446000, 85100, 446100))
    assert window.data.max() == 0


def test_pixels_blocks_and_windows_have_limits(tmp_path: Path) -> None:
    path = dsm(tmp_path / "dsm.tif")
    with pytest.raises(InputError, match=r"has 48,000 pixels; the limit is 10,000.*--limit pixels=48000"):
        open_scene(dsm=path, limits=Limits(pixels=10_000))
    with pytest.raises(InputError, match="block bytes"):
        open_scene(dsm=path, limits={"block_bytes": 1000})
    with pytest.raises(InputError, match="window values"):
        open_scene(dsm=path).window("dsm", (85000, 446000, 85120, 446100), 0.0005)
    with pytest.raises(InputError, match="2 files; the limit is 1"):
        open_scene(dsm=[path, path], limits={"files": 1})
    with pytest.raises(UsageError, match=r"limit 'pixel'.*Use one of"):
        open_scene(dsm=path, limits={"pixel": 5})
    with pytest.raises(UsageError, match="is not a count"):
        open_scene(dsm=path, limits={"pixels": 0})


# Where on Earth


def test_without_crs_the_flag_is_named(tmp_path: Path) -> None:
    path = dsm(tmp_path / "dsm.tif", crs=None)
    with pytest.raises(InputError, match=r"dsm\.tif: states no CRS.*--crs EPSG:28992"):
        open_scene(dsm=path)
    scene = open_scene(dsm=path, crs=RD)
    assert scene.crs.to_epsg() == 28992
    assert any("EPSG:28992 was given" in note for note in scene.notes)
    assert open_scene(dsm=Source(files=(path,), crs=RD)).crs.to_epsg() == 28992
    with pytest.raises(InputError, match="is not known to PROJ"):
        open_scene(dsm=path, crs="EPSG:nonsense")


def test_without_any_place(tmp_path: Path) -> None:
    for gcps in ([], [GroundControlPoint(0, 0, 4.0, 52.0), GroundControlPoint(0, 9, 4.1, 52.0)]):
        path = tmp_path / "plain.tif"
        profile = {"driver": "GTiff", "width": 10, "height": 10, "count": 1, "dtype": "float32"}
        with (
            warnings.catch_warnings(action="ignore"),
            rasterio.open(path, "w", **profile, gcps=gcps or None, crs=RD) as dataset,
        ):
            dataset.write(np.ones((1, 10, 10), np.float32))
        with pytest.raises(InputError, match="ground control points" if gcps else "no geotransform"):
            open_scene(dsm=path)


def test_degrees_become_the_local_utm_zone(tmp_path: Path) -> None:
    place = Affine(1e-5, 0, 4.36, 0, -1e-5, 52.01)
    scene = open_scene(
        dsm=write_tif(tmp_path / "dsm.tif", np.full((300, 300), 7.0, np.float32), place, "EPSG:4326")
    )
    assert scene.crs.to_epsg() == 32631
    assert scene.cell_m("dsm") == pytest.approx(0.87, abs=0.02)
    assert any("EPSG:4326 of the dsm: it is in degrees" in note for note in scene.notes)
    window = scene.window("dsm", scene.bounds)
    assert window.coverage > 0.9
    assert np.nanmax(window.data) == np.nanmin(window.data) == 7.0


def test_swapped_axes_are_refused(tmp_path: Path) -> None:
    latlon = write_tif(
        tmp_path / "latlon.tif",
        np.ones((50, 50), np.float32),
        Affine(1e-4, 0, 52.0, 0, -1e-4, 150.0),
        "EPSG:4326",
    )
    swapped_rd = write_tif(
        tmp_path / "rd.tif", np.ones((50, 50), np.float32), Affine(0.5, 0, 446000, 0, -0.5, 85000)
    )
    for path in (latlon, swapped_rd):
        with pytest.raises(InputError, match=r"(?i)swap.* axes|axes.* swap") as caught:
            open_scene(dsm=path)
        assert path.name in str(caught.value)


def test_sources_that_share_no_ground_are_both_named(tmp_path: Path) -> None:
    path = dsm(tmp_path / "dsm.tif")
    with pytest.raises(InputError, match=r"dsm\.tif and footprints: do not overlap: .*85000\.00.*90000\.00"):
        open_scene(dsm=path, footprints=footprints(90_000))
    with pytest.raises(InputError, match="do not overlap"):
        open_scene(dsm=path, points=PointBlock.of(np.array([[1e5, 5e5, 3.0]])), crs=RD)


def test_what_lies_outside_is_counted(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame(
        {"id": ["in", "half", "out"]},
        geometry=[shapely.box(x, 446050, x + 10, 446060) for x in (85010, 85117, 85300)],
        crs=RD,
    )
    scene = open_scene(dsm=dsm(tmp_path / "dsm.tif"), footprints=frame)
    assert scene.report()["footprints"]["outside"] == {"dsm": 2}
    window = scene.window("dsm", (85100, 446000, 85200, 446100))
    assert window.coverage == pytest.approx(0.2)
    assert scene.window("dsm", (85200, 446000, 85210, 446010)).coverage == 0.0


def test_a_window_without_data_is_nan_all_over(tmp_path: Path) -> None:
    data = np.full((200, 240), -9999, np.float32)
    data[:, :100] = 5
    scene = open_scene(dsm=write_tif(tmp_path / "dsm.tif", data, PLACE, nodata=-9999))
    window = scene.window("dsm", (85060, 446000, 85120, 446100))
    assert window.valid is not None
    assert not window.valid.any()
    assert np.isnan(window.data).all()


def test_a_target_must_be_in_metres(tmp_path: Path) -> None:
    path = dsm(tmp_path / "dsm.tif")
    for target, words in (("EPSG:4326", "degrees"), ("EPSG:2263", "unit"), ("EPSG:3857", "not metres")):
        with pytest.raises(InputError, match=f"target CRS {target}.*{words}.*UTM"):
            open_scene(dsm=path, target_crs=target)


# Roles that do not fit


def test_heights_need_one_band_and_a_unit_that_is_known(tmp_path: Path) -> None:
    rgb = write_tif(tmp_path / "rgb.tif", np.zeros((3, 64, 64), np.uint8), PLACE)
    with pytest.raises(InputError, match=r"rgb\.tif: has 3 bands .* heights have one"):
        open_scene(dsm=rgb)
    fathoms = dsm(tmp_path / "f.tif", units=("fathom",))
    with pytest.raises(InputError, match=r"'fathom'.*vertical_unit"):
        open_scene(dsm=fathoms)
    assert open_scene(dsm=Source(files=(fathoms,), vertical_unit="foot")).crs.to_epsg() == 28992


def test_a_scene_without_footprints_says_so(tmp_path: Path) -> None:
    scene = open_scene(dsm=dsm(tmp_path / "dsm.tif"))
    assert not scene.has_footprints
    with pytest.raises(InputError, match=r"no footprints.*--footprints"):
        _ = scene.footprints
    with pytest.raises(InputError, match=r"has no image \(it has dsm\)"):
        scene.window("image", scene.bounds)
    with pytest.raises(UsageError, match="role 'footprint'"):
        scene.window("footprint", scene.bounds)
    with pytest.raises(UsageError, match="resampling 'cubic'"):
        scene.window("dsm", scene.bounds, resampling="cubic")
    with pytest.raises(UsageError, match="cell size"):
        scene.window("dsm", scene.bounds, -1.0)
    with pytest.raises(UsageError, match="tile size"):
        scene.tiles(0)


def test_nothing_at_all() -> None:
    with pytest.raises(UsageError, match="has no sources"):
        open_scene()
    with pytest.raises(InputError, match="points: in memory state no CRS"):
        open_scene(points=PointBlock.of(np.zeros((3, 3))))
    with pytest.raises(UsageError, match="is no raster"):
        open_scene(dsm=np.zeros((3, 3)))


@pytest.mark.parametrize(
    ("raster", "words"),
    [
        (Raster(np.zeros((2, 2, 2, 2)), PLACE, RD), "has shape"),
        (Raster(np.zeros((3, 3), complex), PLACE, RD), "complex"),
        (Raster(np.zeros((3, 3)), (0, 0, 0, 0, 0, 0), RD), "places it nowhere"),
        (Raster(np.zeros((2, 3, 3)), PLACE, RD, bands=("red",)), "1 band names for 2 bands"),
        (Raster(np.zeros((3, 3)), PLACE, RD, valid=np.ones((2, 2), bool)), "valid has shape"),
        (Raster(np.zeros((3, 3)), PLACE, RD, vertical_unit="yard"), "vertical unit"),
        (Raster(np.zeros((3, 3)), PLACE), "states no CRS"),
    ],
)
def test_arrays_are_checked_too(raster: Raster, words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_scene(dsm=raster)


# scene.toml


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scene.toml"
    path.write_text('schema = "geovision.scene/1"\n' + text)
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('imagery = "a.tif"', r"key 'imagery': is not a known key. Did you mean 'image'\?"),
        ('[dsm]\nfile = "a.tif"', r"key 'dsm.file'.*Did you mean 'files'\?"),
        ('[dsm]\nfiles = "a.tif"\nvertical_unit = "feet"', r"key 'dsm.vertical_unit'"),
        ("[allow]\nvrts = true", r"key 'allow.vrts'.*Did you mean 'vrt'\?"),
        ('[points]\nfiles = "a.laz"\nnodata = 3', "nodata does not apply to points; it goes with image, dsm"),
        ("[limits]\npixel = 3", r"limit 'pixel'.*Use one of"),
        ("dsm = [", "is no TOML"),
        ('schema = "x"', "is no TOML"),
    ],
)
def test_a_scene_file_is_checked_key_by_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(GeovisionError, match=words):
        open_scene(toml(tmp_path, text))


def test_paths_in_a_scene_file_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "heights").mkdir()
    dsm(tmp_path / "heights" / "dsm.tif", crs=None)
    path = toml(tmp_path, f'crs = "{RD}"\ndsm = "heights/*.tif"\n[limits]\npixels = 48000\n')
    scene = open_scene(path)
    assert scene.roles == ("dsm",)
    with pytest.raises(InputError, match="pixels"):
        open_scene(path, limits={"pixels": 47_999})
    again = pickle.loads(pickle.dumps(scene))
    assert again.bounds == scene.bounds
    np.testing.assert_array_equal(
        again.window("dsm", scene.bounds).data, scene.window("dsm", scene.bounds).data
    )


def test_a_lying_header_of_a_plain_tiff(tmp_path: Path) -> None:
    # ImageWidth (tag 256) of a small strip file, said to be 2^31 - 1.
    path = write_tif(tmp_path / "dsm.tif", np.ones((8, 8), np.float32), PLACE, tiled=False)
    data = bytearray(path.read_bytes())
    (at,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, at)
    for entry in range(entries):
        (tag,) = struct.unpack_from("<H", data, at + 2 + 12 * entry)
        if tag == 256:
            data[at + 4 + 12 * entry : at + 14 + 12 * entry] = struct.pack("<HII", 4, 1, 2**31 - 1)
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"dsm\.tif"):
        open_scene(dsm=path)
