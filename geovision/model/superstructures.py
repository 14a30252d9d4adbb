"""What stands on a roof: dormers, chimneys, boxes, parapets. Heights are metres above ground_z."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from geovision.model._base import Coordinate, Degrees, Metres, Model, PositiveMetres, Refusal
from geovision.model.kinds import SuperKind

__all__ = ["Box", "Chimney", "DormerFlat", "DormerGable", "DormerShed", "Parapet", "Superstructure"]

X, Y, AZIMUTH, WIDTH, DEPTH, EAVE, TOP = range(7)
SUPER_SLOTS = 7


class _Super(Model):
    code: ClassVar[SuperKind]
    slots: ClassVar[dict[str, int]]
    part: Annotated[int, Field(strict=True, ge=0)] = 0
    """Index of the part that it stands on."""

    @property
    def super_kind(self) -> SuperKind:
        """The kind as the kernel's code."""
        return self.code


class _Placed(_Super):
    x: Coordinate
    """Plan position: the middle of a dormer's front, the centre of a chimney or box."""
    y: Coordinate
    """Plan position, in the frame of the footprint."""
    azimuth_deg: Degrees = 0.0
    """Compass direction that the front faces."""
    width: PositiveMetres
    """Size along the front."""
    depth: PositiveMetres
    """Size from front to back."""


_PLACE = {"x": X, "y": Y, "azimuth_deg": AZIMUTH, "width": WIDTH, "depth": DEPTH}


class DormerGable(_Placed):
    """A dormer with a small gabled roof."""

    code = SuperKind.DORMER_GABLE
    slots: ClassVar[dict[str, int]] = _PLACE | {"eave_height": EAVE, "ridge_height": TOP}
    kind: Literal["dormer_gable"] = "dormer_gable"
    eave_height: Metres
    """Height of its own eaves."""
    ridge_height: Metres
    """Height of its own ridge."""

    @model_validator(mode="after")
    def _order(self) -> DormerGable:
        _above(self.ridge_height, "ridge_height", self.eave_height)
        return self


class DormerShed(_Placed):
    """A dormer with one slope."""

    code = SuperKind.DORMER_SHED
    slots: ClassVar[dict[str, int]] = _PLACE | {"eave_height": EAVE, "back_height": TOP}
    kind: Literal["dormer_shed"] = "dormer_shed"
    eave_height: Metres
    """Height of its roof at the front."""
    back_height: Metres
    """Height of its roof at the back."""

    @model_validator(mode="after")
    def _order(self) -> DormerShed:
        _above(self.back_height, "back_height", self.eave_height)
        return self


class DormerFlat(_Placed):
    """A dormer with a level roof."""

    code = SuperKind.DORMER_FLAT
    slots: ClassVar[dict[str, int]] = _PLACE | {"eave_height": EAVE}
    kind: Literal["dormer_flat"] = "dormer_flat"
    eave_height: Metres
    """Height of its roof."""


class Chimney(_Placed):
    """A chimney."""

    code = SuperKind.CHIMNEY
    slots: ClassVar[dict[str, int]] = _PLACE | {"top_height": TOP}
    kind: Literal["chimney"] = "chimney"
    top_height: Metres
    """Height of its top."""


class Box(_Placed):
    """A box on the roof: a lift house, a plant room."""

    code = SuperKind.BOX
    slots: ClassVar[dict[str, int]] = _PLACE | {"top_height": TOP}
    kind: Literal["box"] = "box"
    top_height: Metres
    """Height of its top."""


class Parapet(_Super):
    """A low wall along the whole edge of a part."""

    code = SuperKind.PARAPET
    slots: ClassVar[dict[str, int]] = {"thickness": WIDTH, "top_height": TOP}
    kind: Literal["parapet"] = "parapet"
    thickness: PositiveMetres
    """Thickness of the wall, inwards from the edge."""
    top_height: Metres
    """Height of its top."""


Superstructure = Annotated[
    DormerGable | DormerShed | DormerFlat | Chimney | Box | Parapet, Field(discriminator="kind")
]
"""Any superstructure, told apart by `kind`."""

SUPER_CLASSES: dict[SuperKind, type[_Super]] = {
    cls.code: cls for cls in (DormerGable, DormerShed, DormerFlat, Chimney, Box, Parapet)
}


def _above(high: float, name: str, low: float) -> None:
    if not high > low:
        raise Refusal(name, high, f"it is not above eave_height ({low:g})", f"Give a {name} above {low:g}")
