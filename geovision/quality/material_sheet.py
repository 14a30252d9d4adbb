"""All finishes in one picture: as they are, and in the sun."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geovision.formats.atomic import atomic_write
from geovision.formats.pictures import PictureKind, encode_picture
from geovision.mesh.textures import FINISH_COLOURS, Finish, Texture, draw_texture, linear, srgb

__all__ = ["lit", "material_sheet", "write_material_sheet"]

_SUN = np.array([-0.48, 0.52, 0.70]) / np.linalg.norm([-0.48, 0.52, 0.70])
_CAPTION, _GAP, _COLUMNS = 22, 8, 4
_PAPER = (250, 250, 248)


def lit(texture: Texture) -> NDArray[np.uint8]:
    """The texture with the sun from the upper left: its relief can be seen.

    A level place keeps its colour.
    """
    normal = texture.normal / 127.5 - 1
    sun = np.clip(normal @ _SUN, 0, None) / _SUN[2]
    sky = texture.packed[..., 0] / 255
    return srgb(np.clip(linear(texture.base) * (0.75 * sun + 0.25 * sky)[..., None], 0, 1))


def material_sheet(
    finishes: Sequence[Finish] = tuple(Finish), *, size: int = 220, metres: float = 2.0, seed: int = 0
) -> NDArray[np.uint8]:
    """A picture of finishes with their names: on the left of each as it is, on the right in the sun.

    >>> material_sheet([Finish.SLATE], size=40, metres=0.5).shape
    (78, 96, 3)
    """
    from PIL import Image, ImageDraw, ImageFont

    columns = min(_COLUMNS, len(finishes))
    rows = -(-len(finishes) // columns)
    wide, high = 2 * size + _GAP, size + _CAPTION + _GAP
    sheet = Image.new("RGB", (columns * wide + _GAP, rows * high + _GAP), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for place, finish in enumerate(finishes):
        texture = draw_texture(finish, size=size, metres=metres, seed=seed, colour=FINISH_COLOURS[finish])
        x, y = _GAP + place % columns * wide, _GAP + place // columns * high
        sheet.paste(Image.fromarray(np.hstack([texture.base, lit(texture)])), (x, y))
        draw.text((x, y + size + 2), finish.name.lower(), fill=(30, 30, 30), font=font)
    return np.asarray(sheet)


def write_material_sheet(
    path: str | os.PathLike[str],
    *,
    kind: PictureKind = "png",
    size: int = 220,
    metres: float = 2.0,
    seed: int = 0,
) -> None:
    """Write the sheet of all finishes as a picture, atomically."""
    with atomic_write(path) as file:
        file.write(encode_picture(material_sheet(size=size, metres=metres, seed=seed), kind))
