"""Procedural rules: styles, plans, roofs on given footprints, and whole cities."""

from __future__ import annotations

from geovision.procedural.city import CityGrid, Tile, city_grid, iter_tiles
from geovision.procedural.style import Style, builtin_styles, load_style

__all__ = ["CityGrid", "Style", "Tile", "builtin_styles", "city_grid", "iter_tiles", "load_style"]
