"""Areas with known buildings, and the scores of what a model finds in them: shared by bench_detect.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geovision.pipeline.detect import DetectSettings, detect
from geovision.quality.detection import (
    MaskCounts,
    average_precision,
    boundary_band,
    mask_counts,
    match,
    pair_polygons,
    rotation_errors,
)
from geovision.quality.detection_stats import (
    bootstrap,
    by_size,
    pooled_iou,
    reliability,
    shift_ceiling,
)
from geovision.sources import Bounds, open_scene
from geovision.sources.burn import burn_cover, burn_ids
from geovision.sources.raster_info import Cut

Mask = NDArray[np.bool_]
BLOCK_M = 40.0


@dataclass(frozen=True)
class Place:
    """Somewhere with buildings that are known."""

    name: str
    sources: Mapping[str, Any]
    """What `open_scene` takes."""
    truth: Path
    layer: str | None = None
    area_layer: str | None = None
    """Layer that says where labels are complete."""
    closing_m: float = 0.0
    """Where no layer says it: labels are complete in a closing of their union by this much."""
    mask: Path | None = None
    """A raster of the truth instead of outlines."""
    leave_out: tuple[tuple[float, float, float, float], ...] = ()
    """Boxes (west, south, east, north) in which labels are known to be wrong."""
    share: tuple[float, float] = (0.0, 1.0)
    """Western and eastern border of what counts, as shares of the image's columns."""
    gsd_m: float | None = None
    box: tuple[float, float, float, float] | None = None
    """West, south, east, north of what is looked at; all of it where it is left out."""


def places(root: Path) -> dict[str, Place]:
    """The rows on real data."""
    drone = {
        name: Place(
            f"{name}, image 0.3 m",
            {"image": sorted((root / "imagery" / name).glob("ortho_*.tif"))},
            root / "imagery" / name / "buildings.gpkg",
            "buildings",
            "labelled_area",
            gsd_m=0.3,
        )
        for name in ("kampala", "zanzibar", "philippines", "nairobi")
    }
    east = Place(
        "massachusetts east, image 1 m",
        {"image": root / "imagery/massachusetts/ortho.tif"},
        root / "imagery/massachusetts/buildings.gpkg",
        share=(0.5, 1.0),
    )
    delft = {"points": sorted((root / "delft").glob("*.laz")), "crs": "EPSG:28992"}
    lidarhd = root / "pairs/lidarhd"
    hole = (870213.0, 6617087.0, 870231.5, 6617108.0)
    return {
        **drone,
        "massachusetts": east,
        "delft": Place(
            "delft, heights 0.25 m", delft, root / "delft/footprints.gpkg", closing_m=20.0, gsd_m=0.25
        ),
        "ahn3": Place(
            "ahn3_blocks, the densest 500 x 250 m, heights 0.25 m, points of buildings alone",
            {"points": root / "ahn3_blocks/points.laz", "crs": "EPSG:28992"},
            root / "ahn3_blocks/footprints.gpkg",
            gsd_m=0.25,
            box=(119000.0, 479036.0, 119500.0, 479286.0),
        ),
        "dales": Place(
            "dales_west, heights 0.25 m",
            {"points": root / "dales_west/points.laz", "crs": "EPSG:32610"},
            root / "dales_west/footprints.gpkg",
            gsd_m=0.25,
        ),
        "lidarhd": Place(
            "lidarhd, heights 0.25 m, without the house that has no label",
            {"ndsm": lidarhd / "ndsm_0.25m.tif"},
            lidarhd / "building_mask_0.25m.tif",
            mask=lidarhd / "building_mask_0.25m.tif",
            leave_out=(hole,),
        ),
        "lidarhd-as-labelled": Place(
            "lidarhd, heights 0.25 m, as labelled",
            {"ndsm": lidarhd / "ndsm_0.25m.tif"},
            lidarhd / "building_mask_0.25m.tif",
            mask=lidarhd / "building_mask_0.25m.tif",
        ),
        "goteborg": Place(
            "goteborg, heights 1 m",
            {"dsm": root / "goteborg/DSM_KRbig.tif", "dtm": root / "goteborg/DEM_KRbig.tif"},
            root / "goteborg/buildings.shp",
        ),
    }


@dataclass
class Looked:
    """One image or height raster, what was found in it and what is true."""

    name: str
    cell_m: float
    probability: NDArray[np.float32]
    truth: Mask
    valid: Mask
    threshold: float
    found: NDArray[np.object_]
    sure: NDArray[np.float64]
    polygons: NDArray[np.object_]
    """True outlines that count."""
    outside: NDArray[np.object_] = field(default_factory=lambda: np.zeros(0, object))
    picture: Callable[[], NDArray[np.uint8]] | None = None
    transform: Any = None


