"""`Program`: the parametric description of one building. docs/program.md is its manual."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    StrictBool,
    StrictInt,
    StrictStr,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from geovision.model._base import UNNAMED, Length, Metres, Model, Offset, Refusal, Ring
from geovision.model.checks import check_part, check_superstructure
from geovision.model.facade import FacadeRecord, check_facade
from geovision.model.labels import Provenance
from geovision.model.roofs import Roof, open_ring
from geovision.model.schema_version import SCHEMA, check_schema
from geovision.model.superstructures import Superstructure

__all__ = ["SCHEMA", "Part", "Program"]

Scalar = StrictBool | StrictInt | Annotated[float, Field(strict=True, allow_inf_nan=False)] | StrictStr | None
ProvenanceWord = Literal["observed", "inferred", "given"]


def _all_given() -> dict[str, ProvenanceWord]:
    return {"default": "given"}


class Part(Model):
    """A polygon with an eave and a roof.

    >>> from geovision.model.roofs import Gabled
    >>> part = Part(shell=[(0, 0), (10, 0), (10, 6), (0, 6)], eave_height=3.0, roof=Gabled(ridge_height=5.5))
    >>> part.roof.kind
    'gabled'
    """

    id: str = ""
    """Name of the part within its building; empty: its index."""
    shell: Ring
    """Outer ring [[x, y], ...] in metres, open, in either direction."""
    holes: tuple[Ring, ...] = ()
    """Inner rings: courtyards."""
    eave_height: Metres
    """Height of the eave above ground_z."""
    base_height: Metres = 0.0
    """Height of the underside above ground_z; 0 where the part stands on the ground."""
    overhang: Length = 0.0
    """How far the roof reaches beyond the walls, in plan."""
    roof_shift: tuple[Offset, Offset] = (0.0, 0.0)
    """Metres east and north by which the roof lies off the outline; the JSON leaves zeros out."""
    edge_pitch_deg: tuple[Annotated[float, Field(strict=True, allow_inf_nan=False)] | None, ...] | None = None
    """Degrees per edge of the shell, then of the holes: null for the roof's own pitch, 90 for a gable."""
    roof: Roof
    """The roof, told apart by its kind."""

    @field_validator("shell", mode="after")
    @classmethod
    def _open_shell(cls, ring: Ring) -> Ring:
        return open_ring(ring)

    @field_validator("holes", mode="after")
    @classmethod
    def _open_holes(cls, rings: tuple[Ring, ...]) -> tuple[Ring, ...]:
        return tuple(open_ring(ring) for ring in rings)

    @field_validator("edge_pitch_deg", mode="after")
    @classmethod
    def _something_given(cls, pitches: tuple[float | None, ...] | None) -> tuple[float | None, ...] | None:
        return None if pitches is None or all(pitch is None for pitch in pitches) else pitches

    @model_validator(mode="after")
    def _physical(self) -> Self:
        check_part(self)
        return self

    @model_serializer(mode="wrap")
    def _without_zero_shift(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What programs said before roofs could be shifted, so that digests stay."""
        fields: dict[str, Any] = handler(self)
        if not any(self.roof_shift):
            fields.pop("roof_shift", None)
        return fields


class Program(Model):
    """A building: parts with roofs, what stands on them, and how each value is known.

    >>> program = Program.from_json('''{"id": "NL.1042", "ground_z": 0.3, "parts": [{
    ...     "shell": [[0, 0], [10, 0], [10, 6], [0, 6]], "eave_height": 5.2,
    ...     "roof": {"kind": "gabled", "ridge_height": 8.1}}]}''')
    >>> program.parts[0].roof.ridge_height
    8.1
    >>> Program.from_json(program.to_json()) == program
    True
    """

    schema_version: Annotated[str, Field(alias="schema")] = SCHEMA
    """Name and version of this form."""
    id: Annotated[str, Field(min_length=1)]
    """The building's own id, stable from run to run."""
    ground_z: Metres = 0.0
    """Height of the ground under the building; every other height is above it."""
    attributes: dict[str, Scalar] = Field(default_factory=dict)
    """Anything known of the building: text, numbers, truth values, null."""
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]
    """Polygons with eave and roof; where they overlap, the higher one counts."""
    superstructures: tuple[Superstructure, ...] = ()
    """Dormers, chimneys, boxes, parapets."""
    facade: FacadeRecord | None = None
    """Style and overrides of the walls; null: plain walls."""
    provenance: dict[str, ProvenanceWord] = Field(default_factory=_all_given)
    """How values are known, by path, as in "parts/0/roof/ridge_height"; "default" for the rest."""

    @model_validator(mode="before")
    @classmethod
    def _known_schema(cls, data: Any) -> Any:
        if isinstance(data, dict):
            name = data.get("schema", data.get("schema_version", SCHEMA))
            check_schema(name, str(data.get("id", UNNAMED)))
        return data

    @model_validator(mode="after")
    def _physical(self) -> Self:
        self._name_parts()
        for index, item in enumerate(self.superstructures):
            try:
                check_superstructure(item, self.parts)
            except PydanticCustomError as refusal:
                found: dict[str, Any] = dict(refusal.context or {})
                field = f"superstructures/{index}/{found['field']}"
                raise Refusal(field, found["value"], found["problem"], found["remedy"]) from None
        for path in self.provenance:
            if path != "default" and not _exists(self, path):
                raise Refusal(
                    f"provenance/{path}",
                    self.provenance[path],
                    "there is no such field",
                    "Remove it, or mend the path",
                )
        try:
            json.dumps(self.facade, allow_nan=False)
        except ValueError:
            raise Refusal("facade", self.facade, "it holds NaN or infinity", "Give finite numbers") from None
        check_facade(self.facade)
        return self

    def _name_parts(self) -> None:
        names = [part.id or str(index) for index, part in enumerate(self.parts)]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise Refusal(
                    f"parts/{index}/id", name, "two parts have this id", "Give each part its own id"
                )
        if any(not part.id for part in self.parts):
            named = tuple(
                part if part.id else part.model_copy(update={"id": name})
                for part, name in zip(self.parts, names, strict=True)
            )
            # The model is frozen for its users, not yet for its own validator.
            self.__dict__["parts"] = named

    def __hash__(self) -> int:
        return hash((self.id, self.parts, self.superstructures))

    @classmethod
    def from_json(cls, text: str | bytes) -> Program:
        """A program from its JSON; a `ProgramError` names building, field, value and remedy."""
        return cls.model_validate_json(text)

    def to_json(self, indent: int | None = None) -> str:
        """The program as JSON; `from_json` gives it back without loss."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Program:
        """A program from plain dicts and lists, as `json.loads` makes them."""
        return cls.model_validate(data)

    def to_dict(self) -> dict[str, Any]:
        """The program as plain dicts, lists and scalars."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON Schema (2020-12) of the form, with units."""
        from geovision.model.schema import program_json_schema

        return program_json_schema()

    def digest(self) -> str:
        """SHA-256 of the content, as hexadecimal text: equal programs have equal digests on every machine.

        >>> from geovision.model.roofs import Flat
        >>> box = Program(id="a", parts=[Part(shell=[(0, 0), (4, 0), (4, 4)], eave_height=3, roof=Flat())])
        >>> box.digest() == Program.from_json(box.to_json()).digest()
        True
        """
        text = json.dumps(
            _without_negative_zero(self.to_dict()), sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def provenance_of(self, path: str) -> Provenance:
        """How a value is known; a path without an entry takes that of what holds it, then the default.

        >>> from geovision.model.roofs import Flat
        >>> part = Part(shell=[(0, 0), (4, 0), (4, 4)], eave_height=3, roof=Flat())
        >>> program = Program(id="a", parts=[part], provenance={"default": "given", "parts/0": "observed"})
        >>> program.provenance_of("parts/0/eave_height").text, program.provenance_of("ground_z").text
        ('observed', 'given')
        """
        while path:
            if path in self.provenance:
                return Provenance.from_text(self.provenance[path])
            path = path.rpartition("/")[0]
        return Provenance.from_text(self.provenance.get("default", "given"))


def _exists(program: Program, path: str) -> bool:
    node: Any = program
    for step in path.split("/"):
        if isinstance(node, Model) and step in type(node).model_fields:
            node = getattr(node, step)
        elif isinstance(node, dict) and step in node:
            node = node[step]
        elif isinstance(node, (tuple, list)) and step.isdecimal() and int(step) < len(node):
            node = node[int(step)]
        else:
            return False
    return True


def _without_negative_zero(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_negative_zero(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_negative_zero(item) for item in value]
    return 0.0 if isinstance(value, float) and value == 0 else value
