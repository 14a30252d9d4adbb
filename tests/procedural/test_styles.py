from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geovision.errors import GeovisionError, InputError, UsageError
from geovision.procedural.distributions import Choice, Lognormal, Normal, Uniform
from geovision.procedural.rng import Keyed, combine, id_keys
from geovision.procedural.style import builtin_styles, load_style


def keyed(count: int, seed: int = 0) -> Keyed:
    return Keyed(seed, np.arange(count, dtype=np.uint64))


def test_builtin_styles_load() -> None:
    assert {"mixed", "dutch_town", "suburb", "block_city"} <= set(builtin_styles())
    for name in builtin_styles():
        assert load_style(name).name == name


def test_a_draw_belongs_to_its_key() -> None:
    alone = Keyed(3, np.array([17], dtype=np.uint64)).uniform("eave")
    together = keyed(1000, 3).uniform("eave")
    assert together[17] == alone[0]
    assert (keyed(1000, 3).uniform("ridge") != together).all()
    assert (keyed(1000, 4).uniform("eave") != together).all()


def test_draws_are_uniform_and_independent() -> None:
    draws = keyed(200_000)
    u, v = draws.uniform("a"), draws.uniform("b")
    counts = np.histogram(u, bins=20, range=(0, 1))[0]
    assert np.abs(counts / 10_000 - 1).max() < 0.05
    assert abs(np.corrcoef(u, v)[0, 1]) < 0.01
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 0.01
    z = draws.normal("z")
    assert abs(z.mean()) < 0.01
    assert abs(z.std() - 1) < 0.01


def test_keys_do_not_collide() -> None:
    rows, columns = np.indices((300, 300))
    assert len(np.unique(combine(1, rows.ravel(), columns.ravel()))) == 90_000
    assert len(np.unique(id_keys(str(number) for number in range(10_000)))) == 10_000


def test_distributions_follow_their_numbers() -> None:
    draws = keyed(100_000)
    uniform = Uniform(dist="uniform", low=4, high=6).sample(draws, "u")
    assert uniform.min() >= 4
    assert uniform.max() <= 6
    assert abs(uniform.mean() - 5) < 0.01
    normal = Normal(dist="normal", mean=35, sd=6, low=20, high=50).sample(draws, "n")
    assert abs(normal.mean() - 35) < 0.1
    assert normal.min() >= 20
    lognormal = Lognormal(dist="lognormal", median=18, sigma=0.2, low=5, high=60).sample(draws, "l")
    assert abs(np.median(lognormal) - 18) < 0.1
    choice = Choice(dist="choice", values=(2, 3), weights=(0.8, 0.2)).sample(draws, "c")
    assert abs((choice == 3).mean() - 0.2) < 0.01


def write(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text)
    return path


def test_a_style_of_ones_own_states_only_what_differs(tmp_path: Path) -> None:
    style = load_style(
        write(tmp_path, 'base = "mixed"\nname = "own"\n[layout]\njitter = 0\n[plans.shapes]\nu = 1\n')
    )
    mixed = load_style("mixed")
    assert style.layout.jitter == 0
    assert style.layout.block_length_m == mixed.layout.block_length_m
    assert style.plans.shapes == {"u": 1}
    assert style.uses == mixed.uses


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'base = "mixed"\n[layout]\nstreet_widht_m = 4\n',
            ["own.toml", "layout.street_widht_m", "street_width_m"],
        ),
        (
            'base = "mixed"\n[layout]\nstreet_width_m = { dist = "uniform", low = 9, high = 4 }\n',
            ["layout", "low 9"],
        ),
        ('base = "mixed"\n[uses.detached.roofs]\ngable = 1\n', ["uses.detached.roofs", "gabled"]),
        ('base = "mixed"\n[uses.detached.roofs]\nflat = 0\n', ["uses.detached.roofs", "above 0"]),
        ('base = "mixed"\n[roofs]\nridge_offset = 1.5\n', ["roofs.ridge_offset", "0.05 and 0.95"]),
        ('base = "mixed"\n[roofs.pitch_deg]\ndefault = 89\n', ["pitch_deg.default", "75"]),
        ('base = "mixed"\n[uses.castle]\nlevels = 1\n', ["uses.castle"]),
        ('base = "mixt"\n', ["base", "mixt", "mixed"]),
        ('name = "bare"\n', ["own.toml", "is missing", "base"]),
        ("name = \n", ["own.toml", "TOML", "line 1"]),
        ('base = "mixed"\nschema = "geovision.style/9"\n', ["schema", "geovision.style/1"]),
        ('base = "mixed"\n[lots.terraced]\nrun = nan\n', ["lots.terraced.run"]),
    ],
)
def test_bad_styles_name_file_key_and_remedy(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(GeovisionError) as caught:
        load_style(write(tmp_path, text))
    for word in words:
        assert word in str(caught.value)
    assert caught.value.remedy


def test_missing_styles() -> None:
    with pytest.raises(UsageError, match="mixed"):
        load_style("no_such_style")
    with pytest.raises(InputError, match=r"nowhere/own.toml"):
        load_style("nowhere/own.toml")
