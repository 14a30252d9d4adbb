"""Grids of heights as triangles: without gaps, as near to the grid as is said, few where it is flat."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from geovision.mesh.rtin import rtin_errors, rtin_finer, rtin_surface, rtin_triangles


def rough(k: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    side = 2**k + 1
    return np.asarray(np.cumsum(rng.normal(size=(side, side)), axis=0) * rng.uniform(0, 1, (side, 1)))


def read_off(corners: NDArray[Any], z: NDArray[Any], at: NDArray[Any]) -> NDArray[Any]:
    """Heights of places (m, 2) inside one triangle by barycentric weights, NaN outside."""
    a, b, c = corners.astype(float)
    matrix = np.column_stack([b - a, c - a])
    u, v = np.linalg.solve(matrix, (at - a).T)
    height = z[0] + u * (z[1] - z[0]) + v * (z[2] - z[0])
    return np.asarray(np.where((u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9), height, np.nan))


@pytest.mark.parametrize("tolerance", [0.0, 0.7, 3.0])
@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_triangles_cover_the_square_without_gaps(k: int, tolerance: float) -> None:
    z = rough(k, k)
    last = len(z) - 1
    errors = rtin_errors(z)
    nodes, triangles = rtin_triangles(errors, tolerance)
    p = nodes[triangles][..., ::-1]
    (ux, uy), (vx, vy) = (p[:, 1] - p[:, 0]).T, (p[:, 2] - p[:, 0]).T
    area = ux * vy - uy * vx
    assert (area > 0).all()
    assert area.sum() == 2 * last**2
    edges = np.sort(
        np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1
    )
    found, count = np.unique(edges, axis=0, return_counts=True)
    ends = nodes[found[count == 1]]
    rim = ((ends == 0) | (ends == last)) & (ends[:, :1] == ends[:, 1:])
    assert count.max() <= 2
    assert rim.any(axis=(1, 2)).all()
    if tolerance == 0.0:
        assert len(triangles) == 2 * last**2


@pytest.mark.parametrize("tolerance", [0.0, 0.7, 3.0])
def test_the_surface_is_what_the_triangles_say(tolerance: float) -> None:
    z = rough(4, 9)
    errors = rtin_errors(z)
    surface = rtin_surface(z, errors, tolerance)
    nodes, triangles = rtin_triangles(errors, tolerance)
    rng = np.random.default_rng(1)
    fine = rtin_finer(rtin_finer(surface))
    ends = np.array(np.meshgrid(np.arange(fine.shape[0]), np.arange(fine.shape[0]))).reshape(2, -1).T / 4
    at = ends[rng.permutation(len(ends))[:400]]
    said = np.full(len(at), np.nan)
    for triangle in triangles:
        here = read_off(nodes[triangle], surface[tuple(nodes[triangle].T)], at)
        said = np.where(np.isnan(said), here, said)
    rows, columns = (at * 4).astype(int).T
    np.testing.assert_allclose(said, fine[rows, columns], atol=1e-9)
    kept = tuple(nodes.T)
    np.testing.assert_array_equal(surface[kept], z[kept])
    if tolerance == 0.0:
        np.testing.assert_allclose(surface, z, atol=1e-12)


def test_a_plane_needs_two_triangles_and_a_bump_few() -> None:
    y, x = np.mgrid[:65, :65].astype(float)
    assert len(rtin_triangles(rtin_errors(2 * x - y), 1e-6)[1]) == 2
    bump = np.maximum(0, 6 - np.hypot(x - 40, y - 20))
    errors = rtin_errors(bump)
    assert len(rtin_triangles(errors, 0.1)[1]) < 800
    assert np.abs(rtin_surface(bump, errors, 0.1) - bump).max() <= 0.3
