"""The checker against an independent exact test, and on solids broken on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from geovision import _kernel
from geovision.mesh.check import FAULT_TEXT, Fault, check
from tests import judges


def soup(rng: np.random.Generator, span: int, count: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pairs of triangles on a small grid, many with shared corners, a quarter in one plane."""
    a = rng.integers(0, span, (count, 3, 3)).astype(np.int32)
    b = rng.integers(0, span, (count, 3, 3)).astype(np.int32)
    for i, shared in enumerate(rng.integers(0, 4, count)):
        b[i, : shared % 3] = a[i, [0, 2]][: shared % 3]
    a[: count // 4, :, 2] = b[: count // 4, :, 2] = 1
    return a, b


@pytest.mark.parametrize("span", [3, 4, 6, 20, 1000])
def test_crossing_agrees_with_fractions(span: int) -> None:
    a, b = soup(np.random.default_rng(span), span, 600)
    got = _kernel.triangles_cross(a, b)
    wanted = np.array([judges.triangles_meet(p, q) for p, q in zip(a, b, strict=True)])
    np.testing.assert_array_equal(got, wanted)
    assert 0.1 < wanted.mean() < 0.9


def test_crossing_is_exact_at_the_ends_of_the_grid() -> None:
    far = 2**31 - 1
    floor = np.array([[-far, -far, 0], [far, -far, 0], [0, far, 0]], np.int32)
    above = np.array([[0, 0, 1], [far, 0, far], [0, far, far]], np.int32)
    touching = np.array([[0, 0, 0], [far, 0, far], [0, far, far]], np.int32)
    got = _kernel.triangles_cross(np.array([floor, floor]), np.array([above, touching]))
    assert got.tolist() == [False, True]


def box() -> dict[str, Any]:
    """One sound box without polygon rings."""
    corners = [(x, y, z) for z in (0, 3000) for x, y in ((0, 0), (8000, 0), (8000, 6000), (0, 6000))]
    quads = [(3, 2, 1, 0), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]
    triangles = [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]
    return {
        "grid": 0.001,
        "origin": np.zeros((1, 3)),
        "vertex_offsets": np.array([0, 8]),
        "vertices": np.array(corners, np.int32),
        "triangle_offsets": np.array([0, 12]),
        "triangles": np.array(triangles, np.int32),
        "triangle_face": np.repeat(np.arange(6), 2).astype(np.int32),
        "face_offsets": np.array([0, 6]),
        "face_solid": np.zeros(6, np.int32),
        "face_label": np.array([3, 0, 1, 1, 1, 1], np.uint8),
        "face_ring_offsets": np.zeros(1, np.int64),
        "status": np.zeros(1, np.uint8),
        "flags": np.zeros(1, np.uint32),
    }


def test_sound_box() -> None:
    report = check(box(), self_intersection=True)
    assert report.ok
    assert report.volume.tolist() == [144.0]
    assert report.summary() == {}
    assert report.describe(0) == "building 0: sound"


def test_broken_box_is_described() -> None:
    solids = box()
    solids["triangles"][0] = solids["triangles"][0, ::-1]
    report = check(solids)
    assert not report.ok
    assert report.faulty.tolist() == [0]
    assert report.faults[0] & Fault.REPEATED_EDGE
    assert "used more than once" in report.describe(0)
    assert report.summary()["OPEN_EDGE"] == 1


def test_arrays_of_the_wrong_length_are_refused() -> None:
    solids = box()
    solids["triangle_face"] = solids["triangle_face"][:-1]
    with pytest.raises(ValueError, match="triangle_face has 11 entries, expected 12"):
        check(solids)
    del solids["status"]
    with pytest.raises(KeyError, match="status"):
        check(solids)


def test_every_fault_has_a_sentence() -> None:
    assert set(FAULT_TEXT) == set(Fault)


def test_judges_agree_on_the_box_and_see_it_broken() -> None:
    solids = box()
    volumes = check(solids).volume
    assert not judges.manifold(solids, volumes)
    assert not judges.trimesh_volume(solids)
    assert not judges.volume(solids, volumes)
    assert not judges.labels(solids)
    assert not judges.self_intersections(next(judges.buildings(solids)))
    assert judges.volume(solids, volumes + 1e-6)
    solids["face_label"][1] = judges.GROUND
    assert judges.labels(solids)
    solids["triangles"][0] = solids["triangles"][0, ::-1]
    assert judges.manifold(solids, volumes)
    assert judges.trimesh_volume(solids)
