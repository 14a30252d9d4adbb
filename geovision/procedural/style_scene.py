"""The tables of a style that turn a city into a scene: land, trees, cars, light, sensors, surveyors.

Knobs that say "once per scene" are drawn once for the whole scene, so that a stream of scenes covers
their range.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from geovision.procedural.distributions import Distribution
from geovision.procedural.style_base import (
    Count,
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

__all__ = [
    "Camera",
    "Cars",
    "Dsm",
    "Fences",
    "Fittings",
    "Lidar",
    "Light",
    "Materials",
    "Survey",
    "Terrain",
    "Trees",
]

PITCHED_COVERS = ("red_tile", "brown_tile", "dark_tile", "slate", "metal")
PATTERNS = ("line", "oscillating", "elliptical")
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
    kerb_m: Annotated[Distribution, within(0, 0.4)]
    """How far streets lie below the blocks."""
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


class Fences(Table):
    """Fences and hedges between the gardens of rows."""

    share: Share
    """Share of the houses in rows with a fence to one side."""
    hedge: Share
    """Share of fences that are hedges."""
    height_m: Annotated[Distribution, within(0.3, 4)]
    length_m: Distance
    """From the rear of the house into the garden."""


class Fittings(Table):
    """What lies on pitched roofs."""

    solar: Share
    """Share of buildings with solar modules on their sunny faces."""
    window: Share
    """Share of buildings with roof windows."""
    windows: Count
    """Wished number on a face."""


class Materials(Table):
    """Weights of roof coverings, which decide colours."""

    pitched: dict[str, Weight]
    flat: dict[str, Weight]
    row_alike: Share
    """Share of rows whose houses all have the same covering."""

    _pitched = field_validator("pitched")(weights(PITCHED_COVERS, "covering"))
    _flat = field_validator("flat")(weights(FLAT_COVERS, "covering"))


class Light(Table):
    """Sun and sky, once per scene; `geovision.mesh.Light` says what the names mean."""

    sun_azimuth_deg: Annotated[Distribution, within(0, 360)]
    sun_elevation_deg: Annotated[Distribution, within(5, 90)]
    sun: Annotated[Distribution, within(0, 4)]
    sky: Annotated[Distribution, within(0, 4)]
    sky_blue: Proportion
    haze: Annotated[Distribution, within(0, 0.8)]


class Camera(Table):
    """The orthophoto's camera, once per scene; names as in `geovision.mesh.Camera`."""

    supersample: Annotated[int, Field(ge=1, le=4)]
    """Samples a cell, each way: 1 is much faster than 2."""
    blur_cells: Annotated[Distribution, within(0, 4)]
    sharpen: Proportion
    noise: Annotated[Distribution, within(0, 0.3)]
    exposure: Factor
    white_balance: Annotated[Distribution, within(0, 0.5)]
    """Standard deviation of the gains of the four bands, about 1."""
    gamma: Annotated[Distribution, within(0.3, 3)]
    contrast: Annotated[Distribution, within(0.2, 3)]
    saturation: Annotated[Distribution, within(0, 3)]
    texture: Annotated[Distribution, within(0, 3)]
    jpeg: Share
    """Share of scenes whose picture went through JPEG ..."""
    jpeg_quality: Annotated[Distribution, within(10, 95)]
    """... at this quality."""


class Lidar(Table):
    """The laser scanner, once per scene; `geovision.mesh.LidarSensor` says what the names mean."""

    density: Annotated[Distribution, within(0.1, 100)]
    """Pulses per square metre of one strip; where strips overlap there are more."""
    patterns: dict[str, Weight]
    """Weights of scan patterns: line, oscillating, elliptical."""
    azimuth_deg: Annotated[Distribution, within(0, 360)]
    altitude_m: Annotated[Distribution, within(50, 10_000)]
    half_angle_deg: Annotated[Distribution, within(1, 45)]
    overlap: Annotated[Distribution, within(0, 0.9)]
    line_ratio: Annotated[Distribution, within(0.1, 10)]
    jitter: Proportion
    range_noise_m: Annotated[Distribution, within(0, 1)]
    strip_shift_m: Annotated[Distribution, within(0, 1)]
    strip_lift_m: Annotated[Distribution, within(0, 1)]
    strip_wave_m: Annotated[Distribution, within(0, 1)]
    plan_noise_m: Annotated[Distribution, within(0, 2)]
    dropout: Proportion
    sparse_share: Proportion
    sparse_length_m: Length
    divergence_mrad: Annotated[Distribution, within(0, 5)]
    outlier_share: Proportion
    outlier_reach_m: Length

    _patterns = field_validator("patterns")(weights(PATTERNS, "scan pattern"))


class Dsm(Table):
    """The height raster's sensor, once per scene; names as in `geovision.mesh.DsmSensor`."""

    noise_m: Annotated[Distribution, within(0, 5)]
    relief_m: Annotated[Distribution, within(0, 5)]
    relief_length_m: Length
    bias_m: Annotated[Distribution, within(0, 5)]
    ragged_m: Annotated[Distribution, within(0, 5)]
    ragged_length_m: Annotated[Distribution, within(0.1, 100)]
    fatten_m: Annotated[Distribution, within(0, 5)]
    smooth_m: Annotated[Distribution, within(0, 5)]
    hole_share: Proportion
    hole_length_m: Annotated[Distribution, within(0.1, 100)]
    shadow_hole_m: Annotated[Distribution, within(0, 10)]
    outlier_share: Proportion


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