def look(place: Place, model: str | None, **changes: Any) -> list[Looked]:
    """Run the model over a place; each ortho of it on its own."""
    scene = open_scene(**place.sources)
    settings = DetectSettings(model=model, gsd_m=changes.pop("gsd_m", place.gsd_m), **changes)
    roles = [role for role in ("image", "ndsm", "dsm") if role in scene.layers]
    boxes = scene.layer(roles[0]).piece_bounds() if roles else [scene.bounds]
    boxes = boxes if place.box is None else [Bounds(*place.box)]
    return [_look(place, scene, settings, box, number) for number, box in enumerate(boxes, 1)]


def _look(place: Place, scene: Any, settings: DetectSettings, box: Any, number: int) -> Looked:
    rows: list[NDArray[np.float32]] = []
    seen: list[Mask] = []
    kept: list[Any] = []

    def each(strip: Any, finder: Any) -> None:
        kept.append(finder)
        rows.append(strip.building)
        seen.append(np.ones(strip.building.shape, bool) if strip.valid is None else strip.valid)

    found = detect(scene, settings, bounds=Bounds(*box), each=each)
    feed = kept[0].feed
    grid, cut = feed.grid, feed.cut
    probability, valid = np.concatenate(rows), np.concatenate(seen)
    polygons = np.zeros(0, object)
    if place.mask is None:
        polygons = _outlines(place.truth, place.layer, scene.crs)
        truth = burn_ids(polygons, grid, cut) >= 0
        area = _labelled(place, polygons, scene.crs)
        if area is not None:
            valid &= burn_cover([area], grid, cut) > 0
        polygons = _inside(polygons, area, grid.bounds(cut))
    else:
        truth, area = _mask(place.mask, grid, cut), None
    for hole in place.leave_out:
        valid &= burn_cover([shapely.box(*hole)], grid, cut) == 0
    if place.share != (0.0, 1.0):
        first, last = (round(part * cut.width) for part in place.share)
        valid[:, :first], valid[:, last:] = False, False
        west = grid.bounds(cut).west
        strip = shapely.box(west + first * grid.cell_m, -1e9, west + last * grid.cell_m, 1e9)
        polygons = _inside(polygons, strip, None)
        area = strip if area is None else area.intersection(strip)
    outlines = found.footprints.polygons()
    sure = np.array([row["confidence"] for row in found.footprints.attributes], np.float64)
    chosen = _chosen(outlines, area)
    name = place.name if number == 1 else f"{place.name} ({number})"
    return Looked(
        name,
        grid.cell_m,
        probability,
        truth,
        valid,
        found.threshold,
        outlines[chosen],
        sure[chosen],
        polygons,
        picture=lambda: _picture(scene, grid, cut),
        transform=grid.bounds(cut),
    )


def _outlines(path: Path, layer: str | None, crs: Any) -> NDArray[np.object_]:
    import geopandas

    frame = geopandas.read_file(path) if layer is None else geopandas.read_file(path, layer=layer)
    shapes = shapely.get_parts(shapely.make_valid(frame.to_crs(crs).geometry.to_numpy()))
    return np.asarray(shapes[shapely.get_type_id(shapes) == 3], object)


def _labelled(place: Place, polygons: NDArray[np.object_], crs: Any) -> Any:
    if place.area_layer is not None:
        return shapely.union_all(_outlines(place.truth, place.area_layer, crs))
    if place.closing_m:
        whole = shapely.union_all(polygons)
        return shapely.buffer(shapely.buffer(whole, place.closing_m), 0.5 - place.closing_m)
    return None


def _chosen(polygons: NDArray[np.object_], area: Any) -> Mask:
    """Those of which the larger part lies in the area."""
    if area is None or not len(polygons):
        return np.ones(len(polygons), bool)
    inside = shapely.area(shapely.intersection(polygons, area))
    return np.asarray(inside > 0.5 * shapely.area(polygons))


def _inside(polygons: NDArray[np.object_], area: Any, bounds: Any) -> NDArray[np.object_]:
    polygons = polygons[_chosen(polygons, area)]
    return polygons if bounds is None else polygons[_chosen(polygons, shapely.box(*bounds))]


def _mask(path: Path, grid: Any, cut: Cut) -> Mask:
    import rasterio

    with rasterio.open(path) as file:
        data, transform = file.read(1), file.transform
    x = grid.left + (cut.column + np.arange(cut.width) + 0.5) * grid.cell_m
    y = grid.top - (cut.row + np.arange(cut.height) + 0.5) * grid.cell_m
    column = np.clip(((x - transform.c) / transform.a).astype(int), 0, data.shape[1] - 1)
    row = np.clip(((y - transform.f) / transform.e).astype(int), 0, data.shape[0] - 1)
    return np.asarray(data[np.ix_(row, column)] > 0)


