"""Training tiles and crops: what is turned stays true, batches repeat, folders go on after a cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from geovision.errors import InputError, UsageError
from geovision.pipeline.train_tiles import synthetic_tiles
from geovision.vision.data import CropRules, Tile, TileGroup, TileSource, TileStore, tile_of_rasters
from geovision.vision.data.augment import change_heights, change_image, rough_trees
from geovision.vision.data.crops import cut
from geovision.vision.data.filters import blurred, grown, sobel
from geovision.vision.data.outline_labels import boundary_of, frame_of, parcels_of
from geovision.vision.data.tile import NO_KIND
from geovision.vision.inputs import CHANNELS, validity_of


def turned_house(angle: float, size: int = 120, cell_m: float = 0.3) -> np.ndarray:
    """Ids of one rectangle, turned."""
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    x, y = x * cell_m, -y * cell_m
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.where((abs(u) < 9) & (abs(v) < 6), 0, -1).astype(np.int32)


def test_filters_agree_with_scipy() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        values = rng.normal(size=rng.integers(3, 40, 2)).astype(np.float32)
        radius = int(rng.integers(0, 5))
        want = ndimage.uniform_filter(values.astype(float), 2 * radius + 1, mode="nearest")
        np.testing.assert_allclose(blurred(values, radius, 1), want, atol=1e-5)
        east, north = sobel(values)
        np.testing.assert_allclose(east, ndimage.sobel(values, 1, mode="nearest") / 8, atol=1e-5)
        np.testing.assert_allclose(north, -ndimage.sobel(values, 0, mode="nearest") / 8, atol=1e-5)
        mask = values > 1
        want_mask = ndimage.maximum_filter(mask, 2 * radius + 1, mode="constant")
        np.testing.assert_array_equal(grown(mask, radius), want_mask)


def test_parcels_run_half_way_between_buildings() -> None:
    rng = np.random.default_rng(2)
    for _ in range(10):
        ids = np.full((60, 47), -1, np.int32)
        for number, (row, column) in enumerate(rng.integers(0, 40, (5, 2)).tolist()):
            ids[row : row + 6, column : column + 5] = number
        near = ndimage.distance_transform_edt(ids < 0, return_distances=False, return_indices=True)
        lines = boundary_of(ids[tuple(near)], 10.0)
        # Cells at equal distance to two buildings may go to either.
        assert np.mean(parcels_of(ids) != lines) < 0.03
    assert not parcels_of(np.full((9, 9), -1, np.int32)).any()


@pytest.mark.parametrize("angle_deg", range(0, 90, 7))
def test_frame_is_the_direction_of_the_walls(angle_deg: int) -> None:
    ids = turned_house(np.radians(angle_deg))
    cosine, sine = frame_of(ids, 0.3).astype(float)
    near = boundary_of(ids, 0.3)
    found = np.degrees(np.arctan2(sine[near].mean(), cosine[near].mean())) / 4
    assert abs((found - angle_deg + 45) % 90 - 45) < 1.0


@pytest.mark.parametrize("angle_deg", [0, 20, 33, 71])
@pytest.mark.parametrize("seed", range(4))
def test_crops_turn_what_points_somewhere(angle_deg: int, seed: int) -> None:
    """A crop's frame and normals are those that its own outlines and heights have."""
    cell_m = 0.3
    ids = turned_house(np.radians(angle_deg), 200)
    y, x = -(np.mgrid[:200, :200] - 99.5) * cell_m
    slope = np.array([0.3, -0.5])
    height = np.where(ids >= 0, 30 + slope[0] * -x + slope[1] * y, 0).astype(np.float32)
    normal = np.array([-slope[0], -slope[1], 1.0]) / np.linalg.norm([*slope, 1.0])
    normals = np.where(ids >= 0, 127 * normal[:, None, None], 0).round().astype(np.int8)
    tile = replace(tile_of_rasters(ids, cell_m), height=height, normal=normals)
    crop = cut(tile, CropRules(size=160, cell_m=(0.25, 0.4), on_building=1.0), np.random.default_rng(seed))
    inside = ndimage.binary_erosion(crop.layers["ids"] >= 0, iterations=4)
    assert inside.sum() > 200
    fresh = frame_of(crop.layers["ids"], crop.cell_m) / 127
    at = boundary_of(crop.layers["ids"], crop.cell_m)
    agree = (fresh * crop.layers["frame"]).sum(axis=0)[at]
    assert np.median(agree) > 0.98
    east, north = sobel(crop.layers["height"])
    e, n, up = (component[inside] for component in crop.layers["normal"])
    np.testing.assert_allclose(east[inside] / crop.cell_m, -e / up, atol=0.03)
    np.testing.assert_allclose(north[inside] / crop.cell_m, -n / up, atol=0.03)


