"""What the sensors of a scene see in one window of a world. Needs NumPy, pydantic and the kernel alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.mesh import Material, SceneMesh, Window, draw_layers, draw_ortho, simulate_dsm
from geovision.procedural.sensors import Sensors

__all__ = [
    "IMAGE_BANDS",
    "LABELS",
    "Label",
    "draw_dsm",
    "draw_dtm",
    "draw_image",
    "draw_labels",
    "draw_roads",
]

IMAGE_BANDS = ("red", "green", "blue", "nir")


@dataclass(frozen=True)
class Label:
    """How a layer of labels is kept."""

    dtype: str
    nodata: float | None
    text: str


LABELS: dict[str, Label] = {
    "building": Label("int32", -1, "row of the building in the programs; also under trees"),
    "part": Label("int16", -1, "part of the building"),
    "roof_kind": Label("uint8", 255, "kind of the part's roof, a code of geovision.model.kinds.RoofKind"),
    "plane": Label("int16", -1, "roof plane or other surface, counted within its building"),
    "normal": Label("int8", None, "127 times the unit normal: east, north, up"),
    "edge": Label("uint8", None, "kind of roof edge, a code of geovision.mesh.EdgeKind"),
    "height": Label("float32", None, "metres above the ground, trees and cars left out"),
    "class": Label("uint8", 255, "what the image shows there: geovision.model.labels.Label, or SceneLabel"),
}

_BARE = ("terrain", "building")
_REACH_SIGMAS = 4.0


def draw_image(
    scene: SceneMesh, window: Window, sensors: Sensors, *, seed: int, threads: int
) -> NDArray[np.uint8]:
    """Red, green, blue and near infrared, [4, rows, columns]."""
    image = draw_ortho(scene, window, sensors.light, sensors.camera, seed=seed, threads=threads)
    return np.ascontiguousarray(np.moveaxis(image, -1, 0))


def draw_dtm(scene: SceneMesh, window: Window, *, threads: int) -> NDArray[np.float32]:
    """Heights of the bare ground, in whole millimetres."""
    drawn = draw_layers(scene, window, ["height"], see=("terrain",), threads=threads)
    return _to_grid(drawn["height"], 3)


def draw_dsm(
    scene: SceneMesh, window: Window, sensors: Sensors, *, seed: int, threads: int
) -> NDArray[np.float32]:
    """Heights of what is on top, with the faults of the sensor, in whole centimetres; NaN in holes."""
    sensor = sensors.dsm
    # Edge faults look this far around; a window with such a rim agrees with its neighbours.
    reach = sensor.fatten_m + 3 * sensor.smooth_m + _REACH_SIGMAS * sensor.ragged_m + sensor.shadow_hole_m
    rim = int(np.ceil(reach / window.cell_m)) + 2
    wide = window.padded(rim)
    height = draw_layers(scene, wide, ["height"], threads=threads)["height"]
    measured = simulate_dsm(height, wide, sensor, seed=seed, threads=threads)
    return _to_grid(measured[rim:-rim, rim:-rim], 2)


def draw_labels(scene: SceneMesh, window: Window, *, threads: int) -> dict[str, NDArray[Any]]:
    """The layers of `LABELS`; buildings are rows of the programs that the scene was made from."""
    names = ["height", "building", "part", "roof_kind", "surface", "normal", "edge"]
    bare = draw_layers(scene, window, names, see=_BARE, threads=threads)
    ground = draw_layers(scene, window, ["height"], see=("terrain",), threads=threads)["height"]
    seen = draw_layers(scene, window, ["label"], threads=threads)["label"]
    found = {
        "building": bare["building"],
        "part": bare["part"],
        "roof_kind": bare["roof_kind"],
        "plane": _within_building(bare["surface"], scene.triangles.building, scene.triangles.surface),
        "normal": np.ascontiguousarray(np.moveaxis(bare["normal"], -1, 0)),
        "edge": bare["edge"],
        "height": _to_grid(np.maximum(bare["height"] - ground, 0.0), 3),
        "class": seen,
    }
    return {name: found[name].astype(label.dtype, copy=False) for name, label in LABELS.items()}


def draw_roads(scene: SceneMesh, window: Window, *, threads: int) -> NDArray[np.bool_]:
    """Where the bare ground is asphalt: what a map calls a road."""
    drawn = draw_layers(scene, window, ["material"], see=("terrain",), threads=threads)
    return np.asarray(drawn["material"] == Material.ASPHALT)


def _within_building(
    surface: NDArray[np.int32], building: NDArray[np.int32], ids: NDArray[np.int32]
) -> NDArray[np.int16]:
    """Surface ids of a window, which count through all its buildings, as ids that start anew in each."""
    pairs = np.unique(np.column_stack([building, ids])[ids >= 0], axis=0)
    if not len(pairs):
        return np.full(surface.shape, -1, np.int16)
    starts = np.flatnonzero(np.diff(pairs[:, 0], prepend=-2))
    rank = np.arange(len(pairs)) - np.repeat(starts, np.diff([*starts, len(pairs)]))
    table = np.full(int(ids.max()) + 1, -1, np.int16)
    table[pairs[:, 1]] = rank
    return np.where(surface >= 0, table[np.maximum(surface, 0)], np.int16(-1)).astype(np.int16)


def _to_grid(height: NDArray[np.float32], digits: int) -> NDArray[np.float32]:
    return np.round(height.astype(np.float64), digits).astype(np.float32)
