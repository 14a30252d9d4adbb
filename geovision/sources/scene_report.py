"""What a scene holds, covers and assumes, as plain values; and a picture of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import redacted
from geovision.sources.crs import accuracy_m, crs_name
from geovision.sources.grid import Bounds
from geovision.sources.raster_values import Heights

if TYPE_CHECKING:
    from geovision.sources.rasters import RasterLayer
    from geovision.sources.scene import Scene
    from geovision.sources.scene_points import PointLayer

__all__ = ["image_colours", "overview", "report"]


def report(scene: Scene) -> dict[str, Any]:
    """The facts of a scene; every value is JSON's."""
    layers = {role: _layer(scene, layer) for role, layer in scene.layers.items()}
    facts: dict[str, Any] = {
        "crs": crs_name(scene.crs),
        "crs_title": scene.crs.name,
        "bounds": _bounds(scene.bounds),
        "layers": layers,
        "points": _points(scene.points) if scene.points is not None else None,
        "footprints": _footprints(scene) if scene.has_footprints else None,
        "streets": None if scene.streets is None else {"lines": len(scene.streets)},
        "tiles": len(scene.tiles()),
        "assumed": [*scene.notes, *(() if scene.streets is None else scene.streets.notes)],
        "unused": list(scene.unused),
        "missing": _missing(scene),
    }
    return facts


def _bounds(bounds: Bounds) -> list[float]:
    return [round(value, 3) for value in bounds]


def _layer(scene: Scene, layer: RasterLayer) -> dict[str, Any]:
    infos = [piece.sheet.info for piece in layer.pieces]
    crs = {crs_name(piece.crs): piece.crs for piece in layer.pieces}
    accuracy = [accuracy_m(item, scene.crs) for item in crs.values()]
    known = [value for value in accuracy if value is not None]
    facts: dict[str, Any] = {
        "files": len(infos),
        "first": redacted(infos[0].name),
        "pixels": sum(info.width * info.height for info in infos),
        "type": " and ".join(sorted({info.dtype for info in infos})),
        "bands": list(layer.bands),
        "cell_m": round(layer.native_cell_m(), 6),
        "crs": sorted(str(name) for name in crs),
        "grids": len(layer.blocks),
        "resampled": not layer.lies_on(scene.grid(layer.native_cell_m())),
        "bounds": _bounds(layer.bounds),
        "nodata": sorted({str(info.nodata) for info in infos if info.nodata is not None}),
        "crossing_accuracy_m": max(known) if len(known) == len(accuracy) else None,
    }
    units = sorted({piece.values.factor for piece in layer.pieces if isinstance(piece.values, Heights)})
    if units and units != [1.0]:
        facts["metres_per_value"] = units
    return facts


def _points(layer: PointLayer) -> dict[str, Any]:
    found = layer.points
    return {
        "files": found.files,
        "first": redacted(found.name),
        "count": found.count,
        "crs": crs_name(found.crs),
        "bounds": None if layer.bounds is None else _bounds(layer.bounds),
        "carried_over": layer.moved,
        "crossing_accuracy_m": accuracy_m(found.crs, layer.crs),
    }


def _footprints(scene: Scene) -> dict[str, Any]:
    found = scene.footprints
    outside = {}
    for role, layer in scene.layers.items():
        boxes = np.array(layer.piece_bounds())
        x, y = scene.places.T[:, :, None]
        inside = (x >= boxes[:, 0]) & (x < boxes[:, 2]) & (y >= boxes[:, 1]) & (y < boxes[:, 3])
        outside[role] = int((~inside.any(axis=1)).sum())
    if "points" in scene.extents:
        box, (x, y) = scene.extents["points"], scene.places.T
        inside = (x >= box.west) & (x < box.east) & (y >= box.south) & (y < box.north)
        outside["points"] = int((~inside).sum())
    return {
        "count": len(found),
        "bounds": _bounds(Bounds(*found.bounds)) if len(found) else None,
        "repaired": len({repair.id for repair in found.repairs}),
        "left_out": [str(problem) for problem in found.problems],
        "outside": outside,
    }


