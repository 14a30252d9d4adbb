"""Ways to cut a footprint into simple pieces along its own walls."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["decompose"]


def decompose(
    ring: ArrayLike, *, most_pieces: int = 6, most_ways: int = 6
) -> list[list[NDArray[np.float64]]]:
    """Ways to cut a ring at its reflex corners, best first; each is a list of rings that tile it.

    Args:
        ring: open ring [n, 2] in metres, either way round.
        most_pieces: a way with more pieces is given up.
        most_ways: how many ways at most.

    >>> ell = [(0, 0), (9, 0), (9, 4), (4, 4), (4, 8), (0, 8)]
    >>> [[len(piece) for piece in way] for way in decompose(ell)]
    [[4, 5], [5, 4], [4, 4]]
    """
    from geovision import _kernel

    return _kernel.decompose_ring(
        np.asarray(ring, np.float64), {"most_pieces": most_pieces, "most_ways": most_ways}
    )
