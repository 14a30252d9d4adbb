"""What cells of a height raster err by together: seen on open ground, and carried to the fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely

from geovision.inverse.solver import solve
from geovision.mesh import DsmSensor, Window, simulate_dsm
from geovision.model.evidence import Evidence
from geovision.sources import Footprints, HeightGrid, evidence_from_arrays, prepare_footprints
from geovision.sources.footprint_set import polygon_arrays
from geovision.sources.waves import Waves, ground_errors, waves_of

WIDE, HIGH, CELL = 90.0, 70.0, 0.5
HOUSES = [shapely.box(20, 20, 32, 30), shapely.box(50, 35, 64, 45)]
QUIET = DsmSensor(noise_m=0.04, relief_m=0.0, bias_m=0.0, ragged_m=0.0, fatten_m=0.0, smooth_m=0.0)
WAVY = replace(QUIET, relief_m=0.12, relief_length_m=2.5)


def outlines() -> Footprints:
    rings, vertices, xy = polygon_arrays(np.array(HOUSES, object))
    return prepare_footprints(Footprints(["a", "b"], rings, vertices, xy))


def rasters(sensor: DsmSensor, *, hedge: bool = False) -> tuple[HeightGrid, HeightGrid]:
    """The houses with gables over a gentle slope, as a sensor sees them, and the bare slope."""
    window = Window.of((0.0, 0.0, WIDE, HIGH), CELL)
    x = window.left + (np.arange(window.width) + 0.5) * CELL
    y = window.top - (np.arange(window.height) + 0.5) * CELL
    grid_x, grid_y = np.meshgrid(x, y)
    ground = 10 + 0.02 * grid_x
    top = ground.copy()
    for house in HOUSES:
        _, south, _, north = house.bounds
        inside = shapely.contains_xy(house, grid_x, grid_y)
        roof = 16 + 0.7 * ((north - south) / 2 - np.abs(grid_y - (south + north) / 2))
        top = np.where(inside, roof, top)
    if hedge:
        top[10:16] += 1.5
    seen = simulate_dsm(top.astype(np.float32), window, sensor, seed=5)
    return (
        HeightGrid(seen, window.left, window.top, CELL),
        HeightGrid(ground, window.left, window.top, CELL),
    )


def waves(sensor: DsmSensor, *, hedge: bool = False) -> Waves:
    return waves_of([ground_errors(outlines(), *rasters(sensor, hedge=hedge))], CELL)


@pytest.mark.parametrize("hedge", [False, True])
def test_open_ground_shows_the_waves_of_a_raster(hedge: bool) -> None:
    found = waves(WAVY, hedge=hedge)
    assert found.own_m == pytest.approx(0.04, abs=0.015)
    assert found.shared_m == pytest.approx(0.12, abs=0.03)
    assert found.share(CELL) < 0.5


def test_longer_waves_say_less() -> None:
    short, long = waves(WAVY), waves(replace(WAVY, relief_length_m=4.0))
    assert long.area_m2 > 1.5 * short.area_m2
    assert long.share(CELL) < short.share(CELL)
    assert short.share(0.25) < short.share(CELL) < short.share(2.0) <= 1.0


def test_cells_that_err_by_themselves_count_in_full() -> None:
    found = waves(QUIET)
    assert found.own_m == pytest.approx(0.04, abs=0.01)
    assert (found.shared_m, found.share(CELL)) == (0.0, 1.0)


def test_means_of_cells_have_the_same_waves() -> None:
    means = Waves(0.06, 0.1, 2.0).of_means(3)
    assert means.own_m == pytest.approx(0.02)
    assert (means.shared_m, means.area_m2) == (0.1, 2.0)


def test_little_ground_says_nothing() -> None:
    dsm, dtm = rasters(WAVY)
    small = HeightGrid(dsm.values[:8, :8], dsm.left, dsm.top, CELL)
    assert waves_of([ground_errors(outlines(), small, dtm)], CELL) == Waves()
    assert waves_of([], CELL) == Waves()


def gathered(sensor: DsmSensor) -> list[Evidence]:
    dsm, dtm = rasters(sensor)
    return list(evidence_from_arrays(outlines(), dsm=dsm, dtm=dtm))


def test_evidence_says_what_its_cells_count() -> None:
    calm, wavy = gathered(QUIET), gathered(WAVY)
    for before, after in zip(calm, wavy, strict=True):
        assert before.point_share == 1.0 > after.point_share > 0.1
        assert np.median(after.point_sigma) > np.hypot(np.median(before.point_sigma), 0.09)


def test_waves_are_no_planes() -> None:
    wavy = gathered(WAVY)
    blind = [
        replace(item, point_share=1.0, point_sigma=np.full_like(item.point_sigma, 0.07)) for item in wavy
    ]
    kinds = [fit.kind for fit in solve(wavy).fits]
    assert kinds == ["gabled", "gabled"]
    assert [fit.kind for fit in solve(blind).fits] != kinds