def test_a_crop_without_turn_is_the_tile_itself() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (3, 64, 64)).astype(np.uint8)
    tile = tile_of_rasters(rng.integers(-1, 3, (64, 64)).astype(np.int32), 0.5, image=image)
    seen = set()
    for seed in range(40):
        rules = CropRules(size=64, cell_m=(0.5, 0.5), turned=False, on_building=0.0)
        crop = cut(tile, rules, np.random.default_rng(seed)).layers
        turns = [np.rot90(image, k, (1, 2)) for k in range(4)]
        turns += [one[:, :, ::-1] for one in turns]
        match = [k for k, one in enumerate(turns) if np.array_equal(one, np.rint(crop["image"]))]
        assert len(match) == 1
        seen.add(match[0])
        ids = [np.rot90(tile.ids, k) for k in range(4)]
        np.testing.assert_array_equal(crop["ids"], (ids + [one[:, ::-1] for one in ids])[match[0]])
    assert seen == set(range(8))


def test_what_lies_outside_a_tile_is_not_known() -> None:
    tile = tile_of_rasters(np.zeros((20, 20), np.int32), 1.0, ndsm=np.ones((20, 20), np.float32))
    crop = cut(tile, CropRules(size=64, cell_m=(1.0, 1.0)), np.random.default_rng(0)).layers
    known = crop["known"]
    assert 300 < known.sum() < 500
    np.testing.assert_array_equal(np.isfinite(crop["ndsm"]), known)
    assert (crop["ids"][~known] == -1).all()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TileStore:
    return synthetic_tiles(tmp_path_factory.mktemp("tiles"), 2, size=128, cell_m=0.5, seed=4, threads=1)


def test_tiles_do_not_depend_on_who_makes_them(store: TileStore, tmp_path: Path) -> None:
    other = synthetic_tiles(tmp_path, 2, size=128, cell_m=0.5, seed=4, threads=1, workers=2)
    assert other.hashes == store.hashes


def test_batches_depend_on_their_number_alone(store: TileStore) -> None:
    group = TileGroup(str(store.folder), rules=CropRules(size=64))
    source = TileSource((group,), batch_size=3, seed=9)
    again = TileSource((group,), batch_size=3, seed=9)
    for step in (5, 0, 5):
        one, other = source.batch(step), again.batch(step)
        np.testing.assert_array_equal(one.x, other.x)
        for name, value in one.targets.items():
            np.testing.assert_array_equal(value, other.targets[name])
    assert not np.array_equal(source.batch(1).x, source.batch(2).x)


def test_batches_hold_what_the_network_takes(store: TileStore) -> None:
    chances = {"image": 0.4, "ndsm": 0.3, "both": 0.3, "nir": 0.5, "hint": 0.5}
    group = TileGroup(str(store.folder), rules=CropRules(size=64))
    source = TileSource((group,), batch_size=4, seed=1, modalities=chances)
    shown = np.zeros(len(CHANNELS))
    for step in range(12):
        batch = source.batch(step)
        assert batch.x.shape == (4, 64, 64, len(CHANNELS))
        assert batch.x.dtype == np.float32
        assert np.isfinite(batch.x).all()
        shown += (batch.x != 0).any(axis=(0, 1, 2))
        sizes = {"building": 1, "boundary": 1, "frame": 2, "height": 1, "normal": 3, "kind": 1}
        for name, size in sizes.items():
            assert batch.targets[name].shape == (4, 64, 64, size)
            assert batch.weights[name].shape == (4, 64, 64, 1)
            assert np.isfinite(batch.targets[name]).all()
        assert set(np.unique(batch.targets["kind"])) <= set(range(NO_KIND + 1))
        on = batch.targets["building"][..., 0] > 0
        assert (batch.targets["kind"][on] < NO_KIND).all()
    assert (shown > 0).all(), "every channel is shown some time"


