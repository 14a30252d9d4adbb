"""Windows of rasters: as they are, pasted, resampled; GDAL's own readers are the judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window as RasterioWindow
from scipy.ndimage import map_coordinates

from geovision.errors import InputError
from geovision.sources import Bounds, Raster, Scene, Source, open_scene
from geovision.sources.crs import known_crs, transformer
from geovision.sources.raster_info import Cut
from tests.rasters import RD, plane, smooth, write_tif

PLACE = Affine(0.5, 0, 85000, 0, -0.5, 446100)


def heights(rows: int = 200, columns: int = 240, seed: int = 0) -> NDArray[np.float32]:
    return np.asarray(10 + 20 * smooth(rows, columns, seed=seed)[0], np.float32)


# As it is


@settings(max_examples=40)
@given(st.integers(-60, 260), st.integers(-60, 260), st.integers(1, 200), st.integers(1, 200))
def test_a_window_on_the_files_own_grid_is_the_files_pixels(
    tmp_path_factory: pytest.TempPathFactory, column: int, row: int, width: int, height: int
) -> None:
    data = heights()
    path = tmp_path_factory.mktemp("dsm") / "dsm.tif"
    write_tif(path, data, PLACE)
    scene = open_scene(dsm=path)
    west, north = PLACE @ (column, row)
    window = scene.window("dsm", (west, north - height * 0.5, west + width * 0.5, north))
    assert window.data.shape == (1, height, width)
    padded = np.full((200 + 800, 240 + 800), np.nan, np.float32)
    padded[400:600, 400:640] = data
    expected = padded[400 + row : 400 + row + height, 400 + column : 400 + column + width]
    np.testing.assert_array_equal(window.data[0], expected)
    assert (window.valid is None) == bool(np.isfinite(expected).all())
    assert window.transform.almost_equals(PLACE @ Affine.translation(column, row))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_images_keep_their_type_and_bands(tmp_path: Path, dtype: str, bands: int) -> None:
    data = (smooth(70, 90, bands) * 200).astype(dtype)
    scene = open_scene(image=write_tif(tmp_path / "ortho.tif", data, PLACE))
    window = scene.window("image", scene.bounds)
    assert window.data.dtype == dtype
    assert (
        window.bands == {1: ("gray",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "nir")}[bands]
    )
    np.testing.assert_array_equal(window.data, data)
    assert window.valid is None


def test_alpha_and_mask_say_where_an_image_is(tmp_path: Path) -> None:
    data = (smooth(70, 90, 4) * 200).astype(np.uint8)
    there = np.zeros((70, 90), bool)
    there[10:40, 20:70] = True
    data[3] = there * 255
    rgba = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
    alpha = write_tif(tmp_path / "alpha.tif", data, PLACE, colorinterp=rgba)
    masked = write_tif(
        tmp_path / "mask.tif", data[:3], PLACE, mask=there, compress="jpeg", photometric="ycbcr"
    )
    for path in (alpha, masked):
        scene = open_scene(image=path)
        window = scene.window("image", scene.bounds)
        assert window.bands == ("red", "green", "blue")
        assert window.valid is not None
        np.testing.assert_array_equal(window.valid, there)


def test_a_palette_becomes_colours(tmp_path: Path) -> None:
    path = write_tif(tmp_path / "p.tif", np.tile(np.array([[0, 1], [2, 1]], np.uint8), (20, 20)), PLACE)
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {0: (255, 0, 0, 255), 1: (0, 255, 0, 255), 2: (9, 9, 9, 255)})
    window = open_scene(image=path).window("image", (85000, 446095, 85010, 446100))
    assert window.bands == ("red", "green", "blue")
    assert window.data[:, 0, 0].tolist() == [255, 0, 0]
    assert window.data[:, 0, 1].tolist() == [0, 255, 0]
    assert window.data[:, 1, 0].tolist() == [9, 9, 9]
    assert window.valid is None


def test_white_is_a_colour_where_nodata_is_255(tmp_path: Path) -> None:
    data = np.full((3, 64, 64), 255, np.uint8)
    data[0, :, :32] = 254
    window = open_scene(image=write_tif(tmp_path / "w.tif", data, PLACE, nodata=255)).window(
        "image", (85000, 446068, 85032, 446100)
    )
    assert window.valid is not None
    assert window.valid[:, :32].all()
    assert not window.valid[:, 32:].any()


# What the numbers mean


@pytest.mark.parametrize(
    ("stored", "nodata"),
    [(np.nan, None), (-9999.0, -9999.0), (-9999.0, None), (-32768.0, None), (3.4e38, None), (1e20, None)],
)
def test_holes_come_out_as_nan_declared_or_not(tmp_path: Path, stored: float, nodata: float | None) -> None:
    data = heights()
    data[50:60, 70:90] = stored
    scene = open_scene(dsm=write_tif(tmp_path / "dsm.tif", data, PLACE, nodata=nodata))
    window = scene.window("dsm", scene.bounds)
    assert window.valid is not None
    assert np.isnan(window.data[0, 50:60, 70:90]).all()
    assert np.count_nonzero(~window.valid) == 200
    np.testing.assert_array_equal(window.valid, np.isfinite(window.data[0]))


def test_scale_offset_and_units_end_in_metres(tmp_path: Path) -> None:
    metres = heights()
    stored = np.round((metres - 5) / 0.01).astype(np.uint16)
    stored[0, 0] = 65535
    scaled = write_tif(tmp_path / "s.tif", stored, PLACE, scales=(0.01,), offsets=(5.0,), nodata=65535)
    feet = write_tif(tmp_path / "f.tif", metres / np.float32(0.3048), PLACE, units=("ft",))
    plain = write_tif(tmp_path / "p.tif", metres / np.float32(0.3048), PLACE)
    survey = Source(files=(plain,), vertical_unit="us-foot")
    window = open_scene(dsm=scaled).window("dsm", (85000, 446000, 85120, 446100))
    np.testing.assert_allclose(window.data[0].ravel()[1:], metres.ravel()[1:], atol=0.0051)
    assert np.isnan(window.data[0, 0, 0])
    scene = open_scene(dsm=feet)
    np.testing.assert_allclose(scene.window("dsm", scene.bounds).data[0], metres, atol=1e-4)
    assert any("foot" in note for note in scene.notes)
    scene = open_scene(dsm=survey)
    np.testing.assert_allclose(scene.window("dsm", scene.bounds).data[0], metres, rtol=3e-6)


def test_a_plan_in_feet_is_carried_over_and_its_heights_with_it(tmp_path: Path) -> None:
    # EPSG:2263 is New York's state plane in US survey feet, with no word on heights.
    place = Affine(2.0, 0, 990_000, 0, -2.0, 200_000)
    data = np.full((100, 100), 328.0833333, np.float32)
    scene = open_scene(dsm=write_tif(tmp_path / "dsm.tif", data, place, "EPSG:2263"))
    assert scene.crs.to_epsg() == 32618
    assert scene.cell_m("dsm") == pytest.approx(0.6096, abs=0.001)
    window = scene.window("dsm", scene.bounds)
    assert window.coverage > 0.9
    np.testing.assert_allclose(window.data[0][window.valid], 100.0, atol=1e-3)
    assert any("feet" in note and "vertical_unit" in note for note in scene.notes)


# Mosaics


def test_a_mosaic_reads_as_the_raster_it_was_cut_from(tmp_path: Path) -> None:
    data = heights()
    paths = []
    for row in range(0, 200, 64):
        for column in range(0, 240, 100):
            piece = data[row : row + 64, column : column + 100]
            place = PLACE @ Affine.translation(column, row)
            paths.append(write_tif(tmp_path / f"dsm_{row}_{column}.tif", piece, place))
    whole = open_scene(dsm=write_tif(tmp_path / "whole.tif", data, PLACE))
    mosaic = open_scene(dsm=paths[::-1])
    assert len(mosaic.layers["dsm"].blocks) == 1
    for cell in (0.5, 0.31, 2.3):
        for target in (None, "EPSG:32631"):
            a = open_scene(dsm=tmp_path / "whole.tif", target_crs=target)
            b = open_scene(dsm=paths[::-1], target_crs=target)
            # One anchor for both: the mosaic's first file has another corner.
            grid = a.grid(cell)
            one = a.read_cut("dsm", grid, grid.cut(a.bounds))
            two = b.read_cut("dsm", grid, grid.cut(a.bounds))
            np.testing.assert_array_equal(one.data, two.data)
    assert whole.bounds == mosaic.bounds


def test_where_files_overlap_the_first_wins_and_the_next_fills_its_holes(tmp_path: Path) -> None:
    a, b = heights(seed=1), heights(seed=2)
    a[20:40, 20:40] = np.nan
    first = write_tif(tmp_path / "a.tif", a, PLACE)
    second = write_tif(tmp_path / "b.tif", b, PLACE @ Affine.translation(10, 0))
    scene = open_scene(dsm=[first, second])
    window = scene.window("dsm", (85005, 446000, 85120, 446100))
    expected = np.where(np.isnan(a[:, 10:]), b[:, :230], a[:, 10:])
    np.testing.assert_array_equal(window.data[0], expected)
    other = open_scene(dsm=[second, first]).window("dsm", (85005, 446000, 85120, 446100))
    np.testing.assert_array_equal(other.data[0], b[:, :230])


def test_files_of_two_crs_make_one_layer(tmp_path: Path) -> None:
    place = Affine(0.5, 0, 593_000, 0, -0.5, 5_763_000)
    utm = write_tif(
        tmp_path / "utm.tif",
        plane(place, 240, 240, 0.1, 0.05, -347_000).astype(np.float32),
        place,
        "EPSG:32631",
    )
    scene = open_scene(dsm=utm)
    rd = open_scene(dsm=utm, target_crs=RD)
    half = Bounds(rd.bounds.west, rd.bounds.south, (rd.bounds.west + rd.bounds.east) / 2, rd.bounds.north)
    window = rd.window("dsm", half, 0.5)
    west = write_tif(tmp_path / "rd.tif", window.data, window.transform, nodata=np.nan)
    both = open_scene(dsm=[utm, west])
    assert len(both.layers["dsm"].blocks) == 2
    a, b = (s.window("dsm", scene.bounds) for s in (scene, both))
    np.testing.assert_array_equal(a.data, b.data)
    turned = open_scene(dsm=[west, utm], target_crs="EPSG:32631")
    c = turned.read_cut("dsm", a.grid, a.cut)
    assert c.coverage == 1.0
    # On the border of the first a pixel has half a neighbour less.
    assert np.quantile(np.abs(c.data - a.data), 0.99) < 0.002
    assert np.abs(c.data - a.data).max() < 0.06


def test_three_bands_and_four_make_three(tmp_path: Path) -> None:
    rgb = (smooth(64, 64, 3) * 255).astype(np.uint8)
    rgbn = (smooth(64, 64, 4, seed=1) * 255).astype(np.uint8)
    a = write_tif(tmp_path / "a.tif", rgb, PLACE)
    b = write_tif(tmp_path / "b.tif", rgbn, PLACE @ Affine.translation(64, 0))
    scene = open_scene(image=[a, b])
    window = scene.window("image", scene.bounds)
    assert window.bands == ("red", "green", "blue")
    np.testing.assert_array_equal(window.data, np.concatenate([rgb, rgbn[:3]], axis=2))
    assert any("3 and 4 bands" in note for note in scene.notes)


def test_images_of_two_types_are_refused_by_name(tmp_path: Path) -> None:
    a = write_tif(tmp_path / "a.tif", np.zeros((3, 64, 64), np.uint8), PLACE)
    b = write_tif(tmp_path / "b.tif", np.zeros((3, 64, 64), np.uint16), PLACE)
    with pytest.raises(InputError, match=r"b\.tif.*uint16.*a\.tif are uint8.*gdal_translate"):
        open_scene(image=[a, b])


# Resampling, judged by GDAL


def judged(path: Path, scene: Scene, role: str, cut: Cut, cell: float, method: Resampling) -> Any:
    grid = scene.grid(cell)
    place = grid.transform @ Affine.translation(cut.column, cut.row)
    with (
        rasterio.open(path) as source,
        WarpedVRT(
            source,
            crs=f"EPSG:{scene.crs.to_epsg()}",
            transform=place,
            width=cut.width,
            height=cut.height,
            resampling=method,
            tolerance=0.001,
            nodata=-9999 if role != "image" else None,
        ) as vrt,
    ):
        return vrt.read()


@pytest.mark.parametrize("cell", [0.2, 0.5, 0.7])
@pytest.mark.parametrize("target", ["EPSG:32631", "EPSG:25832", RD])
def test_bilinear_is_gdals(tmp_path: Path, target: str, cell: float) -> None:
    data = heights(300, 300)
    path = write_tif(tmp_path / "dsm.tif", data, PLACE)
    scene = open_scene(dsm=path, target_crs=target)
    grid = scene.grid(cell)
    # A grid that is off by a third of a pixel, so that equal CRS are resampled too.
    whole = grid.cut(scene.bounds)
    cut = Cut(whole.column + 20, whole.row + 20, whole.width - 40, whole.height - 40)
    ours = scene.read_cut("dsm", grid, cut).data[0]
    theirs = judged(path, scene, "dsm", cut, cell, Resampling.bilinear)[0]
    sound = np.isfinite(ours) & (theirs != -9999)
    assert sound.mean() > 0.7
    assert (np.isfinite(ours) == (theirs != -9999)).mean() > 0.985  # they differ on the border
    off = np.abs(ours - theirs)[sound]
    # Where pixels are not finer than the file's, GDAL widens its filter by the ratio of the bounding boxes.
    assert off.max() < (2e-3 if cell == 0.2 else 0.25)
    assert off.mean() < 0.03


@pytest.mark.parametrize("cell", [0.2, 0.5])
@pytest.mark.parametrize("target", ["EPSG:32631", "EPSG:25832", RD])
def test_bilinear_is_exact(tmp_path: Path, target: str, cell: float) -> None:
    # Every pixel carried over by itself, and SciPy's interpolation at that place.
    data = heights(300, 300)
    scene = open_scene(dsm=write_tif(tmp_path / "dsm.tif", data, PLACE), target_crs=target)
    window = scene.window("dsm", scene.bounds, cell)
    column, row = np.meshgrid(*(np.arange(n) + 0.5 for n in window.data.shape[:0:-1]))
    x, y = transformer(scene.crs, known_crs(RD)).transform(*(window.transform @ (column, row)))
    column, row = ~PLACE @ (x, y)
    inside = (column >= 0) & (column < 300) & (row >= 0) & (row < 300)
    exact = map_coordinates(data, [row - 0.5, column - 0.5], order=1, mode="nearest")
    found = window.data[0]
    border = np.isfinite(found) != inside
    assert border.mean() < 1e-4
    assert np.abs(found - exact)[inside & ~border].max() < 1e-4


@pytest.mark.parametrize("target", ["EPSG:32631", RD])
def test_nearest_is_gdals(tmp_path: Path, target: str) -> None:
    data = (smooth(300, 300, 3) * 255).astype(np.uint8)
    path = write_tif(tmp_path / "ortho.tif", data, PLACE)
    scene = open_scene(image=path, target_crs=target)
    grid = scene.grid(0.37)
    whole = grid.cut(scene.bounds)
    cut = Cut(whole.column + 20, whole.row + 20, whole.width - 40, whole.height - 40)
    ours = scene.read_cut("image", grid, cut, resampling="nearest")
    theirs = judged(path, scene, "image", cut, 0.37, Resampling.nearest)
    assert ours.valid is None or ours.valid.mean() > 0.8
    there = np.ones(theirs.shape[1:], bool) if ours.valid is None else ours.valid
    assert (ours.data == theirs)[:, there].mean() > 0.999


def test_a_plane_stays_a_plane_through_any_crs(tmp_path: Path) -> None:
    place = Affine(0.5, 0, 593_000, 0, -0.5, 5_763_000)
    data = plane(place, 300, 300, 0.2, -0.1, 457_740).astype(np.float32)
    write_tif(tmp_path / "dsm.tif", data, place, "EPSG:32631")
    scene = open_scene(dsm=tmp_path / "dsm.tif", target_crs=RD)
    for cell in (0.25, 0.5, 1.7, 4.0):
        window = scene.window("dsm", scene.bounds, cell)
        inner = window.data[0][8:-8, 8:-8] if cell < 2 else window.data[0][3:-3, 3:-3]
        # A linear function of x and y is one of columns and rows, but for the bend of the projection.
        rows, columns = np.nonzero(np.isfinite(inner))
        terms = np.stack([columns, rows, np.ones(len(rows))], 1)
        found, *_ = np.linalg.lstsq(terms, inner[rows, columns].astype(np.float64), rcond=None)
        off = np.abs(terms @ found - inner[rows, columns])
        assert np.quantile(off, 0.98) < 0.02, cell


def test_coarser_windows_are_means_without_aliasing(tmp_path: Path) -> None:
    stripes = np.zeros((400, 400), np.float32)
    stripes[:, ::2] = 10
    path = write_tif(tmp_path / "dsm.tif", stripes, PLACE)
    window = open_scene(dsm=path).window("dsm", (85010, 445910, 85190, 446090), 4.0)
    np.testing.assert_allclose(window.data, 5.0, atol=0.7)


def test_overviews_are_used_and_give_the_same_picture(tmp_path: Path) -> None:
    data = (smooth(512, 512, 3) * 255).astype(np.uint8)
    plain = write_tif(tmp_path / "plain.tif", data, PLACE)
    write_tif(tmp_path / "ovr.tif", data, PLACE)
    with rasterio.open(tmp_path / "ovr.tif", "r+") as dataset:
        dataset.build_overviews([2, 4], Resampling.average)
    a, b = (open_scene(image=path) for path in (plain, tmp_path / "ovr.tif"))
    block = b.layers["image"].blocks[0]
    assert block.overview(5.0) == (2, 4)
    assert block.overview(1.5) == (0, 1)
    one, two = (scene.window("image", scene.bounds, 2.5).data.astype(int) for scene in (a, b))
    assert np.abs(one - two).mean() < 2


@settings(max_examples=25)
@given(st.data())
def test_a_pixel_does_not_depend_on_its_window(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("dsm")
    values = heights()
    values[50:60, 70:90] = np.nan
    write_tif(folder / "dsm.tif", values, PLACE)
    scene = open_scene(dsm=folder / "dsm.tif", target_crs=data.draw(st.sampled_from([RD, "EPSG:32631"])))
    cell = data.draw(st.sampled_from([0.3, 0.5, 1.3, 3.0]))
    grid = scene.grid(cell)
    whole = grid.cut(scene.bounds)
    width, height = data.draw(st.integers(1, whole.width)), data.draw(st.integers(1, whole.height))
    column, row = (
        data.draw(st.integers(0, whole.width - width)),
        data.draw(st.integers(0, whole.height - height)),
    )
    all_of_it = scene.read_cut("dsm", grid, whole).data[0]
    part = scene.read_cut("dsm", grid, Cut(whole.column + column, whole.row + row, width, height)).data[0]
    np.testing.assert_array_equal(part, all_of_it[row : row + height, column : column + width])


def test_large_windows_are_read_in_steps_and_come_out_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tif(tmp_path / "dsm.tif", heights(), PLACE)
    scene = open_scene(dsm=tmp_path / "dsm.tif", target_crs="EPSG:32631")
    one = scene.window("dsm", scene.bounds, 0.4)
    monkeypatch.setattr("geovision.sources.rasters._STEP_VALUES", 2000)
    two = scene.window("dsm", scene.bounds, 0.4)
    np.testing.assert_array_equal(one.data, two.data)


def test_threads_do_not_change_a_pixel(tmp_path: Path) -> None:
    write_tif(tmp_path / "dsm.tif", heights(), PLACE)
    found = [open_scene(dsm=tmp_path / "dsm.tif", target_crs="EPSG:32631", threads=n) for n in (1, 4)]
    one, two = (scene.window("dsm", scene.bounds, 0.4).data for scene in found)
    np.testing.assert_array_equal(one, two)


def test_rotated_and_south_up_rasters_are_put_upright(tmp_path: Path) -> None:
    turned = Affine.translation(85000, 446100) @ Affine.rotation(30) @ Affine.scale(0.5, -0.5)
    data = plane(turned, 200, 200, 0.1, 0.2, -97_000).astype(np.float32)
    path = write_tif(tmp_path / "turned.tif", data, turned)
    scene = open_scene(dsm=path)
    window = scene.window("dsm", scene.bounds, 0.5)
    rows, columns = window.data.shape[1:]
    expected = plane(window.transform, rows, columns, 0.1, 0.2, -97_000)
    assert 0.4 < window.coverage < 0.7
    np.testing.assert_allclose(window.data[0][window.valid], expected[window.valid], atol=0.15)
    assert any("rotated" in note for note in scene.notes)
    south_up = Affine(0.5, 0, 85000, 0, 0.5, 446000)
    write_tif(tmp_path / "south.tif", heights()[::-1], south_up)
    window = open_scene(dsm=tmp_path / "south.tif").window("dsm", (85000, 446000, 85120, 446100))
    np.testing.assert_array_equal(window.data[0], heights())


# Memory, files and arrays alike


def test_arrays_can_do_what_files_can(tmp_path: Path) -> None:
    data = heights()
    data[3, 4] = -9999
    path = write_tif(tmp_path / "dsm.tif", data, PLACE, nodata=-9999)
    array = Raster(data, PLACE, RD, nodata=-9999)
    for target in (None, "EPSG:32631"):
        one = open_scene(dsm=path, target_crs=target)
        two = open_scene(dsm=array, target_crs=target)
        np.testing.assert_array_equal(
            one.window("dsm", one.bounds, 0.7).data, two.window("dsm", one.bounds, 0.7).data
        )
    assert data[3, 4] == -9999, "the caller's array stays as it was"


def test_few_files_stay_open(tmp_path: Path) -> None:
    data = np.zeros((64, 64), np.float32)
    for number in range(90):
        write_tif(tmp_path / f"{number:02}.tif", data, PLACE @ Affine.translation(64 * number, 0))
    scene = open_scene(dsm=str(tmp_path / "*.tif"))
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert scene.window("dsm", scene.bounds).coverage == 1.0
    assert len(list(Path("/proc/self/fd").iterdir())) - before <= 1
    assert len(scene.layers["dsm"].pieces[0].sheet.pool._open) <= 64  # type: ignore[attr-defined]


def test_ndsm_and_dsm_are_made_from_each_other() -> None:
    dtm = Raster(heights(seed=3), PLACE, RD)
    ndsm = Raster(np.full((200, 240), 4.0, np.float32), PLACE, RD)
    scene = open_scene(dtm=dtm, ndsm=ndsm)
    assert scene.can_read("dsm")
    dsm = scene.window("dsm", scene.bounds)
    np.testing.assert_allclose(dsm.data[0], heights(seed=3) + 4)
    back = open_scene(dsm=Raster(dsm.data, PLACE, RD), dtm=dtm).window("ndsm", scene.bounds)
    np.testing.assert_allclose(back.data, 4.0, atol=1e-5)
    with pytest.raises(InputError, match="has no ndsm"):
        open_scene(dsm=Raster(dsm.data, PLACE, RD)).window("ndsm", scene.bounds)


def test_raw_reads_are_what_rasterio_reads(tmp_path: Path) -> None:
    data = (smooth(300, 400, 3) * 255).astype(np.uint8)
    path = write_tif(tmp_path / "ortho.tif", data, PLACE, compress="deflate")
    scene = open_scene(image=path)
    grid = scene.grid(0.5)
    with rasterio.open(path) as dataset:
        for column, row in ((0, 0), (64, 128), (13, 7)):
            ours = scene.read_cut("image", grid, Cut(column, row, 100, 90)).data
            np.testing.assert_array_equal(ours, dataset.read(window=RasterioWindow(column, row, 100, 90)))
