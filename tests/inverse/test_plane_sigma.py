"""What a fit says of its planes: errors on made-up scans are as large as their stated sigmas."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from geovision.inverse import solve
from geovision.inverse.plane_sigma import FIELDS
from geovision.model import Evidence, Face, Planar

F64 = NDArray[np.float64]
SHELL = np.array([[0.0, 0.0], [14.0, 0.0], [14.0, 9.0], [0.0, 9.0]])
# Slopes and height at the origin of the frame, over the south-west, the north-west and the east.
PLANES = np.array([[0.05, 0.6, 5.0], [-0.03, -0.45, 9.5], [0.35, 0.02, 3.0]])


def odd_house(seed: int, density: float = 8.0) -> Evidence:
    """A house under three planes that no named kind has, with noise of 5 cm and some outliers."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(SHELL[0], SHELL[2], (rng.poisson(density * 126), 2))
    which = np.where(xy[:, 0] > 9, 2, np.where(xy[:, 1] < 4.5, 0, 1))
    z = np.sum(PLANES[which] * np.column_stack([xy, np.ones(len(xy))]), axis=1)
    z += 0.05 * rng.standard_normal(len(z))
    wild = rng.random(len(z)) < 0.05
    z[wild] = rng.uniform(0, 10, int(wild.sum()))
    return Evidence(str(seed), np.zeros(3), (SHELL,), ground_known=True, points=np.column_stack([xy, z]))


def true_plane(face: Face) -> F64 | None:
    """The plane that a face shows, as its three fields; None for what is no face of the house."""
    x, y = face.shell[0]
    slopes = np.abs(PLANES[:, :2] - (face.slope_x, face.slope_y)).sum(axis=1)
    a, b, c = PLANES[int(np.argmin(slopes))]
    truth = np.array([a, b, a * x + b * y + c])
    return truth if slopes.min() < 0.15 and abs(truth[2] - face.height) < 0.5 else None


def test_errors_are_as_large_as_stated() -> None:
    solved = solve([odd_house(seed) for seed in range(80)], kinds=["planar"])
    pulls = []
    for row, fit in enumerate(solved.fits):
        roof = solved.table[row].parts[0].roof
        assert isinstance(roof, Planar)
        for index, face in enumerate(roof.faces):
            truth = true_plane(face)
            sigma = [fit.sigma(f"parts/0/roof/faces/{index}/{name}") for name in FIELDS]
            if truth is not None and np.isfinite(sigma).all():
                pulls.append((np.array([face.slope_x, face.slope_y, face.height]) - truth) / sigma)
    assert len(pulls) > 220
    assert ((np.std(pulls, axis=0) > 0.8) & (np.std(pulls, axis=0) < 1.25)).all()


def test_faces_of_one_plane_err_together() -> None:
    """Wings on both sides of a tower lie in one plane: what is known of one is known of both."""
    rng = np.random.default_rng(1)
    xy = rng.uniform((0, 0), (24, 8), (2500, 2))
    high = (xy[:, 0] > 9) & (xy[:, 0] < 15)
    z = np.where(high, 9.0, 4.0 + 0.1 * xy[:, 1]) + 0.03 * rng.standard_normal(len(xy))
    shell = np.array([[0.0, 0.0], [24.0, 0.0], [24.0, 8.0], [0.0, 8.0]])
    item = Evidence("a", np.zeros(3), (shell,), ground_known=True, points=np.column_stack([xy, z]))
    solved = solve([item], kinds=["planar"])
    (fit,), roof = solved.fits, solved.table[0].parts[0].roof
    assert isinstance(roof, Planar)
    assert fit.covariance is not None
    assert len(fit.parameters) == 3 * len(roof.faces)
    assert np.linalg.eigvalsh(fit.covariance).min() > -1e-12
    wings = [k for k, face in enumerate(roof.faces) if face.height < 7]
    assert len(wings) == 2
    a, b = (fit.parameters.index(f"parts/0/roof/faces/{k}/slope_x") for k in wings)
    tied = roof.faces[wings[0]].slope_x == roof.faces[wings[1]].slope_x
    assert (fit.covariance[a, b] != 0) == tied
    if tied:
        assert fit.covariance[a, b] == pytest.approx(fit.covariance[a, a])


def test_threads_and_order_change_nothing() -> None:
    items = [odd_house(seed, density) for seed, density in enumerate((0.3, 1.0, 4.0, 12.0))]
    forth, back = solve(items, kinds=["planar"], threads=1), solve(items[::-1], kinds=["planar"], threads=2)
    for one, other in zip(forth.fits, back.fits[::-1], strict=True):
        assert one.parameters == other.parameters
        assert np.array_equal(
            np.array(one.covariance, float), np.array(other.covariance, float), equal_nan=True
        )
