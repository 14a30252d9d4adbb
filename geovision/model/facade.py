"""`Facade`: what a program says of its walls. docs/facades.md is the manual of the styles it names."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, GetJsonSchemaHandler, JsonValue, StrictBool, StrictInt, StrictStr
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from geovision.errors import ProgramError
from geovision.model._base import Model, Refusal

__all__ = ["SIDES", "Edit", "Facade", "FacadeRecord", "check_facade"]

SIDES = ("front", "back", "left", "right", "court")
Value = StrictBool | StrictInt | Annotated[float, Field(strict=True, allow_inf_nan=False)] | StrictStr
Variables = dict[str, Value]
Index = Annotated[int, Field(strict=True, ge=0, le=100_000)]
MOST_EDITS = 1000


class Edit(Model):
    """A change of some of the walls, floors or bays; what is left out does not matter.

    >>> Edit.model_validate({"side": "front", "level": 0, "with": {"window_width": 2.4}}).with_
    {'window_width': 2.4}
    """

    wall: Index | None = None
    """Number of the wall within the building."""
    part: str | None = None
    """Id of the part."""
    side: Literal["front", "back", "left", "right", "court"] | None = None
    """Which way the wall looks."""
    level: Index | None = None
    """Floor, 0 at the ground."""
    bay: Index | None = None
    """Bay within its floor, from the left."""
    with_: Annotated[Variables, Field(alias="with")] = Field(default_factory=dict)
    """Variables of the style that have other values there: numbers, truth values, colours, words."""
    remove: StrictBool = False
    """True: nothing is there."""


class Facade(Model):
    """Style and overrides of the walls of a building.

    >>> Facade.model_validate({"style": "dutch_terraced", "with": {"storey": 3.1}}).style
    'dutch_terraced'
    """

    # Programs written before styles existed hold other keys; they stay readable, and keep them.
    model_config = ConfigDict(**{**Model.model_config, "extra": "allow"})

    style: Annotated[str, Field(min_length=1)] | None = None
    """Name of a facade style; null for the one that is chosen by the attributes."""
    seed: Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)] | None = None
    """Draws this building's facade anew; null for the run's."""
    with_: Annotated[Variables, Field(alias="with")] = Field(default_factory=dict)
    """Variables of the style that have other values here: numbers, truth values, colours, words."""
    edit: Annotated[tuple[Edit, ...], Field(max_length=MOST_EDITS)] = ()
    """Changes of single walls, floors or bays; the last that fits counts."""


class _FacadeSchema:
    """Shows a plain dict as a `Facade` in the JSON Schema."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(Facade.__pydantic_core_schema__)


FacadeRecord = Annotated[dict[str, JsonValue], _FacadeSchema]
"""A facade as it stands in a program: plain values, nothing added, so that digests stay."""


def check_facade(record: dict[str, Any] | None) -> None:
    """Refuse what is no facade, with the field below `facade`."""
    if record is None:
        return
    try:
        Facade.model_validate(record)
    except ProgramError as error:
        field = "/".join(part for part in ("facade", error.field) if part != "Facade")
        raise Refusal(field, error.value, error.problem, error.remedy) from None
