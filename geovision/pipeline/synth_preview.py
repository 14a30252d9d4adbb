"""A picture of a synthetic scene: image, heights, roof kinds and points side by side."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geovision.formats.atomic import atomic_write
from geovision.mesh import LidarPoints, Window, draw_layers, simulate_lidar
from geovision.pipeline.synth_draw import draw_dsm, draw_image
from geovision.procedural.scenery import build_scenery
from geovision.procedural.sensors import Sensors
from geovision.procedural.world import World
from geovision.quality.preview import ROOF_KIND_COLOURS

__all__ = ["draw_preview", "preview_picture", "shade"]

_SIDE_M = 160.0
_CELLS = 480
_FRAME = 6
_CLASS_COLOURS = {2: (150, 122, 92), 5: (70, 130, 60), 6: (200, 84, 60), 7: (255, 0, 255)}


def draw_preview(path: Path, world: World, sensors: Sensors, *, threads: int = 0) -> None:
    """Write `preview_picture` as a PNG file."""
    from PIL import Image

    buffer = io.BytesIO()
    picture = preview_picture(world, sensors, threads=threads)
    Image.fromarray(picture).save(buffer, "PNG", optimize=False, compress_level=9)
    with atomic_write(path) as file:
        file.write(buffer.getvalue())


def preview_picture(world: World, sensors: Sensors, *, threads: int = 0) -> NDArray[np.uint8]:
    """The middle of a world in four panels: image, measured heights, roof kinds, LiDAR classes."""
    x, y, width, height = world.area
    side = min(_SIDE_M, width, height)
    west, south = x + (width - side) / 2, y + (height - side) / 2
    window = Window(west, south + side, side / _CELLS, _CELLS, _CELLS)
    scene = build_scenery(world, (west, south, side, side), threads=threads).scene
    image = draw_image(scene, window, sensors, seed=world.seed, threads=threads)[:3]
    dsm = draw_dsm(scene, window, sensors, seed=world.seed, threads=threads)
    layers = draw_layers(scene, window, ["roof_kind"], see=("terrain", "building"), threads=threads)
    bounds = (west, south, west + side, south + side)
    points = simulate_lidar(scene, bounds, sensors.lidar, seed=world.seed, threads=threads)
    relief = shade(dsm, window.cell_m)
    grey = np.repeat(relief[..., None], 3, axis=2)
    palette = np.concatenate([np.array(ROOF_KIND_COLOURS, np.uint8), np.full((238, 3), 235, np.uint8)])
    kinds = (palette[layers["roof_kind"]] * (0.4 + 0.6 * grey / 255.0)).astype(np.uint8)
    coarse = Window(west, south + side, 2 * window.cell_m, _CELLS // 2, _CELLS // 2)
    dots = _dots(points, coarse).repeat(2, axis=0).repeat(2, axis=1)
    panels = [np.moveaxis(image, 0, -1), grey, kinds, dots]
    wide = 2 * _CELLS + _FRAME
    sheet = np.full((wide, wide, 3), 255, np.uint8)
    for number, panel in enumerate(panels):
        row, column = (number // 2) * (_CELLS + _FRAME), (number % 2) * (_CELLS + _FRAME)
        sheet[row : row + _CELLS, column : column + _CELLS] = panel
    return sheet


def shade(height: NDArray[np.float32], cell_m: float) -> NDArray[np.uint8]:
    """Heights as if lit from the north-west; holes are black."""
    north, east = np.gradient(-height.astype(np.float64), cell_m)
    normal = np.stack([east, -north, np.ones_like(east)], axis=-1)
    normal /= np.sqrt((normal**2).sum(axis=-1, keepdims=True))
    light = normal @ (np.array([-1.0, 1.0, 1.6]) / np.sqrt(4.56))
    return np.where(np.isfinite(light), np.clip(30 + 225 * light, 0, 255), 0).astype(np.uint8)


def _dots(points: LidarPoints, window: Window) -> NDArray[np.uint8]:
    """Points by class, the highest on top, darker the lower they are."""
    picture = np.full((*window.shape, 3), 24, np.uint8)
    column = ((points.xyz[:, 0] - window.left) / window.cell_m).astype(np.int64)
    row = ((window.top - points.xyz[:, 1]) / window.cell_m).astype(np.int64)
    inside = (column >= 0) & (column < window.width) & (row >= 0) & (row < window.height)
    order = np.argsort(points.xyz[:, 2], kind="stable")
    order = order[inside[order]]
    colours = np.full((256, 3), 190, np.uint8)
    for code, colour in _CLASS_COLOURS.items():
        colours[code] = colour
    z = points.xyz[order, 2]
    low, high = np.quantile(z, [0.02, 0.98]) if len(z) else (0.0, 1.0)
    bright = 0.55 + 0.45 * np.clip((z - low) / max(high - low, 0.1), 0, 1)
    picture[row[order], column[order]] = colours[points.classification[order]] * bright[:, None]
    return picture
