"""Windowed raster reading: as it is, beside rasterio's own reads; carried over, beside WarpedVRT.

    python benchmarks/bench_raster_read.py [--side 4096] [--window 1024]

Two rasters are made in a temporary folder: an orthophoto (3 bands of bytes, 0.25 m, JPEG-like noise, deflate)
and heights (float32, 0.5 m), both tiled. `plain` reads the orthophoto in windows that follow its blocks, and
the heights likewise, with every value compared. `aligned` reads both on one grid of another CRS and another
resolution; the peer builds one WarpedVRT per file and window, as users of rasterio do, and another keeps one
open per file. Values are compared with GDAL's on a coarse tolerance and their median difference is reported.
TorchGeo's reader is not run here: it needs PyTorch, and reads through a WarpedVRT per file itself.
Time is CPU time of the process, one thread, the least of the rounds: the machine may be busy.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import common
import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from geovision.sources import open_scene
from geovision.sources.raster_info import Cut
from geovision.sources.resample import PixelGrid

RD, UTM = "EPSG:28992", "EPSG:32631"
CORNER = (155_000.0, 463_000.0)


def least(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Least CPU seconds of each, run in turns; one warm-up round."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            start = time.process_time()
            run()
            if turn:
                times[name].append(time.process_time() - start)
    return {name: min(values) for name, values in times.items()}


def make(folder: Path, side: int) -> tuple[Path, Path]:
    rng = np.random.default_rng(1)
    profile = {"driver": "GTiff", "tiled": True, "blockxsize": 512, "blockysize": 512, "crs": RD}
    ortho, dsm = folder / "ortho.tif", folder / "dsm.tif"
    y, x = np.mgrid[:side, :side].astype(np.float32)
    waves = np.sin(x / 37) + np.sin(y / 53) + np.sin((x + y) / 11)
    image = np.stack([(waves * 25 + 128 + k + rng.normal(0, 4, waves.shape)) for k in range(3)])
    with rasterio.open(
        ortho,
        "w",
        width=side,
        height=side,
        count=3,
        dtype="uint8",
        compress="deflate",
        photometric="rgb",
        transform=Affine(0.25, 0, CORNER[0], 0, -0.25, CORNER[1]),
        **profile,
    ) as dataset:
        dataset.write(np.clip(image, 0, 255).astype(np.uint8))
    with rasterio.open(
        dsm,
        "w",
        width=side // 2,
        height=side // 2,
        count=1,
        dtype="float32",
        compress="deflate",
        predictor=3,
        nodata=-9999,
        transform=Affine(0.5, 0, CORNER[0], 0, -0.5, CORNER[1]),
        **profile,
    ) as dataset:
        dataset.write(
            (waves[::2, ::2] * 3 + 20 + rng.normal(0, 0.05, waves[::2, ::2].shape)).astype(np.float32), 1
        )
    return ortho, dsm


def cuts(width: int, height: int, size: int) -> Iterator[Cut]:
    for row in range(0, height, size):
        for column in range(0, width, size):
            yield Cut(column, row, min(size, width - column), min(size, height - row))


def window_of(cut: Cut) -> Window:
    return Window(cut.column, cut.row, cut.width, cut.height)


def plain(ortho: Path, dsm: Path, size: int, rounds: int) -> dict[str, float]:
    """Ratio of our reads to rasterio's of the same windows."""
    scene = open_scene(image=ortho, dsm=dsm, threads=1)
    found = {}
    for role, path in (("image", ortho), ("dsm", dsm)):
        grid = scene.grid(scene.cell_m(role))
        dataset = rasterio.open(path)
        windows = list(cuts(dataset.width, dataset.height, size))
        for cut in windows:
            np.testing.assert_array_equal(
                scene.read_cut(role, grid, cut).data, dataset.read(window=window_of(cut))
            )

        def ours(role: str = role, grid: PixelGrid = grid, windows: list[Cut] = windows) -> None:
            for cut in windows:
                scene.read_cut(role, grid, cut)

        def theirs(dataset: Any = dataset, windows: list[Cut] = windows) -> None:
            for cut in windows:
                dataset.read(window=window_of(cut))

        with rasterio.Env(GDAL_CACHEMAX=16):
            # Rounds must decode, not hit the cache: each reads more than 16 MB.
            seconds = least({"ours": ours, "theirs": theirs}, rounds)
        found[f"{role} ours / rasterio"] = seconds["ours"] / seconds["theirs"]
        dataset.close()
    return found


