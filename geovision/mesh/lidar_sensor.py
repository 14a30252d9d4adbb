"""`simulate_lidar`: an airborne laser scanner flown over a scene."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.mesh.layers import SEEN, see_mask
from geovision.mesh.scene_mesh import SceneMesh

__all__ = ["LidarPoints", "LidarSensor", "simulate_lidar"]


@dataclass(frozen=True)
class LidarSensor:
    """The flight, the scanner, and what is wrong with both.

    Attributes:
        density: pulses a square metre on level ground, of one strip.
        pattern: "line" (rotating mirror: parallel lines, all in one direction), "oscillating" (mirror that
            swings to and fro: zigzag, denser at the rims), "elliptical" (nutating mirror: arcs that look both
            ahead and back, so that walls on all sides are met).
        azimuth_deg: compass direction of flight.
        altitude_m: above `datum_m`.
        datum_m: world height of the ground that density and strips are meant for; None takes the scene's
            origin. Give it where scenes of several tiles must agree.
        half_angle_deg: the scan goes so far to each side.
        overlap: share of a strip that the next one covers too, below 0.9.
        line_ratio: distance between lines over distance between pulses on a line.
        jitter: share of the spacing by which pulses leave their grid.
        range_noise_m: standard deviation along the beam.
        strip_shift_m: standard deviation of each strip's offset in x and y ...
        strip_lift_m: ... and in z, which its points share.
        strip_wave_m: standard deviation of a slow height error along each strip, over about 200 m.
        plan_noise_m: standard deviation of a point's own place in plan, each way.
        dropout: share of pulses that never come back.
        sparse_share: share of the area, in patches, where most pulses (4 of 5) are lost ...
        sparse_length_m: ... and the size of a patch.
        divergence_mrad: of the beam; its spot decides how edges mix.
        separation_m: returns of one pulse nearer than this become one.
        most_returns: of one pulse.
        outlier_share: of points that are nowhere near a surface.
        outlier_reach_m: how far up or down they lie.
        outlier_class: their class.
        ground_class, tree_class, roof_class, wall_class, car_class, water_class: by what was hit; objects are
            classed as cars, but as roofs where they belong to a building.
        water_dropout: share of pulses that water swallows.
    """

    density: float = 8.0
    pattern: Literal["line", "oscillating", "elliptical"] = "line"
    azimuth_deg: float = 20.0
    altitude_m: float = 600.0
    datum_m: float | None = None
    half_angle_deg: float = 22.0
    overlap: float = 0.2
    line_ratio: float = 1.2
    jitter: float = 0.25
    range_noise_m: float = 0.015
    strip_shift_m: float = 0.03
    strip_lift_m: float = 0.02
    strip_wave_m: float = 0.01
    plan_noise_m: float = 0.0
    dropout: float = 0.02
    sparse_share: float = 0.0
    sparse_length_m: float = 15.0
    divergence_mrad: float = 0.4
    separation_m: float = 0.6
    most_returns: int = 5
    outlier_share: float = 0.0002
    outlier_reach_m: float = 40.0
    outlier_class: int = 7
    ground_class: int = 2
    tree_class: int = 5
    roof_class: int = 6
    wall_class: int = 6
    car_class: int = 1
    water_class: int = 9
    water_dropout: float = 0.85


@dataclass(frozen=True)
class LidarPoints:
    """Points in the order of flight: by strip, then by time, then by return."""

    xyz: NDArray[np.float64]
    """[n, 3] world coordinates."""
    classification: NDArray[np.uint8]
    intensity: NDArray[np.uint16]
    return_number: NDArray[np.uint8]
    number_of_returns: NDArray[np.uint8]
    scan_angle_deg: NDArray[np.float32]
    """Off nadir across the flight, positive to the right of it."""
    gps_time: NDArray[np.float64]
    """Seconds; strips lie two hours apart."""
    strip: NDArray[np.uint16]
    """Number of the strip: LAS's point source id."""
    building: NDArray[np.int32]
    """Truth: building that was hit, -1 for none."""
    surface: NDArray[np.int32]
    """Truth: roof plane or other surface that was hit, -1 for none."""
    label: NDArray[np.uint8]
    """Truth: `model.labels.Label` or `SceneLabel`; 255 for outliers."""

    def __len__(self) -> int:
        return len(self.xyz)


