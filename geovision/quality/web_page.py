"""One HTML page with everything in it: buildings to turn, click and colour, on their ground, with the points.

The page needs no server, no network and no library: it opens from a file, in a browser with WebGL 2.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import os
import string
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.formats.atomic import atomic_write
from geovision.formats.materials import LABEL_COLOURS
from geovision.mesh import Solids
from geovision.model.kinds import KIND_NAMES, RoofKind
from geovision.model.labels import Label
from geovision.quality.preview import ROOF_KIND_COLOURS

__all__ = ["Ground", "Photo", "web_page", "write_web_page"]

F64 = NDArray[np.float64]
Box = tuple[float, float, float, float]

_STEP_M = 0.001
_FAR_M = 2_000_000.0
"""Places are whole millimetres from the middle in 32 bits."""
_EMPTY = -(2**31)
_JPEG_QUALITY = 82
_STATUS_COLOURS = {
    "ok": (70, 150, 90),
    "poor": (222, 140, 60),
    "few_points": (214, 190, 70),
    "height_from_attribute": (90, 140, 200),
    "height_assumed": (140, 110, 180),
    "no_solid": (200, 70, 70),
    "failed": (120, 30, 30),
}
_NAMES = {
    "fit_confidence": ("confidence", (0.0, 1.0), ""),
    "fit_within_0p2": ("points within 0.2 m", (0.0, 1.0), ""),
    "fit_rmse": ("RMS distance", None, " m"),
    "model_height": ("height", None, " m"),
}


@dataclass(frozen=True)
class Ground:
    """Heights of the ground on a north-up grid; NaN where there is none."""

    heights: NDArray[np.floating[Any]]
    """[rows, columns], north first."""
    west: float
    """x of the middle of the first column."""
    north: float
    """y of the middle of the first row."""
    cell_m: float


@dataclass(frozen=True)
class Photo:
    """A picture from above, north up."""

    pixels: NDArray[np.uint8]
    """[rows, columns, 3]"""
    bounds: Box
    """West, south, east, north."""


def write_web_page(path: str | os.PathLike[str], levels: Mapping[str, Solids], **about: Any) -> None:
    """Write the page of `web_page` as a file, atomically."""
    text = web_page(levels, **about)
    with atomic_write(path) as file:
        file.write(text.encode())


def web_page(
    levels: Mapping[str, Solids],
    *,
    columns: Mapping[str, Sequence[Any]] | None = None,
    title: str = "Buildings",
    subtitle: str = "",
    links: Mapping[str, str] | None = None,
    ground: Ground | None = None,
    photo: Photo | None = None,
    points: F64 | None = None,
) -> str:
    """The text of an HTML page that shows buildings, everything in it.

    Args:
        levels: solids by the name of their level of detail, of the same buildings in one order; the first
            is shown first.
        columns: attributes, one value a building, shown on a click. Roofs can be coloured by `roof_kind`,
            `fit_status` and numbers among them.
        title: of the page.
        subtitle: a line under it.
        links: pages beside it, by what they are called.
        ground: the terrain.
        photo: an orthophoto, laid on the terrain and on roofs.
        points: [n, 3] measurements to compare with, in the CRS of the solids.
    """
    first = next(iter(levels.values()))
    if any(list(solids.ids) != list(first.ids) for solids in levels.values()):
        raise InputError("levels", "hold different buildings", "Mesh the same programs at each level")
    middle, low, high = _extent(first, ground)
    known = {name: [_plain(value) for value in values] for name, values in (columns or {}).items()}
    data: dict[str, Any] = {
        "count": len(first.ids),
        "ids": [str(name) for name in first.ids],
        "columns": known,
        "ways": _ways(known, photo is not None),
        "labels": [[label.name.lower().replace("_", " "), _unit(LABEL_COLOURS[label])] for label in Label],
        "middle": [0.0, 0.0, float((low[2] + high[2]) / 2 - middle[2])],
        "reach": float(max(30.0, 1.1 * np.hypot(*(high - low)[:2]))),
        "levels": [_level(name, solids, middle) for name, solids in levels.items()],
        "terrain": None if ground is None else _ground(ground, middle),
        "image": None if photo is None else _photo(photo, middle),
        "points": None if points is None or not len(points) else _points(points, middle),
    }
    folder = files("geovision.quality") / "viewer"
    page = string.Template((folder / "page.html").read_text(encoding="utf-8"))
    # A script element ends at the first "</", wherever it stands.
    packed = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace(
        "<", "\\u003c"
    )
    script = "\n" + (folder / "viewer.js").read_text(encoding="utf-8") + "\n"
    return page.substitute(
        policy=_policy(script),
        title=_escaped(title),
        subtitle=_escaped(subtitle),
        links="".join(
            f' · <a href="{_escaped(target)}">{_escaped(name)}</a>' for name, target in (links or {}).items()
        ),
        data=packed,
        script=script,
    )


def _policy(script: str) -> str:
    """What a browser lets the page do: run this script and no other, and ask nobody for anything."""
    known = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{known}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _extent(solids: Solids, ground: Ground | None) -> tuple[F64, F64, F64]:
    """A whole-metre point amid the buildings, and their bounds; of the ground where there are none."""
    origin = solids.origin.reshape(-1, 3)
    owner = np.repeat(np.arange(len(origin)), np.diff(solids.vertex_offsets))
    places = origin[owner] + solids.vertices.reshape(-1, 3) * solids.grid
    if len(places):
        low, high = places.min(axis=0), places.max(axis=0)
    elif ground is not None and np.isfinite(ground.heights).any():
        rows, columns = ground.heights.shape
        reach = (columns * ground.cell_m, -rows * ground.cell_m)
        z = float(np.nanmedian(ground.heights))
        low = np.array([ground.west, ground.north + reach[1], z])
        high = np.array([ground.west + reach[0], ground.north, z])
    else:
        low = high = np.zeros(3)
    return np.floor((low + high) / 2), low, high


def _ways(columns: Mapping[str, list[Any]], photo: bool) -> list[dict[str, Any]]:
    """What buildings can be coloured by."""
    ways: list[dict[str, Any]] = []
    if "roof_kind" in columns:
        kinds = {KIND_NAMES[kind]: _unit(ROOF_KIND_COLOURS[kind]) for kind in RoofKind}
        ways.append({"name": "roof kind", "column": "roof_kind", "colours": kinds})
    ways.append({"name": "surface", "mode": 1})
    if photo:
        ways.append({"name": "photo", "mode": 2})
    if "fit_status" in columns:
        states = {name: _unit(colour) for name, colour in _STATUS_COLOURS.items()}
        ways.append({"name": "fit status", "column": "fit_status", "colours": states})
    for name, values in columns.items():
        numbers = [type(value) in (int, float) for value in values if value is not None]
        if numbers and all(numbers):
            text, bounds, unit = _NAMES.get(name, (name, None, ""))
            ways.append({"name": text, "column": name, "range": bounds, "unit": unit})
    return ways


def _level(name: str, solids: Solids, middle: F64) -> dict[str, Any]:
    a = solids.arrays()
    shift = np.round((solids.origin.reshape(-1, 3) - middle) / _STEP_M).astype(np.int64)
    _near(shift.astype(np.float64) * _STEP_M)
    owner = np.repeat(np.arange(len(shift)), np.diff(solids.vertex_offsets))
    steps = np.round(solids.vertices.reshape(-1, 3) * (solids.grid / _STEP_M)).astype(np.int64)
    counts = np.diff(solids.triangle_offsets)
    of = np.repeat(np.arange(len(counts)), counts)
    triangles = solids.triangles.reshape(-1, 3) + solids.vertex_offsets[of][:, None]
    face = solids.triangle_face + solids.face_offsets[of]
    return {
        "name": name,
        "step": _STEP_M,
        "vertices": _packed((steps + shift[owner]).astype("<i4")),
        "triangles": _packed(triangles.astype("<u4")),
        "labels": _packed(np.asarray(a["face_label"])[face].astype("u1")),
        "cuts": _packed(solids.triangle_offsets.astype("<u4")),
        "edges": _packed(_edges(triangles, np.asarray(a["face_surface"])[face], of).astype("<u4")),
    }


def _edges(triangles: NDArray[Any], surface: NDArray[Any], building: NDArray[Any]) -> NDArray[np.int64]:
    """Pairs of vertices where two surfaces of a building meet."""
    if not len(triangles):
        return np.zeros((0, 2), np.int64)
    ends = np.stack([triangles, np.roll(triangles, -1, axis=1)], axis=2).reshape(-1, 2).astype(np.int64)
    patch = np.repeat(building.astype(np.int64) << 32 | surface.astype(np.int64), 3)
    low, high = ends.min(axis=1), ends.max(axis=1)
    key = low * (int(high.max()) + 1) + high
    order = np.lexsort((patch, key))
    key, patch, ends = key[order], patch[order], ends[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    last = np.append(first[1:], len(key)) - 1
    return np.asarray(ends[first[patch[first] != patch[last]]])


def _ground(ground: Ground, middle: F64) -> dict[str, Any]:
    z = (ground.heights.astype(np.float64) - middle[2]) / _STEP_M
    steps = np.where(np.isfinite(z), np.nan_to_num(z), _EMPTY).round()
    return {
        "rows": ground.heights.shape[0],
        "columns": ground.heights.shape[1],
        "cell": ground.cell_m,
        "west": ground.west - float(middle[0]),
        "north": ground.north - float(middle[1]),
        "step": _STEP_M,
        "heights": _packed(steps.astype("<i4")),
    }


def _photo(photo: Photo, middle: F64) -> dict[str, Any]:
    from PIL import Image

    west, south, east, north = photo.bounds
    buffer = io.BytesIO()
    Image.fromarray(photo.pixels).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return {
        "source": "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode(),
        "frame": [west - float(middle[0]), south - float(middle[1]), east - west, north - south],
    }


def _points(points: F64, middle: F64) -> dict[str, Any]:
    local = points - middle
    _near(local)
    z = np.quantile(local[:, 2], (0.02, 0.98))
    return {
        "step": 0.01,
        "range": [float(z[0]), float(max(z[1], z[0] + 1.0))],
        "places": _packed(np.round(local / 0.01).astype("<i4")),
    }


def _near(local: F64) -> None:
    if len(local) and np.abs(local).max() > _FAR_M:
        raise InputError("the page", "would be over 4,000 km wide", "Show one place at a time")


def _packed(array: NDArray[Any]) -> str:
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 6)).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _unit(colour: Sequence[int]) -> list[float]:
    return [round(channel / 255, 3) for channel in colour]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
