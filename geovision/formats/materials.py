"""One colour per surface label, for every format and picture."""

from __future__ import annotations

from functools import lru_cache

from geovision.model.labels import Label

__all__ = ["LABEL_COLOURS", "TERRAIN_COLOUR", "linear_rgb", "material_name"]

# sRGB, 0..255.
LABEL_COLOURS: dict[Label, tuple[int, int, int]] = {
    Label.ROOF: (178, 92, 66),
    Label.WALL: (222, 211, 190),
    Label.STEP_WALL: (205, 192, 170),
    Label.GROUND: (118, 116, 110),
    Label.UNDERSIDE: (160, 150, 136),
    Label.DORMER_ROOF: (150, 78, 60),
    Label.DORMER_WALL: (236, 229, 214),
    Label.CHIMNEY: (134, 74, 58),
    Label.PARAPET: (188, 184, 176),
    Label.WINDOW: (96, 122, 142),
    Label.DOOR: (98, 72, 52),
    Label.INSTALLATION: (196, 190, 180),
    Label.FRAME: (240, 240, 236),
}

TERRAIN_COLOUR = (118, 126, 98)


def material_name(label: int) -> str:
    """Name of the material of a label.

    >>> material_name(2)
    'step_wall'
    """
    return Label(label).name.lower()


@lru_cache(maxsize=4096)
def linear_rgb(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    """Linear light of an sRGB colour: what glTF's base colour factor is defined in.

    >>> linear_rgb((255, 0, 128))
    (1.0, 0.0, 0.2159)
    """

    def channel(value: int) -> float:
        share = value / 255
        return round(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4, 4)

    return channel(colour[0]), channel(colour[1]), channel(colour[2])
