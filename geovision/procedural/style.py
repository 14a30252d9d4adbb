"""A style: every number that the procedural rules use, as a documented distribution in one TOML file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from geovision.bounded import read_toml
from geovision.errors import InputError, UsageError
from geovision.model.kinds import KIND_NAMES, RoofKind
from geovision.procedural.distributions import Distribution
from geovision.procedural.style_base import (
    Count,
    Distance,
    Factor,
    Fraction,
    Length,
    Share,
    Size,
    Table,
    Weight,
    weights,
    within,
)
from geovision.procedural.style_scene import (
    Camera,
    Cars,
    Dsm,
    Fences,
    Fittings,
    Lidar,
    Light,
    Materials,
    Survey,
    Terrain,
    Trees,
)

__all__ = ["BLOCK_TYPES", "PLAN_SHAPES", "SCHEMA", "USES", "Style", "builtin_styles", "load_style"]

SCHEMA = "geovision.style/1"
USES = ("terraced", "semi", "detached", "annex", "perimeter", "hall", "tower", "church")
BLOCK_TYPES = ("terraced", "semi", "detached", "perimeter", "industrial", "civic")
PLAN_SHAPES = ("rectangle", "quad", "l", "t", "u", "h", "round")
DORMERS = ("dormer_gable", "dormer_shed", "dormer_flat")


class Layout(Table):
    """Streets and blocks of a city that the sampler lays out itself."""

    tile_m: Annotated[float, Field(ge=100, le=5000)]
    """Side of a tile; tiles are generated and written one by one, so memory follows this number."""
    arterial_width_m: Length
    """Between the fronts of two blocks, across the streets that bound tiles."""
    street_width_m: Length
    """Between the fronts of two blocks, across the streets inside tiles."""
    block_length_m: Length
    """Along the longer streets."""
    block_depth_m: Length
    """Between two longer streets: two parcels back to back."""
    jitter: Annotated[float, Field(ge=0, le=0.3)]
    """How far street ends wander, as a share of the block; 0 is a strict grid."""
    blocks: dict[str, Weight]
    """Weights of block types."""

    _blocks = field_validator("blocks")(weights(BLOCK_TYPES, "block type"))


class Lots(Table):
    """How one type of block is cut into parcels and where the house stands."""

    frontage_m: Length
    """Width of a parcel (of one house in a row) along the street."""
    depth_m: Length
    """Depth of the house, front to back."""
    setback_m: Distance
    """From the edge of the street to the front of the house."""
    gap_m: Distance
    """Between two houses, or between two rows."""
    run: Count
    """Houses in one row (terraced only)."""


class Plans(Table):
    """Shapes of free-standing buildings."""

    shapes: dict[str, Weight]
    """Weights of plan shapes for detached houses."""
    round_sides: Annotated[Distribution, within(6, 64)]
    """Corners of round plans."""
    courtyard: Share
    """Share of perimeter blocks built as ONE building round a closed court (a polygon with a hole)."""
    annex: Share
    """Share of detached houses with a free-standing shed or garage behind the house."""
    row_shed: Share
    """Share of houses in rows with a shed at the end of a garden that is long enough."""

    _shapes = field_validator("shapes")(weights(PLAN_SHAPES, "plan shape"))


class Use(Table):
    """Heights and roofs of one use of buildings."""

    levels: Count
    """Storeys below the eave, rounded to whole ones."""
    level_height_m: Annotated[Distribution, within(1.8, 30)]
    """Height of a storey."""
    plinth_m: Distance
    """Extra height of the walls: plinth, attic wall."""
    roofs: dict[str, Weight]
    """Weights of roof kinds; those that a plan cannot bear are left out and the rest shared anew."""

    _roofs = field_validator("roofs")(weights(tuple(KIND_NAMES.values()), "roof kind"))


class Roofs(Table):
    """Shape parameters of roofs; heights follow from pitch and width."""

    pitch_deg: dict[str, Distribution]
    """Pitch by roof kind; `default` serves all kinds that have no line of their own."""
    overhang_m: Annotated[Distribution, within(0, 2)]
    """Eave overhang of free-standing buildings; rows and perimeter blocks have none."""
    overhang_chance: Share
    ridge_offset: Fraction
    """Place of the ridge across the width for gabled roofs, 0.5 the middle."""
    hip_share: Factor
    """Hip setback as a share of half the width (half-hipped, hipped with a setback, side_hipped)."""
    hip_drop: Fraction
    """Where half-hipped ends begin, as a share of the way from eave to ridge."""
    break_inset: Fraction
    """Plan distance from eave to break as a share of half the width (mansard, gambrel)."""
    break_height: Fraction
    """Height of the break as a share of the way from eave to ridge (mansard, gambrel)."""
    saltbox_offset: Fraction
    saltbox_rear_drop: Fraction
    """Rear eave below the front eave, as a share of the eave height."""
    butterfly_drop_m: Size
    """Valley below the eave."""
    sawtooth_width_m: Length
    """Wished width of one tooth."""
    spire: Factor
    """Height of cones and tower pyramids as a multiple of the plan's width."""
    dome: Factor
    """Height of domes and onions as a multiple of half the plan's width."""
    onion_bulge: Annotated[Distribution, within(0, 0.5)]
    """How far an onion swells over its drum, as a share of half the width."""
    cross_ridge: Share
    """Share of houses in rows and on given rectangles whose ridge runs across the long side."""

    @model_validator(mode="after")
    def _pitches(self) -> Roofs:
        names = ("default", *KIND_NAMES.values())
        for name, dist in self.pitch_deg.items():
            if name not in names:
                raise ValueError(f"pitch_deg.{name} is no roof kind; use {', '.join(names)}")
            low, high = dist.bounds()
            if not 2.0 <= low <= high <= 75.0:
                raise ValueError(f"pitch_deg.{name} can be {low} to {high}; keep it between 2 and 75 degrees")
        if "default" not in self.pitch_deg:
            raise ValueError("pitch_deg has no 'default'; add one")
        return self


