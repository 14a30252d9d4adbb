"""Synthetic scenes in memory: what a survey would bring home from a made-up place, with the truth beside it.

`stream` is the training path: it needs NumPy, pydantic and the kernel, and neither GDAL nor a disk.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.mesh import LidarPoints, Window, simulate_lidar
from geovision.mesh.solids import Solids
from geovision.model.table import ProgramTable
from geovision.pipeline.synth_draw import draw_dsm, draw_dtm, draw_image, draw_labels, draw_roads
from geovision.procedural.city import Area
from geovision.procedural.rng import Keyed, combine, name_key
from geovision.procedural.scenery import build_scenery
from geovision.procedural.sensors import Sensors, draw_sensors
from geovision.procedural.style import Style, load_style
from geovision.procedural.world import World

if TYPE_CHECKING:
    from geovision.sources.footprints import Footprints

__all__ = ["LAYERS", "Patch", "SynthScene", "stream", "synth"]

LAYERS = ("points", "footprints", "image", "dsm", "dtm", "labels")
_SHOWCASE = 0.25


@dataclass(frozen=True)
class SynthScene:
    """A synthetic scene in memory; what was not asked for is None."""

    area: Area
    seed: int
    style: Style
    sensors: Sensors
    programs: ProgramTable
    """The truth: every building that stands there."""
    solids: Solids
    """Of the programs, with roof overhangs, in the same order."""
    footprints: Footprints | None = None
    """What a map says of them, with a surveyor's errors; ids are those of the programs."""
    points: LidarPoints | None = None
    window: Window | None = None
    """The cells of image and labels."""
    image: NDArray[np.uint8] | None = None
    """[4, rows, columns]: red, green, blue, near infrared."""
    labels: dict[str, NDArray[Any]] | None = None
    """By name, as in `synth_draw.LABELS`; buildings are rows of `programs`."""
    height_window: Window | None = None
    """The cells of DSM and DTM."""
    dsm: NDArray[np.float32] | None = None
    dtm: NDArray[np.float32] | None = None


def synth(
    area: Area = (0.0, 0.0, 200.0, 160.0),
    *,
    style: str | Path | Style = "mixed",
    seed: int = 0,
    changes: Mapping[str, Any] | None = None,
    layers: Collection[str] = ("points", "footprints"),
    cell_m: float = 0.25,
    dsm_cell_m: float = 0.5,
    crs: str | None = None,
    threads: int = 0,
) -> SynthScene:
    """Make a synthetic scene in memory.

    >>> scene = synth((0, 0, 80, 70), seed=3, changes={"lidar.density": 2})
    >>> set(scene.footprints.ids) <= set(scene.programs.ids), len(scene.points) > 5_000
    (True, True)

    Args:
        area: X, Y, width, height in metres.
        style: name of a style that comes with geovision, a TOML file, or a `Style`.
        seed: another seed, another scene.
        changes: knobs of the style to change, by dotted key, as {"lidar.density": 8}.
        layers: which of `LAYERS` to make.
        cell_m: cell size of image and labels.
        dsm_cell_m: cell size of DSM and DTM.
        crs: CRS that the footprints say they are in.
        threads: 0 for all cores. The result does not depend on it.
    """
    unknown = sorted(set(layers) - set(LAYERS))
    if isinstance(layers, str) or unknown:
        raise UsageError(f"layers {layers!r}", "are not all known", f"Choose from {', '.join(LAYERS)}")
    rules = load_style(style, changes)
    world = World(rules, area, seed)
    sensors = draw_sensors(rules, seed)
    scenery = build_scenery(world, area, threads=threads)
    bounds = (area[0], area[1], area[0] + area[2], area[1] + area[3])
    made: dict[str, Any] = {}
    if "footprints" in layers:
        from geovision.pipeline.synth_map import surveyed_footprints

        made["footprints"] = surveyed_footprints(scenery.content, scenery.solids, world, crs)
    if "points" in layers:
        made["points"] = simulate_lidar(scenery.scene, bounds, sensors.lidar, seed=seed, threads=threads)
    if {"image", "labels"} & set(layers):
        made["window"] = window = Window.of(bounds, cell_m)
        if "image" in layers:
            made["image"] = draw_image(scenery.scene, window, sensors, seed=seed, threads=threads)
        if "labels" in layers:
            made["labels"] = draw_labels(scenery.scene, window, threads=threads)
    if {"dsm", "dtm"} & set(layers):
        made["height_window"] = window = Window.of(bounds, dsm_cell_m)
        if "dsm" in layers:
            made["dsm"] = draw_dsm(scenery.scene, window, sensors, seed=seed, threads=threads)
        if "dtm" in layers:
            made["dtm"] = draw_dtm(scenery.scene, window, threads=threads)
    return SynthScene(area, seed, rules, sensors, scenery.content.programs, scenery.solids, **made)


