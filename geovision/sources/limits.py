"""How much a source may hold: checked from headers, before anything is read, and raised by option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from geovision.errors import InputError, UsageError

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """Upper bounds on what strangers' files may ask of this machine. Raise one by naming it.

    >>> Limits().check("pixels", 40_000_000_000, "raster ortho.tif")
    Traceback (most recent call last):
    ...
    geovision.errors.InputError: raster ortho.tif: has 40,000,000,000 pixels; the limit is 20,000,000,000. If
    that is right, raise it: pixels = 40000000000 under [limits], --limit pixels=40000000000, or
    Limits(pixels=...).
    """

    files: int = 100_000
    """Files of one role."""
    pixels: int = 20_000_000_000
    """Pixels of one raster file, or of one tile pyramid."""
    window_values: int = 1 << 29
    """Values (pixels times bands) of one window that is asked for."""
    block_bytes: int = 1 << 28
    """Decoded size of one block of a raster file: the least that GDAL can read of it."""
    expansion: int = 2_000
    """Decoded bytes per stored byte of a raster file whose decoded size is over 1 GiB."""
    tiles: int = 2_000_000
    """Tiles of a scene without footprints: 500,000 km² in tiles of 500 m."""
    points: int = 20_000_000_000
    """Points of one LAS, LAZ or COPC file."""
    window_points: int = 200_000_000
    """Points of one window that is asked for."""
    features: int = 20_000_000
    """Records of one vector file."""
    vertices: int = 400_000_000
    """Vertices of one vector file."""

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise UsageError(f"limit {item.name} = {value!r}", "is not a count", "Give a whole number")

    def check(self, name: str, value: int, thing: str) -> None:
        """Raise an `InputError` that names `thing` and the option where `value` is over the limit `name`."""
        allowed: int = getattr(self, name)
        if value > allowed:
            what = name.replace("_", " ")
            raise InputError(
                thing,
                f"has {value:,} {what}; the limit is {allowed:,}",
                f"If that is right, raise it: {name} = {value} under [limits], --limit {name}={value}, "
                f"or Limits({name}=...)",
            )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Limits:
        """Limits from names and numbers, as a file or a command line gives them."""
        known = {item.name for item in fields(cls)}
        for name in values:
            if name not in known:
                raise UsageError(
                    f"limit {name!r}", "does not exist", f"Use one of {', '.join(sorted(known))}"
                )
        return cls(**values)
