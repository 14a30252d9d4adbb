"""Textures of walls and roofs, drawn by rule: they repeat without a seam, at true scale, in any resolution.

A finish is a material and the way in which it is laid. Its texture has the three pictures of glTF's
metallic-roughness model: base colour, normals, and occlusion, roughness and metal in one. The colour of a
building is not in it: the picture holds factors, and its mean is the colour that it is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geovision import _kernel
from geovision.errors import InputError
from geovision.mesh.materials import Material

__all__ = [
    "FINISH_COLOURS",
    "FINISH_NAMES",
    "Finish",
    "Texture",
    "draw_texture",
    "finish_of",
    "linear",
    "srgb",
]

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]


class Finish(IntEnum):
    """A material and how it is laid; the codes of `cpp/include/geovision/finish.hpp`."""

    BRICK_STRETCHER = 0
    """Brick, each course moved by half a stretcher: cavity walls since about 1920."""
    BRICK_ENGLISH = 1
    """Courses of stretchers and of headers in turn."""
    BRICK_FLEMISH = 2
    """Stretchers and headers in turn in each course."""
    PLASTER = 3
    PANTILES = 4
    """Interlocking tiles with a roll."""
    PLAIN_TILES = 5
    """Small flat tiles, each row moved by half a tile."""
    SLATE = 6
    THATCH = 7
    METAL_SEAM = 8
    """Sheets with standing seams up the slope."""
    CONCRETE = 9
    CONCRETE_BOARDS = 10
    """Cast against boards."""
    CONCRETE_PANELS = 11
    """Cast against panels of a metre, with the holes of their ties."""
    WOOD = 12
    """Lapped boards."""
    GLASS = 13
    PAVING = 14
    GRAVEL = 15
    MEMBRANE = 16
    """Bitumen sheet in strips, with mineral grains."""


FINISH_NAMES: dict[str, Finish] = {finish.name.lower(): finish for finish in Finish}

# sRGB: what each mostly looks like where nothing is known.
FINISH_COLOURS: dict[Finish, tuple[int, int, int]] = {
    Finish.BRICK_STRETCHER: (150, 96, 74),
    Finish.BRICK_ENGLISH: (142, 84, 66),
    Finish.BRICK_FLEMISH: (168, 128, 98),
    Finish.PLASTER: (216, 208, 192),
    Finish.PANTILES: (158, 92, 68),
    Finish.PLAIN_TILES: (132, 82, 66),
    Finish.SLATE: (98, 102, 110),
    Finish.THATCH: (136, 116, 86),
    Finish.METAL_SEAM: (142, 148, 148),
    Finish.CONCRETE: (168, 166, 160),
    Finish.CONCRETE_BOARDS: (160, 157, 150),
    Finish.CONCRETE_PANELS: (172, 170, 164),
    Finish.WOOD: (142, 112, 80),
    Finish.GLASS: (72, 84, 92),
    Finish.PAVING: (160, 154, 146),
    Finish.GRAVEL: (156, 150, 140),
    Finish.MEMBRANE: (98, 98, 102),
}

_OF_MATERIAL: dict[Material, Finish] = {
    Material.TILES: Finish.PANTILES,
    Material.SLATE: Finish.SLATE,
    Material.METAL: Finish.METAL_SEAM,
    Material.GRAVEL: Finish.GRAVEL,
    Material.MEMBRANE: Finish.MEMBRANE,
    Material.SOLAR: Finish.GLASS,
    Material.GLASS: Finish.GLASS,
    Material.PLASTER: Finish.PLASTER,
    Material.BRICK: Finish.BRICK_STRETCHER,
    Material.CONCRETE: Finish.CONCRETE,
    Material.THATCH: Finish.THATCH,
    Material.ASPHALT: Finish.MEMBRANE,
    Material.PAVING: Finish.PAVING,
    Material.WOOD: Finish.WOOD,
}

_CLIPPED = 0.001
"""Share of a neutral texture's values that may be white: the rest keeps its range."""


