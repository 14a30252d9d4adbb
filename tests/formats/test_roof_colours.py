"""Colours of roofs from orthophotos that were drawn with known ones: sun, shade, trees and noise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from geovision.formats.roof_colours import RoofColours, roof_colours
from geovision.formats.terrain import Box, Picture
from geovision.mesh import mesh
from geovision.mesh.materials import Material
from geovision.mesh.ortho import Camera, Light, draw_ortho
from geovision.mesh.scene_mesh import Terrain, Trees, build_scene_mesh
from geovision.mesh.scene_parts import Paint, building_triangles
from geovision.mesh.solids import Solids
from geovision.mesh.textures import linear
from geovision.mesh.window import Window
from geovision.model import Flat, Gabled, Hipped, Part, Program, ProgramTable
from tests.mesh.scenes import turned_rectangle

AT = np.array([500_000.0, 5_400_000.0])
CELL = 0.2


class Photo:
    """A picture in memory by area."""

    def __init__(self, pixels: NDArray[np.uint8], window: Window, missing: NDArray[np.bool_] | None = None):
        self.pixels, self.window, self.missing = pixels, window, missing
        self.cell_m = CELL

    def __call__(self, area: Box, least_m: float) -> Picture | None:
        west, south, east, north = area
        left, top = (round((west - self.window.left) / CELL), round((self.window.top - north) / CELL))
        wide, high = round((east - west) / CELL), round((north - south) / CELL)
        assert left >= 0
        assert top >= 0
        piece = np.s_[top : top + high, left : left + wide]
        gaps = None if self.missing is None else self.missing[piece]
        return Picture(self.pixels[piece], area, gaps)


class Nothing:
    """A photo of somewhere else."""

    cell_m = CELL

    def __call__(self, area: Box, least_m: float) -> Picture | None:
        return None


def estate(count: int, seed: int) -> tuple[Solids, ProgramTable, NDArray[np.uint8]]:
    """Houses on a lattice with roofs of known colours."""
    rng = np.random.default_rng(seed)
    programs = []
    for row in range(count):
        middle = AT + 30.0 * np.array([1 + row % 6, 1 + row // 6])
        ring = turned_rectangle(rng.uniform(9, 15), rng.uniform(7, 10), rng.uniform(0, 3), middle)
        roof = [Gabled(ridge_height=8.0), Hipped(ridge_height=7.5), Flat()][row % 3]
        part = Part(shell=[tuple(p) for p in ring.tolist()], eave_height=5.0, roof=roof)
        programs.append(Program(id=str(row), parts=[part]))
    table = ProgramTable.from_programs(programs)
    colours = rng.integers(50, 190, (count, 3)).astype(np.uint8)
    return mesh(table), table, colours


def photo_of(
    solids: Solids,
    table: ProgramTable,
    colours: NDArray[np.uint8],
    light: Light,
    trees: int = 0,
    seed: int = 0,
) -> Photo:
    rng = np.random.default_rng(seed)
    paint = Paint(Material.TILES, colours)
    pieces = building_triangles(
        solids, table, roof=paint, flat=paint, wall=Paint(Material.PLASTER, (200, 190, 180))
    )
    land = Terrain(AT[0] - 50, AT[1] + 300, 50.0, np.zeros((9, 9), np.float32), 0, (98, 116, 70))
    xy = AT + rng.uniform(15, 195, (trees, 2))
    tall = rng.uniform(6, 14, trees)
    wood = Trees.of(xy, np.zeros(trees), tall, 0.3 * tall, density=0.8) if trees else None
    scene = build_scene_mesh([pieces], terrain=land, trees=wood)
    window = Window.of((AT[0], AT[1], AT[0] + 220, AT[1] + 220), CELL)
    return Photo(draw_ortho(scene, window, light, Camera(), seed=seed)[..., :3], window)


def errors(found: RoofColours, colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How far off in linear light, as a share of the brightest channel."""
    wanted, got = linear(colours), linear(found.colour)
    return np.asarray(np.abs(got - wanted).max(axis=1) / wanted.max(axis=1))


@pytest.mark.parametrize("seed", [1, 2])
def test_colours_come_back(seed: int) -> None:
    solids, table, colours = estate(36, seed)
    found = roof_colours(solids.arrays(), photo_of(solids, table, colours, Light(), seed=seed))
    assert found.known.all()
    off = errors(found, colours)
    flat = np.arange(36) % 3 == 2
    assert np.median(off[flat]) < 0.12
    # A slope is lighter or darker than its own colour as it faces the sun or not.
    assert np.median(off) < 0.25
    # The hue is not the sun's affair.
    share = linear(found.colour) / linear(found.colour).sum(axis=1, keepdims=True)
    wanted = linear(colours) / linear(colours).sum(axis=1, keepdims=True)
    assert np.median(np.abs(share - wanted).max(axis=1)) < 0.03


def test_shade_does_not_darken() -> None:
    """Low sun and trees: much nearer than the plain median of all pixels."""
    solids, table, colours = estate(36, 5)
    low = Light(sun_elevation_deg=28.0)
    clear = roof_colours(solids.arrays(), photo_of(solids, table, colours, Light()))
    shaded = roof_colours(solids.arrays(), photo_of(solids, table, colours, low, trees=40))
    assert np.median(errors(shaded, colours)) < np.median(errors(clear, colours)) + 0.15
    assert np.quantile(errors(shaded, colours), 0.9) < 0.75


def test_trees_above_do_not_paint_roofs_green() -> None:
    """Sunlit leaves are brighter than a dark roof, which is no shade for that."""
    solids, table, colours = estate(36, 8)
    colours //= 2
    colours[:, 1] = np.minimum(colours[:, 1], colours[:, 0])
    photo = photo_of(solids, table, colours, Light())
    bare = roof_colours(solids.arrays(), photo)
    rng = np.random.default_rng(1)
    leafy = photo.pixels.copy()
    leaf = rng.integers((90, 130, 50), (120, 165, 75), leafy.shape).astype(np.uint8)
    stripes = np.arange(leafy.shape[1]) % 12 < 4
    leafy[:, stripes] = leaf[:, stripes]
    found = roof_colours(solids.arrays(), Photo(leafy, photo.window))
    assert np.abs(found.colour.astype(int) - bare.colour).max() < 16
    green = colours.copy()
    green[:] = (70, 110, 50)
    own = roof_colours(solids.arrays(), photo_of(solids, table, green, Light()))
    assert (own.colour[:, 1] > own.colour[:, 0]).all()


def test_a_building_does_not_depend_on_what_is_near() -> None:
    solids, table, colours = estate(12, 7)
    photo = photo_of(solids, table, colours, Light())
    whole = roof_colours(solids.arrays(), photo)
    for row in (0, 5, 11):
        alone = roof_colours(mesh(table[row : row + 1]).arrays(), photo)
        assert alone.colour[0].tolist() == whole.colour[row].tolist()


def test_what_is_not_seen_is_not_known() -> None:
    solids, table, colours = estate(6, 3)
    photo = photo_of(solids, table, colours, Light())
    gaps = np.ones(photo.pixels.shape[:2], bool)
    assert not roof_colours(solids.arrays(), Photo(photo.pixels, photo.window, gaps)).known.any()
    assert not roof_colours(solids.arrays(), Nothing()).known.any()
    assert not roof_colours(mesh(ProgramTable.empty()).arrays(), photo).known.any()
