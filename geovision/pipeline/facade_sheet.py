"""A style on a sample house, drawn: what ``geovision style render`` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geovision.errors import UsageError
from geovision.formats.atomic import atomic_write
from geovision.formats.pictures import encode_picture
from geovision.mesh.elements import ElementKind
from geovision.procedural.grammar import evaluate, load_facade
from geovision.procedural.grammar.fault import did_you_mean
from geovision.procedural.grammar.sample import sample_house
from geovision.quality.facade_sheet import draw_sheet

__all__ = ["StyleSheet", "render_style"]


@dataclass(frozen=True)
class StyleSheet:
    """What was drawn."""

    style: str
    elements: dict[str, int]
    """How many of each kind."""
    dropped: dict[str, int]
    """What rules asked for and could not have, by reason."""
    notes: list[str]


def render_style(
    style: str | Path, output: Path, *, seed: int = 0, changes: Mapping[str, Any] | None = None, **house: Any
) -> StyleSheet:
    """Draws the four walls of a house in a style as a PNG.

    Args:
        style: a name or a rule file.
        output: the picture.
        seed: of the facade.
        changes: variables of the style with other values.
        house: what `geovision.procedural.grammar.sample.sample_house` takes.
    """
    grammar = load_facade(style)
    for name in changes or {}:
        if name not in grammar.variables:
            raise UsageError(
                f"variable {name!r}",
                f"is none of style {grammar.name}'s",
                did_you_mean(name, grammar.variables, "Leave it out; geovision style show lists them"),
            )
    sample = sample_house(facade={"style": grammar.name, "with": dict(changes or {})}, **house)
    found = evaluate(
        sample.walls, sample.programs, origin_z=sample.origin_z, styles={grammar.name: grammar}, seed=seed
    )
    pixels = draw_sheet(sample.walls, found.elements)
    with atomic_write(output) as file:
        file.write(encode_picture(pixels, "png"))
    kinds = Counter(ElementKind(kind).name.lower() for kind in found.elements.kind.tolist())
    return StyleSheet(grammar.name, dict(kinds), found.totals(), [str(item) for item in found.notes])
