"""Roof and superstructure kinds, and what other vocabularies call them.

Codes are those of `cpp/include/geovision/types.hpp`. A vocabulary that has no word for a kind gives its
nearest one, or None where any word would mislead; reading back goes to the nearest kind of ours.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, overload

from geovision.errors import InputError

__all__ = [
    "KIND_NAMES",
    "SUPER_NAMES",
    "RoofKind",
    "SuperKind",
    "from_citygml",
    "from_ifc",
    "from_osm",
    "from_overture",
    "to_citygml",
    "to_ifc",
    "to_osm",
    "to_overture",
]


class RoofKind(IntEnum):
    """The shape of a part's roof."""

    FLAT = 0
    SKILLION = 1
    GABLED = 2
    HALF_HIPPED = 3
    HIPPED = 4
    PYRAMIDAL = 5
    MANSARD = 6
    GAMBREL = 7
    SALTBOX = 8
    BUTTERFLY = 9
    SAWTOOTH = 10
    CROSS_GABLED = 11
    SIDE_HIPPED = 12
    ROUND = 13
    DOME = 14
    CONE = 15
    ONION = 16
    PLANAR = 17

    @property
    def text(self) -> str:
        """The name that programs use, as in `"kind": "half-hipped"`."""
        return KIND_NAMES[self]

    @classmethod
    def from_text(cls, text: str) -> RoofKind:
        """The kind of a program's name.

        >>> RoofKind.from_text("half-hipped")
        <RoofKind.HALF_HIPPED: 3>
        """
        kind = _BY_NAME.get(text)
        if kind is None:
            raise InputError(f"roof kind {text!r}", "is not known", f"Use one of: {', '.join(_BY_NAME)}")
        return kind


class SuperKind(IntEnum):
    """What stands on a roof."""

    DORMER_GABLE = 0
    DORMER_SHED = 1
    DORMER_FLAT = 2
    CHIMNEY = 3
    BOX = 4
    PARAPET = 5

    @property
    def text(self) -> str:
        """The name that programs use, as in `"kind": "dormer_gable"`."""
        return SUPER_NAMES[self]

    @classmethod
    def from_text(cls, text: str) -> SuperKind:
        """The kind of a program's name.

        >>> SuperKind.from_text("chimney")
        <SuperKind.CHIMNEY: 3>
        """
        kind = _SUPER_BY_NAME.get(text)
        if kind is None:
            raise InputError(
                f"superstructure kind {text!r}", "is not known", f"Use one of: {', '.join(_SUPER_BY_NAME)}"
            )
        return kind


KIND_NAMES: dict[RoofKind, str] = {
    kind: {"HALF_HIPPED": "half-hipped", "CROSS_GABLED": "cross-gabled"}.get(kind.name, kind.name.lower())
    for kind in RoofKind
}
SUPER_NAMES: dict[SuperKind, str] = {kind: kind.name.lower() for kind in SuperKind}
_BY_NAME = {name: kind for kind, name in KIND_NAMES.items()}
_SUPER_BY_NAME = {name: kind for kind, name in SUPER_NAMES.items()}

# One row per kind: OSM roof:shape, CityGML RoofType (SIG3D code list), Overture roof_shape, IfcRoofTypeEnum.
_ROWS: dict[RoofKind, tuple[str, str, str | None, str]] = {
    RoofKind.FLAT: ("flat", "1000", "flat", "FLAT_ROOF"),
    RoofKind.SKILLION: ("skillion", "1010", "skillion", "SHED_ROOF"),
    RoofKind.GABLED: ("gabled", "1030", "gabled", "GABLE_ROOF"),
    RoofKind.HALF_HIPPED: ("half-hipped", "1050", "half_hipped", "HIPPED_GABLE_ROOF"),
    RoofKind.HIPPED: ("hipped", "1040", "hipped", "HIP_ROOF"),
    RoofKind.PYRAMIDAL: ("pyramidal", "1070", "pyramidal", "PAVILION_ROOF"),
    RoofKind.MANSARD: ("mansard", "1060", "mansard", "MANSARD_ROOF"),
    RoofKind.GAMBREL: ("gambrel", "1060", "gambrel", "GAMBREL_ROOF"),
    RoofKind.SALTBOX: ("saltbox", "1030", "saltbox", "GABLE_ROOF"),
    RoofKind.BUTTERFLY: ("butterfly", "1130", None, "BUTTERFLY_ROOF"),
    RoofKind.SAWTOOTH: ("sawtooth", "1100", "sawtooth", "USERDEFINED"),
    RoofKind.CROSS_GABLED: ("crosspitched", "1130", "gabled", "GABLE_ROOF"),
    RoofKind.SIDE_HIPPED: ("side_hipped", "1040", "hipped", "HIP_ROOF"),
    RoofKind.ROUND: ("round", "1110", "round", "BARREL_ROOF"),
    RoofKind.DOME: ("dome", "1090", "dome", "DOME_ROOF"),
    RoofKind.CONE: ("cone", "1080", None, "USERDEFINED"),
    RoofKind.ONION: ("onion", "1090", "onion", "DOME_ROOF"),
    RoofKind.PLANAR: ("many", "1130", None, "FREEFORM"),
}

