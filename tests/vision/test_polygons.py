from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import rasterio.features
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geovision.errors import InputError, UsageError
from geovision.vision.polygons import LEVELS, Level, Outlines, OutlineSettings, OutlineStream, outlines

EVERYTHING: dict[str, Any] = {"min_area_m2": 0, "min_hole_m2": 0}


def noise(seed: int, rows: int = 30, columns: int = 40) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    p = rng.random((rows, columns), np.float32)
    for _ in range(int(rng.integers(0, 3))):
        p = ((p + np.roll(p, 1, 0) + np.roll(p, 1, 1)) / 3).astype(np.float32)
    return p


def check_valid(found: Outlines) -> None:
    polygons = found.polygons()
    assert shapely.is_valid(polygons).all()
    assert np.allclose(shapely.area(polygons), found.area_m2)
    assert all(shapely.is_ccw(shapely.get_exterior_ring(p)) for p in polygons)
    # Disjoint: what overlaps is counted twice in the sum alone.
    assert shapely.union_all(polygons).area == pytest.approx(found.area_m2.sum(), abs=1e-6)


def same(a: Outlines, b: Outlines) -> None:
    for name, values in vars(a).items():
        assert np.array_equal(values, getattr(b, name), equal_nan=values.dtype.kind == "f"), name


@pytest.mark.parametrize("level", LEVELS)
@given(seed=st.integers(0, 1 << 30), share=st.floats(0.1, 0.9), mask=st.booleans(), parted=st.booleans())
@settings(max_examples=25, deadline=None)
def test_polygons_are_valid_and_disjoint(
    level: Level, seed: int, share: float, mask: bool, parted: bool
) -> None:
    p = noise(seed)
    p = (p - np.quantile(p, share) + 0.5).astype(np.float32)
    boundary = noise(seed + 1) if parted else None
    found = outlines(
        p > 0.5 if mask else p, cell_m=0.5, top=15.0, boundary=boundary, level=level, min_area_m2=1
    )
    check_valid(found)


@given(seed=st.integers(0, 1 << 30), share=st.floats(0.1, 0.9))
@settings(max_examples=25, deadline=None)
def test_traced_masks_are_exact(seed: int, share: float) -> None:
    p = noise(seed)
    mask = p > np.quantile(p, share)
    found = outlines(mask, cell_m=2.0, left=10.0, top=60.0, level="raw", **EVERYTHING)
    traced = [shapely.geometry.shape(s) for s, _ in rasterio.features.shapes(mask.astype(np.uint8), mask, 4)]
    placed = shapely.transform(traced, lambda xy: np.array([10, 60]) + xy * np.array([2, -2]))
    want = shapely.normalize(shapely.make_valid(placed))
    got = shapely.normalize(found.polygons())
    assert len(got) == len(want)
    assert shapely.symmetric_difference(shapely.union_all(got), shapely.union_all(want)).area == 0
    assert found.area_m2.sum() == mask.sum() * 4
    assert np.array_equal(np.sort(found.area_m2), np.sort(shapely.area(want)))


@given(
    seed=st.integers(0, 1 << 30),
    cuts=st.lists(st.integers(1, 29), max_size=6),
    threads=st.sampled_from([1, 2]),
)
@settings(max_examples=20, deadline=None)
def test_strips_give_what_the_whole_gives(seed: int, cuts: list[int], threads: int) -> None:
    p, boundary, height = noise(seed), noise(seed + 1), 9 * noise(seed + 2)
    frame = np.stack([noise(seed + 3), noise(seed + 4)]) * 2 - 1
    chosen = OutlineSettings(min_area_m2=0.5, threads=1)
    whole = outlines(p, cell_m=0.5, boundary=boundary, frame=frame, height=height, settings=chosen)
    stream = OutlineStream(0.5, 0.0, 0.0, p.shape[1], OutlineSettings(min_area_m2=0.5, threads=threads))
    edges = [0, *sorted(set(cuts)), p.shape[0]]
    parts = [
        stream.add(p[a:b], boundary=boundary[a:b], frame=frame[:, a:b], height=height[a:b])
        for a, b in pairwise(edges)
    ]
    same(whole, Outlines.concatenate([*parts, stream.finish()]))


