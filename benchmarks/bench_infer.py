"""Inference without a network's cost, aligned reading, and what is left of a network's own rate.

    python benchmarks/bench_infer.py [--side 8192] [--rounds 3] [--model NAME_OR_PATH]

Rasters are made in a temporary folder: an orthophoto (3 bands of bytes, 0.3 m, photo-like noise, tiled,
deflate) and heights (float32, 0.5 m, another CRS).

* `identity`: `predict` with a stand-in that gives its own input back: read, stack, stitch, write a
  cloud-optimised file with overviews and mask. Checked: the first band is what the table makes of the first
  channel. The peer copies the same three bands strip by strip with rasterio, same tiles and compression, no
  overviews. Each runs in a process of its own, so that peak memory is its own; `tall` has twice the rows.
* `aligned`: both rasters read on one grid in another CRS and resolution, in rows of windows; the peer builds
  a WarpedVRT per window and file.
* `network` (with --model): pixels a second of whole detection as a share of the network's own rate.

Figures are medians of wall time, and of CPU seconds of the whole process.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common
import numpy as np
import rasterio
import rasterio.warp
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from geovision.sources import Bounds, open_scene
from geovision.vision.card import ModelCard
from geovision.vision.infer import feeds, prediction, strips
from geovision.vision.infer.plan import Plan, make_plan, start

RD, UTM = "EPSG:28992", "EPSG:32631"
CORNER = (155_000.0, 463_000.0)
BLOCK = 512
STORED = {"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK}


class Identity:
    """Gives its input back: red as building, green as boundary, blue twice as frame."""

    outputs = ("building", "boundary", "frame")

    def run(self, x: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        return {
            "building": x[..., 0:1] * np.float32(1 / 64),
            "boundary": x[..., 1:2] * np.float32(1 / 64),
            "frame": x[..., 1:3] * np.float32(1 / 256),
        }


CARD = ModelCard(name="identity", kind="scene", network={})
PLAN = Plan(
    model="identity",
    network_sha256="",
    runtime="onnxruntime",
    runtime_version="",
    precision="float32",
)


def make_ortho(path: Path, rows: int, columns: int) -> None:
    """Waves and noise: what a photo leaves to a compressor, about 1.4 to one."""
    rng = np.random.default_rng(1)
    x = np.arange(columns, dtype=np.float32)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=columns,
        height=rows,
        count=3,
        dtype="uint8",
        crs=RD,
        transform=Affine(0.3, 0, CORNER[0], 0, -0.3, CORNER[1]),
        photometric="rgb",
        compress="deflate",
        zlevel=1,
        predictor=2,
        interleave="pixel",
        **STORED,
    ) as dataset:
        noise = rng.normal(0, 6, (3, BLOCK, columns)).astype(np.float32)
        for row in range(0, rows, BLOCK):
            y = np.arange(row, min(row + BLOCK, rows), dtype=np.float32)[:, None]
            waves = 128 + 35 * (np.sin(x / 37) + np.sin(y / 53) + np.sin((x + y) / 19))
            block = np.clip(waves + noise[:, : len(y)], 1, 255).astype(np.uint8)
            dataset.write(block, window=Window(0, row, columns, len(y)))


def make_heights(path: Path, side: int) -> None:
    y, x = np.mgrid[:side, :side].astype(np.float32)
    (left,), (top,) = rasterio.warp.transform(RD, UTM, [CORNER[0]], [CORNER[1]])
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=side,
        height=side,
        count=1,
        dtype="float32",
        nodata=-9999,
        crs=UTM,
        transform=Affine(0.5, 0, left - 60, 0, -0.5, top + 60),
        compress="deflate",
        zlevel=1,
        predictor=3,
        **STORED,
    ) as dataset:
        dataset.write(8 + 4 * np.sin(x / 41) + 3 * np.sin(y / 29), 1)


# Each of these runs in a process of its own.


def ours(source: Path, out: Path) -> None:
    scene = open_scene(image=source, cache_mb=48)
    feed = feeds.scene_feed(scene, CARD)
    prediction.write_strips(feed, Identity(), PLAN, CARD, [out])


def strip_copy(source: Path, out: Path) -> None:
    with rasterio.open(source) as given:
        profile = {
            **given.profile,
            "compress": "zstd",
            "zstd_level": 1,
            "interleave": "band",
            "num_threads": 2,
        }
        with rasterio.open(out, "w", **profile) as made:
            for row in range(0, given.height, BLOCK):
                window = Window(0, row, given.width, min(BLOCK, given.height - row))
                made.write(given.read(window=window), window=window)


def alone(name: str, source: Path, out: Path) -> dict[str, float]:
    """Seconds, CPU seconds and peak memory of one run in a new process."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); import bench_infer as b; b.child(*sys.argv[2:])"
    here = str(Path(__file__).resolve().parent)
    done = subprocess.run(
        [sys.executable, "-c", code, here, name, str(source), str(out)],
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def child(name: str, source: str, out: str) -> None:
    run = {"ours": ours, "copy": strip_copy}[name]
    start, cpu = time.perf_counter(), time.process_time()
    run(Path(source), Path(out))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"s": seconds, "cpu_s": cpu, "peak_mb": peak}))