_RANGES: dict[str, tuple[float, float]] = {
    "density": (0.01, 1000.0),
    "azimuth_deg": (-360.0, 720.0),
    "datum_m": (-1000.0, 10_000.0),
    "altitude_m": (50.0, 10_000.0),
    "half_angle_deg": (1.0, 45.0),
    "overlap": (0.0, 0.9),
    "line_ratio": (0.1, 10.0),
    "most_returns": (1, 15),
    "outlier_share": (0.0, 1.0),
    "jitter": (0.0, 1.0),
    "divergence_mrad": (0.0, 10.0),
    "water_dropout": (0.0, 1.0),
    "dropout": (0.0, 1.0),
    "sparse_share": (0.0, 1.0),
    "sparse_length_m": (0.1, 10_000.0),
}
_LARGEST_M2 = 25e6
_PATTERNS = ("line", "oscillating", "elliptical")


def simulate_lidar(
    scene: SceneMesh,
    bounds: tuple[float, float, float, float],
    sensor: LidarSensor | None = None,
    *,
    see: Collection[str] = SEEN,
    seed: int = 0,
    threads: int = 0,
) -> LidarPoints:
    """The points that a scanner brings home from the area.

    Rays are cast against the mesh, the terrain and the crowns, slantwise as they fly: walls that face the
    strip get points, and the ground behind a house gets none. Strips, lines and pulses are numbered from the
    world's origin and every random number belongs to its pulse, so that the points of an area do not depend
    on the tile that it lies in, nor on threads.

    Args:
        scene: what `build_scene_mesh` made; it should reach beyond the bounds by what stands there.
        bounds: x_min, y_min, x_max, y_max in world coordinates; points are kept where their pulse, without
            its faults, met a surface inside.
        sensor: flight, scanner, faults.
        see: which of `layers.SEEN` there are.
        seed: of all random numbers.
        threads: 0 for all cores; the points do not depend on it.
    """
    from geovision import _kernel

    settings = asdict(sensor or LidarSensor())
    if settings["pattern"] not in _PATTERNS:
        raise UsageError(
            f"pattern {settings['pattern']!r}", "is not known", f"Use one of {', '.join(_PATTERNS)}"
        )
    if settings["datum_m"] is None:
        settings["datum_m"] = float(scene.origin[2])
    settings["pattern"] = _PATTERNS.index(settings["pattern"])
    for name, value in settings.items():
        low, high = _RANGES.get(name, (0, 255) if name.endswith("_class") else (0.0, 10_000.0))
        if not low <= value <= high:
            raise UsageError(f"{name} = {value}", "is out of range", f"Give {low:g} to {high:g}")
    x_min, y_min, x_max, y_max = bounds
    if not (np.isfinite(bounds).all() and x_max > x_min and y_max > y_min):
        raise UsageError(f"bounds {bounds}", "hold no area", "Give x_min, y_min, x_max, y_max in this order")
    top = _highest(scene)
    if top >= settings["datum_m"] + settings["altitude_m"]:
        raise UsageError(
            f"altitude_m = {settings['altitude_m']:g} above datum_m = {settings['datum_m']:g}",
            f"flies into the scene, which reaches {top:.0f} m",
            "Give a datum_m near the ground, or a higher altitude_m",
        )
    if (x_max - x_min + 120) * (y_max - y_min + 120) > _LARGEST_M2:
        raise UsageError(
            f"bounds {bounds}", "hold more than 25 square kilometres", "Ask for pieces; they join up"
        )
    found: dict[str, NDArray[Any]] = _kernel.simulate_lidar(
        dict(scene.kernel_arrays()),
        [float(value) for value in bounds],
        settings=settings,
        see=see_mask(see),
        seed=seed & 0xFFFFFFFF,
        threads=threads,
    )
    return LidarPoints(**{item.name: found[item.name] for item in fields(LidarPoints)})


def _highest(scene: SceneMesh) -> float:
    """World height of the highest thing, roughly."""
    tops = [scene.triangles.vertices[:, 2].max(initial=-np.inf)]
    tops.append((scene.trees.ground_z + 1.2 * scene.trees.height).max(initial=-np.inf))
    if scene.terrain is not None:
        tops.append(scene.terrain.z.max())
    return float(max(tops) + scene.origin[2])
