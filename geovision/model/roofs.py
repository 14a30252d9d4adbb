"""Roof kinds and their parameters. Heights are metres above the building's ground_z; angles are degrees."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from geovision.model._base import (
    Degrees,
    Fraction,
    Metres,
    Model,
    PositiveMetres,
    Refusal,
    Ring,
    Slope,
)
from geovision.model.kinds import RoofKind

__all__ = [
    "Butterfly",
    "Cone",
    "CrossGabled",
    "Dome",
    "Face",
    "Flat",
    "Gabled",
    "Gambrel",
    "HalfHipped",
    "Hipped",
    "Mansard",
    "Onion",
    "Planar",
    "Pyramidal",
    "Roof",
    "Round",
    "Saltbox",
    "Sawtooth",
    "SideHipped",
    "Skillion",
]

RIDGE, AZIMUTH, OFFSET, BREAK, INSET, REAR_EAVE, COUNT, PITCH = range(8)
ROOF_SLOTS = 8


class _Roof(Model):
    code: ClassVar[RoofKind]
    # Field name -> column of the kernel's roof_params.
    slots: ClassVar[dict[str, int]]

    @property
    def roof_kind(self) -> RoofKind:
        """The kind as the kernel's code."""
        return self.code


class _Ridged(_Roof):
    """A roof with one highest line or point."""

    slots: ClassVar[dict[str, int]] = {"ridge_height": RIDGE}
    ridge_height: Metres
    """Height of the ridge, apex or crown above ground_z."""


class _Directed(_Ridged):
    """A ridged roof whose first slope faces somewhere."""

    slots: ClassVar[dict[str, int]] = {"ridge_height": RIDGE, "azimuth_deg": AZIMUTH}
    azimuth_deg: Degrees | None = None
    """Compass direction that the first slope faces downhill; null: across the part's long side."""


class Flat(_Roof):
    """A level roof at the eave."""

    code = RoofKind.FLAT
    slots: ClassVar[dict[str, int]] = {}
    kind: Literal["flat"] = "flat"


class Skillion(_Directed):
    """One slope, from the ridge down to the eave (azimuth_deg is where it faces)."""

    code = RoofKind.SKILLION
    kind: Literal["skillion"] = "skillion"


class Gabled(_Directed):
    """Two slopes that meet in a ridge; on a part that is no quadrilateral, one ridge per wing.

    >>> Gabled(ridge_height=8.1, azimuth_deg=12).ridge_offset
    0.5
    """

    code = RoofKind.GABLED
    slots: ClassVar[dict[str, int]] = {"ridge_height": RIDGE, "azimuth_deg": AZIMUTH, "ridge_offset": OFFSET}
    kind: Literal["gabled"] = "gabled"
    ridge_offset: Fraction = 0.5
    """Place of the ridge across the width, from the first eave (0) to the other (1)."""


class HalfHipped(_Directed):
    """A gabled roof whose gables are hipped above hip_height; on quadrilaterals."""

    code = RoofKind.HALF_HIPPED
    slots: ClassVar[dict[str, int]] = {
        "ridge_height": RIDGE,
        "azimuth_deg": AZIMUTH,
        "hip_height": BREAK,
        "hip_setback": INSET,
    }
    kind: Literal["half-hipped"] = "half-hipped"
    hip_height: Metres
    """Height where the small hips begin, above ground_z."""
    hip_setback: PositiveMetres
    """Plan distance from the end wall to the end of the ridge."""

    @model_validator(mode="after")
    def _order(self) -> HalfHipped:
        _below(self.hip_height, "hip_height", self.ridge_height, "ridge_height")
        return self