@dataclass(frozen=True)
class Texture:
    """Three pictures [size, size, 3] of 8 bits, rows from the top, and what is needed to use them.

    Attributes:
        base: base colour, sRGB.
        normal: tangent space, x right, y up, as glTF has it.
        packed: occlusion, roughness and metal.
        metres: what the pictures cover.
        level: linear mean of each channel of a neutral `base`. A colour c is shown by the factor c / level.
    """

    base: U8
    normal: U8
    packed: U8
    metres: float
    level: float


def draw_texture(
    finish: Finish,
    *,
    size: int = 512,
    metres: float = 2.0,
    seed: int = 0,
    colour: ArrayLike | None = None,
    threads: int = 0,
) -> Texture:
    """The texture of a finish, the same bytes for the same arguments on any number of threads.

    Half the size is the same picture made smaller. Bricks, tiles and boards have their true size to within
    what makes whole ones fit.

    Args:
        finish: what is drawn.
        size: pixels of a side.
        metres: what a side covers.
        seed: which piece of it.
        colour: sRGB that the base colour has in the mean, in linear light. None leaves it neutral: grey in
            the mean and as bright as it can be, for factors to tint.
        threads: 0 for all cores.

    Raises:
        InputError: a size or side out of bounds.

    >>> brick = draw_texture(Finish.BRICK_FLEMISH, size=64, colour=(150, 96, 74))
    >>> brick.base.shape, srgb(linear(brick.base).mean(axis=(0, 1))).tolist()
    ((64, 64, 3), [150, 96, 74])
    """
    if not 4 <= size <= 8192 or not 0.05 <= metres <= 100:
        raise InputError(
            f"a texture of {size} pixels and {metres:g} m",
            "is out of bounds",
            "Use 4 to 8192 pixels a side and 0.05 to 100 m",
        )
    maps = _kernel.draw_finish(int(finish), float(metres), int(size), int(seed) & 0xFFFFFFFF, threads)
    share = maps["colour"].astype(np.float64)
    share /= share.mean(axis=(0, 1))
    level = 1.0
    if colour is None:
        level = min(1.0, float(1 / np.quantile(share, 1 - _CLIPPED)))
        base = _with_mean(share, np.full(3, level))
    else:
        base = _with_mean(share, linear(np.asarray(colour, np.uint8)))
    packed = np.stack([maps["occlusion"], maps["roughness"], maps["metallic"]], axis=-1)
    return Texture(
        srgb(base),
        _normals(maps["relief"], metres / size),
        np.asarray(np.rint(255 * packed), np.uint8),
        metres,
        level,
    )


def finish_of(material: Material) -> Finish | None:
    """How a material is mostly laid; None where it has no texture.

    >>> finish_of(Material.BRICK).name, finish_of(Material.PLAIN)
    ('BRICK_STRETCHER', None)
    """
    return _OF_MATERIAL.get(material)


def linear(values: U8) -> NDArray[np.float64]:
    """Linear light of sRGB values."""
    return _steps()[0][values]


def srgb(values: ArrayLike) -> U8:
    """The nearest sRGB values of linear light."""
    return np.searchsorted(_steps()[1], np.asarray(values, np.float64)).astype(np.uint8)


@cache
def _steps() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Linear light of all 256 values, and where one becomes the next: bytes that no math library changes."""

    def light(value: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        share = value / 255
        return np.asarray(
            np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4), np.float64
        )

    return light(np.arange(256.0)), light(np.arange(255) + 0.5)


def _with_mean(share: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scaled to a mean, although what is above white is cut."""
    factor = mean.copy()
    for _ in range(8):
        shown = np.minimum(share * factor, 1.0)
        factor *= mean / np.maximum(shown.mean(axis=(0, 1)), 1e-6)
    return np.minimum(share * factor, 1.0)


def _normals(relief: F32, pixel_m: float) -> U8:
    """From differences over the borders too."""
    height = relief.astype(np.float64)
    east = (np.roll(height, -1, axis=1) - np.roll(height, 1, axis=1)) / (2 * pixel_m)
    north = (np.roll(height, 1, axis=0) - np.roll(height, -1, axis=0)) / (2 * pixel_m)
    normal = np.stack([-east, -north, np.ones_like(east)], axis=-1)
    normal /= np.sqrt((normal**2).sum(axis=-1, keepdims=True))
    return np.asarray(np.rint(127.5 + 127.5 * normal), np.uint8)
