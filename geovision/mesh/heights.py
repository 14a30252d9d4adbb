"""Heights of solids over places in the plan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geovision.mesh.solids import Solid

__all__ = ["roof_heights"]

F64 = NDArray[np.float64]


def roof_heights(solid: Solid, xy: F64) -> F64:
    """Height of the highest face over each point, in the solid's own frame; NaN where there is none."""
    corners = solid.local_vertices[solid.triangles]
    if not len(corners) or not len(xy):
        return np.full(len(xy), np.nan)
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    twice = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    up = twice > 1e-6
    a, b, c, twice = a[up], b[up], c[up], twice[up]
    x, y = xy[:, :1], xy[:, 1:]
    u = ((x - a[:, 0]) * (c[:, 1] - a[:, 1]) - (y - a[:, 1]) * (c[:, 0] - a[:, 0])) / twice
    v = ((b[:, 0] - a[:, 0]) * (y - a[:, 1]) - (b[:, 1] - a[:, 1]) * (x - a[:, 0])) / twice
    inside = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9)
    z = np.where(inside, a[:, 2] + u * (b[:, 2] - a[:, 2]) + v * (c[:, 2] - a[:, 2]), -np.inf)
    top = z.max(axis=1, initial=-np.inf)
    return np.where(np.isfinite(top), top, np.nan)
