"""A mosaic of many gigabytes, read to its last pixel by window: peak memory of the process.

    python benchmarks/bench_raster_memory.py --gigabytes 10

The tiles are 8192 x 8192 pixels of RGB, deflated, in blocks of 512. They share their pixels through links and
differ in their place, which a world file states, so that the disk is spared; every read decodes them anew.
The mosaic is read twice over a part of it: as it is, and carried into another CRS. Every window's mean is
checked against what the pattern must give.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path

import common
import numpy as np
import rasterio

from geovision.sources import open_scene
from geovision.sources.raster_info import Cut

SIDE, WINDOW, CELL = 8192, 2048, 0.25


def make(folder: Path, count: int) -> None:
    steps = (np.arange(SIDE, dtype=np.uint16) // 16)[None, :]
    first = folder / "pixels.bin"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            first,
            "w",
            driver="GTiff",
            width=SIDE,
            height=SIDE,
            count=3,
            dtype="uint8",
            compress="deflate",
            photometric="rgb",
            tiled=True,
            blockxsize=512,
            blockysize=512,
        ) as dataset:
            # Strip by strip: what makes the tiles must not be what sets the peak.
            for row in range(0, SIDE, 512):
                rows = (np.arange(row, row + 512, dtype=np.uint16) // 16)[:, None]
                for band in range(3):
                    pixels = ((steps + rows + 40 * band) % 200).astype(np.uint8)
                    dataset.write(pixels, band + 1, window=((row, row + 512), (0, SIDE)))
    columns = max(1, round(count**0.5))
    for number in range(count):
        row, column = divmod(number, columns)
        tile = folder / f"ortho_{number:04}.tif"
        tile.hardlink_to(first)
        west, north = 100_000 + column * SIDE * CELL + CELL / 2, 600_000 - row * SIDE * CELL - CELL / 2
        tile.with_suffix(".tfw").write_text(f"{CELL}\n0\n0\n{-CELL}\n{west}\n{north}\n")


def peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def read(folder: Path, target: str | None, share: float) -> tuple[float, float]:
    """Megapixels read and seconds of CPU."""
    scene = open_scene(image=folder, crs="EPSG:28992", target_crs=target, threads=1)
    grid = scene.grid(CELL if target is None else 0.3)
    whole = grid.cut(scene.bounds)
    places = [
        Cut(whole.column + x, whole.row + y, WINDOW, WINDOW)
        for y in range(0, whole.height, WINDOW)
        for x in range(0, whole.width, WINDOW)
    ]
    start, pixels = time.process_time(), 0
    for cut in places[: max(1, int(share * len(places)))]:
        window = scene.read_cut("image", grid, cut)
        if window.valid is None:
            assert 85 < window.data[0].mean() < 115
        pixels += window.data[0].size
    return pixels / 1e6, time.process_time() - start


def main() -> int:
    options = common.arguments(__doc__ or "", gigabytes=10)
    count = max(1, round(options.gigabytes * 1e9 / (SIDE * SIDE * 3)))
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), count)
        base = peak_gib()
        plain, plain_s = read(Path(folder), None, 1.0)
        carried, carried_s = read(Path(folder), "EPSG:32631", 0.1)
    result = {
        "tiles": count,
        "decoded GB": count * SIDE * SIDE * 3 / 1e9,
        "peak GiB (making the tiles)": base,
        "peak GiB": peak_gib(),
        "Mpx/s as it is": plain / plain_s,
        "Mpx/s carried over": carried / carried_s,
    }
    bar = "under 1.5 GB; CPU time, one thread"
    return common.report(
        "raster_memory", result, bar, passed=peak_gib() * 1.0737 < 1.5, record=options.record
    )


if __name__ == "__main__":
    sys.exit(main())
