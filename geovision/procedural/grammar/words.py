"""What people write into attributes: colours, materials, years, storeys; read or refused, never guessed."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from geovision.mesh.materials import Material

__all__ = ["ROOF_MATERIALS", "WALL_MATERIALS", "colour_of", "levels_of", "year_of"]

_NAMES = {
    "white": 0xF4F2EC, "black": 0x26262A, "grey": 0x8C8C8C, "gray": 0x8C8C8C, "silver": 0xC4C6C8,
    "lightgrey": 0xC8C8C6, "lightgray": 0xC8C8C6, "darkgrey": 0x5A5A5C, "darkgray": 0x5A5A5C,
    "red": 0xA4402E, "darkred": 0x742A20, "brown": 0x7A5238, "darkbrown": 0x523626, "lightbrown": 0xA8825E,
    "orange": 0xC87840, "yellow": 0xE0CC84, "beige": 0xDCD0B0, "cream": 0xEEE4C6, "ivory": 0xF0EAD6,
    "pink": 0xDCA8A0, "purple": 0x7A5A86, "blue": 0x5C7CA4, "lightblue": 0xA4C0D4, "darkblue": 0x2E4468,
    "green": 0x6C8A5C, "darkgreen": 0x38543C, "lightgreen": 0xA8C498, "tan": 0xC8AE84, "sand": 0xD8C494,
    "maroon": 0x6A2C2A, "olive": 0x7C7C48, "teal": 0x3E7478, "salmon": 0xD89080, "gold": 0xC8A040,
    "terracotta": 0xB4664A, "anthracite": 0x3C3F44, "ochre": 0xC4984C, "peach": 0xE8C4A0, "navy": 0x28344E,
}  # fmt: skip
WALL_MATERIALS = {
    "brick": Material.BRICK, "bricks": Material.BRICK, "masonry": Material.BRICK, "plaster": Material.PLASTER,
    "stucco": Material.PLASTER, "render": Material.PLASTER, "concrete": Material.CONCRETE,
    "cement_block": Material.CONCRETE, "stone": Material.CONCRETE, "sandstone": Material.CONCRETE,
    "limestone": Material.CONCRETE, "glass": Material.GLASS, "mirror": Material.GLASS, "wood": Material.WOOD,
    "timber": Material.WOOD, "timber_framing": Material.PLASTER, "metal": Material.METAL,
    "steel": Material.METAL, "metal_plates": Material.METAL, "plastic": Material.PLAIN,
    "vinyl": Material.PLAIN, "slate": Material.SLATE, "tiles": Material.TILES,
}  # fmt: skip
ROOF_MATERIALS = {
    "roof_tiles": Material.TILES, "tile": Material.TILES, "tiles": Material.TILES, "slate": Material.SLATE,
    "asphalt_shingle": Material.SLATE, "shingle": Material.SLATE, "metal": Material.METAL,
    "metal_sheet": Material.METAL, "copper": Material.METAL, "zinc": Material.METAL, "tin": Material.METAL,
    "steel": Material.METAL, "concrete": Material.CONCRETE, "tar_paper": Material.MEMBRANE,
    "bitumen": Material.MEMBRANE, "asphalt": Material.MEMBRANE, "gravel": Material.GRAVEL,
    "thatch": Material.THATCH, "reed": Material.THATCH, "glass": Material.GLASS, "wood": Material.WOOD,
    "grass": Material.SHRUB, "eternit": Material.SLATE, "solar_panels": Material.SOLAR,
}  # fmt: skip


@lru_cache(maxsize=4096)
def colour_of(text: Any) -> int | None:
    """0xRRGGBB of a name or of #rrggbb or #rgb; None where it is neither.

    >>> hex(colour_of("#8a4b3a")), colour_of("Dark Red") == colour_of("darkred"), colour_of("bunt")
    ('0x8a4b3a', True, None)
    """
    if not isinstance(text, str):
        return None
    word = re.sub(r"[\s_-]", "", text).lower()
    if re.fullmatch("#[0-9a-f]{3}", word):
        word = "#" + "".join(2 * digit for digit in word[1:])
    if re.fullmatch("#?[0-9a-f]{6}", word):
        return int(word.lstrip("#"), 16)
    return _NAMES.get(word)


@lru_cache(maxsize=4096)
def year_of(text: Any) -> int | None:
    """The year of an OSM `start_date`; None where there is none to be seen.

    >>> year_of("1930s"), year_of("~1890-05"), year_of("C19"), year_of(1968), year_of("old")
    (1930, 1890, 1850, 1968, None)
    """
    if isinstance(text, bool):
        return None
    found = re.search(r"(?<!\d)(1[0-9]{3}|20[0-9]{2})(?!\d)", re.sub(r"s\b", "", str(text)))
    if found:
        return int(found.group())
    century = re.search(r"\bC([1-2]?[0-9])\b", str(text), re.IGNORECASE)
    return 100 * int(century.group(1)) - 50 if century else None


@lru_cache(maxsize=4096)
def levels_of(value: Any) -> float | None:
    """Storeys as a tag gives them, halves too; None for 0, for what is no number and for over 200.

    >>> levels_of("2.5"), levels_of(4), levels_of("0"), levels_of("many")
    (2.5, 4.0, None, None)
    """
    if isinstance(value, bool):
        return None
    try:
        number = float(str(value).replace(",", "."))
    except ValueError:
        return None
    return number if 0 < number <= 200 else None