def check(source: Path, out: Path) -> None:
    with rasterio.open(source) as given, rasterio.open(out) as made:
        assert made.count == 4
        assert made.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        for row in (0, given.height // 2 // BLOCK * BLOCK + 100, given.height - 300):
            window = Window(0, row, given.width, 300)
            red = given.read(1, window=window).astype(np.float64)
            want = 255 / (1 + np.exp(-red / 64))
            assert np.abs(made.read(1, window=window) - want).max() < 0.6
            assert made.dataset_mask(window=window).all()


def identity(folder: Path, side: int, rounds: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    ortho, tall = folder / "ortho.tif", folder / "tall.tif"
    make_ortho(ortho, side, side)
    make_ortho(tall, 2 * side, side)
    found: dict[str, list[dict[str, float]]] = {"ours": [], "copy": []}
    for _ in range(rounds):
        for name, runs in found.items():
            runs.append(alone(name, ortho, folder / f"{name}.tif"))
    check(ortho, folder / "ours.tif")
    mpx = side * side / 1e6
    for name, runs in found.items():
        result[f"{name}_mpx_s"] = mpx / float(np.median([run["s"] for run in runs]))
        result[f"{name}_cpu_s"] = float(np.median([run["cpu_s"] for run in runs]))
        result[f"{name}_peak_mb"] = max(run["peak_mb"] for run in runs)
    result["tall_peak_mb"] = alone("ours", tall, folder / "out.tif")["peak_mb"]
    return result


def aligned(folder: Path, side: int, rounds: int) -> dict[str, Any]:
    ortho, heights = folder / "ortho.tif", folder / "heights.tif"
    make_heights(heights, side // 2)
    scene = open_scene(image=ortho, ndsm=heights, target_crs=UTM)
    feed = feeds.scene_feed(scene, CARD, gsd_m=0.35)
    rows, step = min(feed.rows, side // 2), 736
    step = min(step, rows)

    def read() -> list[Any]:
        return [feed.read(row, 0, step, feed.columns) for row in range(0, rows - step + 1, step)]

    grid, size = feed.grid, 1024
    place = grid.bounds(feed.cut)

    def vrt() -> None:
        for row in range(0, rows - step + 1, step):
            for column in range(0, feed.columns, size):
                width = min(size, feed.columns - column)
                where = Affine(0.35, 0, place.west + column * 0.35, 0, -0.35, place.north - row * 0.35)
                for path in (ortho, heights):
                    with (
                        rasterio.open(path) as source,
                        WarpedVRT(
                            source,
                            crs=UTM,
                            transform=where,
                            width=width,
                            height=step,
                            resampling=Resampling.bilinear,
                        ) as warped,
                    ):
                        warped.read()

    times = common.race({"ours": read, "vrt": vrt}, rounds)
    mpx = (rows // step) * step * feed.columns / 1e6
    return {f"aligned_{name}_mpx_s": mpx / value for name, value in times.items()}


def network(folder: Path, model: str, side: int, rounds: int) -> dict[str, Any]:
    plan = make_plan(model)
    card, runner = start(plan, model)
    scene = open_scene(image=folder / "ortho.tif")
    area = Bounds(CORNER[0], CORNER[1] - 0.3 * side, CORNER[0] + 0.3 * side, CORNER[1])
    feed = feeds.scene_feed(scene, card, bounds=area)
    rows, columns = strips.axes_of(feed, plan, card)
    x = np.random.default_rng(0).uniform(0, 255, (1, rows.size, columns.size, 14)).astype(np.float32)
    runner.run(x)
    own, all_of_it = [], []
    for _ in range(rounds):
        start_s = time.perf_counter()
        runner.run(x)
        own.append(x[0, ..., 0].size / 1e6 / (time.perf_counter() - start_s))
        start_s = time.perf_counter()
        prediction.write_strips(feed, runner, plan, card, [folder / "net.tif"])
        all_of_it.append(feed.rows * feed.columns / 1e6 / (time.perf_counter() - start_s))
    return {
        "runtime": f"{plan.runtime} {plan.precision}",
        "network_mpx_s": float(np.median(own)),
        "detect_mpx_s": float(np.median(all_of_it)),
        "share": float(np.median(all_of_it) / np.median(own)),
        "window": [rows.size, columns.size],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Inference without a network's cost, and with it.")
    parser.add_argument("--side", type=int, default=8192)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", help="also run this model")
    parser.add_argument("--only", choices=["identity", "aligned", "network"])
    parser.add_argument("--no-record", action="store_true")
    args = parser.parse_args()
    result: dict[str, Any] = {"side": args.side}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.only in (None, "identity"):
            result |= identity(folder, args.side, args.rounds)
        else:
            make_ortho(folder / "ortho.tif", args.side, args.side)
        if args.only in (None, "aligned"):
            result |= aligned(folder, args.side, args.rounds)
        if args.model and args.only in (None, "network"):
            result |= network(folder, args.model, args.side, args.rounds)
    passed = (
        result.get("ours_mpx_s", 99) >= 28
        and max(result.get("ours_peak_mb", 0), result.get("tall_peak_mb", 0)) < 500
        and result.get("aligned_ours_mpx_s", 99) >= 10
        and result.get("share", 1) >= 0.85
    )
    bar = "28 Mpx/s under 500 MB; aligned 10 Mpx/s; 0.85 of the network's rate"
    return common.report("infer", result, bar, passed=passed, record=not args.no_record)


if __name__ == "__main__":
    sys.exit(main())