def spiral(n: int) -> NDArray[np.bool_]:
    mask = np.zeros((n, n), bool)
    row, column, dr, dc = 1, 1, 0, 1
    low, high = 1, n - 2
    for k in range(2 * n):
        length = high - low - 2 * (k // 2)
        if length <= 0:
            break
        for _ in range(length):
            mask[row, column] = True
            row, column = row + dr, column + dc
        dr, dc = dc, -dr
    return mask


@pytest.mark.parametrize(
    ("mask", "count"),
    [
        (np.zeros((9, 9), bool), 0),
        (np.ones((9, 70), bool), 1),
        (np.ones((1, 1), bool), 1),
        (np.eye(6, dtype=bool), 6),
        (np.indices((8, 8)).sum(axis=0) % 2 == 0, 32),
        (np.pad(np.zeros((4, 4), bool), 3, constant_values=True), 1),
        (spiral(41), 1),
    ],
    ids=["empty", "full", "one cell", "diagonal", "checkerboard", "ring", "spiral"],
)
@pytest.mark.parametrize("level", LEVELS)
def test_odd_masks(mask: NDArray[np.bool_], count: int, level: Level) -> None:
    found = outlines(mask, cell_m=1.0, level=level, **EVERYTHING)
    assert len(found) == count
    check_valid(found)
    assert found.area_m2.sum() == pytest.approx(mask.sum(), rel=0.35)


def test_touching_buildings_share_their_wall() -> None:
    p = np.zeros((60, 90), np.float32)
    p[10:40, 10:80] = 1
    boundary = np.zeros_like(p)
    boundary[10:40, 43:46] = 1
    found = outlines(p, cell_m=0.3, boundary=boundary)
    assert len(found) == 2
    assert found.touches.all()
    assert np.array_equal(found.level, [0, 0])
    a, b = found.polygons()
    shared = set(a.exterior.coords) & set(b.exterior.coords)
    assert len(shared) == 2
    assert [len(p.exterior.coords) for p in (a, b)] == [5, 5]


def test_courtyards_stay() -> None:
    mask = np.zeros((60, 60), bool)
    mask[5:55, 5:55] = True
    mask[20:40, 20:40] = False
    found = outlines(mask, cell_m=0.5)
    assert len(found.polygon(0).interiors) == 1
    assert found.area_m2[0] == pytest.approx((50**2 - 20**2) / 4)


def test_nan_is_no_building() -> None:
    p = np.full((20, 20), np.nan, np.float32)
    p[5:15, 5:15] = 0.9
    found = outlines(p, cell_m=1.0)
    assert len(found) == 1
    assert found.probability[0] == pytest.approx(0.9, abs=0.001)


def test_wrong_input_is_refused() -> None:
    mask = np.zeros((5, 6), bool)
    with pytest.raises(InputError, match="int64"):
        outlines(mask.astype(np.int64), cell_m=1.0)
    with pytest.raises(InputError, match="shape"):
        outlines(mask[0], cell_m=1.0)
    with pytest.raises(InputError, match="boundary: has shape"):
        outlines(mask, cell_m=1.0, boundary=np.zeros((6, 5), np.uint8))
    with pytest.raises(UsageError, match="cell_m"):
        outlines(mask, cell_m=0.0)
    with pytest.raises(UsageError, match="tolerence_m"):
        outlines(mask, cell_m=1.0, tolerence_m=3)
    with pytest.raises(UsageError, match="threshold"):
        OutlineSettings(threshold=0)
    stream = OutlineStream(1.0, 0.0, 0.0, 6)
    stream.add(mask)
    with pytest.raises(UsageError, match="differs"):
        stream.add(mask.astype(np.float32))
    stream.finish()
    with pytest.raises(UsageError, match="finished"):
        stream.add(mask)


def block(turn_deg: float, shift: float = 0.0, side: int = 100) -> NDArray[np.float32]:
    """A blurred block of 40 x 24 cells, turned counter-clockwise, moved along its long side."""
    y, x = np.mgrid[:side, :side] - side / 2 + 0.5
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    u, v = c * x - s * y - shift, s * x + c * y
    edge = np.minimum(20 - np.abs(u), 12 - np.abs(v))
    return np.asarray(1 / (1 + np.exp(-3 * edge)), np.float32)


@pytest.mark.parametrize("turn", [0, 3.5, 21, 45, 67.3])
def test_blocks_have_four_corners_and_their_direction(turn: float) -> None:
    found = outlines(block(turn), cell_m=0.3)
    assert len(found.xy) == 4
    assert found.area_m2[0] == pytest.approx(40 * 24 * 0.09, rel=0.02)
    assert abs((found.direction_deg[0] - turn + 45) % 90 - 45) < 0.5
    edge = found.xy[1] - found.xy[0]
    assert abs((np.degrees(np.arctan2(edge[1], edge[0])) - turn + 45) % 90 - 45) < 0.5
    assert 0.9 < found.confidence[0] <= 1


def test_flipped_rasters_give_flipped_outlines() -> None:
    p = block(21) + np.roll(block(21), (20, 25), (0, 1)) * (block(21) < 0.01)
    want = outlines(p, cell_m=1.0)
    turned = outlines(np.ascontiguousarray(p.T), cell_m=1.0)
    # The transposed raster's (x, -y) are the raster's (-y, x).
    back = shapely.transform(turned.polygons(), lambda xy: -xy[:, ::-1])
    assert len(want) == len(turned)
    ours, theirs = shapely.union_all(want.polygons()), shapely.union_all(back)
    assert shapely.symmetric_difference(ours, theirs).area < 0.02 * ours.area


def test_the_frame_turns_a_ragged_block() -> None:
    rng = np.random.default_rng(3)
    p = block(12) + rng.normal(0, 0.35, (100, 100)).astype(np.float32)
    angle = np.full((100, 100), np.radians(4 * 12), np.float32)
    frame = np.stack([np.cos(angle), np.sin(angle)])
    with_frame = outlines(p, frame=frame, cell_m=0.3, min_area_m2=20)
    as_bytes = outlines(p, frame=np.rint(128 + 127 * frame).astype(np.uint8), cell_m=0.3, min_area_m2=20)
    assert abs(with_frame.direction_deg[0] - 12) < 1
    assert as_bytes.direction_deg[0] == pytest.approx(with_frame.direction_deg[0], abs=0.2)


def test_walls_follow_the_heights() -> None:
    height = np.where(block(0, shift=2.0) > 0.5, 8.0, 0.5).astype(np.float32)
    height[40, 40] = np.nan
    before = outlines(block(0), cell_m=0.3)
    after = outlines(block(0), height=height, cell_m=0.3)
    assert np.allclose(after.xy[:, 0].min() - before.xy[:, 0].min(), 2 * 0.3, atol=0.1)
    assert np.allclose(after.xy[:, 0].max() - before.xy[:, 0].max(), 2 * 0.3, atol=0.1)
    assert after.height_m[0] == 8
    assert np.isnan(before.height_m[0])