def aligned(ortho: Path, dsm: Path, size: int, rounds: int) -> dict[str, float]:
    """Million output pixels per second, both rasters on one grid of 0.3 m in UTM."""
    scene = open_scene(image=ortho, dsm=dsm, target_crs=UTM, threads=1)
    grid = scene.grid(0.3)
    whole = grid.cut(scene.bounds)
    windows = [cut.moved(whole.column, whole.row) for cut in cuts(whole.width, whole.height, size)]
    pixels = sum(cut.width * cut.height for cut in windows)
    sources = [rasterio.open(ortho), rasterio.open(dsm)]

    def place(cut: Cut) -> Affine:
        return grid.transform @ Affine.translation(cut.column, cut.row)

    def ours() -> list[Any]:
        return [[scene.read_cut(role, grid, cut).data for role in ("image", "dsm")] for cut in windows]

    def per_tile() -> list[Any]:
        found = []
        for cut in windows:
            pair = []
            for source in sources:
                with WarpedVRT(
                    source,
                    crs=UTM,
                    transform=place(cut),
                    width=cut.width,
                    height=cut.height,
                    resampling=Resampling.bilinear,
                ) as vrt:
                    pair.append(vrt.read())
            found.append(pair)
        return found

    opened = [
        WarpedVRT(
            source,
            crs=UTM,
            transform=place(whole),
            width=whole.width,
            height=whole.height,
            resampling=Resampling.bilinear,
        )
        for source in sources
    ]

    def kept_open() -> list[Any]:
        shifted = [cut.moved(-whole.column, -whole.row) for cut in windows]
        return [[vrt.read(window=window_of(cut)) for vrt in opened] for cut in shifted]

    differences = _compare(ours(), per_tile())
    seconds = least({"ours": ours, "WarpedVRT per tile": per_tile, "WarpedVRT kept open": kept_open}, rounds)
    return {f"{name} Mpx/s": pixels / 1e6 / value for name, value in seconds.items()} | differences


def _compare(ours: list[Any], theirs: list[Any]) -> dict[str, float]:
    colours, heights = [], []
    for (image, dsm), (gdal_image, gdal_dsm) in zip(ours, theirs, strict=True):
        there = (gdal_image > 0).all(axis=0) & (image > 0).all(axis=0)
        colours.append(np.abs(image.astype(int) - gdal_image)[:, there].ravel())
        sound = np.isfinite(dsm) & (gdal_dsm != -9999)
        heights.append(np.abs(dsm - gdal_dsm)[sound])
    colour, height = np.concatenate(colours), np.concatenate(heights)
    assert len(height) > 1_000_000
    # GDAL approximates places to an eighth of a pixel; noise of 4 levels and 5 cm is between neighbours.
    assert np.median(colour) <= 1
    assert np.quantile(colour, 0.99) <= 8
    assert np.median(height) < 0.02
    return {"median height difference to GDAL m": float(np.median(height))}


def main() -> int:
    options = common.arguments(__doc__ or "", side=4096, window=1024, rounds=3)
    with tempfile.TemporaryDirectory() as folder:
        ortho, dsm = make(Path(folder), options.side)
        ratio = plain(ortho, dsm, options.window, options.rounds)
        rate = aligned(ortho, dsm, options.window, options.rounds)
    rate["times WarpedVRT per tile"] = rate["ours Mpx/s"] / rate["WarpedVRT per tile Mpx/s"]
    held = max(ratio.values()) <= 1.1 and rate["ours Mpx/s"] >= 10 and rate["times WarpedVRT per tile"] >= 1.5
    bar = "at most 1.1 x raw reads; at least 10 Mpx/s and 1.5 x WarpedVRT per tile; CPU time, one thread"
    return common.report("raster_read", ratio | rate, bar, passed=held, record=options.record)


if __name__ == "__main__":
    sys.exit(main())