class Hipped(_Roof):
    """Slopes on every side, on any simple polygon with holes.

    The height comes from ridge_height, or from pitch_deg, or from the part's edge_pitch_deg. With hip_setback
    (on quadrilaterals) the hips have a pitch of their own.

    >>> Hipped(pitch_deg=38.0).ridge_height is None
    True
    """

    code = RoofKind.HIPPED
    slots: ClassVar[dict[str, int]] = {
        "ridge_height": RIDGE,
        "azimuth_deg": AZIMUTH,
        "hip_setback": INSET,
        "pitch_deg": PITCH,
    }
    kind: Literal["hipped"] = "hipped"
    ridge_height: Metres | None = None
    """Height of the highest ridge above ground_z."""
    pitch_deg: Annotated[Degrees, Field(gt=0, lt=89)] | None = None
    """Pitch of every slope."""
    hip_setback: PositiveMetres | None = None
    """Plan distance from the end wall to the end of the ridge; null: all slopes have one pitch."""
    azimuth_deg: Degrees | None = None
    """Compass direction that a long slope faces downhill; null: across the part's long side."""

    @model_validator(mode="after")
    def _one_height(self) -> Hipped:
        if self.ridge_height is not None and self.pitch_deg is not None:
            raise Refusal(
                "pitch_deg",
                self.pitch_deg,
                "ridge_height and pitch_deg are both given",
                "Give one of the two",
            )
        if self.hip_setback is not None and self.ridge_height is None:
            raise Refusal(
                "hip_setback",
                self.hip_setback,
                "it needs a ridge_height",
                "Give ridge_height, or leave it out",
            )
        return self


class Pyramidal(_Ridged):
    """Slopes from every side to one apex."""

    code = RoofKind.PYRAMIDAL
    kind: Literal["pyramidal"] = "pyramidal"


class _Broken(_Ridged):
    break_height: Metres
    """Height where the lower, steeper slopes end, above ground_z."""
    break_inset: PositiveMetres
    """Plan distance from the eave to the break line."""

    @model_validator(mode="after")
    def _order(self) -> _Broken:
        _below(self.break_height, "break_height", self.ridge_height, "ridge_height")
        return self


class Mansard(_Broken):
    """A steep lower and a flatter upper slope on every side."""

    code = RoofKind.MANSARD
    slots: ClassVar[dict[str, int]] = {"ridge_height": RIDGE, "break_height": BREAK, "break_inset": INSET}
    kind: Literal["mansard"] = "mansard"


class Gambrel(_Broken):
    """A steep lower and a flatter upper slope on two sides, gables on the others."""

    code = RoofKind.GAMBREL
    slots: ClassVar[dict[str, int]] = {
        "ridge_height": RIDGE,
        "azimuth_deg": AZIMUTH,
        "break_height": BREAK,
        "break_inset": INSET,
    }
    kind: Literal["gambrel"] = "gambrel"
    azimuth_deg: Degrees | None = None
    """Compass direction that the first slope faces downhill; null: across the part's long side."""


class Saltbox(_Directed):
    """A gabled roof whose rear slope is longer and ends at another height."""

    code = RoofKind.SALTBOX
    slots: ClassVar[dict[str, int]] = {
        "ridge_height": RIDGE,
        "azimuth_deg": AZIMUTH,
        "ridge_offset": OFFSET,
        "rear_eave_height": REAR_EAVE,
    }
    kind: Literal["saltbox"] = "saltbox"
    ridge_offset: Fraction
    """Place of the ridge across the width, from the first eave (0) to the rear one (1)."""
    rear_eave_height: Metres
    """Eave height on the far side, above ground_z."""

    @model_validator(mode="after")
    def _order(self) -> Saltbox:
        _below(self.rear_eave_height, "rear_eave_height", self.ridge_height, "ridge_height")
        return self


class Butterfly(_Roof):
    """Two slopes that fall towards a valley."""

    code = RoofKind.BUTTERFLY
    slots: ClassVar[dict[str, int]] = {"valley_height": RIDGE, "azimuth_deg": AZIMUTH, "ridge_offset": OFFSET}
    kind: Literal["butterfly"] = "butterfly"
    valley_height: Metres
    """Height of the valley above ground_z, under the eave."""
    azimuth_deg: Degrees | None = None
    """Compass direction from the valley to the first eave; null: across the part's long side."""
    ridge_offset: Fraction = 0.5
    """Place of the valley across the width, from the first eave (0) to the other (1)."""


class Sawtooth(_Directed):
    """A row of skillions with vertical backs."""

    code = RoofKind.SAWTOOTH
    slots: ClassVar[dict[str, int]] = {"ridge_height": RIDGE, "azimuth_deg": AZIMUTH, "teeth": COUNT}
    kind: Literal["sawtooth"] = "sawtooth"
    teeth: Annotated[int, Field(strict=True, ge=1, le=32)]
    """Number of teeth, at most 32."""


