"""Laser scans against planes, boxes and what was asked for; the same from any threads, tiles and origins."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.mesh.layers import draw_layers
from geovision.mesh.lidar_sensor import LidarPoints, LidarSensor, simulate_lidar
from geovision.mesh.scene_mesh import Cover, SceneMesh, Terrain, Trees, build_scene_mesh
from geovision.mesh.window import Window
from geovision.model import Flat, Label
from tests.mesh.scenes import ORIGIN, TERRAIN, TREE, house, village

PERFECT = LidarSensor(
    range_noise_m=0,
    strip_shift_m=0,
    strip_lift_m=0,
    strip_wave_m=0,
    dropout=0,
    outlier_share=0,
    divergence_mrad=0,
)
FIELD = (155_000.0, 463_000.0, 155_060.0, 463_040.0)


def field(slope: float = 0.0, cover: Cover | None = None, trees: Trees | None = None) -> SceneMesh:
    x = np.arange(-100.0, 201.0, 10.0)
    z = np.broadcast_to(20 + slope * (x + 100), (len(x), len(x))).astype(np.float32)
    land = Terrain(ORIGIN[0] - 100, ORIGIN[1] + 200, 10.0, z)
    return build_scene_mesh([], terrain=land, cover=cover, trees=trees)


def same(a: LidarPoints, b: LidarPoints) -> bool:
    return all(np.array_equal(getattr(a, item.name), getattr(b, item.name)) for item in fields(LidarPoints))


@pytest.mark.parametrize("pattern", ["line", "oscillating", "elliptical"])
@pytest.mark.parametrize("density", [1.0, 12.0])
def test_a_strip_has_the_density_that_was_asked_for(pattern: Any, density: float) -> None:
    # One strip, and no other beside it: over its whole width the mean is what counts.
    sensor = replace(
        PERFECT, pattern=pattern, density=density, altitude_m=100, half_angle_deg=20, overlap=0.0
    )
    scene = field()
    swath = 2 * 100 * math.tan(math.radians(20))
    azimuth = math.radians(sensor.azimuth_deg)
    v = ORIGIN[0] * math.cos(azimuth) - ORIGIN[1] * math.sin(azimuth)
    middle = (math.floor(v / swath) + 0.5) * swath
    shift = (middle - v) * np.array([math.cos(azimuth), -math.sin(azimuth)])
    b = (*(ORIGIN[:2] + shift - 70), *(ORIGIN[:2] + shift + 70))
    points = simulate_lidar(scene, b, replace(sensor, datum_m=20.0))
    along = (points.xyz[:, 0] - ORIGIN[0] - shift[0]) * math.sin(azimuth)
    along += (points.xyz[:, 1] - ORIGIN[1] - shift[1]) * math.cos(azimuth)
    across = (points.xyz[:, 0] - ORIGIN[0] - shift[0]) * math.cos(azimuth)
    across -= (points.xyz[:, 1] - ORIGIN[1] - shift[1]) * math.sin(azimuth)
    inside = (np.abs(along) < 30) & (np.abs(across) < swath / 2)
    assert inside.sum() / (60 * swath) == pytest.approx(density, rel=0.04)


def test_points_lie_on_the_ground() -> None:
    scene = field(slope=0.1)
    points = simulate_lidar(scene, FIELD, PERFECT)
    expected = 20 + 0.1 * (points.xyz[:, 0] - ORIGIN[0] + 100)
    assert len(points) > 10_000
    assert np.abs(points.xyz[:, 2] - expected).max() < 1e-3
    assert (points.classification == 2).all()
    assert (points.label == TERRAIN).all()
    assert (points.number_of_returns == 1).all()
    assert (np.diff(points.gps_time)[np.diff(points.strip) == 0] > 0).all()
    assert np.abs(points.scan_angle_deg).max() <= PERFECT.half_angle_deg + 0.01
    x_min, y_min, x_max, y_max = FIELD
    x, y = points.xyz[:, 0], points.xyz[:, 1]
    assert ((x >= x_min) & (x < x_max) & (y >= y_min) & (y < y_max)).all()


@pytest.mark.parametrize("sigma", [0.01, 0.05])
def test_range_noise_is_what_was_asked_for(sigma: float) -> None:
    points = simulate_lidar(field(), FIELD, replace(PERFECT, range_noise_m=sigma))
    error = (points.xyz[:, 2] - 20) / np.cos(np.radians(points.scan_angle_deg))
    assert error.std() == pytest.approx(sigma, rel=0.03)
    assert abs(error.mean()) < 4 * sigma / math.sqrt(len(points))
    assert np.abs(error).max() < 5.0 * sigma


def test_strips_are_off_as_wholes() -> None:
    sensor = replace(PERFECT, strip_lift_m=0.1, overlap=0.6, altitude_m=150)
    area = (FIELD[0], FIELD[1], FIELD[0] + 90, FIELD[1] + 90)
    lifts = []
    for seed in range(12):
        points = simulate_lidar(field(), area, sensor, seed=seed)
        for strip in np.unique(points.strip):
            z = points.xyz[points.strip == strip, 2] - 20
            assert np.ptp(z) < 1e-3
            lifts.append(z.mean())
    assert len(lifts) >= 24
    assert 0.06 < np.std(lifts) < 0.15


def test_outliers_and_dropouts_have_their_shares() -> None:
    whole = simulate_lidar(field(), FIELD, replace(PERFECT, density=20.0))
    fewer = simulate_lidar(field(), FIELD, replace(PERFECT, density=20.0, dropout=0.3))
    assert len(fewer) / len(whole) == pytest.approx(0.7, abs=0.02)
    wrong = simulate_lidar(
        field(), FIELD, replace(PERFECT, density=20.0, outlier_share=0.05, outlier_class=18)
    )
    far = np.abs(wrong.xyz[:, 2] - 20) > 1
    assert far.mean() == pytest.approx(0.05, abs=4 * math.sqrt(0.05 / len(wrong)))
    assert (far == (wrong.classification == 18)).all()
    assert (far == (wrong.label == 255)).all()
    assert np.abs(wrong.xyz[:, 2] - 20).max() < 40.1
    sparse = simulate_lidar(
        field(),
        (FIELD[0] - 80, FIELD[1] - 80, FIELD[0] + 180, FIELD[1] + 180),
        replace(PERFECT, density=4.0, sparse_share=0.3, sparse_length_m=6.0),
    )
    plain = simulate_lidar(
        field(), (FIELD[0] - 80, FIELD[1] - 80, FIELD[0] + 180, FIELD[1] + 180), replace(PERFECT, density=4.0)
    )
    assert len(sparse) / len(plain) == pytest.approx(1 - 0.3 * 0.8, abs=0.04)


def test_water_swallows_pulses() -> None:
    pond = Cover.of([[np.array([[10, 10], [30, 10], [30, 30], [10, 30]]) + ORIGIN[:2]]], 20, (30, 40, 50))
    sensor = replace(PERFECT, density=15.0, water_dropout=0.8, jitter=0.0)
    points = simulate_lidar(field(cover=pond), FIELD, sensor)
    x, y = points.xyz[:, 0] - ORIGIN[0], points.xyz[:, 1] - ORIGIN[1]
    wet = (x > 10.3) & (x < 29.7) & (y > 10.3) & (y < 29.7)
    dry = (x > 32) | (y > 32) | (x < 8) | (y < 8)
    assert (points.classification[wet] == 9).all()
    assert (points.classification[dry] == 2).all()
    assert wet.sum() / (19.4**2 * 15) == pytest.approx(0.2, abs=0.04)
    assert np.median(points.intensity[wet]) < 0.2 * np.median(points.intensity[dry])


# A box of 10 x 8 m, 9 m high, on level ground.
RING = np.array([[25, 15], [35, 15], [35, 23], [25, 23]]) + ORIGIN[:2]


def box_scene() -> SceneMesh:
    land = Terrain(ORIGIN[0] - 100, ORIGIN[1] + 200, 100.0, np.full((4, 4), 20, np.float32))
    return build_scene_mesh([house(Flat(), RING, eave=9.0, ground=20.0)], terrain=land)


def box_distance(xyz: NDArray[Any]) -> NDArray[np.float64]:
    """To the surface of the box, or to the ground."""
    low, high = np.array([*RING[0], 20.0]), np.array([*RING[2], 29.0])
    outside = np.linalg.norm(np.maximum(0, np.maximum(low - xyz, xyz - high)), axis=1)
    inside = np.minimum(xyz - low, high - xyz).min(axis=1)
    return np.asarray(np.minimum(np.where(inside > 0, inside, outside), np.abs(xyz[:, 2] - 20)))


@pytest.mark.parametrize("pattern", ["line", "oscillating", "elliptical"])
def test_every_point_lies_on_a_box(pattern: Any) -> None:
    scene = box_scene()
    exact = simulate_lidar(scene, FIELD, replace(PERFECT, pattern=pattern))
    assert box_distance(exact.xyz).max() < 1e-3
    assert {0, 1, 16} <= set(np.unique(exact.label))
    noisy = simulate_lidar(
        scene, FIELD, replace(PERFECT, pattern=pattern, range_noise_m=0.02, divergence_mrad=0.4)
    )
    # The spot is 0.24 m wide: an edge is met by half of it up to 0.1 m beside it.
    assert box_distance(noisy.xyz).max() < 5 * 0.02 + 0.1
    roof = noisy.label == Label.ROOF
    assert (noisy.classification[roof] == 6).all()
    assert (noisy.building[roof] == 0).all()
    assert (noisy.building[noisy.label == TERRAIN] == -1).all()


def test_walls_are_seen_from_one_side_and_hide_the_ground_behind() -> None:
    scene = box_scene()
    # Flown north, far to one side: every beam comes slanting from the strip's middle.
    sensor = replace(
        PERFECT,
        azimuth_deg=0.0,
        density=40.0,
        altitude_m=300.0,
        half_angle_deg=30.0,
        overlap=0.0,
        datum_m=20.0,
    )
    swath = 2 * 300 * math.tan(math.radians(30))
    middle = (math.floor(ORIGIN[0] / swath) + 0.5) * swath
    points = simulate_lidar(scene, FIELD, sensor)
    assert len(np.unique(points.strip)) == 1
    from_west = middle < RING[0, 0]
    walls = points.xyz[points.label == Label.WALL]
    near, far = (RING[0, 0], RING[1, 0]) if from_west else (RING[1, 0], RING[0, 0])
    assert len(walls) > 50
    assert np.abs(walls[:, 0] - near).max() < 1e-3
    # Between the far wall and where the beam over the roof's far edge comes down there is no ground.
    reach = 9.0 * abs(far - middle) / (300.0 - 9.0)
    x, y = points.xyz[:, 0], points.xyz[:, 1]
    behind = (x - far) * (1 if from_west else -1)
    beside = (y > RING[0, 1] + 0.05) & (y < RING[2, 1] - 0.05) & (points.label == TERRAIN)
    assert not (beside & (behind > -10) & (behind < reach - 0.01)).any()
    assert (beside & (behind > reach) & (behind < reach + 1)).sum() > 100


def test_returns_of_one_pulse() -> None:
    trees = Trees.of(ORIGIN[:2] + np.array([[30.0, 20.0]]), 20.0, 15.0, 6.0, density=0.5)
    scene = field(trees=trees)
    points = simulate_lidar(scene, FIELD, replace(PERFECT, density=20.0, most_returns=4))
    many = points.number_of_returns > 1
    assert 0.05 < many.mean() < 0.8
    assert points.number_of_returns.max() == 4
    # Points of one pulse follow each other: 1 2 .. n, going down.
    first = np.flatnonzero(points.return_number == 1)
    sizes = np.diff(np.append(first, len(points)))
    assert (sizes == points.number_of_returns[first]).all()
    expected = np.concatenate([np.arange(1, size + 1) for size in sizes])
    assert (points.return_number == expected).all()
    later = points.return_number > 1
    drop = points.xyz[np.flatnonzero(later) - 1, 2] - points.xyz[later, 2]
    assert drop.min() > 0.4
    crown = points.label == TREE
    assert (points.classification[crown] == 5).all()
    r = np.hypot(points.xyz[crown, 0] - ORIGIN[0] - 30, points.xyz[crown, 1] - ORIGIN[1] - 20)
    assert r.max() < 1.2 * 6.0
    height = points.xyz[crown, 2] - 20
    assert height.min() > 3.5
    assert height.max() < 15.0 + 0.5
    # Thicker leaves let less through.
    dense = simulate_lidar(
        field(trees=replace(trees, density=np.array([2.0]))), FIELD, replace(PERFECT, density=20.0)
    )

    def under(some: LidarPoints) -> float:
        distance = np.hypot(some.xyz[:, 0] - ORIGIN[0] - 30, some.xyz[:, 1] - ORIGIN[1] - 20)
        return float(((some.label == TERRAIN) & (distance < 4)).sum())

    assert under(dense) < 0.7 * under(points)


def test_crown_points_stay_below_the_picture_of_the_crown() -> None:
    scene = village()
    points = simulate_lidar(scene, VILLAGE, PERFECT)
    window = Window.of((VILLAGE[0] - 30, VILLAGE[1] - 30, VILLAGE[2] + 30, VILLAGE[3] + 30), 0.1)
    top = draw_layers(scene, window, ["height"])["height"]
    column = ((points.xyz[:, 0] - window.left) / 0.1).astype(int)
    row = ((window.top - points.xyz[:, 1]) / 0.1).astype(int)
    # Off a cell's centre a roof or a crown is higher or lower than there.
    above = points.xyz[:, 2] - top[row, column]
    crown = points.label == TREE
    assert crown.sum() > 500
    assert np.percentile(above[crown], 99) < 0.5
    assert np.percentile(np.abs(above[points.label == TERRAIN]), 50) < 0.02


VILLAGE = (155_000.0, 463_000.0, 155_080.0, 463_070.0)


@pytest.mark.parametrize("seed", range(3))
def test_every_point_lies_within_its_noise_of_the_scene(seed: int) -> None:
    scene = village(seed)
    sensor = LidarSensor(strip_shift_m=0, strip_lift_m=0, strip_wave_m=0, outlier_share=0, range_noise_m=0.02)
    points = simulate_lidar(scene, VILLAGE, sensor, seed=seed)
    mesh = scene.triangles
    corners = mesh.vertices[mesh.triangles] + scene.origin
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(1e-12, np.linalg.norm(normal, axis=1, keepdims=True))
    seen = np.flatnonzero(points.surface >= 0)
    assert len(seen) > 1000
    for surface in np.unique(points.surface[seen]):
        mine = points.xyz[seen[points.surface[seen] == surface]]
        planes = np.flatnonzero(mesh.surface == surface)
        away = np.abs(np.einsum("tpc,tc->tp", mine[None] - corners[planes, :1], normal[planes])).min(axis=0)
        assert away.max() < 5 * 0.02 + 0.05


def test_threads_do_not_matter() -> None:
    scene = village()
    one = simulate_lidar(scene, VILLAGE, seed=5, threads=1)
    assert same(one, simulate_lidar(scene, VILLAGE, seed=5, threads=2))
    assert same(one, simulate_lidar(scene, VILLAGE, seed=5, threads=8))
    assert not same(one, simulate_lidar(scene, VILLAGE, seed=6))


@pytest.mark.parametrize("pattern", ["line", "oscillating", "elliptical"])
def test_tiles_add_up_to_the_whole(pattern: Any) -> None:
    scene = village()
    sensor = LidarSensor(pattern=pattern, altitude_m=250.0, overlap=0.5, outlier_share=0.01)
    x_min, y_min, x_max, y_max = VILLAGE
    middle = 155_033.0
    pieces = [
        simulate_lidar(scene, (x_min, y_min, middle, y_max), sensor, seed=2),
        simulate_lidar(scene, (middle, y_min, x_max, y_max), sensor, seed=2),
    ]
    whole = simulate_lidar(scene, VILLAGE, sensor, seed=2)
    assert len(whole) == sum(len(piece) for piece in pieces)

    def table(points: LidarPoints) -> NDArray[np.float64]:
        columns = (points.xyz, points.intensity, points.label, points.gps_time, points.return_number)
        return np.column_stack(columns)

    joined = np.concatenate([table(piece) for piece in pieces])
    # A pulse has its time: the order is that of the flight again. The last bits depend on the local frame.
    joined = joined[np.lexsort((joined[:, -1], joined[:, -2]))]
    assert np.abs(joined - table(whole)[np.lexsort((whole.return_number, whole.gps_time))]).max() < 1e-9


def test_what_is_to_be_seen() -> None:
    scene = village()
    land = simulate_lidar(scene, VILLAGE, see=("terrain",))
    assert set(np.unique(land.label)) <= {TERRAIN, 255}
    everything = simulate_lidar(scene, VILLAGE)
    assert {0, 1, TERRAIN, TREE} <= set(np.unique(everything.label).tolist())
    assert len(simulate_lidar(build_scene_mesh([]), VILLAGE)) == 0


def test_bad_input_is_named() -> None:
    scene = field()
    for change in ({"density": 0.0}, {"half_angle_deg": 80.0}, {"overlap": 1.0}, {"range_noise_m": -1.0}):
        name = next(iter(change))
        with pytest.raises(UsageError, match=name):
            simulate_lidar(scene, FIELD, replace(PERFECT, **change))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="zigzag"):
        simulate_lidar(scene, FIELD, replace(PERFECT, pattern="zigzag"))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="25 square"):
        simulate_lidar(scene, (0, 0, 6000, 6000), PERFECT)
    with pytest.raises(UsageError, match="bounds"):
        simulate_lidar(scene, (0, 0, 0, 5), PERFECT)
    with pytest.raises(UsageError, match="range_noise_m"):
        simulate_lidar(scene, FIELD, replace(PERFECT, range_noise_m=math.nan))
    with pytest.raises(UsageError, match="flies into the scene"):
        simulate_lidar(scene, FIELD, replace(PERFECT, datum_m=-500.0, altitude_m=100.0))
