"""Which style a building gets that names none; the table is in docs/facades.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geovision.procedural.grammar.attributes import use_of
from geovision.procedural.grammar.words import year_of

__all__ = ["PLAIN", "choose_style"]

PLAIN = ""
"""The choice of no style: plain walls."""

_SHEDS = {
    "garage",
    "garages",
    "shed",
    "carport",
    "hut",
    "annex",
    "outbuilding",
    "roof",
    "boathouse",
    "stable",
}
_HALLS = {
    "industrial", "warehouse", "hall", "barn", "farm_auxiliary", "hangar", "manufacture", "factory",
    "supermarket", "storage", "cowshed", "sports_hall",
}  # fmt: skip
_OFFICES = {
    "office", "commercial", "hospital", "university", "college", "school", "civic", "government", "public",
    "hotel", "train_station", "parking",
}  # fmt: skip
_FLATS = {"apartments", "dormitory", "perimeter", "tower", "block"}
_HOUSES = {"house", "detached", "bungalow", "semi", "semidetached_house", "farm", "cabin", "villa"}
_ROWS = {"terrace", "terraced"}
_CHURCHES = {
    "church", "chapel", "cathedral", "basilica", "mosque", "temple", "synagogue", "shrine", "religious",
}  # fmt: skip
_PLAIN = {
    "silo", "storage_tank", "tank", "gasometer", "digester", "cooling_tower", "chimney", "greenhouse",
    "bunker", "ruins", "transformer_tower", "water_tower",
}  # fmt: skip
"""What has no windows, or none that rules could place: glass all over, concrete all over, no roof."""


def choose_style(attributes: Mapping[str, Any], *, height: float, area: float, attached: bool = False) -> str:
    """The style of a building by its tags, its size and its neighbours; `PLAIN` for none.

    >>> choose_style({"building": "garage"}, height=2.5, area=18)
    'shed'
    >>> choose_style({"building": "apartments", "start_date": "1965"}, height=30, area=900)
    'slab_1960s'
    >>> choose_style({}, height=6, area=60, attached=True)
    'dutch_terraced'

    Args:
        attributes: OSM tags or our own attributes.
        height: of the eave, metres.
        area: of the plan, square metres.
        attached: a wall of it stands against a neighbour.
    """
    use = use_of(attributes)
    year = next((year_of(attributes[key]) for key in ("start_date", "year") if key in attributes), None) or 0
    for words, style in ((_PLAIN, PLAIN), (_SHEDS, "shed"), (_CHURCHES, "church")):
        if use in words:
            return style
    if use in _HALLS or (use == "retail" and area >= 600 and height < 9):
        return "warehouse"
    if use in _OFFICES:
        return "glass_office" if height >= 12 or year >= 1980 else "slab_1960s"
    if use in _FLATS:
        return _flats(height, year)
    if use in _ROWS or use in _HOUSES:
        return "dutch_terraced" if attached or use in _ROWS else "suburban_house"
    return _by_size(height, area, attached, year)


def _flats(height: float, year: int) -> str:
    return "slab_1960s" if 1950 <= year <= 1985 or height >= 22 else "mediterranean_apartment"


def _by_size(height: float, area: float, attached: bool, year: int) -> str:
    if area < 30 and height < 4.5:
        return "shed"
    if area >= 900 and height < 10:
        return "warehouse"
    if height >= 22:
        return "glass_office" if year >= 1980 else "slab_1960s"
    if height >= 10:
        return _flats(height, year)
    if attached:
        return "dutch_terraced"
    return "suburban_house" if area <= 350 else "mediterranean_apartment"