def test_validation_shows_all_and_changes_nothing(store: TileStore) -> None:
    rules = CropRules(size=64, cell_m=(0.5, 0.5), turned=False)
    source = TileSource((TileGroup(str(store.folder), rules=rules),), batch_size=2, augmented=False)
    x = source.batch(0).x
    assert (x[..., [validity_of("rgb"), validity_of("nir")]] == 1).all()
    assert x[..., validity_of("ndsm")].mean() > 0.7
    assert (x[..., validity_of("footprints")] == 0).all()


def test_groups_without_tiles_of_that_name(store: TileStore) -> None:
    source = TileSource((TileGroup(str(store.folder), rules=CropRules(size=64), only=("nowhere",)),))
    with pytest.raises(UsageError, match="nowhere"):
        source.batch(0)
    groups = tuple(TileGroup("x", rules=CropRules(size=size)) for size in (64, 96))
    with pytest.raises(UsageError, match="one size"):
        TileSource(groups)


def test_a_folder_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    ids = np.full((16, 16), -1, np.int32)
    made: list[str] = []

    def make(name: str) -> Tile:
        if name == "b" and len(made) == 1:
            raise KeyboardInterrupt
        made.append(name)
        return tile_of_rasters(ids, 0.5, ndsm=np.full((16, 16), float(len(name)), np.float32))

    with pytest.raises(KeyboardInterrupt):
        TileStore.fill(tmp_path, {"v": 1}, "abc", make)
    with pytest.raises(InputError, match="no finished folder"):
        TileStore(tmp_path)
    made.append("a second run")
    store = TileStore.fill(tmp_path, {"v": 1}, "abc", make)
    assert made == ["a", "a second run", "b", "c"]
    assert [tile.ids.shape for tile in store] == [(16, 16)] * 3
    with pytest.raises(InputError, match="something else"):
        TileStore.fill(tmp_path, {"v": 2}, "abc", make)
    (tmp_path / "b.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(InputError, match=r"b\.npz"):
        store[1]


def test_rough_trees_leave_roofs_and_ground_alone() -> None:
    truth = np.zeros((60, 60), np.float32)
    truth[10:30, 10:30] = 6
    seen = truth.copy()
    seen[35:55, 35:55] = 9
    out = rough_trees(seen, truth, np.random.default_rng(3))
    tree = seen > truth
    np.testing.assert_array_equal(out[~tree], truth[~tree])
    assert out[tree].std() > 0.5
    assert out.dtype == np.float32


def test_changes_keep_holes_and_ranges() -> None:
    for seed in range(60):
        rng = np.random.default_rng(seed)
        image = rng.uniform(0, 255, (4, 40, 40)).astype(np.float32)
        image[:, :7, :5] = np.nan
        out = change_image(image, rng)
        assert out.dtype == np.float32
        assert np.isnan(out[:, :3, :3]).all()
        inside = np.concatenate([out[:, 11:].ravel(), out[:, :, 9:].ravel()])
        assert np.isfinite(inside).all()
        assert inside.min() >= 0
        assert inside.max() <= 255
        measured = np.full((40, 40), 6.0, np.float32)
        measured[:2, :2] = np.nan
        heights = change_heights(measured, 0.3, rng)
        assert np.isfinite(heights).mean() > 0.3
        assert np.nanmax(abs(heights - 6)) < 4
