"""`simulate_dsm`: a perfect height raster as an image matcher or a gridded survey would have measured it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError, UsageError
from geovision.mesh.window import Window

__all__ = ["DsmSensor", "simulate_dsm"]


@dataclass(frozen=True)
class DsmSensor:
    """What is wrong with a measured height raster. All lengths are metres; 0 turns a fault off.

    Attributes:
        noise_m: standard deviation of independent noise of a cell.
        relief_m: standard deviation of noise that neighbours share: the waves of a matched surface.
        relief_length_m: how far neighbours share it.
        bias_m: standard deviation of one shift of the whole raster.
        ragged_m: standard deviation of the sideways wobble of edges, as where matching wavers.
        ragged_length_m: how long a wobble is.
        fatten_m: how far high surfaces grow over low ones.
        smooth_m: standard deviation of the blur that rounds edges off.
        hole_share: share of cells without a height, in blobs.
        hole_length_m: size of a blob.
        shadow_hole_m: cells within this distance of the foot of a wall lose their height ...
        shadow_hole_step_m: ... where the wall is at least so high.
        outlier_share: share of cells with a wrong match.
        outlier_m: standard deviation of their error.
    """

    noise_m: float = 0.03
    relief_m: float = 0.06
    relief_length_m: float = 2.5
    bias_m: float = 0.05
    ragged_m: float = 0.15
    ragged_length_m: float = 1.5
    fatten_m: float = 0.2
    smooth_m: float = 0.35
    hole_share: float = 0.0
    hole_length_m: float = 3.0
    shadow_hole_m: float = 0.0
    shadow_hole_step_m: float = 3.0
    outlier_share: float = 0.0
    outlier_m: float = 4.0


_REACHING = ("ragged_m", "fatten_m", "smooth_m", "shadow_hole_m")


def simulate_dsm(
    height: NDArray[Any],
    window: Window,
    sensor: DsmSensor | None = None,
    *,
    seed: int = 0,
    threads: int = 0,
) -> NDArray[np.float32]:
    """A height raster with the faults of a sensor; NaN where it has no height.

    Noise hangs on world coordinates: two windows on one grid agree where they overlap, but for a rim as wide
    as the edge faults reach (`fatten_m` + 3 `smooth_m` + 4 `ragged_m` + `shadow_hole_m`).

    Args:
        height: [rows, columns] true heights, as the "height" layer of `draw_layers`.
        window: where its cells are.
        sensor: the faults.
        seed: of all noise.
        threads: 0 for all cores; the bytes do not depend on it.

    >>> flat = np.zeros((50, 80), np.float32)
    >>> dsm = simulate_dsm(flat, Window(0.0, 0.0, 0.5, 80, 50), DsmSensor(bias_m=0.0), seed=1)
    >>> 0.03 < float(dsm.std()) < 0.12
    True
    """
    from geovision import _kernel

    settings = asdict(sensor or DsmSensor())
    for item in fields(DsmSensor):
        value = settings[item.name]
        most = 1.0 if item.name.endswith("_share") else 1000.0
        least = 0.001 if item.name.endswith("_length_m") else 0.0
        if not least <= value <= most:
            raise UsageError(f"{item.name} = {value}", "is out of range", f"Give {least:g} to {most:g}")
        if item.name in _REACHING and value > 256 * window.cell_m:
            raise UsageError(
                f"{item.name} = {value}", "reaches over more than 256 cells", "Give less, or larger cells"
            )
    if height.shape != window.shape:
        raise InputError(
            f"height of shape {height.shape}", f"does not fill a window of {window.shape}", "Give its window"
        )
    return _kernel.simulate_dsm(
        np.ascontiguousarray(height, np.float32),
        window.left,
        window.top,
        window.cell_m,
        settings=settings,
        seed=seed & 0xFFFFFFFF,
        threads=threads,
    )
