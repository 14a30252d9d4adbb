"""Polygons from rasters: how fast, and how near to the outlines that the raster was drawn from.

    python benchmarks/bench_polygons.py [--side 8192] [--peer DIR] [--footprints FILE.gpkg ...]

Synthetic towns, each turned by an angle of its own, are drawn at 0.3 m. The raster is then spoiled as a
network spoils it: walls that wander, holes, blobs, blur. Polygons are scored against what was drawn. Bars:
50 Mpx/s for polygons from a mask, and 5,000 regular polygons a second at IoU 0.90 with the clean raster.
Times are CPU seconds of one thread. --peer names the site-packages that hold `buildingregulariser`, which is
then run on the same buildings; rasterio.features.shapes is always run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import rasterio.features
import shapely
from affine import Affine
from common import report
from numpy.typing import NDArray
from scipy import ndimage

import geovision
from geovision.vision.polygons import Outlines, outlines

STYLES = ("dutch_town", "suburb", "mixed", "block_city")
CELL_M = 0.3
RATE_MPX, RATE_POLYGONS, IOU = 50.0, 5000.0, 0.90
Raster = NDArray[Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Draw, spoil, outline, score, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", type=int, default=8192, help="cells of the mask that is timed")
    parser.add_argument("--town", type=int, default=1024, help="cells of each scored town")
    parser.add_argument("--towns", type=int, default=4)
    parser.add_argument("--peer", type=Path, help="folder that holds buildingregulariser")
    parser.add_argument("--footprints", type=Path, nargs="*", default=[], help="real outlines to score too")
    parser.add_argument("--cell", type=float, default=CELL_M, help="metres, for real outlines")
    parser.add_argument("--no-record", action="store_true", help="leave benchmarks/RESULTS.md as it is")
    args = parser.parse_args(argv)
    result: dict[str, Any] = speed(args.side)
    scored = town_scores(args.town, args.towns)
    result |= scored
    if args.peer:
        result |= peer(args.peer, args.town)
    for path in args.footprints:
        result |= real_scores(path, args.cell)
    passed = (
        float(result["mask Mpx/s"]) >= RATE_MPX
        and float(result["regular polygons/s"]) >= RATE_POLYGONS
        and float(result["IoU"]) >= IOU
    )
    bar = f"{RATE_MPX:g} Mpx/s, {RATE_POLYGONS:,.0f} polygons/s, IoU {IOU}; CPU time, one thread"
    return report("polygons", result, bar, passed=passed, record=not args.no_record)


def town(cells: int, seed: int, cell_m: float = CELL_M) -> list[shapely.Polygon]:
    """Outlines of a synthetic town that covers a square raster, turned by an angle of its own."""
    side = cells * cell_m
    reach = side * 0.75
    table = geovision.generate(
        area=(-reach, -reach, 2 * reach, 2 * reach), style=STYLES[seed % len(STYLES)], seed=seed
    )
    arrays = table.kernel_arrays()
    rings = [
        arrays["xy"][arrays["vertex_offsets"][k] : arrays["vertex_offsets"][k + 1]]
        for k in arrays["ring_offsets"][:-1]
    ]
    parts = shapely.polygons([shapely.linearrings(ring) for ring in rings])
    starts = arrays["part_offsets"]
    whole = [shapely.union_all(parts[a:b], grid_size=1e-3) for a, b in pairwise(starts) if b > a]
    turned = [shapely.affinity.rotate(p, 17.0 + 29.0 * seed, origin=(0, 0)) for p in whole]
    moved = [shapely.affinity.translate(p, side / 2, -side / 2) for p in turned]
    frame = shapely.box(1, 1 - side, side - 1, -1)
    return [p for p in moved if isinstance(p, shapely.Polygon) and frame.contains(p)]


def draw(polygons: Sequence[shapely.Polygon], cells: int, cell_m: float) -> NDArray[np.int32]:
    """[cells, cells] number of the polygon over each cell's middle, from 1; 0 outside."""
    place = Affine(cell_m, 0, 0, 0, -cell_m, 0)
    shapes = ((p, k + 1) for k, p in enumerate(polygons))
    return np.asarray(rasterio.features.rasterize(shapes, (cells, cells), transform=place, dtype="int32"))


