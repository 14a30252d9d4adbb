"""From a scene to a raster of probabilities: the front door of inference."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.formats.cog import CogWriter, Layout, work_folder
from geovision.vision.infer.dihedral import averaged
from geovision.vision.infer.feeds import ArrayFeed, Feed, Hint, SceneFeed, scene_feed
from geovision.vision.infer.plan import Plan, make_plan, start
from geovision.vision.infer.stitch import BANDS, HEIGHT_BANDS, Strip
from geovision.vision.infer.strips import Progress, run_strips
from geovision.vision.inputs import CHANNELS, MULTIPLE
from geovision.vision.store import default_model

if TYPE_CHECKING:
    from geovision.sources.grid import Bounds
    from geovision.sources.scene import Scene
    from geovision.vision.card import ModelCard
    from geovision.vision.infer.runtimes import Runner

__all__ = ["Prediction", "iter_strips", "predict", "predict_array", "predict_groups", "write_strips"]


@dataclass(frozen=True)
class Prediction:
    """What `predict` wrote."""

    path: Path
    """Cloud-optimised GeoTIFF of bytes with the bands `BANDS` and a mask."""
    heights: Path | None
    """The same of float32 with `HEIGHT_BANDS`, where it was asked for."""
    plan: Plan
    threshold: float
    """Calibrated probability from which a pixel is taken for a building."""
    cell_m: float
    shape: tuple[int, int]
    """Rows and columns."""
    notes: tuple[str, ...]
    """What was assumed or resampled, as sentences."""


def iter_strips(
    scene: Scene,
    model: str | os.PathLike[str] | None = None,
    *,
    plan: Plan | None = None,
    heights: bool = False,
    bounds: Bounds | None = None,
    gsd_m: float | None = None,
    use: Sequence[str] | None = None,
    hints: Mapping[str, Hint] | None = None,
    progress: Progress | None = None,
) -> tuple[SceneFeed, Iterator[Strip]]:
    """The grid that strips lie on, and strips of finished rows from top to bottom; see `predict`.

    Nothing is read before the first strip is asked for.
    """
    model = default_model() if model is None else model
    plan = make_plan(model) if plan is None else plan
    card, runner = start(plan, model)
    feed = scene_feed(scene, card, bounds=bounds, gsd_m=gsd_m, use=use, hints=hints)
    return feed, run_strips(feed, runner, plan, card, heights=heights, progress=progress)


def predict(
    scene: Scene,
    out: str | os.PathLike[str],
    model: str | os.PathLike[str] | None = None,
    *,
    plan: Plan | None = None,
    heights: str | os.PathLike[str] | None = None,
    bounds: Bounds | None = None,
    gsd_m: float | None = None,
    use: Sequence[str] | None = None,
    hints: Mapping[str, Hint] | None = None,
    progress: Progress | None = None,
) -> Prediction:
    """Find buildings in a scene and write a raster of probabilities.

    A run that was killed goes on from its last finished rows when it is started again with the same
    arguments, and the file is the same bytes as that of an undisturbed run.

    Args:
        scene: from `open_scene`; image and heights may be in any CRS and resolution.
        out: a .tif file.
        model: name of one that comes with geovision, or a path; by default scene-small.
        plan: what runs the network and how; by default it is measured now.
        heights: a .tif file for heights above the ground and their sigma.
        bounds: in the CRS of the scene; by default all that its rasters cover.
        gsd_m: size of a pixel; by default the image's own, or the nearest that the model takes.
        use: input groups to use of those that are there: rgb, nir, ndsm; by default all.
        hints: vector layers as further input groups.
        progress: called with the rows that are done and their number.
    """
    model = default_model() if model is None else model
    plan = make_plan(model) if plan is None else plan
    card, runner = start(plan, model)
    feed = scene_feed(scene, card, bounds=bounds, gsd_m=gsd_m, use=use, hints=hints)
    paths = [Path(out), *([] if heights is None else [Path(heights)])]
    write_strips(feed, runner, plan, card, paths, key=None if hints else _key(feed), progress=progress)
    return Prediction(
        path=paths[0],
        heights=None if heights is None else paths[1],
        plan=plan,
        threshold=card.threshold,
        cell_m=feed.grid.cell_m,
        shape=(feed.rows, feed.columns),
        notes=feed.notes,
    )


def write_strips(
    feed: SceneFeed,
    runner: Runner,
    plan: Plan,
    card: ModelCard,
    paths: Sequence[Path],
    *,
    key: str | None = None,
    progress: Progress | None = None,
) -> None:
    """Run a network over a feed and write the raster of bytes, and of heights where two paths are given.

    Args:
        feed: where the input comes from.
        runner: the network.
        plan: how it runs.
        card: of the model.
        paths: of the bytes and of the heights.
        key: what the result depends on beside model and plan; None where that cannot be said, and nothing is
            taken over from an earlier run.
        progress: called with the rows that are done and their number.
    """
    layouts = [_layout(feed, plan, BANDS, "uint8")]
    if len(paths) > 1:
        layouts.append(_layout(feed, plan, HEIGHT_BANDS, "float32"))
    whole = f"{os.urandom(16).hex() if key is None else key}\n{card.text()}\n{_fixed(plan)}"
    writers = [
        CogWriter(work_folder(path), layout, feed.rows, feed.columns, whole)
        for path, layout in zip(paths, layouts, strict=True)
    ]
    given = [writer.rows_done for writer in writers]
    strips = run_strips(
        feed,
        runner,
        plan,
        card,
        heights=len(paths) > 1,
        first_row=min(given),
        progress=progress,
    )
    with ThreadPoolExecutor(1) as writing, closing(strips):
        pending: Future[None] | None = None
        for strip in strips:
            if pending is not None:
                pending.result()
            pending = writing.submit(_write, writers, given, strip)
        if pending is not None:
            pending.result()
    for writer, path in reversed(list(zip(writers, paths, strict=True))):
        writer.publish(path)


def _write(writers: Sequence[CogWriter], given: list[int], strip: Strip) -> None:
    for number, writer in enumerate(writers):
        cut = max(given[number] - strip.row, 0)
        values = strip.pixels if number == 0 else strip.heights
        if cut >= strip.rows or values is None:
            continue
        writer.write(values[:, cut:], None if strip.valid is None else strip.valid[cut:])
        given[number] = strip.row + strip.rows


def _layout(feed: SceneFeed, plan: Plan, bands: tuple[str, ...], dtype: str) -> Layout:
    cell, bounds = feed.grid.cell_m, feed.grid.bounds(feed.cut)
    return Layout(
        bands=len(bands),
        dtype=dtype,
        transform=(cell, 0.0, bounds.west, 0.0, -cell, bounds.north),
        crs=feed.scene.crs.to_wkt(),
        names=bands,
        tags={
            "GEOVISION_MODEL": plan.model,
            "GEOVISION_NETWORK": plan.network_sha256,
            "GEOVISION_RUNTIME": f"{plan.runtime} {plan.runtime_version} {plan.precision}",
        },
    )


def _fixed(plan: Plan) -> str:
    """What of a plan decides the bytes."""
    return json.dumps(plan.model_dump(mode="json", exclude={"rates", "threads"}), sort_keys=True)


def _key(feed: SceneFeed) -> str:
    """What of a scene decides the bytes: its grid, and names, sizes and times of its files."""
    files = []
    for role in sorted({role for role, _ in feed.roles.values()}):
        for part in (role, "dsm", "dtm", "ndsm"):
            if part in feed.scene.layers:
                files += [_stamp(piece.sheet.info) for piece in feed.scene.layers[part].pieces]
    place = (feed.grid, feed.cut, sorted(feed.roles.items()), feed.scene.crs.to_wkt())
    return f"{place}\n{files}\n{feed.scene.spec}"


def _stamp(info: Any) -> tuple[Any, ...]:
    path = Path(info.name)
    changed = path.stat().st_mtime_ns if path.is_file() else 0
    return info.name, info.width, info.height, info.stored_bytes, changed


def predict_groups(
    groups: Mapping[str, NDArray[Any]],
    model: str | os.PathLike[str] | None = None,
    *,
    valid: Mapping[str, NDArray[np.bool_]] | None = None,
    plan: Plan | None = None,
    heights: bool = False,
    phase: tuple[int, int] | None = None,
) -> Strip:
    """Like `predict`, with input groups in memory and the result in memory.

    Args:
        groups: [bands, rows, columns] by name: rgb (0 to 255), nir, ndsm (metres above the ground).
        model: name or path.
        valid: [rows, columns] by group, True where there is data.
        plan: what runs the network and how.
        heights: give heights too.
        phase: shift the grid of windows by so many rows and columns.
    """
    model = default_model() if model is None else model
    plan = make_plan(model) if plan is None else plan
    card, runner = start(plan, model)
    feed: Feed = ArrayFeed(groups, dict(valid or {}))
    strips = list(run_strips(feed, runner, plan, card, heights=heights, phase=phase))
    masks = [np.ones(s.pixels.shape[1:], np.bool_) if s.valid is None else s.valid for s in strips]
    mask = np.concatenate(masks)
    return Strip(
        0,
        np.concatenate([strip.pixels for strip in strips], axis=1),
        None if mask.all() else mask,
        np.concatenate([s.heights for s in strips if s.heights is not None], axis=1) if heights else None,
    )


def predict_array(
    x: NDArray[np.float32], model: str | os.PathLike[str] | None = None, *, plan: Plan | None = None
) -> dict[str, NDArray[np.float32]]:
    """Outputs of the network for one input [rows, columns, channels] as `geovision.vision.stack` makes it.

    The input is run whole; rows and columns of any number are padded with pixels without data.
    """
    if x.ndim != 3 or x.shape[2] != len(CHANNELS):
        raise InputError(
            "input", f"has shape {x.shape}; expected (rows, columns, {len(CHANNELS)})", "Make it with stack"
        )
    model = default_model() if model is None else model
    plan = make_plan(model) if plan is None else plan
    _, runner = start(plan, model)
    rows, columns = x.shape[:2]
    padding = ((0, -rows % MULTIPLE), (0, -columns % MULTIPLE), (0, 0))
    padded = np.pad(np.asarray(x, np.float32), padding)
    found = averaged(runner, padded[None], plan.dihedral)
    return {name: _whole(values[0], padded.shape[:2])[:rows, :columns] for name, values in found.items()}


def _whole(values: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """An output that is coarser than the input, repeated to its size."""
    step = shape[0] // values.shape[0]
    return values if step == 1 else values.repeat(step, axis=0).repeat(step, axis=1)
