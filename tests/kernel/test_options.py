"""What the kernel's options change, and what they leave alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from geovision.mesh.check import check
from tests import promise, strategies


@pytest.fixture(scope="module")
def cases() -> list[strategies.Case]:
    return [strategies.case(seed) for seed in range(60_000, 60_800)]


def compiled(cases: list[strategies.Case], **options: Any) -> dict[str, Any]:
    from geovision import _kernel

    given = {"lod": 22, "threads": 1, "grid": 0.001, "min_edge": 0.01, "polygons": True} | options
    solids: dict[str, Any] = _kernel.compile_solids(strategies.to_arrays(cases), **given)
    return solids


def test_without_polygons_the_triangles_are_the_same(cases: list[strategies.Case]) -> None:
    full, bare = compiled(cases), compiled(cases, polygons=False)
    assert len(bare["ring_vertices"]) == 0
    for name in ("status", "flags", "vertices", "triangles", "triangle_face", "face_label", "face_solid"):
        np.testing.assert_array_equal(full[name], bare[name], err_msg=name)
    assert check(bare).ok


@pytest.mark.parametrize(("grid", "min_edge"), [(0.001, 0.05), (0.01, 0.1), (0.0005, 0.004)])
def test_other_grids_keep_the_promise(cases: list[strategies.Case], grid: float, min_edge: float) -> None:
    solids = compiled(cases, grid=grid, min_edge=min_edge)
    report = check(solids, self_intersection=True, min_edge=min_edge, planarity=1e9)
    shown = "\n".join(f"{cases[b].name}: {report.describe(int(b))}" for b in report.faulty[:10])
    assert report.ok, shown
    assert (solids["status"] == 0).mean() > 0.8


@pytest.mark.parametrize(
    "options",
    [{"grid": 0.0}, {"grid": float("nan")}, {"grid": -1.0}, {"min_edge": 0.0}, {"lod": 7}],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        compiled([strategies.case(1)], **options)


def test_no_buildings_give_no_solids() -> None:
    solids = compiled([])
    assert solids["status"].tolist() == []
    assert solids["vertex_offsets"].tolist() == [0]
    assert check(solids).ok


def test_levels_of_detail_agree_on_the_plan(cases: list[strategies.Case]) -> None:
    """Blocks and roofs stand on one outline: 1.2, 1.3 and 2.2 have the same plan area."""
    areas = []
    for lod in (12, 13, 22):
        solids = promise.compile_cases(cases, lod)
        p = (
            solids["vertices"]
            .reshape(-1, 3)[
                solids["triangles"].reshape(-1, 3)
                + np.repeat(solids["vertex_offsets"][:-1], np.diff(solids["triangle_offsets"]))[:, None]
            ]
            .astype(float)
        )
        u, v = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
        twice = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
        owner = np.repeat(np.arange(len(cases)), np.diff(solids["triangle_offsets"]))
        areas.append(np.bincount(owner, np.maximum(twice, 0), len(cases)) * 0.5e-6)
    rough = np.array([any(p.kind == strategies.ONION or p.base for p in c.parts) for c in cases])
    both = (areas[0] > 0) & (areas[2] > 0) & ~rough
    assert both.mean() > 0.6
    # Merged edges may take a strip of a few centimetres.
    reach = np.array([sum(_around(p.footprint.shell) for p in c.parts) for c in cases])
    for area in areas[:2]:
        assert (np.abs(area - areas[2])[both] < 0.02 * reach[both] + 1e-6).all()


def _around(ring: list[tuple[float, float]]) -> float:
    p = np.array(ring)
    return float(np.linalg.norm(p - np.roll(p, 1, axis=0), axis=1).sum())