def _missing(scene: Scene) -> list[str]:
    """What the scene does not have and what that means, as sentences."""
    found = []
    if not scene.has_footprints:
        found.append(
            "no footprints: buildings will be found in the image, heights or points. Give outlines with "
            "--footprints where there are some"
        )
    heights = [role for role in ("dsm", "ndsm") if role in scene.layers]
    if not heights and scene.points is None:
        found.append("no heights: give --points, --dsm or --ndsm to see roofs")
    elif heights == ["ndsm"] and "dtm" not in scene.layers and scene.points is None:
        found.append("no ground: heights are above it, so it is taken to be at 0. Give --dtm to change that")
    elif heights == ["dsm"] and scene.points is None and "dtm" not in scene.layers:
        found.append("no ground: it will be estimated round each building. Give --dtm where there is one")
    return found


def overview(scene: Scene, size: int = 900) -> NDArray[np.uint8]:
    """[height, width, 3] a picture of the whole scene: image or hill shade, with the footprints on it.

    Args:
        scene: what to draw.
        size: longer side in pixels, at most.
    """
    bounds = scene.bounds
    cell = max(bounds.width, bounds.height) / size
    grid = scene.grid(cell)
    cut = grid.cut(bounds)
    picture = np.full((cut.height, cut.width, 3), 235, np.uint8)
    for role in ("dtm", "dsm", "ndsm", "image"):
        if role not in scene.layers:
            continue
        window = scene.read_cut(role, grid, cut)
        shown = image_colours(window.data) if role == "image" else _shade(window.data[0], cell)
        there = np.ones(shown.shape[:2], bool) if window.valid is None else window.valid
        picture[there] = shown[there]
    if scene.has_footprints:
        _draw_outlines(picture, scene, grid.transform @ (cut.column, cut.row), cell)
    return picture


def image_colours(data: NDArray[Any]) -> NDArray[np.uint8]:
    """[height, width, 3] the first bands as sRGB; what has more than 8 bits is stretched."""
    rgb = data[:3] if len(data) >= 3 else data[[0, 0, 0]]
    if rgb.dtype != np.uint8:
        low, high = np.nanpercentile(rgb, (1, 99)) if np.isfinite(rgb).any() else (0, 1)
        rgb = np.nan_to_num(np.clip((rgb.astype(np.float64) - low) / max(high - low, 1e-9), 0, 1) * 255)
    return np.ascontiguousarray(np.moveaxis(rgb, 0, -1)).astype(np.uint8)


def _shade(z: NDArray[np.float32], cell: float) -> NDArray[np.uint8]:
    """Light from the north-west over a grey that rises with height."""
    filled = np.where(np.isfinite(z), z, np.nanmean(z) if np.isfinite(z).any() else 0.0).astype(np.float64)
    dy, dx = np.gradient(filled, cell) if min(filled.shape) > 1 else (np.zeros_like(filled),) * 2
    steep = np.sqrt(1 + dx * dx + dy * dy)
    light = np.clip((1.0 + 0.7 * dx + 0.7 * dy) / (1.4 * steep), 0, 1)
    low, high = np.percentile(filled, (2, 98))
    rise = np.clip((filled - low) / max(high - low, 1e-6), 0, 1)
    tone = (light * (0.55 + 0.45 * rise) * 255).astype(np.uint8)
    return np.repeat(tone[..., None], 3, axis=2)


def _draw_outlines(
    picture: NDArray[np.uint8], scene: Scene, corner: tuple[float, float], cell: float
) -> None:
    from PIL import Image, ImageDraw

    canvas = Image.fromarray(picture)
    draw = ImageDraw.Draw(canvas)
    footprints = scene.footprints
    xy = (footprints.xy - np.array(corner)) / np.array([cell, -cell])
    cuts = footprints.vertex_offsets
    for first, last in itertools.pairwise(cuts.tolist()):
        ring = [tuple(point) for point in xy[first:last].tolist()]
        draw.line([*ring, ring[0]], fill=(230, 60, 30), width=1)
    picture[...] = np.asarray(canvas)
