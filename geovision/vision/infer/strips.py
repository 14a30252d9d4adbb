"""Runs a network over a raster of any height: strips of finished rows come out from top to bottom.

The next rows are read while the network runs, and whoever takes the strips may write them meanwhile. Memory
goes with the width of the raster and the rows of a window, never with the raster's height.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from geovision.vision.card import ModelCard
from geovision.vision.infer.dihedral import averaged
from geovision.vision.infer.feeds import Feed, Patch
from geovision.vision.infer.plan import Plan
from geovision.vision.infer.runtimes import Outputs, Runner
from geovision.vision.infer.stitch import Finish, Stitcher, Strip, heads_of
from geovision.vision.infer.windows import Axis, make_axis
from geovision.vision.inputs import stack

__all__ = ["Progress", "axes_of", "run_strips"]

Progress = Callable[[int, int], None]
"""Called with the rows that are done and their number."""

# Measured groups: a pixel with none of them was not seen. Vector layers are hints, not measurements.
_MEASURED = ("rgb", "nir", "ndsm")


def axes_of(
    feed: Feed, plan: Plan, card: ModelCard, phase: tuple[int, int] | None = None
) -> tuple[Axis, Axis]:
    """The grid of windows. `phase` shifts it, with windows of the plan's full size."""
    rows, columns = phase if phase is not None else (None, None)
    return (
        make_axis(feed.rows, plan.window[0], plan.halo, plan.feather, card.multiple, rows),
        make_axis(feed.columns, plan.window[1], plan.halo, plan.feather, card.multiple, columns),
    )


def run_strips(
    feed: Feed,
    runner: Runner,
    plan: Plan,
    card: ModelCard,
    *,
    heights: bool = False,
    first_row: int = 0,
    phase: tuple[int, int] | None = None,
    progress: Progress | None = None,
) -> Generator[Strip, None, None]:
    """Strips from `first_row` on, the same whether or not those above were made in the same run.

    Args:
        feed: where the input comes from.
        runner: the network.
        plan: how it runs.
        card: of the model.
        heights: give heights too.
        first_row: rows above are not given.
        phase: see `axes_of`.
        progress: called after each strip.
    """
    if first_row >= feed.rows:
        return
    rows, columns = axes_of(feed, plan, card, phase)
    heads = heads_of(card, runner.outputs, heights=heights)
    finish = Finish(card, heads, heights=heights)
    stitcher = Stitcher(rows, columns, heads)
    reader = _Reader(feed, rows, columns)
    # One for all windows: memory that is new to the process costs more than what is done to it.
    x = np.empty((1, rows.size, columns.size, len(card.channels)), np.float32)
    with ThreadPoolExecutor(1) as reading:
        first = rows.needed(first_row)
        coming = reading.submit(reader.patch, first)
        for index in range(first, rows.count):
            patch, valid = coming.result()
            if index + 1 < rows.count:
                coming = reading.submit(reader.patch, index + 1)
            stitcher.begin(index)
            for column in range(columns.count):
                outputs = _window(patch, valid, columns, column, runner, plan, heads, x)
                stitcher.add(index, column, outputs)
            row, count, values = stitcher.take(index)
            seen = None if valid is None else valid[row - rows.start(index) :][:count]
            seen = None if seen is None else _inside(seen, columns)
            # Not in a thread of its own: it is quick, and would need all outputs a second time.
            done = finish.strip(row, values, seen)
            stitcher.advance(index)
            if row + count > first_row:
                yield _below(done, first_row)
                _report(progress, done, feed.rows)


def _report(progress: Progress | None, strip: Strip, rows: int) -> None:
    if progress is not None:
        progress(strip.row + strip.rows, rows)


class _Reader:
    """Rows of windows; what two of them share is read once."""

    def __init__(self, feed: Feed, rows: Axis, columns: Axis) -> None:
        self._feed, self._rows = feed, rows
        self._left = columns.start(0)
        self._width = columns.start(columns.count - 1) + columns.size - self._left
        self._last: tuple[int, Patch] | None = None

    def patch(self, index: int) -> tuple[Patch, NDArray[np.bool_] | None]:
        """The input under a row of windows, and where anything was measured."""
        start, size = self._rows.start(index), self._rows.size
        if self._last is not None and self._last[0] == index - 1:
            shared = size - self._rows.step
            new = self._feed.read(start + shared, self._left, size - shared, self._width)
            found = _below_each_other(self._last[1], new, shared)
        else:
            found = self._feed.read(start, self._left, size, self._width)
        self._last = (index, found)
        return found, _measured(found)


def _below_each_other(upper: Patch, lower: Patch, shared: int) -> Patch:
    out: Patch = {}
    for name, (data, valid) in lower.items():
        above, seen = upper[name]
        both = np.concatenate([above[:, -shared:], data], axis=1) if shared else data
        if seen is not None:
            seen = seen[-shared:] if shared else seen[:0]
            seen = None if seen.all() else seen
        if valid is None and seen is None:
            out[name] = (both, None)
            continue
        top = np.ones((shared, both.shape[2]), np.bool_) if seen is None else seen
        rest = np.ones(data.shape[1:], np.bool_) if valid is None else valid
        out[name] = (both, np.concatenate([top, rest]))
    return out


def _measured(patch: Patch) -> NDArray[np.bool_] | None:
    """[rows, columns] where at least one measured group has data; None where all have."""
    masks = [valid for name, (_, valid) in patch.items() if name in _MEASURED]
    if any(valid is None for valid in masks):
        return None
    out = np.logical_or.reduce([valid for valid in masks if valid is not None])
    return None if out.all() else np.asarray(out)


def _inside(valid: NDArray[np.bool_], columns: Axis) -> NDArray[np.bool_] | None:
    """The part of a mask that lies in the raster; None where all is valid."""
    first = -columns.start(0)
    part = valid[:, first : first + columns.total]
    return None if part.all() else part


def _window(
    patch: Patch,
    valid: NDArray[np.bool_] | None,
    columns: Axis,
    column: int,
    runner: Runner,
    plan: Plan,
    heads: dict[str, int],
    x: NDArray[np.float32],
) -> Outputs:
    """Outputs of the network for one window; zeros where nothing was measured in it."""
    left = columns.start(column) - columns.start(0)
    part = slice(left, left + columns.size)
    if valid is not None and not valid[:, part].any():
        shape = (1, valid.shape[0], columns.size)
        return {name: np.zeros((*shape, count), np.float32) for name, count in heads.items()}
    groups = {name: data[:, :, part] for name, (data, _) in patch.items()}
    masks = {name: None if seen is None else seen[:, part] for name, (_, seen) in patch.items()}
    stack(groups, masks, x[0])
    return averaged(runner, x, plan.dihedral)


def _below(strip: Strip, first_row: int) -> Strip:
    """What of a strip lies at or below a row."""
    cut = first_row - strip.row
    if cut <= 0:
        return strip
    return Strip(
        first_row,
        strip.pixels[:, cut:],
        None if strip.valid is None else strip.valid[cut:],
        None if strip.heights is None else strip.heights[:, cut:],
    )
