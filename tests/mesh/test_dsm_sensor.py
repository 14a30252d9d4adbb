"""Measured height rasters: every fault has the size that was asked for, and nothing else is changed."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest

from geovision.errors import InputError, UsageError
from geovision.mesh.dsm_sensor import DsmSensor, simulate_dsm
from geovision.mesh.window import Window

PERFECT = DsmSensor(
    noise_m=0.0,
    relief_m=0.0,
    bias_m=0.0,
    ragged_m=0.0,
    fatten_m=0.0,
    smooth_m=0.0,
)
WINDOW = Window(155_000.0, 463_300.0, 0.5, 400, 300)
FLAT = np.full(WINDOW.shape, 12.0, np.float32)
STEP = FLAT.copy()
STEP[:, 200:] = 20.0


def test_without_faults_nothing_changes() -> None:
    rng = np.random.default_rng(1)
    height = rng.uniform(0, 30, WINDOW.shape).astype(np.float32)
    height[rng.random(WINDOW.shape) < 0.1] = np.nan
    assert np.array_equal(simulate_dsm(height, WINDOW, PERFECT), height, equal_nan=True)


@pytest.mark.parametrize("sigma", [0.02, 0.5])
def test_noise_has_its_deviation_and_no_memory(sigma: float) -> None:
    error = simulate_dsm(FLAT, WINDOW, replace(PERFECT, noise_m=sigma)) - 12.0
    assert error.std() == pytest.approx(sigma, rel=0.01)
    assert abs(error.mean()) < 4 * sigma / math.sqrt(error.size)
    assert abs(np.corrcoef(error[:, 1:].ravel(), error[:, :-1].ravel())[0, 1]) < 0.02


def test_relief_has_its_deviation_and_length() -> None:
    waves = [
        simulate_dsm(FLAT, WINDOW, replace(PERFECT, relief_m=0.2, relief_length_m=3.0), seed=seed) - 12.0
        for seed in range(6)
    ]
    assert np.std(waves) == pytest.approx(0.2, rel=0.06)
    wave = waves[0]

    def likeness(cells: int) -> float:
        return float(np.corrcoef(wave[:, cells:].ravel(), wave[:, :-cells].ravel())[0, 1])

    assert likeness(1) > 0.9
    assert 0.2 < likeness(4) < 0.75
    assert abs(likeness(20)) < 0.15


def test_bias_is_one_shift() -> None:
    shifts = []
    for seed in range(60):
        error = (
            simulate_dsm(FLAT[:9, :9], Window(0, 0, 1.0, 9, 9), replace(PERFECT, bias_m=0.3), seed=seed) - 12
        )
        assert np.ptp(error) < 1e-5
        shifts.append(float(error.mean()))
    assert 0.2 < np.std(shifts) < 0.4


@pytest.mark.parametrize("smooth", [0.5, 1.5])
def test_edges_are_rounded_as_by_a_gaussian(smooth: float) -> None:
    drawn = simulate_dsm(STEP, WINDOW, replace(PERFECT, smooth_m=smooth))
    x = (np.arange(400) - 199.5) * 0.5
    expected = 12 + 8 * np.array([0.5 * (1 + math.erf(v / smooth / math.sqrt(2))) for v in x])
    assert np.abs(drawn[150] - expected).max() < 0.1
    assert np.abs(drawn - drawn[150]).max() < 1e-4


def test_high_surfaces_grow_and_slopes_do_not_climb() -> None:
    grown = simulate_dsm(STEP, WINDOW, replace(PERFECT, fatten_m=1.0))
    assert (grown[:, 198:] == 20).all()
    assert (grown[:, :198] == 12).all()
    slope = (np.arange(400) * 0.5 * 1.5)[None].repeat(300, 0).astype(np.float32)
    assert np.array_equal(simulate_dsm(slope, WINDOW, replace(PERFECT, fatten_m=1.0)), slope)


def test_ragged_edges_wobble_by_what_was_asked_for() -> None:
    ragged = simulate_dsm(STEP, WINDOW, replace(PERFECT, ragged_m=1.0, ragged_length_m=4.0))
    assert set(np.unique(ragged)) == {12.0, 20.0}
    edge = (ragged < 16).sum(axis=1) * 0.5 - 100.0
    assert 0.5 < edge.std() < 1.6
    assert abs(edge.mean()) < 0.5


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_holes_and_outliers_have_their_shares(share: float) -> None:
    holes = np.mean(
        [
            np.isnan(simulate_dsm(FLAT, WINDOW, replace(PERFECT, hole_share=share), seed=seed)).mean()
            for seed in range(6)
        ]
    )
    assert holes == pytest.approx(share, rel=0.25)
    wrong = simulate_dsm(FLAT, WINDOW, replace(PERFECT, outlier_share=share, outlier_m=5.0)) - 12.0
    assert np.mean(wrong != 0) == pytest.approx(share, rel=0.05)
    assert wrong[wrong != 0].std() == pytest.approx(5.0, rel=0.1)


def test_the_foot_of_a_wall_is_hidden() -> None:
    drawn = simulate_dsm(STEP, WINDOW, replace(PERFECT, shadow_hole_m=2.0, shadow_hole_step_m=4.0))
    hole = np.isnan(drawn)
    assert not hole[:, :196].any()
    assert not hole[:, 200:].any()
    assert 0.3 < hole[:, 196:200].mean() <= 1.0
    low = np.where(STEP > 16, 14.0, 12.0).astype(np.float32)
    assert not np.isnan(simulate_dsm(low, WINDOW, replace(PERFECT, shadow_hole_m=2.0))).any()


def test_windows_agree_where_they_overlap() -> None:
    sensor = replace(DsmSensor(), hole_share=0.05, outlier_share=0.01)
    whole = simulate_dsm(STEP, WINDOW, sensor, seed=3)
    part = Window(WINDOW.left + 120 * 0.5, WINDOW.top - 60 * 0.5, 0.5, 150, 120)
    cut = simulate_dsm(STEP[60:180, 120:270], part, sensor, seed=3)
    rim = math.ceil((0.2 + 3 * 0.35 + 4 * 0.15) / 0.5) + 1
    inner = slice(rim, -rim)
    assert np.allclose(whole[60:180, 120:270][inner, inner], cut[inner, inner], equal_nan=True, atol=1e-4)


def test_threads_do_not_matter() -> None:
    sensor = DsmSensor(hole_share=0.05, outlier_share=0.01, shadow_hole_m=1.0)
    one = simulate_dsm(STEP, WINDOW, sensor, seed=9, threads=1)
    for threads in (2, 8):
        assert np.array_equal(
            one, simulate_dsm(STEP, WINDOW, sensor, seed=9, threads=threads), equal_nan=True
        )
    assert not np.array_equal(one, simulate_dsm(STEP, WINDOW, sensor, seed=8), equal_nan=True)


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="does not fill"):
        simulate_dsm(FLAT[1:], WINDOW)
    for item in fields(DsmSensor):
        for value in (-1.0, math.nan):
            with pytest.raises(UsageError, match=item.name):
                simulate_dsm(FLAT, WINDOW, replace(PERFECT, **{item.name: value}))
    with pytest.raises(UsageError, match="relief_length_m"):
        simulate_dsm(FLAT, WINDOW, replace(PERFECT, relief_length_m=0.0))
    with pytest.raises(UsageError, match="256 cells"):
        simulate_dsm(FLAT, WINDOW, replace(PERFECT, smooth_m=500.0))
