"""Pieces of a footprint tile it, whatever its outline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

import geovision
from geovision.inverse import decompose

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"

LETTERS = {
    "l": ([(0, 0), (9, 0), (9, 4), (4, 4), (4, 8), (0, 8)], 2),
    "t": ([(0, 0), (12, 0), (12, 5), (8, 5), (8, 9), (4, 9), (4, 5), (0, 5)], 2),
    "u": ([(0, 0), (12, 0), (12, 9), (8, 9), (8, 4), (4, 4), (4, 9), (0, 9)], 3),
    "h": (
        [
            *((0, 0), (4, 0), (4, 3), (8, 3), (8, 0), (12, 0)),
            *((12, 9), (8, 9), (8, 6), (4, 6), (4, 9), (0, 9)),
        ],
        3,
    ),
}


def check(ring: np.ndarray, way: list[np.ndarray]) -> None:
    whole = shapely.Polygon(ring)
    pieces = [shapely.Polygon(piece) for piece in way]
    assert all(piece.is_valid and piece.exterior.is_ccw for piece in pieces)
    assert sum(piece.area for piece in pieces) == pytest.approx(whole.area, rel=1e-4, abs=0.01)
    assert shapely.union_all(pieces).symmetric_difference(whole).area < 0.002 * whole.length + 1e-9


@pytest.mark.parametrize("name", LETTERS)
def test_letters_come_apart_at_their_corners(name: str) -> None:
    corners, pieces = LETTERS[name]
    for turn in (0.0, 0.4, 2.0):
        rotation = np.array([(np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))])
        ring = np.array(corners, float) @ rotation
        ways = decompose(ring)
        for way in ways:
            check(ring, way)
        assert len(ways[0]) == pieces


def test_convex_rings_stay_whole() -> None:
    assert decompose([(0, 0), (9, 0), (9, 5), (0, 5)]) == []
    angle = 2 * np.pi * np.arange(12) / 12
    assert decompose(np.column_stack([np.cos(angle), np.sin(angle)]) * 6) == []


def test_limits() -> None:
    comb = [(0.0, 0.0), (40.0, 0.0), (40.0, 4.0)]
    for tooth in range(9, -1, -1):
        comb += [
            (4.0 * tooth + 3, 4.0),
            (4.0 * tooth + 3, 9.0),
            (4.0 * tooth + 1, 9.0),
            (4.0 * tooth + 1, 4.0),
        ]
    comb.append((0.0, 4.0))
    for way in decompose(comb, most_pieces=20, most_ways=3):
        check(np.array(comb), way)
    assert len(decompose(comb, most_pieces=20, most_ways=3)) <= 3
    assert decompose(comb, most_pieces=3) == []


@pytest.mark.skipif(not DATA.is_dir(), reason="shared/data is not here")
def test_real_outlines() -> None:
    footprints = geovision.read_footprints(DATA / "ahn3_blocks" / "footprints.gpkg")
    cut = 0
    for index in range(0, len(footprints), 3):
        ring = footprints.rings(index)[0]
        ring = ring - np.floor(ring.min(axis=0))
        for way in decompose(ring):
            check(ring, way)
            cut += 1
    assert cut > 50


@pytest.mark.parametrize("slant", [-0.02, 0.0, 0.02])
@pytest.mark.parametrize("aside", [0.25, 0.3, 0.8])
def test_an_extension_is_cut_off_across_its_mouth(aside: float, slant: float) -> None:
    ring = np.array(
        [(0, 0), (6, 0), (6, 9 + slant), (aside + 3, 9), (aside + 3, 12), (aside, 12), (aside, 9), (0, 9)]
    )
    sizes = [sorted(round(shapely.Polygon(piece).area) for piece in way) for way in decompose(ring)]
    assert [9, 54] in sizes
