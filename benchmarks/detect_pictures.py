"""Pictures of the best, the median and the worst tiles: found and true, where they differ, and outlines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
from detect_areas import Looked
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from geovision.quality.detection import mask_counts

TILE_M = 60.0
_WIDE = 720


def draw(looked: list[Looked], folder: Path, row: str) -> None:
    """Write ROW_best.png, ROW_median.png and ROW_worst.png: the tile, and beside it what was found in it.

    Green was found and is true, red was found and is not, blue was missed; grey does not count.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tiles = []
    for index, item in enumerate(looked):
        size = round(TILE_M / item.cell_m)
        for top in range(0, item.truth.shape[0], size):
            for left in range(0, item.truth.shape[1], size):
                part = (slice(top, top + size), slice(left, left + size))
                valid = item.valid[part]
                if valid.mean() < 0.5 or (item.truth[part] & valid).mean() < 0.02:
                    continue
                found = item.probability[part] >= item.threshold
                tiles.append((mask_counts(found, item.truth[part], valid).iou, index, part))
    if not tiles:
        return
    tiles.sort(key=lambda tile: tile[0])
    chosen = {"worst": tiles[0], "median": tiles[len(tiles) // 2], "best": tiles[-1]}
    pictures: dict[int, NDArray[np.uint8]] = {}
    for name, (iou, index, part) in chosen.items():
        item = looked[index]
        if index not in pictures and item.picture is not None:
            pictures[index] = item.picture()
        _tile(item, pictures[index], part, iou).save(folder / f"{row}_{name}.png")


def _tile(item: Looked, picture: NDArray[np.uint8], part: tuple[slice, slice], iou: float) -> Image.Image:
    plain = picture[part].copy()
    found, truth, valid = item.probability[part] >= item.threshold, item.truth[part], item.valid[part]
    marked = (plain * 0.55).astype(np.float64)
    for mask, colour in (
        (found & truth, (0, 170, 60)),
        (found & ~truth, (220, 40, 40)),
        (truth & ~found, (60, 90, 230)),
    ):
        marked[mask & valid] = 0.45 * marked[mask & valid] + 0.55 * np.array(colour)
    marked[~valid] = 128
    both = np.concatenate([plain, marked.astype(np.uint8)], axis=1)
    scale = max(1, _WIDE // plain.shape[1])
    image = Image.fromarray(both).resize(
        (both.shape[1] * scale, both.shape[0] * scale), Image.Resampling.NEAREST
    )
    pen = ImageDraw.Draw(image)
    left = item.transform.west + part[1].start * item.cell_m
    top = item.transform.north - part[0].start * item.cell_m
    box = shapely.box(left, top - plain.shape[0] * item.cell_m, left + plain.shape[1] * item.cell_m, top)
    for outline in item.found[shapely.intersects(item.found, box)] if len(item.found) else []:
        for ring in (outline.exterior, *outline.interiors):
            xy = shapely.get_coordinates(ring.intersection(box))
            if len(xy) > 1:
                place = (xy - [left, top]) / [item.cell_m, -item.cell_m] * scale
                pen.line([tuple(point) for point in place.tolist()], fill=(255, 220, 0), width=2)
    pen.text((6, 6), f"{item.name}: IoU {iou:.2f}", fill=(255, 255, 255))
    return image
