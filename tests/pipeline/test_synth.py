from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from geovision.errors import InputError, UsageError
from geovision.pipeline.synth import synth


def test_the_same_seed_gives_the_same_scene() -> None:
    one, other = (synth((0, 0, 120, 100), seed=3, threads=threads) for threads in (1, 2))
    assert one.programs == other.programs
    assert one.programs != synth((0, 0, 120, 100), seed=4, layers=()).programs
    assert one.footprints is not None
    assert other.footprints is not None
    assert one.footprints.ids == other.footprints.ids
    np.testing.assert_array_equal(one.footprints.xy, other.footprints.xy)
    assert one.points is not None
    assert other.points is not None
    for item in fields(one.points):
        np.testing.assert_array_equal(getattr(one.points, item.name), getattr(other.points, item.name))


def test_knobs_are_checked_by_name() -> None:
    with pytest.raises(InputError, match=r"lidar\.density"):
        synth(changes={"lidar.density": -1})
    with pytest.raises(InputError, match="Did you mean"):
        synth(changes={"lidar.denstiy": 1})
    with pytest.raises(UsageError, match="in no table"):
        synth(changes={"radar.density": 1})