def spoiled(ids: NDArray[np.int32], cell_m: float, seed: int) -> tuple[Raster, Raster]:
    """Building and boundary as a network would give them, uint8."""
    rng = np.random.default_rng(seed)
    mask = ids > 0
    inside = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
    wander = ndimage.gaussian_filter(rng.normal(size=ids.shape), 2.0)
    inside += 0.6 * wander / wander.std()
    blobs = ndimage.gaussian_filter(rng.normal(size=ids.shape), 2.5)
    inside[blobs > 4.0 * blobs.std()] = 2
    inside[blobs < -4.0 * blobs.std()] = -2
    soft = ndimage.gaussian_filter((inside > 0).astype(np.float32), 1.2)
    wall = np.zeros(ids.shape, bool)
    wall[:, 1:] |= ids[:, 1:] != ids[:, :-1]
    wall[1:] |= ids[1:] != ids[:-1]
    width = max(1, round(0.5 / cell_m))
    band = ndimage.gaussian_filter(ndimage.binary_dilation(wall, iterations=width).astype(np.float32), 0.8)
    return np.rint(255 * soft).astype(np.uint8), np.rint(255 * np.clip(band, 0, 1)).astype(np.uint8)


def speed(side: int) -> dict[str, Any]:
    """From a mask of realistic density, holes and walls included; rasterio beside it."""
    tile = 2048
    polygons = town(tile, 0)
    mask = np.tile(draw(polygons, tile, CELL_M) > 0, (-(-side // tile), -(-side // tile)))[:side, :side]
    times = {}
    found, times["raw"] = timed(lambda: outlines(mask, cell_m=CELL_M, threads=1, level="raw"))
    regular, times["regular"] = timed(lambda: outlines(mask, cell_m=CELL_M, threads=1))
    shapes, times["rasterio"] = timed(lambda: list(rasterio.features.shapes(mask.astype(np.uint8), mask, 4)))
    assert abs(found.area_m2.sum() / (mask.sum() * CELL_M**2) - 1) < 0.01
    assert shapely.is_valid(regular.polygons()).all()
    mpx = mask.size / 1e6
    return {
        "mask Mpx": mpx,
        "density": float(mask.mean()),
        "polygons": len(regular),
        "mask Mpx/s": mpx / times["regular"],
        "traced only Mpx/s": mpx / times["raw"],
        "rasterio.features.shapes Mpx/s": mpx / times["rasterio"],
        "rasterio polygons": len(shapes),
    }


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and the least CPU seconds of two runs."""
    best = np.inf
    for _ in range(2):
        start = time.process_time()
        out = run()
        best = min(best, time.process_time() - start)
    return out, best


def town_scores(cells: int, towns: int) -> dict[str, Any]:
    """Scores over spoiled towns, and the rate of regular polygons there."""
    rows: list[NDArray[np.float64]] = []
    seconds, count = 0.0, 0
    for seed in range(towns):
        polygons = town(cells, seed)
        ids = draw(polygons, cells, CELL_M)
        building, boundary = spoiled(ids, CELL_M, seed)
        found, took = timed(partial(outlines, building, boundary=boundary, cell_m=CELL_M, threads=1))
        check(found)
        seconds, count = seconds + took, count + len(found)
        rows.append(compare(polygons, found.polygons()))
        print(STYLES[seed % len(STYLES)], summary(rows[-1]), file=sys.stderr, flush=True)
    return {"buildings": count, "regular polygons/s": count / seconds, **summary(np.concatenate(rows))}


def check(found: Outlines) -> None:
    """Valid and disjoint."""
    polygons = found.polygons()
    assert shapely.is_valid(polygons).all()
    assert abs(shapely.union_all(polygons).area - found.area_m2.sum()) < 1e-3


def compare(truth: Sequence[shapely.Polygon], found: NDArray[np.object_]) -> NDArray[np.float64]:
    """A row a true outline: IoU with its best match, vertices found over true, turn in degrees, Hausdorff."""
    tree = shapely.STRtree(found)
    rows = []
    for polygon in truth:
        near = tree.query(polygon, predicate="intersects")
        if not len(near):
            rows.append((0.0, np.nan, np.nan, np.nan))
            continue
        both = shapely.intersection(found[near], polygon)
        best = near[int(np.argmax(shapely.area(both)))]
        match = found[best]
        area = shapely.area(both).max()
        iou = area / (match.area + polygon.area - area)
        turn = abs((direction(match) - direction(polygon) + 45) % 90 - 45)
        vertices = corners(match) / corners(shapely.simplify(polygon, 0.05))
        rows.append((iou, vertices, turn, shapely.hausdorff_distance(match, polygon)))
    return np.array(rows)


def corners(polygon: shapely.Polygon) -> int:
    """Vertices that are corners: those on a straight wall, where a neighbour ends, are not."""
    return len(shapely.get_coordinates(shapely.simplify(polygon, 1e-3))) - 1 - len(polygon.interiors)


def direction(polygon: shapely.Polygon) -> float:
    """Main direction of the edges modulo 90 degrees, longer ones counting more."""
    xy = np.asarray(polygon.exterior.coords)
    step = np.diff(xy, axis=0) @ np.array([1, 1j])
    z = (step**4 / np.maximum(abs(step), 1e-9) ** 1).sum()
    return float(np.degrees(np.angle(z) / 4))


def summary(rows: NDArray[np.float64]) -> dict[str, Any]:
    """Of `compare`."""
    good = rows[rows[:, 0] > 0.5]
    return {
        "IoU": float(rows[:, 0].mean()),
        "IoU p10": float(np.quantile(rows[:, 0], 0.1)),
        "matched": len(good) / len(rows),
        "vertices ratio": float(np.median(good[:, 1])),
        "mean vertices ratio": float(good[:, 1].mean()),
        "turn deg median": float(np.median(good[:, 2])),
        "turn deg p90": float(np.quantile(good[:, 2], 0.9)),
        "Hausdorff m median": float(np.median(good[:, 3])),
    }


def peer(folder: Path, cells: int) -> dict[str, Any]:
    """The package buildingregulariser on the polygons that rasterio traces from the same spoiled mask."""
    sys.path.append(str(folder))
    import geopandas
    from buildingregulariser import regularize_geodataframe

    polygons = town(cells, 1)
    building, _ = spoiled(draw(polygons, cells, CELL_M), CELL_M, 1)
    mask = building >= 128
    place = Affine(CELL_M, 0, 0, 0, -CELL_M, 0)
    start = time.process_time()
    shapes = rasterio.features.shapes(mask.astype(np.uint8), mask, 4, place)
    frame = geopandas.GeoDataFrame(geometry=[shapely.geometry.shape(s) for s, _ in shapes], crs=32631)
    made = regularize_geodataframe(frame[frame.area > 4], num_cores=1)
    seconds = time.process_time() - start
    ours, took = timed(lambda: outlines(building, cell_m=CELL_M, threads=1))
    theirs = summary(compare(polygons, made.geometry.to_numpy()))
    own = summary(compare(polygons, ours.polygons()))
    return {
        "peer polygons/s": len(made) / seconds,
        "peer IoU": theirs["IoU"],
        "peer turn deg median": theirs["turn deg median"],
        "peer vertices ratio": theirs["vertices ratio"],
        "same mask, ours polygons/s": len(ours) / took,
        "same mask, ours IoU": own["IoU"],
    }


def real_scores(path: Path, cell_m: float) -> dict[str, Any]:
    """Real outlines, drawn and spoiled."""
    import geopandas

    layers = geopandas.list_layers(path).name.tolist()
    layer = "roofs" if "roofs" in layers else layers[0]
    shapes = geopandas.read_file(path, layer=layer).geometry.explode().array
    polygons = [shapely.force_2d(p) for p in shapes if p.area > 12 and p.is_valid]
    bounds = shapely.total_bounds(polygons)
    if (bounds[2] - bounds[0]) > 6000:
        bounds[2] = bounds[0] + 6000
    cells = int(min(max(bounds[2] - bounds[0], bounds[3] - bounds[1]) / cell_m + 20, 6000))
    left, top = bounds[0] - 10 * cell_m, bounds[3] + 10 * cell_m
    moved = [shapely.affinity.translate(p, -left, -top) for p in polygons]
    frame = shapely.box(1, 1 - cells * cell_m, cells * cell_m - 1, -1)
    inside = [p for p in moved if frame.contains(p)]
    building, boundary = spoiled(draw(inside, cells, cell_m), cell_m, 5)
    found = outlines(building, boundary=boundary, cell_m=cell_m)
    check(found)
    rows = summary(compare(inside, found.polygons()))
    return {f"{path.parent.name} {name}": value for name, value in rows.items()}


if __name__ == "__main__":
    sys.exit(main())