class Parts(Table):
    """Buildings of several parts."""

    split: Share
    """Share of L, T, U and H plans that become parts with heights of their own (else one roof over all)."""
    same_eave: Share
    """Share of split plans whose wings keep the main eave."""
    wing_drop: Fraction
    """Wing eave as a share of the main eave, where it differs."""
    same_kind: Share
    """Share of wings with the main roof's kind."""
    extension: Share
    """Share of houses in rows with a low extension at the rear."""
    extension_depth_m: Length
    extension_eave_m: Annotated[Distribution, within(2, 6)]
    extension_roofs: dict[str, Weight]
    """Weights of their roof kinds: flat, skillion."""
    bay: Share
    """Share of houses in rows with a bay or a porch at the front, its eave and roof those of an extension."""
    bay_depth_m: Annotated[Distribution, within(0.3, 4)]
    stepped: Share
    """Share of plain houses in town blocks and of halls with a flat roof on two levels."""
    step_m: Annotated[Distribution, within(0.3, 20)]
    """Height between the two."""
    penthouse: Share
    """Share of the same buildings with a penthouse on a flat roof."""

    _extension_roofs = field_validator("extension_roofs")(weights(("flat", "skillion"), "roof of extensions"))


class Superstructures(Table):
    """Dormers, chimneys, parapets and boxes."""

    dormer: Share
    """Share of house slopes long enough that carry dormers."""
    dormers: Count
    """Wished number on such a slope."""
    dormer_kinds: dict[str, Weight]
    dormer_width_m: Size
    dormer_height_m: Size
    """Front wall, from the slope to the dormer's eave."""
    chimney: Share
    """Share of houses with a chimney."""
    chimney_size_m: Size
    chimney_height_m: Size
    """Above the ridge."""
    parapet: Share
    """Share of flat roofs with a parapet."""
    parapet_height_m: Size
    parapet_thickness_m: Annotated[Distribution, within(0.05, 1)]
    box: Share
    """Share of large flat roofs with a plant room or lift shaft."""
    box_size_m: Size
    box_height_m: Size

    _dormers = field_validator("dormer_kinds")(weights(DORMERS, "dormer kind"))


class Given(Table):
    """How footprints from a file are taken where their attributes do not say."""

    annex_area_m2: Annotated[float, Field(ge=0)]
    """Smaller ones are sheds."""
    block_area_m2: Annotated[float, Field(gt=0)]
    """Larger ones are apartment blocks."""
    hall_area_m2: Annotated[float, Field(gt=0)]
    """Larger ones are halls."""
    touch_m: Annotated[float, Field(ge=0, le=1)]
    """Footprints closer than this share a wall: no overhang on either."""


class Style(Table):
    """Everything that decides how a generated city looks, except the seed."""

    schema_: Annotated[Literal["geovision.style/1"], Field(alias="schema")]
    name: str
    description: str
    every_kind: bool
    """Make sure that each roof kind stands somewhere in the city's first tile."""
    layout: Layout
    lots: dict[str, Lots]
    plans: Plans
    uses: dict[str, Use]
    roofs: Roofs
    parts: Parts
    superstructures: Superstructures
    given: Given
    terrain: Terrain
    trees: Trees
    cars: Cars
    fences: Fences
    fittings: Fittings
    materials: Materials
    light: Light
    camera: Camera
    lidar: Lidar
    dsm: Dsm
    survey: Survey

    @model_validator(mode="after")
    def _complete(self) -> Style:
        for table, have, want in (("uses", self.uses, USES), ("lots", self.lots, BLOCK_TYPES)):
            missing = [name for name in want if name not in have]
            surplus = [name for name in have if name not in want]
            if missing:
                raise ValueError(f"{table} lacks {', '.join(missing)}; add [{table}.{missing[0]}]")
            if surplus:
                raise ValueError(f"{table}.{surplus[0]} is unknown; use {', '.join(want)}")
        return self

    def kind_weights(self, use: str) -> list[float]:
        """Weights by kernel code for a use."""
        roofs = self.uses[use].roofs
        return [roofs.get(KIND_NAMES[kind], 0.0) for kind in RoofKind]


