"""The scene network: contract of inputs and outputs, for every encoder and size."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from geovision.vision.inputs import CHANNELS, GROUPS, channels_of, validity_of
from geovision.vision.nets import OUTPUTS, SceneNetConfig, halo_px, scene_net
from tests.vision.networks import check_network, run

ENCODERS: list[Literal["conv", "mit"]] = ["conv", "mit"]
CONFIGS = [SceneNetConfig(encoder=encoder, size="tiny") for encoder in ENCODERS]


def scene(
    rows: int, columns: int, *, batch: int = 1, groups: tuple[str, ...] = tuple(GROUPS)
) -> NDArray[np.float32]:
    rng = np.random.default_rng(rows * 1000 + columns)
    x = np.zeros((batch, rows, columns, len(CHANNELS)), np.float32)
    for group in groups:
        top = {"rgb": 255, "nir": 255, "ndsm": 20}.get(group, 1)
        x[..., channels_of(group)] = rng.uniform(0, top, x[..., channels_of(group)].shape)
        x[..., validity_of(group)] = 1
    return x


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{config.encoder}-{config.size}")
def test_conformance(config: SceneNetConfig) -> None:
    shapes = {name: (2, 64, 96, width) for name, width in OUTPUTS.items()}
    check_network(lambda: scene_net(config), scene(64, 96, batch=2), shapes)


@pytest.mark.parametrize("shape", [(32, 32), (32, 160), (96, 64), (224, 256)])
def test_any_multiple_of_32_goes_in(shape: tuple[int, int]) -> None:
    outputs = run(scene_net(SceneNetConfig(size="tiny")), scene(*shape))
    assert {name: value.shape for name, value in outputs.items()} == {
        name: (1, *shape, width) for name, width in OUTPUTS.items()
    }


def test_what_is_not_valid_cannot_be_seen() -> None:
    model = scene_net(SceneNetConfig(size="tiny"))
    for group in GROUPS:
        clean = scene(64, 64, groups=tuple(name for name in GROUPS if name != group))
        garbage = clean.copy()
        garbage[..., channels_of(group)] = np.nan
        want, got = run(model, clean), run(model, garbage)
        assert all(np.array_equal(want[name], got[name]) for name in want), group


def test_before_training_few_pixels_are_buildings_and_heights_are_those_given() -> None:
    model = scene_net(SceneNetConfig(size="small"))
    x = scene(128, 128)
    outputs = run(model, x)
    assert 0.05 < 1 / (1 + np.exp(-outputs["building"])).mean() < 0.4
    error = outputs["height"][..., 0] - x[..., channels_of("ndsm")][..., 0]
    assert np.abs(error).mean() < 5
    assert np.allclose(np.linalg.norm(outputs["normal"], axis=-1), 1, atol=1e-3)
    assert outputs["normal"][..., 2].mean() > 0.5


@pytest.mark.parametrize("encoder", ENCODERS)
def test_weights_fit_into_files_of_10_mb(encoder: Literal["conv", "mit"]) -> None:
    sizes = [
        scene_net(SceneNetConfig(encoder=encoder, size="tiny")).count_params(),
        scene_net(SceneNetConfig(encoder=encoder, size="small")).count_params(),
        scene_net(SceneNetConfig(encoder=encoder, size="base")).count_params(),
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < 1_200_000
    assert sizes[1] <= 3_500_000
    assert sizes[2] <= 4_950_000  # of float16, the largest file that ships


def test_a_window_agrees_with_a_larger_one_beyond_the_halo() -> None:
    config = SceneNetConfig(size="tiny")
    halo = halo_px(config)
    assert halo is not None
    model, x = scene_net(config), scene(672, 96)
    whole, cut = run(model, x), run(model, x[:, 32:])
    inside = slice(halo, 672 - 32 - halo)
    for name in OUTPUTS:
        assert cut[name][:, inside] == pytest.approx(whole[name][:, 32:][:, inside], abs=2e-4), name
    x[:, 320 - halo - 32] = 0
    changed = run(model, x)
    assert changed["frame"][:, 320] == pytest.approx(whole["frame"][:, 320], abs=2e-4)
