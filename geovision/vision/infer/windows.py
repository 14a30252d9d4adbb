"""Windows along one axis of a raster, and the weights that blend them without a seam.

Neighbours overlap. In the overlap each gives up the outermost `halo` pixels, whose result lacks context,
and over the next `feather` pixels one fades in as the other fades out: the weights of a pixel sum to one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError

__all__ = ["Axis", "make_axis"]


@dataclass(frozen=True)
class Axis:
    """Windows of one size that cover `total` pixels; the last may reach past the end.

    >>> axis = Axis(total=200, size=128, halo=8, feather=16)
    >>> axis.count, [axis.start(i) for i in range(axis.count)], axis.kept(0), axis.kept(1)
    (2, [0, 96], (0, 120), (104, 200))
    """

    total: int
    size: int
    halo: int
    feather: int
    phase: int = 0
    """The first window starts this many pixels before the first pixel."""

    @property
    def step(self) -> int:
        """Pixels from one window to the next."""
        return self.size - 2 * self.halo - self.feather

    @property
    def count(self) -> int:
        """How many windows there are."""
        beyond = self.total + self.phase - self.size
        return 1 if beyond <= 0 else 1 - (-beyond // self.step)

    def start(self, index: int) -> int:
        """First pixel of a window."""
        return index * self.step - self.phase

    def kept(self, index: int) -> tuple[int, int]:
        """Pixels of the raster to which the window contributes: first, and one past the last."""
        start = self.start(index)
        first = start if index == 0 else start + self.halo
        last = start + self.size if index == self.count - 1 else start + self.size - self.halo
        return max(first, 0), min(last, self.total)

    def done(self, index: int) -> int:
        """Pixels that are final once this window and those before it are in."""
        last = index == self.count - 1
        return self.total if last else min(max(self.start(index + 1) + self.halo, 0), self.total)

    def needed(self, pixel: int) -> int:
        """The first window that contributes to a pixel or to one after it."""
        index = 0
        while index < self.count - 1 and self.kept(index)[1] <= pixel:
            index += 1
        return index

    def weights(self, index: int) -> NDArray[np.float32]:
        """[size] weights of a window's pixels."""
        out = np.ones(self.size, np.float32)
        rise = (np.arange(self.feather, dtype=np.float32) + np.float32(0.5)) / np.float32(
            max(self.feather, 1)
        )
        inner = self.halo + self.feather
        if index > 0:
            out[: self.halo] = 0
            out[self.halo : inner] = rise
        if index < self.count - 1:
            out[self.size - self.halo :] = 0
            out[self.size - inner : self.size - self.halo] = np.float32(1) - rise
        return out


def make_axis(
    total: int, most: int, halo: int, feather: int, multiple: int, phase: int | None = None
) -> Axis:
    """The fewest windows of at most `most` pixels, and of these the smallest.

    >>> make_axis(1000, 512, 16, 16, 32).size, make_axis(1000, 512, 16, 16, 32).count
    (384, 3)

    Args:
        total: pixels to cover.
        most: largest size of a window; brought to a multiple of `multiple`.
        halo: see `Axis`.
        feather: see `Axis`.
        multiple: sizes are multiples of this.
        phase: given, windows have the size `most` and the grid starts so many pixels early.
    """
    lost = 2 * halo + feather
    largest = most // multiple * multiple
    if largest < lost + multiple or largest < 3 * lost // 2:
        raise UsageError(
            f"window {most}",
            f"leaves no room for a halo of {halo} and a feather of {feather}",
            f"Use {-(-max(lost + multiple, 3 * lost // 2) // multiple) * multiple} or more",
        )
    if phase is not None:
        return Axis(total, largest, halo, feather, phase % (largest - lost))
    count = max(1, -(-(total - lost) // (largest - lost)))
    # One pixel less would need a window more.
    size = -(-(total - lost) // count) + lost
    return Axis(total, max(-(-size // multiple), 1) * multiple, halo, feather)
