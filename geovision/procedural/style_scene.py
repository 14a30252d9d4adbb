"""The tables of a style that turn a city into a scene: land, trees, cars, light, sensors, surveyors.

Knobs that say "once per scene" are drawn once for the whole scene, so that a stream of scenes covers
their range.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from geovision.procedural.distributions import Distribution
from geovision.procedural.style_base import (
    Distance,
    Factor,
    Length,
    Proportion,
    Share,
    Small,
    Table,
    Weight,
    weights,
    within,
)

__all__ = ["Cars", "Dsm", "Image", "Lidar", "Materials", "Sun", "Survey", "Terrain", "Trees"]

PITCHED_COVERS = ("red_tile", "brown_tile", "dark_tile", "slate", "metal")
FLAT_COVERS = ("gravel", "bitumen", "membrane", "green", "paved")


class Terrain(Table):
    """The land: a general slope, hills, and small undulation. All once per scene."""

    base_m: Annotated[Distribution, within(-400, 4000)]
    """Height of the middle of the scene in its vertical datum."""
    slope: Annotated[Distribution, within(0, 0.3)]
    """General fall, metres per metre, in a random direction."""
    hill_m: Annotated[Distribution, within(0, 60)]
    """Height between the bottoms and the tops of hills."""
    hill_length_m: Length
    """From one hill to the next."""
    bump_m: Annotated[Distribution, within(0, 3)]
    """The same for small undulation."""
    bump_length_m: Length
    row_step_m: Annotated[float, Field(ge=0, le=5)]
    """Houses that share walls stand on one level until the ground under them differs by more than this."""
    post_m: Annotated[float, Field(ge=1, le=20)]
    """Distance between the posts of the terrain's mesh."""


class Trees(Table):
    """Trees and shrubs, on a jittered lattice that thins out by the kind of land."""

    spacing_m: Annotated[float, Field(ge=2, le=50)]
    """Between two places where a tree may stand."""
    street: Proportion
    """Share of the places along streets that have a tree; once per scene."""
    garden: Proportion
    """The same in gardens and courts."""
    paved: Proportion
    """The same on the paved land of halls."""
    height_m: Annotated[Distribution, within(0.5, 45)]
    crown_ratio: Annotated[Distribution, within(0.05, 1)]
    """Crown radius as a share of the height."""
    trunk_ratio: Annotated[Distribution, within(0, 0.8)]
    """Height of the crown's underside as a share of the tree's."""
    conifer: Share
    clearance_m: Distance
    """From the trunk to the nearest wall; a crown wider than that hangs over the roof."""
    overhang: Share
    """Share of trees near buildings that may hang over roofs; the others are cut back to the wall."""


class Cars(Table):
    """Parked cars."""

    street: Proportion
    """Share of the places along kerbs that are taken; once per scene."""
    length_m: Annotated[Distribution, within(2, 14)]
    width_m: Annotated[Distribution, within(1, 3)]
    height_m: Annotated[Distribution, within(1, 4)]


class Materials(Table):
    """Weights of roof coverings, which decide colours."""

    pitched: dict[str, Weight]
    flat: dict[str, Weight]
    row_alike: Share
    """Share of rows whose houses all have the same covering."""

    _pitched = field_validator("pitched")(weights(PITCHED_COVERS, "covering"))
    _flat = field_validator("flat")(weights(FLAT_COVERS, "covering"))


class Sun(Table):
    """Light. All once per scene."""

    azimuth_deg: Annotated[Distribution, within(0, 360)]
    """Compass direction from the scene towards the sun."""
    elevation_deg: Annotated[Distribution, within(5, 90)]
    sky: Annotated[Distribution, within(0, 1)]
    """Share of the light that comes from the sky and reaches shadows too."""


class Image(Table):
    """The orthophoto's camera. All once per scene."""

    blur_px: Annotated[Distribution, within(0, 5)]
    """Standard deviation of the optical blur, in pixels."""
    noise: Annotated[Distribution, within(0, 0.3)]
    """Standard deviation of the pixel noise, of full scale 1."""
    gain: Factor
    """Exposure; above 1 is brighter."""
    haze: Annotated[Distribution, within(0, 0.8)]
    """Share of an even grey laid over the picture."""


class Lidar(Table):
    """The laser scanner. Once per scene where nothing else is said."""

    density: Annotated[Distribution, within(0.1, 100)]
    """First returns per square metre in one strip's middle."""
    strip_m: Annotated[Distribution, within(20, 5000)]
    """Width of a strip; neighbouring strips overlap."""
    overlap: Annotated[Distribution, within(0, 0.9)]
    """Share of a strip that the next one flies over again."""
    height_m: Annotated[Distribution, within(50, 10_000)]
    """Flying height above the land, which with the strip's width gives the scan angles."""
    range_noise_m: Annotated[Distribution, within(0, 1)]
    """Standard deviation of one pulse's range."""
    strip_noise_m: Annotated[Distribution, within(0, 1)]
    """Standard deviation of the height offset of a strip, which all its points share."""
    plan_noise_m: Annotated[Distribution, within(0, 2)]
    """Standard deviation of a point's place in plan, each way."""
    outliers: Annotated[Distribution, within(0, 0.5)]
    """Share of points that are nowhere near a surface: birds, multipath."""
    dropout: Annotated[Distribution, within(0, 0.9)]
    """Share of pulses that never come back."""
    sparse: Annotated[Distribution, within(0, 0.9)]
    """Share of the scene, in patches, where most pulses are lost."""


class Dsm(Table):
    """The height raster of a photogrammetric or gridded survey. All once per scene."""

    noise_m: Annotated[Distribution, within(0, 2)]
    """Standard deviation of a cell's height."""
    noise_length_m: Annotated[Distribution, within(0, 50)]
    """Distance over which the noise stays alike; 0 for independent cells."""
    smoothing_m: Annotated[Distribution, within(0, 10)]
    """Standard deviation of the smoothing at edges."""
    holes: Annotated[Distribution, within(0, 0.5)]
    """Share of the scene without a height, in patches."""


class Survey(Table):
    """How far the footprints of the map are from the walls that stand there."""

    shift_m: Small
    """Standard deviation of the shift of a whole row or block, each way."""
    vertex_m: Small
    """Standard deviation of a corner's own error, each way; corners that houses share stay shared."""
    simplify_m: Small
    """Corners that matter less than this are left out, and walls straightened."""
    missing_part: Share
    """Share of extensions and wings that the map does not have yet."""
    missing: Share
    """Share of buildings that the map does not have at all."""
    height_known: Share
    """Share of buildings that carry a height attribute."""
    height_m: Small
    """Standard deviation of that height."""
    levels_known: Share
    """Share of buildings that carry building:levels."""
    shape_known: Share
    """Share of buildings that carry roof:shape."""
