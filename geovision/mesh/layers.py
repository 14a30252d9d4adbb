"""`draw_layers`: what stands where, seen straight from above: heights and perfect labels."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.mesh.scene_mesh import SceneMesh
from geovision.mesh.window import Window

__all__ = ["LAYERS", "SEEN", "EdgeKind", "draw_layers", "see_mask"]


class EdgeKind(IntEnum):
    """What a line on a roof is; the numbers of `cpp/include/geovision/edges.hpp`."""

    NONE = 0
    RIDGE = 1
    """Level, both slopes fall away from it."""
    HIP = 2
    """Slanting, both slopes fall away from it."""
    VALLEY = 3
    """Both slopes rise away from it."""
    EAVE = 4
    """Level outer border."""
    VERGE = 5
    """Slanting outer border, at a gable."""
    BREAK = 6
    """Two slopes of one side meet, as in a mansard or a gambrel roof."""
    STEP = 7
    """Border between two heights of one building: a step, a dormer, a chimney, a parapet."""


LAYERS = (
    "height",
    "building",
    "part",
    "roof_kind",
    "surface",
    "label",
    "material",
    "normal",
    "slope",
    "edge",
)
"""The names of all layers, in the order of the returned dict."""

SEEN = ("terrain", "building", "tree", "car", "object")
"""What can be seen or left out, by label."""


def see_mask(see: Collection[str]) -> int:
    """The kernel's bits for a choice among `SEEN`.

    >>> see_mask(("terrain", "tree"))
    5
    """
    unknown = sorted(set(see) - set(SEEN))
    if isinstance(see, str) or unknown:
        raise UsageError(f"see = {see!r}", "is no list of things to see", f"Choose from {', '.join(SEEN)}")
    return sum(1 << SEEN.index(name) for name in set(see))


def draw_layers(
    scene: SceneMesh,
    window: Window,
    layers: Collection[str] = LAYERS,
    *,
    see: Collection[str] = SEEN,
    edge_width_m: float = 0.0,
    threads: int = 0,
) -> dict[str, NDArray[Any]]:
    """Rasters of what is highest at every cell's centre; exact there, and the same on any number of threads.

    Args:
        scene: what `build_scene_mesh` made.
        window: the cells, in world coordinates; cells the scene does not reach hold the fill value.
        layers: which of `LAYERS` to draw.
        see: which of `SEEN` there are: ``see=("terrain",)`` with ``layers=["height"]`` is the DTM,
            ``see=("terrain", "building")`` the labels under the trees.
        edge_width_m: lines of the edge layer are at least this wide, and never thinner than a cell.
        threads: 0 for all cores.

    Returns:
        height float32 (world; NaN where nothing is), building and surface int32 (-1), part int16 (-1),
        roof_kind uint8 (255), label uint8 (`model.labels.Label`, `SceneLabel`; 255), material uint8 (255),
        normal int8 [height, width, 3] (127 times the unit normal; 0), slope float32 (degrees; NaN), edge
        uint8 (`EdgeKind`; 0).

    >>> from geovision.mesh.scene_mesh import Triangles, build_scene_mesh
    >>> slab = Triangles.uniform(
    ...     [[0, 0, 3], [4, 0, 3], [4, 4, 3], [0, 4, 3]], [[0, 1, 2], [0, 2, 3]],
    ...     label=0, material=4, colour=(120, 120, 120), building=7)
    >>> drawn = draw_layers(build_scene_mesh([slab]), Window(-1.0, 4.0, 1.0, 6, 2), ["height", "building"])
    >>> drawn["building"][0].tolist(), float(drawn["height"][0, 2])
    ([-1, 7, 7, 7, 7, -1], 3.0)
    """
    from geovision import _kernel

    unknown = sorted(set(layers) - set(LAYERS))
    if isinstance(layers, str) or unknown:
        raise UsageError(f"layers {layers!r}", "are not all known", f"Choose from {', '.join(LAYERS)}")
    if not (np.isfinite(edge_width_m) and edge_width_m >= 0):
        raise UsageError(f"edge_width_m = {edge_width_m}", "is no width", "Give metres, 0 for one cell")
    drawn = _kernel.draw_layers(
        dict(scene.kernel_arrays()),
        *scene.local(window),
        layers=sorted(set(layers)),
        see=see_mask(see),
        edge_width=float(edge_width_m),
        threads=threads,
    )
    return {name: drawn[name] for name in LAYERS if name in drawn}