# Spellings in the wild, after _plain(). Shapes that we cannot tell apart go to the nearest kind.
_OSM_SYNONYMS: dict[str, RoofKind] = {
    "bellcast_gable": RoofKind.GABLED,
    "gable": RoofKind.GABLED,
    "gabled_height_moved": RoofKind.SALTBOX,
    "gabled_row": RoofKind.GABLED,
    "pitched": RoofKind.GABLED,
    "a_frame": RoofKind.GABLED,
    "saddle": RoofKind.GABLED,
    "cross_gabled": RoofKind.CROSS_GABLED,
    "cross_gable": RoofKind.CROSS_GABLED,
    "cross_pitched": RoofKind.CROSS_GABLED,
    "hip": RoofKind.HIPPED,
    "hipped_and_gabled": RoofKind.HALF_HIPPED,
    "half_hip": RoofKind.HALF_HIPPED,
    "jerkinhead": RoofKind.HALF_HIPPED,
    "clipped_gable": RoofKind.HALF_HIPPED,
    "half_hipped": RoofKind.HALF_HIPPED,
    "side_half_hipped": RoofKind.SIDE_HIPPED,
    "side_hip": RoofKind.SIDE_HIPPED,
    "shed": RoofKind.SKILLION,
    "lean_to": RoofKind.SKILLION,
    "monopitch": RoofKind.SKILLION,
    "mono_pitched": RoofKind.SKILLION,
    "pent": RoofKind.SKILLION,
    "double_saltbox": RoofKind.GAMBREL,
    "triple_saltbox": RoofKind.GAMBREL,
    "quadruple_saltbox": RoofKind.MANSARD,
    "salt_box": RoofKind.SALTBOX,
    "pyramid": RoofKind.PYRAMIDAL,
    "tented": RoofKind.PYRAMIDAL,
    "pavilion": RoofKind.PYRAMIDAL,
    "spire": RoofKind.PYRAMIDAL,
    "conical": RoofKind.CONE,
    "barrel": RoofKind.ROUND,
    "arched": RoofKind.ROUND,
    "vaulted": RoofKind.ROUND,
    "gothic": RoofKind.ROUND,
    "rounded": RoofKind.ROUND,
    "spherical": RoofKind.DOME,
    "cupola": RoofKind.DOME,
    "half_dome": RoofKind.DOME,
    "saw_tooth": RoofKind.SAWTOOTH,
    "zigzag": RoofKind.SAWTOOTH,
    "inverted": RoofKind.BUTTERFLY,
    "v_shaped": RoofKind.BUTTERFLY,
    "terrace": RoofKind.FLAT,
    "planar": RoofKind.PLANAR,
    "multiple": RoofKind.PLANAR,
    "complex": RoofKind.PLANAR,
}

# CityGML codes without a kind of their own, and the German cadastre's (ALKIS Dachform).
_CITYGML_SYNONYMS: dict[str, RoofKind] = {
    "1020": RoofKind.SKILLION,
    "1120": RoofKind.PYRAMIDAL,
    "2100": RoofKind.SKILLION,
    "2200": RoofKind.SKILLION,
    "3100": RoofKind.GABLED,
    "3200": RoofKind.HIPPED,
    "3300": RoofKind.HALF_HIPPED,
    "3400": RoofKind.MANSARD,
    "3500": RoofKind.PYRAMIDAL,
    "3600": RoofKind.CONE,
    "3700": RoofKind.DOME,
    "3800": RoofKind.SAWTOOTH,
    "3900": RoofKind.ROUND,
    "4000": RoofKind.PYRAMIDAL,
    "5000": RoofKind.PLANAR,
}

# Where several of our kinds share a foreign word, this one is meant when the word is read back.
_CITYGML_PRIMARY = {
    "1030": RoofKind.GABLED,
    "1040": RoofKind.HIPPED,
    "1060": RoofKind.MANSARD,
    "1090": RoofKind.DOME,
    "1130": RoofKind.PLANAR,
}
_OVERTURE_PRIMARY = {
    "gabled": RoofKind.GABLED,
    "hipped": RoofKind.HIPPED,
    "spherical": RoofKind.DOME,
}
_IFC_PRIMARY = {
    "GABLE_ROOF": RoofKind.GABLED,
    "HIP_ROOF": RoofKind.HIPPED,
    "DOME_ROOF": RoofKind.DOME,
    "RAINBOW_ROOF": RoofKind.ROUND,
}


