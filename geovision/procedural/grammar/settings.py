"""What facades and tags of a batch say, as numbers for the kernel; what cannot be is noted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from geovision.errors import GeovisionError, UsageError
from geovision.mesh.materials import Material
from geovision.model.facade import SIDES, Edit, Facade
from geovision.model.labels import Provenance
from geovision.model.table import ProgramTable
from geovision.procedural.grammar.attributes import Note
from geovision.procedural.grammar.choose import choose_style
from geovision.procedural.grammar.compile import load_facade
from geovision.procedural.grammar.compiled import Grammar
from geovision.procedural.grammar.vocabulary import MATERIALS, Attribute, word_number
from geovision.procedural.grammar.words import ROOF_MATERIALS, WALL_MATERIALS, colour_of
from geovision.procedural.rng import combine, id_keys

__all__ = ["AUTO", "Batch"]

AUTO = "auto"
"""The style that lets the attributes of each building choose."""
_ANYWHERE = -1


class Batch:
    """Settings of all buildings, as they are read from facades and attributes."""

    def __init__(
        self, programs: ProgramTable, default: str | None, styles: Mapping[str, Grammar], seed: int
    ) -> None:
        self.programs, self.default, self.seed = programs, default, seed
        self.notes: list[Note] = []
        self.grammars: list[Grammar] = []
        self._rows: dict[str, int] = {}
        self._styles = styles
        count = len(programs)
        self.style = np.full(count, -1, np.int32)
        self.seeds = np.full(count, -1, np.int64)
        self.with_: list[list[tuple[int, float]]] = [[] for _ in range(count)]
        self.edits: list[list[tuple[list[int], float]]] = [[] for _ in range(count)]
        # The caller's own may be a rule file; programs name styles alone.
        self._usual = -1 if default in (None, AUTO) else self._grammar(str(default))

    def _grammar(self, name: str) -> int:
        if name not in self._rows:
            grammar = self._styles[name] if name in self._styles else load_facade(name)
            self.grammars.append(grammar)
            self._rows[name] = len(self.grammars) - 1
        return self._rows[name]

    def fill(self, attributes: npt.NDArray[np.float64]) -> None:
        """Style, variables and edits of every building."""
        facades = self.programs.records("facade") or [None] * len(self.programs)
        tags = self.programs.records("attributes") or [{}] * len(self.programs)
        rows = attributes[:, [Attribute.HEIGHT, Attribute.AREA, Attribute.ATTACHED]].tolist()
        for row, record in enumerate(facades):
            facade = None if record is None else self._facade(row, record)
            self.style[row] = self._usual
            name = facade.style if facade and facade.style else None
            if name is None and self._usual < 0:
                name = AUTO if facade else self.default
            if name == AUTO:
                height, area, attached = rows[row]
                name = choose_style(tags[row], height=height, area=area, attached=bool(attached))
            if name is not None:
                self.style[row] = self._known(row, name) if name else -1
            if facade and self.style[row] >= 0:
                self._overrides(row, facade)

    def _facade(self, row: int, record: dict[str, Any]) -> Facade | None:
        try:
            return Facade.model_validate(record)
        except GeovisionError as error:
            self._note(row, "facade", record, f"is no facade ({error}); plain walls")
            return None

    def _known(self, row: int, name: str) -> int:
        if "/" in name or name.endswith(".facade"):
            self._note(row, "facade/style", name, "programs name styles, not files; plain walls")
            return -1
        try:
            return self._grammar(name)
        except UsageError:
            self._note(row, "facade/style", name, "there is no such style; plain walls")
            return -1

    def _overrides(self, row: int, facade: Facade) -> None:
        grammar = self.grammars[self.style[row]]
        if facade.seed is not None:
            self.seeds[row] = facade.seed
        self.with_[row] = self._variables(row, "facade/with", facade.with_, grammar)
        for index, edit in enumerate(facade.edit):
            place = self._place(row, index, edit)
            if place is None:
                continue
            values = self._variables(row, f"facade/edit/{index}/with", edit.with_, grammar)
            self.edits[row] += [([*place, variable], value) for variable, value in values]
            if edit.remove:
                self.edits[row].append(([*place, -1], 0.0))
        for key in facade.model_extra or ():
            self._note(row, f"facade/{key}", (facade.model_extra or {})[key], "is not known; not used")

    def _variables(
        self, row: int, field: str, values: Mapping[str, Any], grammar: Grammar
    ) -> list[tuple[int, float]]:
        found = []
        for name, value in values.items():
            if name in grammar.variables:
                found.append((grammar.variables[name], _number(value)))
            else:
                self._note(
                    row, f"{field}/{name}", value, f"style {grammar.name} has no such variable; not used"
                )
        return found

    def _place(self, row: int, index: int, edit: Edit) -> list[int] | None:
        part = _ANYWHERE
        if edit.part is not None:
            first, last = self.programs.part_offsets[row : row + 2].tolist()
            names = self.programs.part_ids[first:last]
            if edit.part not in names:
                self._note(row, f"facade/edit/{index}/part", edit.part, "there is no such part; not used")
                return None
            part = names.index(edit.part)
        side = _ANYWHERE if edit.side is None else SIDES.index(edit.side)
        numbers = [_ANYWHERE if number is None else number for number in (edit.wall, edit.level, edit.bay)]
        return [numbers[0], part, side, numbers[1], numbers[2]]

    def _note(self, row: int, field: str, value: object, problem: str) -> None:
        self.notes.append(Note(self.programs.ids[row], field, value, problem))

    def settings(
        self, attributes: npt.NDArray[np.float64], origin_z: npt.NDArray[np.float64]
    ) -> dict[str, npt.NDArray[Any]]:
        """As the kernel takes them."""
        ids = id_keys(self.programs.ids)
        usual = np.uint64(self.seed % 2**64)  # as `rng.combine` takes it
        seeds = np.where(self.seeds >= 0, self.seeds.astype(np.uint64), usual)
        variables = [item for row in self.with_ for item in row]
        edits = [item for row in self.edits for item in row]
        return {
            "style": self.style,
            "key": combine(seeds, ids) if len(ids) else ids,
            "attributes": attributes,
            "ground": np.rint((self.programs.ground_z - origin_z) * 1000).astype(np.int32),
            "provenance": self._provenance(),
            "with_offsets": _offsets(self.with_),
            "with_variable": np.array([variable for variable, _ in variables], np.int32),
            "with_value": np.array([value for _, value in variables], np.float64),
            "edit_offsets": _offsets(self.edits),
            "edit": np.array([place for place, _ in edits], np.int32).reshape(len(edits), 6),
            "edit_value": np.array([value for _, value in edits], np.float64),
        }

    def _provenance(self) -> npt.NDArray[np.uint8]:
        found = np.full(len(self.programs), Provenance.INFERRED, np.uint8)
        for row, record in enumerate(self.programs.records("provenance") or ()):
            if "facade" in record:
                found[row] = Provenance.from_text(record["facade"])
        return found

    def paint(self, arrays: dict[str, Any]) -> None:
        """Colours and materials that tags give go before those of the style."""
        for row, own in enumerate(self.programs.records("attributes") or ()):
            for what, tag, materials in (
                ("wall", "building", WALL_MATERIALS),
                ("roof", "roof", ROOF_MATERIALS),
            ):
                self._paint_colour(row, own, f"{tag}:colour", what, arrays)
                self._paint_material(row, own, f"{tag}:material", what, materials, arrays)

    def _known_as(self, row: int, tag: str) -> Provenance:
        """How a tag is known: as the program says of it, such as a colour seen in a photo, else given."""
        records = self.programs.records("provenance")
        word = records[row].get(f"attributes/{tag}") if records else None
        return Provenance.GIVEN if word is None else Provenance.from_text(word)

    def _paint_colour(
        self, row: int, own: Mapping[str, Any], key: str, what: str, arrays: dict[str, Any]
    ) -> None:
        value = own.get(key, own.get(key.replace("colour", "color")))
        if value is None:
            return
        colour = colour_of(value)
        if colour is None:
            self._note(row, key, value, "is no colour; the style's is taken")
            return
        arrays[f"{what}_colour"][row] = (colour >> 16, colour >> 8 & 255, colour & 255)
        arrays[f"{what}_provenance"][row] = self._known_as(row, key)

    def _paint_material(
        self, row: int, own: Mapping[str, Any], key: str, what: str, materials: Mapping[str, Material],
        arrays: dict[str, Any],
    ) -> None:  # fmt: skip
        value = own.get(key)
        if value is None:
            return
        material = materials.get(str(value).lower())
        if material is None:
            self._note(row, key, value, "is no material that is known; the style's is taken")
            return
        arrays[f"{what}_material"][row] = material
        arrays[f"{what}_provenance"][row] = self._known_as(row, key)


def _offsets(rows: Sequence[Sequence[object]]) -> npt.NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)


def _number(value: object) -> float:
    """A number, a truth value, a colour, a material or a word, as rules know it."""
    if isinstance(value, (bool, int, float)):
        return float(value)
    text = str(value)
    colour = colour_of(text)
    if colour is not None:
        return float(colour)
    return float(MATERIALS[text]) if text in MATERIALS else word_number(text)
