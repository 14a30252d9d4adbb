"""Inference over rasters: seams, edges, nodata, memory's shape, resuming, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from geovision.errors import EnvironmentFault, InputError, UsageError
from geovision.formats.cog import CogWriter, work_folder
from geovision.sources import Bounds, Raster, open_scene
from geovision.vision import infer
from geovision.vision.infer import dihedral, plan, prediction, runtimes, strips
from geovision.vision.infer.windows import Axis, make_axis
from geovision.vision.inputs import stack
from tests.rasters import RD, smooth, write_tif
from tests.vision.onnx_networks import HEADS, save_network

ORT = ("onnxruntime", "float32")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_network(tmp_path_factory.mktemp("model"))


def planned(model: Path, **more: Any) -> infer.Plan:
    return infer.make_plan(model, runtime=ORT, **{"window": (160, 192), "feather": 16, "threads": 1, **more})


def picture(rows: int, columns: int, seed: int = 0) -> NDArray[np.uint8]:
    return (smooth(rows, columns, 3, seed) * 255).astype(np.uint8)


# Windows


@pytest.mark.parametrize("total", [1, 31, 32, 100, 128, 129, 500, 1000, 4097])
@pytest.mark.parametrize("phase", [None, 0, 17, 60])
def test_weights_of_every_pixel_sum_to_one(total: int, phase: int | None) -> None:
    axis = make_axis(total, 128, 8, 16, 32, phase)
    assert axis.size <= 128
    assert axis.size % 32 == 0
    weights = np.zeros(total)
    for index in range(axis.count):
        first, last = axis.kept(index)
        assert first < last
        start = axis.start(index)
        own = axis.weights(index)
        weights[first:last] += own[first - start : last - start]
        # What is not kept has no weight inside the raster.
        outside = [p for p in range(start, start + axis.size) if 0 <= p < total and not first <= p < last]
        assert not own[np.array(outside, int) - start].any()
    np.testing.assert_allclose(weights, 1, atol=1e-6)


def test_windows_are_no_larger_than_they_must_be() -> None:
    axis = make_axis(8192, 1024, 16, 16, 32)
    assert axis.count == 9
    assert axis.step * axis.count + 48 - 8192 < axis.count * 32
    assert make_axis(40, 1024, 16, 16, 32).size == 64


def test_the_first_window_that_a_row_needs() -> None:
    axis = Axis(1000, 128, 8, 16)
    for pixel in range(1000):
        first = axis.needed(pixel)
        assert axis.kept(first)[1] > pixel
        assert first == 0 or axis.kept(first - 1)[1] <= pixel


def test_a_window_without_room_is_refused() -> None:
    with pytest.raises(UsageError, match="leaves no room"):
        make_axis(1000, 64, 16, 32, 32)


# Results


def whole(model: Path, groups: dict[str, NDArray[Any]], **more: Any) -> dict[str, NDArray[np.float32]]:
    return infer.predict_array(stack(groups, **more), model, plan=planned(model))


def test_windows_give_what_one_window_gives(model: Path) -> None:
    groups = {"rgb": picture(430, 610), "ndsm": smooth(430, 610)[0].astype(np.float32) * 9}
    found = infer.predict_groups(groups, model, plan=planned(model), heights=True)
    want = whole(model, groups)
    assert found.valid is None
    assert found.heights is not None
    calibrated = 1 / (1 + np.exp(-want["building"][..., 0] / 1.5))
    np.testing.assert_allclose(found.building, calibrated, atol=0.5 / 255 + 1e-3)
    np.testing.assert_allclose(found.boundary, 1 / (1 + np.exp(-want["boundary"][..., 0])), atol=0.003)
    np.testing.assert_allclose(found.frame.transpose(1, 2, 0), want["frame"].clip(-1, 1), atol=0.005)
    np.testing.assert_allclose(found.heights[0], want["height"][..., 0], atol=1e-4)
    np.testing.assert_allclose(found.heights[1], np.exp(want["height"][..., 1]), rtol=1e-3)


def test_two_phases_of_the_grid_differ_at_seams_no_more_than_inside(tmp_path: Path) -> None:
    # The network sees twice as far as the halo, so a seam could show.
    wide = save_network(tmp_path, reach=24, halo_px=8)
    how = planned(wide)
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 60, (3, 700, 700))
    groups = {"rgb": (picture(700, 700) * 0.7 + noise).astype(np.uint8)}
    one = infer.predict_groups(groups, wide, plan=how, phase=(0, 0)).building
    two = infer.predict_groups(groups, wide, plan=how, phase=(57, 71)).building
    apart = np.abs(one - two)
    seams = np.zeros(one.shape, np.bool_)
    for rows, columns in ((0, 0), (57, 71)):
        down, across = make_axis(700, 160, 8, 16, 32, rows), make_axis(700, 192, 8, 16, 32, columns)
        for index in range(1, down.count):
            seams[down.kept(index)[0] + down.feather // 2] = True
        for index in range(1, across.count):
            seams[:, across.kept(index)[0] + across.feather // 2] = True

    def step(image: NDArray[np.float32]) -> NDArray[np.float32]:
        """How much a pixel differs from the one before it, in the steeper of both directions."""
        down = np.abs(np.diff(image, axis=0, prepend=image[:1]))
        return np.maximum(down, np.abs(np.diff(image, axis=1, prepend=image[:, :1])))

    inside = np.quantile(step(one)[~seams], 0.99)
    assert np.quantile(step(one)[seams], 0.99) <= inside
    assert np.quantile(step(two)[seams], 0.99) <= inside
    assert apart[seams].mean() <= np.quantile(apart[~seams], 0.99)


def test_pixels_without_data_are_empty_and_do_not_leak(model: Path) -> None:
    rgb = picture(300, 420)
    valid = np.ones((300, 420), np.bool_)
    valid[100:180, 200:] = False
    first = infer.predict_groups({"rgb": rgb}, model, valid={"rgb": valid}, plan=planned(model))
    rgb[:, ~valid] = 255 - rgb[:, ~valid]
    second = infer.predict_groups({"rgb": rgb}, model, valid={"rgb": valid}, plan=planned(model))
    assert first.valid is not None
    np.testing.assert_array_equal(first.valid, valid)
    assert not first.pixels[:, ~valid].any()
    np.testing.assert_array_equal(first.pixels, second.pixels)


def test_a_pixel_is_valid_where_any_group_is(model: Path) -> None:
    rgb, ndsm = picture(200, 200), np.full((200, 200), 3, np.float32)
    ndsm[:, 100:] = np.nan
    seen = {"rgb": np.zeros((200, 200), np.bool_), "ndsm": np.isfinite(ndsm)}
    seen["rgb"][:120] = True
    found = infer.predict_groups({"rgb": rgb, "ndsm": ndsm}, model, valid=seen, plan=planned(model))
    np.testing.assert_array_equal(found.valid, seen["rgb"] | seen["ndsm"])


def test_an_empty_raster_is_empty(model: Path) -> None:
    nothing = {"rgb": np.zeros((100, 500), np.bool_)}
    found = infer.predict_groups({"rgb": picture(100, 500)}, model, valid=nothing, plan=planned(model))
    assert not found.pixels.any()
    assert found.valid is not None
    assert not found.valid.any()


@pytest.mark.parametrize("shape", [(1, 1), (7, 900), (900, 7), (33, 65)])
def test_any_shape(model: Path, shape: tuple[int, int]) -> None:
    groups = {"rgb": picture(*shape)}
    found = infer.predict_groups(groups, model, plan=planned(model))
    want = 1 / (1 + np.exp(-whole(model, groups)["building"][..., 0] / 1.5))
    np.testing.assert_allclose(found.building, want, atol=0.004)


@pytest.mark.parametrize("copies", [2, 4, 8])
def test_averaging_over_copies_is_blind_to_turns(model: Path, copies: int) -> None:
    rng = np.random.default_rng(0)

    class Slanted:
        """Sees a pixel's right neighbour, and says that all outlines point up and to the right."""

        outputs = ("building", "frame", "normal")

        def run(self, x: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
            ones = np.ones(x.shape[:3], np.float32)
            frame = np.stack([0 * ones, ones], axis=-1)
            normal = np.stack([ones, 2 * ones, ones], axis=-1)
            return {"building": np.roll(x[..., :1], -1, axis=2), "frame": frame, "normal": normal}

    x = rng.normal(size=(1, 12, 20, 3)).astype(np.float32)
    found = dihedral.averaged(Slanted(), x, copies)
    mirrored = dihedral.averaged(Slanted(), np.ascontiguousarray(x[:, :, ::-1]), copies)
    np.testing.assert_allclose(mirrored["building"][:, :, ::-1], found["building"], atol=1e-6)
    np.testing.assert_allclose(found["frame"][..., 1], 0, atol=1e-6)
    np.testing.assert_allclose(found["normal"][..., 0], 0, atol=1e-6)
    if copies == 8:
        turned = dihedral.averaged(Slanted(), np.ascontiguousarray(np.rot90(x, axes=(1, 2))), 8)
        np.testing.assert_allclose(
            np.rot90(turned["building"], -1, axes=(1, 2)), found["building"], atol=1e-6
        )


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirror", [False, True])
def test_directions_turn_with_the_picture(turns: int, mirror: bool) -> None:
    y, x = np.mgrid[:9, :7].astype(np.float32)
    # Falls to the east, and half as much to the north.
    slope = (-2 * x + y)[None, ..., None]
    back = dihedral.turned_back("normal", _central(dihedral.turned(slope, turns, mirror)), turns, mirror)
    np.testing.assert_allclose(back[0, ..., :2], np.broadcast_to([2.0, 1.0], (9, 7, 2)), atol=1e-5)


def _central(z: NDArray[np.float32]) -> NDArray[np.float32]:
    down, right = np.gradient(z[0, ..., 0])
    return np.stack([-right, down, np.ones_like(right)], axis=-1)[None]


# Scenes


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """An orthophoto at 0.3 m and heights at 0.5 m in another CRS, with a hole."""
    rows, columns = 400, 520
    image = picture(rows, columns)
    place = (0.3, 0.0, 85000.0, 0.0, -0.3, 447000.0)
    write_tif(tmp_path / "ortho.tif", image, rasterio.Affine(*place), photometric="rgb")
    heights = (smooth(420, 420)[0] * 10).astype(np.float32)
    heights[100:140, 100:160] = -9999
    from rasterio.warp import transform

    (x,), (y,) = transform(RD, "EPSG:32631", [84970.0], [447050.0])
    write_tif(
        tmp_path / "ndsm.tif", heights, rasterio.Affine(0.5, 0, x, 0, -0.5, y), "EPSG:32631", nodata=-9999
    )
    return {"image": tmp_path / "ortho.tif", "ndsm": tmp_path / "ndsm.tif"}


def test_a_scene_gives_what_its_aligned_arrays_give(model: Path, files: dict[str, Path]) -> None:
    scene = open_scene(image=files["image"], ndsm=files["ndsm"], target_crs=RD)
    out = files["image"].parent / "p.tif"
    made = infer.predict(scene, out, model, plan=planned(model), heights=out.with_name("h.tif"), bounds=BOX)
    assert made.shape == (400, 520)
    assert made.heights is not None
    box = scene.window("image", BOX), scene.window("ndsm", BOX, 0.3)
    groups = {"rgb": box[0].data, "ndsm": box[1].data[0]}
    feed = infer.scene_feed(scene, strips_card(model), bounds=BOX)
    patch = feed.read(0, 0, 400, 520)
    np.testing.assert_array_equal(patch["rgb"][0], groups["rgb"])
    np.testing.assert_array_equal(patch["ndsm"][0][0], groups["ndsm"])
    with rasterio.open(out) as file:
        assert file.crs.to_epsg() == 28992
        assert file.transform.almost_equals(rasterio.Affine(0.3, 0, 85000, 0, -0.3, 447000))
        assert file.descriptions == infer.BANDS
        assert file.tags()["GEOVISION_MODEL"] == "blur"
        want = whole(model, groups)
        calibrated = 1 / (1 + np.exp(-want["building"][..., 0] / 1.5))
        inner = (slice(12, -12), slice(12, -12))
        np.testing.assert_allclose(file.read(1)[inner] / 255, calibrated[inner], atol=0.004)
    with rasterio.open(made.heights) as file:
        assert file.descriptions == infer.HEIGHT_BANDS
        assert file.dtypes[0] == "float32"
        np.testing.assert_allclose(file.read(1)[inner], want["height"][..., 0][inner], atol=1e-3)


BOX = Bounds(85000.0, 447000.0 - 120.0, 85000.0 + 156.0, 447000.0)


def strips_card(model: Path) -> Any:
    from geovision.vision.store import load_card

    return load_card(model)


class Killed(Exception):
    pass


@pytest.mark.parametrize("after", [0, 3, 6])
def test_a_killed_run_goes_on_and_gives_the_same_bytes(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    image = picture(2300, 260)
    write_tif(tmp_path / "i.tif", image, rasterio.Affine(0.3, 0, 85000, 0, -0.3, 447000), photometric="rgb")
    how, out, beside = planned(model), tmp_path / "p.tif", tmp_path / "h.tif"
    infer.predict(open_scene(image=tmp_path / "i.tif"), out, model, plan=how, heights=beside)
    want = out.read_bytes(), beside.read_bytes()
    out.unlink()
    beside.unlink()
    real = prediction._write
    calls: list[int] = []

    def write(*args: Any) -> None:
        calls.append(args[2].row)
        if len(calls) > after * 2:
            raise Killed
        real(*args)

    monkeypatch.setattr(prediction, "_write", write)
    with pytest.raises(Killed):
        infer.predict(open_scene(image=tmp_path / "i.tif"), out, model, plan=how, heights=beside)
    assert not out.exists()
    assert work_folder(out).is_dir()
    monkeypatch.setattr(prediction, "_write", real)
    rows: list[int] = []
    infer.predict(
        open_scene(image=tmp_path / "i.tif"),
        out,
        model,
        plan=how,
        heights=beside,
        progress=lambda done, total: rows.append(done),
    )
    assert (out.read_bytes(), beside.read_bytes()) == want
    assert not work_folder(out).exists()
    # What was finished was not done again.
    assert after == 0 or rows[0] > 512


def test_another_model_starts_anew(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture(1400, 200)
    write_tif(tmp_path / "i.tif", image, rasterio.Affine(0.3, 0, 85000, 0, -0.3, 447000), photometric="rgb")
    scene, out = open_scene(image=tmp_path / "i.tif"), tmp_path / "p.tif"
    monkeypatch.setattr(CogWriter, "publish", lambda *_: None)
    infer.predict(scene, out, model, plan=planned(model))
    monkeypatch.undo()
    rows: list[int] = []
    other = planned(model, dihedral=2)
    infer.predict(scene, out, model, plan=other, progress=lambda done, _: rows.append(done))
    assert rows[0] < 300


def test_strips_come_in_order_and_cover_the_raster(model: Path, files: dict[str, Path]) -> None:
    scene = open_scene(image=files["image"], ndsm=files["ndsm"], target_crs=RD)
    feed, found = infer.iter_strips(scene, model, plan=planned(model), bounds=BOX)
    row = 0
    for strip in found:
        assert strip.row == row
        assert strip.pixels.shape[2] == feed.columns
        row += strip.rows
    assert row == feed.rows


def test_resampling_is_announced(model: Path, tmp_path: Path) -> None:
    place = rasterio.Affine(1.0, 0, 85000, 0, -1.0, 447000)
    write_tif(tmp_path / "coarse.tif", picture(80, 90), place, photometric="rgb")
    feed = infer.scene_feed(open_scene(image=tmp_path / "coarse.tif"), strips_card(model))
    assert feed.grid.cell_m == 0.5
    assert (feed.rows, feed.columns) == (160, 180)
    assert any("upsampled from 1 m to 0.5 m" in text for text in feed.notes)
    fine = rasterio.Affine(0.1, 0, 85000, 0, -0.1, 447000)
    write_tif(tmp_path / "fine.tif", picture(80, 90), fine, photometric="rgb")
    feed = infer.scene_feed(open_scene(image=tmp_path / "fine.tif"), strips_card(model))
    assert any("downsampled from 0.1 m to 0.3 m" in text for text in feed.notes)


def raster(data: NDArray[Any], cell: float = 0.3, **more: Any) -> Raster:
    return Raster(data, (cell, 0, 85000, 0, -cell, 447000), RD, **more)


@pytest.mark.parametrize(
    ("sources", "options", "words"),
    [
        ({"image": raster(picture(50, 50)[:1])}, {}, "its bands are gray; networks look for red"),
        ({"image": raster(picture(50, 50).astype(np.uint16))}, {}, "its pixels are uint16"),
        ({"image": raster(picture(50, 50), 5.0)}, {}, "its pixels are 5 m; blur sees buildings at 0.25 to"),
        ({"dsm": raster(np.ones((50, 50), np.float32))}, {}, "has nothing that blur takes"),
        ({"image": raster(picture(50, 50))}, {"use": ["ndsm"]}, "has no ndsm, which was asked for"),
    ],
)
def test_what_a_network_cannot_see_is_refused(
    model: Path, sources: dict[str, Any], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        infer.scene_feed(open_scene(**sources), strips_card(model), **options)


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((0.0, 0.0, float("nan"), 9.0), "are no area"),
        ((9.0, 0.0, 1.0, 9.0), "are no area"),
        ((-9.0, 0.0, float("inf"), 9.0), "are no area"),
        ((446100.0, 85000.0, 446200.0, 85100.0), "lie outside of the scene, which is"),
    ],
)
def test_bounds_without_a_scene_are_refused(model: Path, box: tuple[float, ...], words: str) -> None:
    scene = open_scene(image=raster(picture(50, 50)))
    with pytest.raises(UsageError, match=words):
        infer.scene_feed(scene, strips_card(model), bounds=Bounds(*box))


def test_wrong_wishes_are_refused(model: Path) -> None:
    scene = open_scene(image=raster(picture(50, 50)))
    with pytest.raises(UsageError, match="input group 'thermal'"):
        infer.scene_feed(scene, strips_card(model), use=["thermal"])
    with pytest.raises(UsageError, match=r"pixel size 2 m"):
        infer.scene_feed(scene, strips_card(model), gsd_m=2.0)
    with pytest.raises(InputError, match=r"expected \(rows, columns, 14\)"):
        infer.predict_array(np.zeros((5, 5, 3), np.float32), model)
    with pytest.raises(InputError, match="are not what networks take"):
        infer.ArrayFeed({"thermal": np.zeros((5, 5))})


# Runtimes


def test_a_plan_is_measured_and_kept(model: Path, tmp_path: Path) -> None:
    made = infer.make_plan(model, threads=1)
    assert {rate.runtime for rate in made.rates} >= {"onnxruntime"}
    best = max((r for r in made.rates if r.drift <= plan._DRIFT), key=lambda rate: rate.mpx_per_s)
    assert (made.runtime, made.precision) == (best.runtime, best.precision)
    infer.save_plan(made, tmp_path / "plan.json")
    assert infer.load_plan(tmp_path / "plan.json") == made
    (tmp_path / "plan.json").write_text('{"version": "geovision.plan/2"}')
    with pytest.raises(InputError, match="Plan the run anew"):
        infer.load_plan(tmp_path / "plan.json")


def test_runtimes_agree(model: Path) -> None:
    x = stack({"rgb": picture(96, 160)})
    base = infer.predict_array(x, model, plan=planned(model))
    for runtime in runtimes.available():
        found = infer.predict_array(x, model, plan=infer.make_plan(model, runtime=runtime, threads=1))
        for name in HEADS:
            atol = 2e-4 if runtime[1] == "float32" else 0.1
            np.testing.assert_allclose(found[name], base[name], atol=atol)


def test_a_worker_that_cannot_do_what_was_planned_refuses(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = planned(model)
    with pytest.raises(EnvironmentFault, match="which was planned"):
        plan.start(made.model_copy(update={"runtime_version": "0.1"}), model)
    other = save_network(tmp_path, reach=3)
    with pytest.raises(InputError, match="is not the one that was planned"):
        plan.start(made, other)
    monkeypatch.setattr(runtimes, "_openvino_types", lambda: ("FP32",))
    with pytest.raises(EnvironmentFault, match="openvino bfloat16: is not to be had"):
        runtimes.open_runner(b"", "openvino", "bfloat16")
    with pytest.raises(InputError, match="onnxruntime cannot run it"):
        runtimes.open_runner(b"garbage", *ORT)


def test_import_needs_no_training_library_and_no_reader() -> None:
    code = "import geovision.vision.infer, geovision.vision.store, sys; print(*sys.modules)"
    loaded = set(
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        ).stdout.split()
    )
    assert not loaded & {"tensorflow", "keras", "rasterio", "geopandas", "onnxruntime", "openvino"}


def test_a_reader_that_fails_ends_the_run(model: Path) -> None:
    class Broken(infer.ArrayFeed):
        def read(self, row: int, column: int, rows: int, columns: int) -> Any:
            if row > 200:
                raise InputError("raster", "is damaged", "Fetch it again")
            return super().read(row, column, rows, columns)

    card, runner = plan.start(planned(model), model)
    found: Iterator[Any] = strips.run_strips(Broken({"rgb": picture(900, 100)}), runner, planned(model), card)
    with pytest.raises(InputError, match="is damaged"):
        list(found)