def _plain(text: str) -> str:
    return text.strip().lower().replace("-", "_").replace(" ", "_")


_FROM_OSM = (
    _OSM_SYNONYMS
    | {_plain(row[0]): kind for kind, row in _ROWS.items()}
    | {_plain(name): kind for name, kind in _BY_NAME.items()}
)
_FROM_CITYGML = {row[1]: kind for kind, row in _ROWS.items()} | _CITYGML_SYNONYMS | _CITYGML_PRIMARY
_FROM_OVERTURE = {row[2]: kind for kind, row in _ROWS.items() if row[2]} | _OVERTURE_PRIMARY
_FROM_IFC = {row[3]: kind for kind, row in _ROWS.items() if row[3] != "USERDEFINED"} | _IFC_PRIMARY

_Unknown = Literal["raise", "none"]


def _read(table: dict[str, RoofKind], key: str, word: object, source: str, unknown: str) -> RoofKind | None:
    kind = table.get(key)
    if kind is None and unknown != "none":
        raise InputError(
            f"{source} {word!r}",
            "is no roof that geovision knows",
            f'Use one of: {", ".join(sorted(table))}; or pass unknown="none" to get None',
        )
    return kind


def to_osm(kind: RoofKind | int) -> str:
    """The OSM `roof:shape` value (planar roofs are `many`).

    >>> to_osm(RoofKind.HALF_HIPPED)
    'half-hipped'
    """
    return _ROWS[RoofKind(kind)][0]


@overload
def from_osm(shape: str, *, unknown: Literal["raise"] = "raise") -> RoofKind: ...
@overload
def from_osm(shape: str, *, unknown: _Unknown) -> RoofKind | None: ...
def from_osm(shape: str, *, unknown: _Unknown = "raise") -> RoofKind | None:
    """The kind of an OSM `roof:shape` value; common synonyms and spellings are understood.

    >>> from_osm("half-hipped").name, from_osm("lean_to").name, from_osm("Gabled Row").name
    ('HALF_HIPPED', 'SKILLION', 'GABLED')
    >>> from_osm("thatched", unknown="none") is None
    True
    """
    return _read(_FROM_OSM, _plain(str(shape)), shape, "OSM roof:shape", unknown)


def to_citygml(kind: RoofKind | int) -> str:
    """The code of CityGML's RoofType list (SIG3D, 1000 to 1130).

    >>> to_citygml(RoofKind.GABLED)
    '1030'
    """
    return _ROWS[RoofKind(kind)][1]


@overload
def from_citygml(code: str | int, *, unknown: Literal["raise"] = "raise") -> RoofKind: ...
@overload
def from_citygml(code: str | int, *, unknown: _Unknown) -> RoofKind | None: ...
def from_citygml(code: str | int, *, unknown: _Unknown = "raise") -> RoofKind | None:
    """The kind of a CityGML RoofType code; ALKIS codes (2100 to 5000) are understood too.

    >>> from_citygml(1070).name, from_citygml("3100").name
    ('PYRAMIDAL', 'GABLED')
    """
    return _read(_FROM_CITYGML, str(code).strip(), code, "CityGML RoofType", unknown)


def to_overture(kind: RoofKind | int) -> str | None:
    """The Overture `roof_shape` value; None for butterfly, cone and planar, which it has no word for.

    >>> to_overture(RoofKind.HALF_HIPPED)
    'half_hipped'
    """
    return _ROWS[RoofKind(kind)][2]


@overload
def from_overture(shape: str, *, unknown: Literal["raise"] = "raise") -> RoofKind: ...
@overload
def from_overture(shape: str, *, unknown: _Unknown) -> RoofKind | None: ...
def from_overture(shape: str, *, unknown: _Unknown = "raise") -> RoofKind | None:
    """The kind of an Overture `roof_shape` value.

    >>> from_overture("spherical").name
    'DOME'
    """
    return _read(_FROM_OVERTURE, _plain(str(shape)), shape, "Overture roof_shape", unknown)


def to_ifc(kind: RoofKind | int) -> str:
    """The value of IfcRoofTypeEnum (sawtooth and cone are USERDEFINED).

    >>> to_ifc(RoofKind.SKILLION)
    'SHED_ROOF'
    """
    return _ROWS[RoofKind(kind)][3]


@overload
def from_ifc(value: str, *, unknown: Literal["raise"] = "raise") -> RoofKind: ...
@overload
def from_ifc(value: str, *, unknown: _Unknown) -> RoofKind | None: ...
def from_ifc(value: str, *, unknown: _Unknown = "raise") -> RoofKind | None:
    """The kind of an IfcRoofTypeEnum value.

    >>> from_ifc("PAVILION_ROOF").name
    'PYRAMIDAL'
    """
    return _read(_FROM_IFC, str(value).strip(" .").upper(), value, "IfcRoofTypeEnum", unknown)