@dataclass(frozen=True)
class Patch:
    """One training patch; all arrays share one grid."""

    seed: int
    """Of the scene that it was cut from."""
    cell_m: float
    image: NDArray[np.uint8]
    """[4, rows, columns]: red, green, blue, near infrared."""
    dsm: NDArray[np.float32]
    """Measured heights, NaN in holes."""
    dtm: NDArray[np.float32]
    labels: dict[str, NDArray[Any]]
    """By name, as in `synth_draw.LABELS`; buildings are rows of `programs`."""
    roads: NDArray[np.bool_]
    """Where the ground is asphalt, buildings and trees left out."""
    programs: ProgramTable
    """The buildings in and near the patch."""
    window: Window
    sensors: Sensors


def stream(
    *,
    style: str | Path | Style = "mixed",
    seed: int = 0,
    size: int = 512,
    cell_m: float = 0.25,
    changes: Mapping[str, Any] | None = None,
    start: int = 0,
    threads: int = 0,
) -> Iterator[Patch]:
    """Training patches without end, each from a scene of its own.

    Patch number n depends on the arguments and n alone: `start` goes on where an earlier stream ended, and
    workers can share the numbers out.

    >>> patch = next(stream(size=64, cell_m=0.5, seed=1))
    >>> patch.image.shape, patch.labels["building"].shape, patch.dsm.dtype.name
    ((4, 64, 64), (64, 64), 'float32')

    Args:
        style: as for `synth`.
        seed: another seed, other patches.
        size: rows and columns of a patch.
        cell_m: cell size.
        changes: as for `synth`.
        start: number of the first patch.
        threads: 0 for all cores.
    """
    rules = load_style(style, changes)
    number = start
    while True:
        yield _patch(rules, int(combine(seed, name_key("patch"), number)[0]) >> 1, size, cell_m, threads)
        number += 1


def _patch(style: Style, seed: int, size: int, cell_m: float, threads: int) -> Patch:
    draws = Keyed(seed, combine(name_key("patch")))
    # A showcase of every roof kind fills a whole patch, so it is left to some of them.
    shown = style.every_kind and bool(draws.chance("patch/showcase", _SHOWCASE)[0])
    style = style.model_copy(update={"every_kind": shown})
    side = size * cell_m
    whole = max(1.6 * side, 150.0)
    world = World(style, (0.0, 0.0, whole, whole), seed)
    sensors = draw_sensors(style, seed)
    place = [float(np.floor(draws.uniform(f"patch/{axis}")[0] * (whole - side) / cell_m)) for axis in "xy"]
    x, y = place[0] * cell_m, place[1] * cell_m
    scene = build_scenery(world, (x, y, side, side), threads=threads)
    window = Window(x, y + side, cell_m, size, size)
    return Patch(
        seed,
        cell_m,
        draw_image(scene.scene, window, sensors, seed=seed, threads=threads),
        draw_dsm(scene.scene, window, sensors, seed=seed, threads=threads),
        draw_dtm(scene.scene, window, threads=threads),
        draw_labels(scene.scene, window, threads=threads),
        draw_roads(scene.scene, window, threads=threads),
        scene.content.programs,
        window,
        sensors,
    )
