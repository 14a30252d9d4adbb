"""Pictures of a batch of solids: enough to see at a glance whether a city came out right."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from geovision import _kernel
from geovision.errors import InputError, UsageError
from geovision.formats.atomic import atomic_write
from geovision.formats.glb import SolidsLike
from geovision.formats.materials import LABEL_COLOURS
from geovision.formats.meshes import TriangleSoup, triangle_soup
from geovision.model.labels import Label

__all__ = ["ROOF_KIND_COLOURS", "preview_image", "preview_png"]

# By the kernel's code of the roof kind, flat first; neighbours in the list are told apart easily.
ROOF_KIND_COLOURS: tuple[tuple[int, int, int], ...] = (
    (150, 150, 156),  # flat
    (86, 180, 233),  # skillion
    (196, 84, 62),  # gabled
    (222, 140, 80),  # half-hipped
    (58, 120, 180),  # hipped
    (240, 200, 70),  # pyramidal
    (120, 80, 150),  # mansard
    (90, 150, 90),  # gambrel
    (160, 200, 110),  # saltbox
    (230, 120, 170),  # butterfly
    (80, 190, 170),  # sawtooth
    (140, 50, 60),  # cross-gabled
    (40, 150, 150),  # side_hipped
    (190, 170, 120),  # round
    (110, 110, 200),  # dome
    (200, 110, 210),  # cone
    (60, 160, 80),  # onion
    (110, 90, 70),  # planar
)

_ROOFS = (Label.ROOF, Label.DORMER_ROOF)
_VIEWS = {"oblique": {"azimuth": 205.0, "elevation": 38.0}, "top": {"azimuth": 180.0, "elevation": 90.0}}


def preview_png(
    path: str | os.PathLike[str],
    solids: SolidsLike,
    *,
    size: tuple[int, int] = (1600, 1000),
    view: Literal["oblique", "top"] = "oblique",
    color_by: Literal["label", "roof_kind", "building"] = "label",
    roof_kinds: Sequence[int] | NDArray[Any] | None = None,
    threads: int = 0,
) -> None:
    """Write a picture of the solids as a PNG file, atomically. The arguments are those of `preview_image`."""
    from PIL import Image

    picture = preview_image(
        solids, size=size, view=view, color_by=color_by, roof_kinds=roof_kinds, threads=threads
    )
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=False, compress_level=6)
    with atomic_write(path) as file:
        file.write(buffer.getvalue())


def preview_image(
    solids: SolidsLike,
    *,
    size: tuple[int, int] = (1600, 1000),
    view: Literal["oblique", "top"] = "oblique",
    color_by: Literal["label", "roof_kind", "building"] = "label",
    roof_kinds: Sequence[int] | NDArray[Any] | None = None,
    threads: int = 0,
    **settings: Any,
) -> NDArray[np.uint8]:
    """The solids as a picture, (height, width, 3) in sRGB; the same on any number of threads.

    Args:
        solids: the buildings.
        size: width and height in pixels.
        view: "oblique" from the south-south-west, or "top" with north up.
        color_by: what roofs are coloured by: their label, the building's roof kind, or the building.
        roof_kinds: the kernel's roof-kind code of every building (that of its largest part, say); only
            for color_by="roof_kind".
        threads: 0 for all cores.
        settings: further settings of the renderer: supersample, shadows, occlusion, edges, azimuth,
            elevation, sun_azimuth, sun_elevation, margin, background, ground_colour.
    """
    if view not in _VIEWS:
        raise UsageError("preview", f"has no view {view!r}", f"Use one of {', '.join(_VIEWS)}")
    soup = triangle_soup(solids)
    colours = _colours(soup, len(solids.ids), color_by, roof_kinds)
    fixed = {"width": size[0], "height": size[1], "threads": threads, "ground_plane": _ground_plane(soup)}
    return _kernel.render(
        soup.vertices, soup.triangles.astype(np.int32), colours, {**_VIEWS[view], **fixed, **settings}
    )


def _colours(
    soup: TriangleSoup, count: int, color_by: str, roof_kinds: Sequence[int] | NDArray[Any] | None
) -> NDArray[np.uint8]:
    colours = np.array([LABEL_COLOURS[label] for label in Label], np.uint8)[soup.labels]
    if color_by == "label":
        return colours
    if color_by == "building":
        # A fixed hash of the row, so that a building keeps its colour from picture to picture.
        chosen = (np.arange(count, dtype=np.uint64) * np.uint64(2654435761) >> np.uint64(7)) % np.uint64(18)
    elif color_by == "roof_kind":
        if roof_kinds is None or len(roof_kinds) != count:
            given = "none" if roof_kinds is None else str(len(roof_kinds))
            raise InputError(
                "preview", f"needs {count} roof kinds, given {given}", "Pass roof_kinds, one a building"
            )
        chosen = np.asarray(roof_kinds).astype(np.uint64)
        if len(chosen) and chosen.max() >= len(ROOF_KIND_COLOURS):
            raise InputError(
                "preview", f"does not know roof kind {chosen.max()}", "Use the codes of model.kinds"
            )
    else:
        raise UsageError("preview", f"cannot colour by {color_by!r}", "Use label, roof_kind or building")
    roofs = np.isin(soup.labels, _ROOFS)
    palette = np.array(ROOF_KIND_COLOURS, np.uint8)
    colours[roofs] = palette[chosen[soup.buildings[roofs]]]
    return colours


def _ground_plane(soup: TriangleSoup) -> tuple[float, float, float]:
    """Plane z = a x + b y + c through the buildings' lowest points, or level where they do not span one."""
    if not len(soup.triangles):
        return 0.0, 0.0, 0.0
    first = np.flatnonzero(np.diff(soup.buildings, prepend=-1))
    corners = soup.vertices[soup.triangles.reshape(-1)]
    lowest = np.minimum.reduceat(corners[:, 2], 3 * first)
    plan = np.add.reduceat(corners[:, :2], 3 * first) / (3 * np.diff([*first, len(soup.triangles)]))[:, None]
    if len(first) < 8 or np.ptp(lowest) < 0.01:
        return 0.0, 0.0, float(np.median(lowest))
    middle = plan.mean(axis=0)
    design = np.column_stack([plan - middle, np.ones(len(plan))])
    (a, b, c), _, rank, _ = np.linalg.lstsq(design, lowest, rcond=None)
    if rank < 3:
        return 0.0, 0.0, float(np.median(lowest))
    return float(a), float(b), float(c - a * middle[0] - b * middle[1])