_FOLDER = Path(__file__).with_name("styles")


def builtin_styles() -> list[str]:
    """Names of the styles that come with geovision.

    >>> "mixed" in builtin_styles()
    True
    """
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_style(style: str | Path | Style, changes: Mapping[str, Any] | None = None) -> Style:
    """A style by name, or from a TOML file, with some of its knobs changed.

    A file may begin with `base = "mixed"` (or another name): then it only holds what differs.

    >>> load_style("dutch_town").name
    'dutch_town'
    >>> load_style("mixed", {"lidar.density": 8, "survey.missing": 0}).lidar.density.bounds()
    (8.0, 8.0)

    Args:
        style: a name, a path, or a `Style`.
        changes: values by dotted key, as a style file would give them: numbers, or tables with a `dist`.
    """
    if changes:
        return _changed(load_style(style), changes)
    if isinstance(style, Style):
        return style
    text = str(style)
    path = _FOLDER / f"{text}.toml" if re.fullmatch(r"\w+", text) else Path(text)
    if path.parent == _FOLDER and not path.is_file():
        raise UsageError(
            f"style {text!r}",
            "does not exist",
            f"Use one of {', '.join(builtin_styles())}, or the path of a .toml file",
        )
    return _validate(_read(path, ()), f"style {path}")


def _changed(style: Style, changes: Mapping[str, Any]) -> Style:
    data = style.model_dump(by_alias=True)
    for key, value in changes.items():
        *path, last = key.split(".")
        table: Any = data
        for step in path:
            table = table.get(step) if isinstance(table, dict) else None
        if not isinstance(table, dict):
            raise UsageError(
                f"style key {key!r}", "is in no table of a style", "See docs/generate.md for the keys"
            )
        table[last] = value
    return _validate(data, f"style {style.name} with {', '.join(changes)}")


def _read(path: Path, seen: tuple[str, ...]) -> dict[str, Any]:
    data = read_toml(path, f"style {path}")
    base = data.pop("base", None)
    if base is None:
        return data
    if base not in builtin_styles() or base in seen:
        raise InputError(
            f"style {path}, key 'base' = {base!r}",
            "is not the name of a style" if base not in seen else "refers back to itself",
            f"Use one of {', '.join(builtin_styles())}",
        )
    return _merge(_read(_FOLDER / f"{base}.toml", (*seen, base)), data)


def _merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Tables are merged key by key; weights and distributions are replaced as a whole."""
    whole = {"roofs", "blocks", "shapes", "dormer_kinds", "pitched", "flat", "patterns", "extension_roofs"}
    merged = dict(under)
    for key, value in over.items():
        old = merged.get(key)
        # [roofs] at the top is a table of knobs; uses.<name>.roofs is a table of weights.
        as_whole = key in whole and not (key == "roofs" and "pitch_deg" in under.get("roofs", {}))
        if (
            isinstance(value, dict)
            and isinstance(old, dict)
            and not as_whole
            and "dist" not in {*value, *old}
        ):
            merged[key] = _merge(old, value)
        else:
            merged[key] = value
    return merged


def _validate(data: dict[str, Any], name: str) -> Style:
    try:
        return Style.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        steps = [
            str(step)
            for step in first["loc"]
            if step not in ("constant", "uniform", "normal", "lognormal", "choice")
        ]
        key = ".".join(steps) or "(file)"
        problem, remedy = (
            first["msg"].removeprefix("Value error, "),
            "See docs/generate.md for the keys of a style",
        )
        if first["type"] == "extra_forbidden":
            problem, remedy = "is not a known key", _suggest(steps, remedy)
        elif first["type"] == "missing":
            problem, remedy = "is missing", 'Add it, or begin the file with base = "mixed"'
        raise InputError(f"{name}, key {key!r}", problem, remedy) from error


def _suggest(steps: list[str], otherwise: str) -> str:
    names = {name for table in _TABLES for name in table.model_fields}
    close = difflib.get_close_matches(steps[-1], sorted(names), 1)
    return f"Did you mean {close[0]!r}? Else remove it" if close else f"Remove it. {otherwise}"


_BUILDING_TABLES = (Layout, Lots, Plans, Use, Roofs, Parts, Superstructures, Given)
_SCENE_TABLES = (Terrain, Trees, Cars, Fences, Fittings, Materials, Light, Camera, Lidar, Dsm, Survey)
_TABLES: tuple[type[Table], ...] = (Style, *_BUILDING_TABLES, *_SCENE_TABLES)
