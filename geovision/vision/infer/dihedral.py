"""Averaging over mirrored and turned copies of a window: slower by their number, and a little better."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.vision.infer.runtimes import Outputs, Runner

__all__ = ["averaged", "turned", "turned_back"]

# Of each copy: quarter turns to the left, then a mirror from left to right.
_COPIES: dict[int, tuple[tuple[int, bool], ...]] = {
    1: ((0, False),),
    2: ((0, False), (0, True)),
    4: ((0, False), (2, False), (0, True), (2, True)),
    8: tuple((turns, mirror) for mirror in (False, True) for turns in range(4)),
}


def turned(x: NDArray[Any], turns: int, mirror: bool) -> NDArray[Any]:
    """A copy of [batch, rows, columns, channels], by quarter turns to the left and a mirror."""
    out = np.rot90(x, turns, axes=(1, 2))
    return np.ascontiguousarray(out[:, :, ::-1] if mirror else out)


def turned_back(name: str, values: NDArray[Any], turns: int, mirror: bool) -> NDArray[Any]:
    """An output of a copy, brought back; directions in it are brought back too."""
    out = values[:, :, ::-1] if mirror else values
    out = np.array(np.rot90(out, -turns, axes=(1, 2)))
    if name == "frame" and mirror:
        # Four times an angle does not see quarter turns; a mirror changes the sign of its sine.
        out[..., 1] *= -1
    if name == "normal":
        east, north = out[..., 0].copy(), out[..., 1].copy()
        if mirror:
            east = -east
        for _ in range(turns % 4):
            # A quarter turn to the right: what pointed north points east.
            east, north = north, -east
        out[..., 0], out[..., 1] = east, north
    return out


def averaged(runner: Runner, x: NDArray[np.float32], copies: int) -> Outputs:
    """Outputs of the network, averaged over 1, 2, 4 or 8 copies of its input."""
    if copies == 1:
        return runner.run(x)
    total: dict[str, NDArray[np.float32]] = {}
    for turns, mirror in _COPIES[copies]:
        for name, values in runner.run(turned(x, turns, mirror)).items():
            back = turned_back(name, values, turns, mirror)
            total[name] = total[name] + back if name in total else back
    share = np.float32(1 / copies)
    return {name: values * share for name, values in total.items()}
