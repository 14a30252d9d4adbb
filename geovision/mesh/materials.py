"""What surfaces of a scene are made of, and what kind of thing they belong to.

The codes are those of `cpp/include/geovision/scene.hpp`, whose table also holds how each material looks in
the near infrared and how much of a laser pulse it sends back; a test compares the two files.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Material", "SceneLabel"]


class Material(IntEnum):
    """What a surface is made of: chooses its texture, its near-infrared and its laser reflectance.

    The colour is not part of it: each triangle, cover polygon and tree brings its own.
    """

    PLAIN = 0
    """No texture at all."""
    TILES = 1
    """Clay or concrete roof tiles: rows along the eave, columns up the slope."""
    SLATE = 2
    """Slates or shingles: finer rows, speckled."""
    METAL = 3
    """Sheet metal with standing seams up the slope."""
    GRAVEL = 4
    """Gravel on a flat roof or on a path."""
    MEMBRANE = 5
    """Bitumen or plastic sheet on a flat roof: seams, patches, stains where water stood."""
    SOLAR = 6
    """Solar modules: dark, with a light frame."""
    GLASS = 7
    PLASTER = 8
    BRICK = 9
    CONCRETE = 10
    THATCH = 11
    GRASS = 16
    SOIL = 17
    ASPHALT = 18
    PAVING = 19
    """Slabs and setts."""
    WATER = 20
    PAINT = 21
    """Road markings."""
    SAND = 22
    SHRUB = 23
    """Low planting: beds, hedges, rough meadow."""
    FOLIAGE = 24
    NEEDLES = 25
    CAR_PAINT = 26
    WOOD = 27


class SceneLabel(IntEnum):
    """What a cell or a triangle of a scene is, beyond the faces of a building.

    Codes below 16 are those of `geovision.model.labels.Label`.
    """

    TERRAIN = 16
    TREE = 17
    CAR = 18
    OBJECT = 19
    """Anything else that stands on the ground or on a roof: fences, masts, plant."""
    NOTHING = 255
    """No surface at all."""