class CrossGabled(_Directed):
    """Two gabled roofs whose ridges cross."""

    code = RoofKind.CROSS_GABLED
    kind: Literal["cross-gabled"] = "cross-gabled"


class SideHipped(_Directed):
    """Gabled at one end and hipped at the other; on quadrilaterals."""

    code = RoofKind.SIDE_HIPPED
    slots: ClassVar[dict[str, int]] = {
        "ridge_height": RIDGE,
        "azimuth_deg": AZIMUTH,
        "hip_setback": INSET,
        "hip_end": COUNT,
    }
    kind: Literal["side_hipped"] = "side_hipped"
    hip_setback: PositiveMetres
    """Plan distance from the hipped end wall to the end of the ridge."""
    hip_end: Annotated[int, Field(strict=True, ge=0, le=1)] = 0
    """Which end is hipped: 0 the one to the left of who looks out along azimuth_deg, 1 the other."""


class Round(_Directed):
    """A barrel, tessellated to a chord tolerance."""

    code = RoofKind.ROUND
    kind: Literal["round"] = "round"


class Dome(_Ridged):
    """A dome."""

    code = RoofKind.DOME
    kind: Literal["dome"] = "dome"


class Cone(_Ridged):
    """A cone."""

    code = RoofKind.CONE
    kind: Literal["cone"] = "cone"


class Onion(_Ridged):
    """An onion dome, which bulges beyond its base."""

    code = RoofKind.ONION
    slots: ClassVar[dict[str, int]] = {"ridge_height": RIDGE, "bulge": INSET}
    kind: Literal["onion"] = "onion"
    bulge: PositiveMetres
    """How far it bulges out beyond its base, in plan."""


class Face(Model):
    """One plane of a planar roof, over its own polygon."""

    shell: Ring
    """Outer ring [[x, y], ...]."""
    holes: tuple[Ring, ...] = ()
    """Inner rings."""
    slope_x: Slope
    """Rise per metre towards x (east)."""
    slope_y: Slope
    """Rise per metre towards y (north)."""
    height: Metres
    """Height above ground_z at the first vertex of the shell."""

    @field_validator("shell", mode="after")
    @classmethod
    def _open_shell(cls, ring: Ring) -> Ring:
        return open_ring(ring)

    @field_validator("holes", mode="after")
    @classmethod
    def _open_holes(cls, rings: tuple[Ring, ...]) -> tuple[Ring, ...]:
        return tuple(open_ring(ring) for ring in rings)


class Planar(_Roof):
    """An explicit arrangement of planes, for roofs that no named kind explains."""

    code = RoofKind.PLANAR
    slots: ClassVar[dict[str, int]] = {}
    kind: Literal["planar"] = "planar"
    faces: Annotated[tuple[Face, ...], Field(min_length=1)]
    """The planes; together they cover the part."""


Roof = Annotated[
    Flat
    | Skillion
    | Gabled
    | HalfHipped
    | Hipped
    | Pyramidal
    | Mansard
    | Gambrel
    | Saltbox
    | Butterfly
    | Sawtooth
    | CrossGabled
    | SideHipped
    | Round
    | Dome
    | Cone
    | Onion
    | Planar,
    Field(discriminator="kind"),
]
"""Any roof, told apart by `kind`."""

ROOF_CLASSES: dict[RoofKind, type[_Roof]] = {
    cls.code: cls
    for cls in (
        *(Flat, Skillion, Gabled, HalfHipped, Hipped, Pyramidal, Mansard, Gambrel, Saltbox, Butterfly),
        *(Sawtooth, CrossGabled, SideHipped, Round, Dome, Cone, Onion, Planar),
    )
}


def open_ring(ring: Ring) -> Ring:
    """A ring without the repeated last vertex that GeoJSON writes."""
    return ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring


def _below(low: float, low_name: str, high: float, high_name: str) -> None:
    if not low < high:
        raise Refusal(
            low_name, low, f"it is not under {high_name} ({high:g})", f"Give a {low_name} below {high:g}"
        )
