"""The simulation of large runs against what can be said in closed form."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.simulate_scaling import Faults, Tiles, cost_model, draw, load_measured, simulate, tiles_of_run


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("tiles", "workers"), [(1, 1), (7, 3), (1000, 16), (5, 8)])
def test_equal_tiles_go_in_rounds(tiles: int, workers: int) -> None:
    found = simulate([2.5] * tiles, workers, Faults(), rng())
    assert found.seconds == pytest.approx(2.5 * math.ceil(tiles / workers))
    assert found.tries == tiles
    assert found.lost_s == 0


def test_any_list_stays_within_grahams_bounds() -> None:
    chance = rng(1)
    for _ in range(50):
        seconds = chance.lognormal(0, 1.5, int(chance.integers(1, 400)))
        workers = int(chance.integers(1, 60))
        found = simulate(seconds, workers, Faults(), chance)
        mean, most = seconds.sum() / workers, seconds.max()
        assert max(mean, most) - 1e-9 <= found.seconds <= mean + most + 1e-9
        assert found.work_s == pytest.approx(seconds.sum())
        assert 0 <= found.tail_s <= most + 1e-9


def test_the_last_of_n_exponential_tiles_is_harmonic() -> None:
    """n tiles on n workers: the mean of the largest of n is the sum of 1/k."""
    n, chance = 30, rng(2)
    ends = [simulate(chance.exponential(1.0, n), n, Faults(), chance).seconds for _ in range(2000)]
    expected = sum(1 / k for k in range(1, n + 1))
    error = float(np.std(ends)) / math.sqrt(len(ends))
    assert np.mean(ends) == pytest.approx(expected, abs=4 * error)


@pytest.mark.parametrize("rate", [0.2, 1.0, 2.0])
def test_a_tile_repeated_until_its_worker_lives_takes_the_known_time(rate: float) -> None:
    """Deaths at rate r, work s, from the start each time: (exp(r s) - 1) / r on the average."""
    hours, count = 1.0, 20000
    faults = Faults(deaths_per_hour=rate, deaths=0)
    found = simulate([3600 * hours] * count, 1, faults, rng(3))
    expected = (math.exp(rate * hours) - 1) / rate
    assert found.seconds / 3600 / count == pytest.approx(expected, rel=0.05)
    assert found.set_aside == 0
    assert found.tries / count == pytest.approx(math.exp(rate * hours), rel=0.05)


@pytest.mark.parametrize("probability", [0.1, 0.5])
def test_errors_are_tried_three_times(probability: float) -> None:
    count = 40000
    found = simulate([1.0] * count, 10, Faults(error=probability), rng(4))
    assert found.set_aside / count == pytest.approx(probability**3, rel=0.25)
    assert found.tries / count == pytest.approx((1 - probability**3) / (1 - probability), rel=0.02)


def test_two_deaths_set_a_tile_aside() -> None:
    faults = Faults(deaths_per_hour=1.0, restart_s=100.0)
    found = simulate([3600.0] * 20000, 50, faults, rng(5))
    assert found.set_aside / 20000 == pytest.approx((1 - math.exp(-1)) ** 2, rel=0.03)


def test_slow_workers_lengthen_the_end_and_not_the_work_of_others() -> None:
    seconds = [10.0] * 5000
    plain = simulate(seconds, 100, Faults(), rng(6))
    slow = simulate(seconds, 100, Faults(slow=0.1, slowness=5.0), rng(6))
    assert plain.seconds == 500
    # Ninety fast workers and ten at a fifth: 92 workers' worth, and the last slow tile.
    assert 5000 * 10 / 95 <= slow.seconds <= 5000 * 10 / 85 + 50


def test_drawn_tiles_have_the_buildings_that_were_asked_for() -> None:
    tiles = Tiles(np.array([10, 100]), np.array([1.0, 2.0]), np.array([1000, 9000]))
    seconds = draw(tiles, 1e5, rng())
    assert seconds.sum() == pytest.approx(1e5 * 3.0 / 110, rel=0.05)


def test_the_measured_tiles_and_their_model(tmp_path: Path) -> None:
    model = cost_model(load_measured())
    assert model["tiles"] >= 100
    assert 0.001 < model["cpu_s_per_building"] < 0.1
    assert model["building_bytes"] > 100
    count = np.arange(1, 50)
    exact = Tiles(count, np.asarray(0.5 + 0.02 * count, np.float64), 4000 + 1100 * count)
    found = cost_model(exact)
    assert found["tile_s"] == pytest.approx(0.5)
    assert found["building_s"] == pytest.approx(0.02)
    assert found["building_bytes"] == pytest.approx(1100)


def test_tiles_are_read_from_a_run(tmp_path: Path) -> None:
    import sqlite3

    facts = {"buildings": 3, "cpu_s": 1.5, "outputs": {"a": ["0" * 64, 10], "b": ["0" * 64, 20]}}
    with sqlite3.connect(tmp_path / "manifest.sqlite") as made:
        made.execute("create table attempts (key text, state text, facts text)")
        made.execute("insert into attempts values ('0_0', 'done', ?)", [json.dumps(facts)])
        made.execute("insert into attempts values ('1_0', 'failed', ?)", [json.dumps(facts)])
    tiles = tiles_of_run(tmp_path)
    assert (tiles.buildings.tolist(), tiles.seconds.tolist(), tiles.bytes.tolist()) == ([3], [1.5], [30])
