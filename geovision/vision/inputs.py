"""The input of the scene network: one table of channels, in raw units, with a plane of validity per group.

Values go in as they are stored (bytes of an image, metres of a height raster); the network normalises them.
A group that was not given, and every pixel without data, is 0 with a validity of 0: the network is trained
with groups left out, so that one set of weights serves what a user has.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from geovision._native import load_kernel
from geovision.errors import InputError, UsageError

__all__ = ["CHANNELS", "GROUPS", "MULTIPLE", "channels_of", "stack", "validity_of"]

GROUPS: dict[str, tuple[str, ...]] = {
    "rgb": ("red", "green", "blue"),
    "nir": ("nir",),
    "ndsm": ("ndsm",),
    "footprints": ("footprints",),
    "roads": ("roads",),
    "parcels": ("parcels",),
}
"""What a user gives or leaves out as one: bands of an image (0 to 255), metres above the ground, and vector
layers drawn as shares of covered pixel (0 to 1)."""

CHANNELS: tuple[str, ...] = (
    *(band for bands in GROUPS.values() for band in bands),
    *(f"has_{group}" for group in GROUPS),
)
"""Names of the input's channels in their order: the bands of all groups, then a validity plane for each."""

MULTIPLE = 32
"""Rows and columns of an input must be multiples of this."""


def channels_of(group: str) -> slice:
    """Where the bands of a group lie.

    >>> channels_of("rgb"), channels_of("ndsm")
    (slice(0, 3, None), slice(4, 5, None))
    """
    if group not in GROUPS:
        raise UsageError(f"input group {group!r}", "is not known", f"Use one of {', '.join(GROUPS)}")
    start = CHANNELS.index(GROUPS[group][0])
    return slice(start, start + len(GROUPS[group]))


def validity_of(group: str) -> int:
    """Where the validity plane of a group lies.

    >>> validity_of("rgb"), len(CHANNELS)
    (8, 14)
    """
    channels_of(group)
    return CHANNELS.index(f"has_{group}")


def stack(
    groups: Mapping[str, NDArray[np.generic]],
    valid: Mapping[str, NDArray[np.bool_] | None] | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Bring the groups that are there into one input [rows, columns, channels].

    Values that are not finite, and pixels that `valid` marks as without data, become 0 with a validity of 0.

    >>> x = stack({"ndsm": np.array([[3.5, np.nan]])})
    >>> x.shape, x[0, :, channels_of("ndsm")].ravel().tolist(), x[0, :, validity_of("ndsm")].tolist()
    ((1, 2, 14), [3.5, 0.0], [1.0, 0.0])

    Args:
        groups: by name as in `GROUPS`, [bands, rows, columns], or [rows, columns] for one band.
        valid: by name, True where there is data; all of it where a group is not named.
        out: filled and returned, where it is given.
    """
    if not groups:
        raise InputError("input", "holds no group", f"Give at least one of {', '.join(GROUPS)}")
    shape = next(iter(groups.values())).shape[-2:]
    if out is None:
        out = np.empty((*shape, len(CHANNELS)), np.float32)
    planes = []
    for name, values in groups.items():
        where = channels_of(name)
        bands = values[None] if values.ndim == 2 else values
        want = (where.stop - where.start, *shape)
        if bands.shape != want:
            problem = f"has shape {bands.shape}; expected {want} (bands, rows, columns)"
            raise InputError(f"input group {name!r}", problem, "Cut all groups on one grid")
        if bands.dtype not in (np.uint8, np.float32) or bands.strides[2] != bands.itemsize:
            bands = np.ascontiguousarray(bands, np.float32)
        mask = (valid or {}).get(name)
        if mask is not None and (mask.dtype != np.bool_ or mask.strides[1] != 1):
            mask = np.ascontiguousarray(mask, np.bool_)
        planes.append((bands, mask, where.start, validity_of(name)))
    load_kernel().stack_groups(planes, out)
    return out
