"""Blends the outputs of windows to full-width rows, and turns logits into bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geovision._native import load_kernel
from geovision.errors import InputError
from geovision.vision.card import Calibration, ModelCard
from geovision.vision.infer.runtimes import Outputs
from geovision.vision.infer.windows import Axis

__all__ = ["BANDS", "HEIGHT_BANDS", "Finish", "Stitcher", "Strip", "heads_of"]

BANDS = ("building", "boundary", "frame_cos", "frame_sin")
"""Of a strip and of the raster of probabilities: probability times 255, and 128 + 127 times the value."""
HEIGHT_BANDS = ("height", "height_sigma")
"""Metres above the ground, and their standard deviation."""

_NEEDED = {"building": 1, "boundary": 1, "frame": 2}
# Logits are looked up in a table of bytes, as fine as bytes can tell apart; any calibration costs the same.
_RANGE, _CELLS = 12.0, 1 << 14
# Rows that are finished at once, so that what lies between two steps stays in the cache.
_ROWS = 64
_MAX_LOG_SIGMA = 10.0
_NO_TABLE = np.zeros(0, np.uint8)


@dataclass(frozen=True)
class Strip:
    """Finished rows over the full width of a raster."""

    row: int
    """The first, counted from the top of the raster."""
    pixels: NDArray[np.uint8]
    """[bands, rows, columns] as `BANDS`; 0 where there is no data."""
    valid: NDArray[np.bool_] | None
    """[rows, columns]; None where all have data."""
    heights: NDArray[np.float32] | None = None
    """[2, rows, columns] as `HEIGHT_BANDS`, where they were asked for."""

    @property
    def rows(self) -> int:
        """How many."""
        return int(self.pixels.shape[1])

    @property
    def building(self) -> NDArray[np.float32]:
        """[rows, columns] calibrated probability."""
        return np.asarray(self.pixels[0] * np.float32(1 / 255))

    @property
    def boundary(self) -> NDArray[np.float32]:
        """[rows, columns] probability of a boundary."""
        return np.asarray(self.pixels[1] * np.float32(1 / 255))

    @property
    def frame(self) -> NDArray[np.float32]:
        """[2, rows, columns] cosine and sine of four times the direction of the nearest outline."""
        return (self.pixels[2:4].astype(np.float32) - np.float32(128)) * np.float32(1 / 127)


class Stitcher:
    """Rows of windows in, rows of the raster out. Each output is kept as the network gives it until then."""

    def __init__(self, rows: Axis, columns: Axis, heads: dict[str, int]) -> None:
        self._rows, self._columns, self._heads = rows, columns, heads
        shape = (min(rows.size, rows.total), columns.total)
        self._buffer = {name: np.zeros((*shape, count), np.float32) for name, count in heads.items()}
        self._row = -1
        """Of the raster: the first row of the buffer."""
        self._fresh = 0
        """Of the raster: rows from here on hold nothing yet."""

    def begin(self, index: int) -> None:
        """A row of windows begins."""
        first, last = self._rows.kept(index)
        if self._row < 0:
            self._row = self._fresh = first
        self._last = last

    def add(self, index: int, column: int, outputs: Outputs) -> None:
        """Blend the outputs of a window in: row and column of the window in the grid."""
        top, bottom = self._rows.kept(index)
        left, right = self._columns.kept(column)
        window = (
            slice(top - self._rows.start(index), bottom - self._rows.start(index)),
            slice(left - self._columns.start(column), right - self._columns.start(column)),
        )
        down, across = self._rows.weights(index)[window[0]], self._columns.weights(column)[window[1]]
        done = 0 if column == 0 else self._columns.kept(column - 1)[1] - left
        old = min(max(self._fresh - top, 0), bottom - top)
        for name in self._heads:
            values = outputs[name][0][window]
            _fade(values, down, across)
            there = self._buffer[name][top - self._row : bottom - self._row, left:right]
            there[:old] += values[:old]
            there[old:, :done] += values[old:, :done]
            there[old:, done:] = values[old:, done:]

    def take(self, index: int) -> tuple[int, int, dict[str, NDArray[np.float32]]]:
        """First row, number of rows, and values of what is final after this row of windows.

        They are a view, good until `advance`.
        """
        final = self._rows.done(index) - self._row
        return self._row, final, {name: values[:final] for name, values in self._buffer.items()}

    def advance(self, index: int) -> None:
        """Give up what was taken; rows that a window below still adds to move to the top."""
        done = self._rows.done(index)
        final, rest = done - self._row, self._last - done
        for values in self._buffer.values():
            # A copy, because the two may overlap.
            values[:rest] = values[final : final + rest].copy()
        self._row, self._fresh = done, self._last


def _fade(values: NDArray[np.float32], down: NDArray[np.float32], across: NDArray[np.float32]) -> None:
    """Multiply rows and columns whose weight is not one, which are few."""
    for rows in _runs(down):
        values[rows] *= down[rows, None, None]
    for columns in _runs(across):
        values[:, columns] *= across[columns, None]


def _runs(weights: NDArray[np.float32]) -> list[slice]:
    """The first and the last stretch of weights below one."""
    below = np.flatnonzero(weights < 1)
    if not len(below):
        return []
    middle = np.flatnonzero(weights == 1)
    if not len(middle):
        return [slice(0, len(weights))]
    return [
        s for s in (slice(0, int(middle[0])), slice(int(middle[-1]) + 1, len(weights))) if s.stop > s.start
    ]


class Finish:
    """From values as the network gives them to the bytes of a strip."""

    def __init__(self, card: ModelCard, heads: dict[str, int], *, heights: bool) -> None:
        for name, count in heads.items():
            if card.outputs.get(name, count) != count:
                raise InputError(
                    f"model {card.name}", f"its output {name!r} has {card.outputs[name]} channels", f"{count}"
                )
        self.heads = heads
        self.heights = heights
        self._tables = {
            "building": _table(card.calibration.probability),
            "boundary": _table(Calibration().probability),
        }

    def strip(
        self,
        row: int,
        values: dict[str, NDArray[np.float32]],
        valid: NDArray[np.bool_] | None,
    ) -> Strip:
        """The rows of a strip."""
        rows, columns = values["building"].shape[:2]
        pixels = np.zeros((len(BANDS), rows, columns), np.uint8)
        to_bytes = load_kernel().to_bytes
        for start in range(0, rows, _ROWS):
            part = slice(start, start + _ROWS)
            for band, name in enumerate(("building", "boundary")):
                if name in values:
                    pixels[band, part] = to_bytes(values[name][part], self._tables[name], _RANGE)[0]
            if "frame" in values:
                pixels[2:, part] = to_bytes(values["frame"][part], _NO_TABLE, 0.0)
        heights = self._heights(values) if self.heights else None
        if valid is not None:
            pixels[:, ~valid] = 0
            if heights is not None:
                heights[:, ~valid] = 0
        return Strip(row, pixels, valid, heights)

    @staticmethod
    def _heights(values: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        found = np.ascontiguousarray(values["height"].transpose(2, 0, 1))
        found[1] = np.exp(np.clip(found[1], -_MAX_LOG_SIGMA, _MAX_LOG_SIGMA))
        return found


def _table(probability: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> NDArray[np.uint8]:
    """Bytes of logits from -`_RANGE` to `_RANGE`."""
    logits = (np.arange(_CELLS, dtype=np.float32) + 0.5) * (2 * _RANGE / _CELLS) - _RANGE
    return np.rint(probability(logits.astype(np.float32)) * 255).astype(np.uint8)


def heads_of(card: ModelCard, outputs: tuple[str, ...], *, heights: bool) -> dict[str, int]:
    """Outputs that are kept, and their channels.

    Raises:
        InputError: the network does not give them.
    """
    wanted = dict(_NEEDED) | ({"height": 2} if heights else {})
    if "building" not in outputs:
        raise InputError(
            f"model {card.name}", f"gives {', '.join(outputs)} and no building", "Use a model for scenes"
        )
    if heights and "height" not in outputs:
        raise InputError(f"model {card.name}", "gives no heights", "Ask for none, or use another model")
    return {name: count for name, count in wanted.items() if name in outputs}