def _picture(scene: Any, grid: Any, cut: Cut) -> NDArray[np.uint8]:
    from geovision.sources.scene_report import image_colours

    if "image" in scene.layers:
        return image_colours(scene.read_cut("image", grid, cut).data)
    z = scene.read_cut("ndsm", grid, cut).data[0]
    tone = (np.clip(np.nan_to_num(z) / 15, 0, 1) * 255).astype(np.uint8)
    return np.repeat(tone[..., None], 3, axis=2)


# Scores


def blocks(looked: Looked, *, boundary_m: float | None = None) -> list[MaskCounts]:
    """Counts of square blocks, those without a pixel that counts left out; of bands along outlines too."""
    found, truth = looked.probability >= looked.threshold, looked.truth
    if boundary_m is not None:
        width = boundary_m / looked.cell_m
        found, truth = boundary_band(found, width), boundary_band(truth, width)
    size = max(1, round(BLOCK_M / looked.cell_m))
    out = []
    for row in range(0, truth.shape[0], size):
        for column in range(0, truth.shape[1], size):
            part = (slice(row, row + size), slice(column, column + size))
            if looked.valid[part].any():
                out.append(mask_counts(found[part], truth[part], looked.valid[part]))
    return out


def score(looked: list[Looked], *, outlines: bool = True) -> dict[str, Any]:
    """All figures of a row; intervals are over blocks of 40 m."""
    parts = [one for item in looked for one in blocks(item)]
    iou = bootstrap(parts, pooled_iou)
    edges = [one for item in looked for one in blocks(item, boundary_m=1.0)]
    total = sum(parts, MaskCounts())
    table = None
    for item in looked:
        part = reliability(item.probability, item.truth, item.valid)
        table = part if table is None else table + part
    found: dict[str, Any] = {
        "iou": iou.value,
        "iou_95": f"{iou.low:.3f} to {iou.high:.3f}",
        "precision": total.precision,
        "recall": total.recall,
        "boundary_iou_1m": pooled_iou(edges),
        "ece": math.nan if table is None else table.ece,
        "cell_m": looked[0].cell_m,
        "threshold": looked[0].threshold,
        "best_iou": best_iou(looked),
    }
    return found | (_of_outlines(looked) if outlines else {})


def best_iou(looked: list[Looked]) -> str:
    """The IoU at the threshold that suits this place best: what a better threshold could win."""
    best = (0.0, 0.0)
    for level in np.linspace(0.1, 0.9, 17):
        counts = [mask_counts(item.probability >= level, item.truth, item.valid) for item in looked]
        best = max(best, (pooled_iou(counts), float(level)))
    return f"{best[0]:.3f} at {best[1]:.2f}"


def _joined(polygons: NDArray[np.object_]) -> NDArray[np.object_]:
    """Outlines that touch as one: rows of houses are blocks."""
    if not len(polygons):
        return polygons
    return np.asarray(shapely.get_parts(shapely.union_all(shapely.buffer(polygons, 0.05))), object)


def _of_outlines(looked: list[Looked]) -> dict[str, Any]:
    rows = []
    for item in looked:
        pairs = pair_polygons(item.found, item.polygons)
        rows.append((item, pairs, match(pairs)))
    counts = sum((matches.counts for _, _, matches in rows), MaskCounts())
    turns = np.concatenate([rotation_errors(matches, item.found, item.polygons) for item, _, matches in rows])
    sizes = by_size([(m, shapely.area(i.found), shapely.area(i.polygons)) for i, _, m in rows])
    truth = np.concatenate([item.polygons for item in looked])
    mean, worst = shift_ceiling(truth, 0.5)
    joined = [match(pair_polygons(_joined(item.found), _joined(item.polygons))).counts for item in looked]
    return {
        "polygons": sum(len(item.found) for item in looked),
        "labels": len(truth),
        "f1": counts.f1,
        "f1_precision": counts.precision,
        "f1_recall": counts.recall,
        "f1_of_blocks": sum(joined, MaskCounts()).f1,
        "ap": average_precision([(pairs, item.sure) for item, pairs, _ in rows]),
        "rotation_deg_median": float(np.median(turns)) if len(turns) else math.nan,
        "recall_by_m2": " ".join(
            f"{row.low_m2:g}+:{row.recall:.2f}({row.truth_count})" for row in sizes if row.truth_count
        ),
        "ceiling_0p5m_shift": f"{mean:.3f} (all by 0.5 m: {worst:.3f})",
    }
