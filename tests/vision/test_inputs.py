"""The input tensor: its table of channels, and what happens to pixels without data."""

from __future__ import annotations

import numpy as np
import pytest

from geovision.errors import InputError, UsageError
from geovision.vision.inputs import CHANNELS, GROUPS, channels_of, stack, validity_of


def test_every_band_has_a_place_of_its_own() -> None:
    places = [index for group in GROUPS for index in range(*channels_of(group).indices(99))]
    assert places == list(range(len(places)))
    assert [validity_of(group) for group in GROUPS] == list(range(len(places), len(CHANNELS)))


def test_random_groups_come_out_where_they_belong() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        rows, columns = rng.integers(1, 9, 2)
        names = [name for name in GROUPS if rng.random() < 0.6] or ["ndsm"]
        groups = {name: rng.normal(size=(len(GROUPS[name]), rows, columns)) for name in names}
        for values in groups.values():
            values[rng.random(values.shape) < 0.1] = np.nan
        valid = {name: rng.random((rows, columns)) < 0.8 for name in names if rng.random() < 0.5}
        x = stack(groups, valid)
        assert np.isfinite(x).all()
        for name in GROUPS:
            plane = x[..., validity_of(name)] > 0
            if name not in groups:
                assert not plane.any()
                continue
            good = np.isfinite(groups[name]).all(axis=0) & valid.get(name, True)
            np.testing.assert_array_equal(plane, good)
            bands = x[..., channels_of(name)].transpose(2, 0, 1)
            np.testing.assert_array_equal(bands, np.where(good, groups[name], 0).astype(np.float32))


def test_wrong_groups_are_named() -> None:
    with pytest.raises(UsageError, match=r"group 'thermal'.*not known"):
        stack({"thermal": np.zeros((4, 4))})
    with pytest.raises(InputError, match=r"'rgb'.*has shape"):
        stack({"ndsm": np.zeros((4, 4)), "rgb": np.zeros((4, 4, 4))})
    with pytest.raises(InputError, match="holds no group"):
        stack({})
