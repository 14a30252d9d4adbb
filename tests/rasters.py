"""Small rasters with known values, as files and as arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

__all__ = ["RD", "plane", "smooth", "write_tif"]

RD = "EPSG:28992"


def smooth(rows: int, columns: int, bands: int = 1, seed: int = 0) -> NDArray[np.float64]:
    """[bands, rows, columns] waves between 0 and 1, no two pixels alike, smooth over a few pixels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    out = np.zeros((bands, rows, columns))
    for band in range(bands):
        for _ in range(4):
            fx, fy, phase = rng.uniform(0.02, 0.15), rng.uniform(0.02, 0.15), rng.uniform(0, 6)
            out[band] += np.sin(fx * x + fy * y + phase)
    return np.asarray((out - out.min()) / (out.max() - out.min()))


def plane(transform: Affine, rows: int, columns: int, a: float, b: float, c: float) -> NDArray[np.float64]:
    """Heights a x + b y + c at the pixels' centres."""
    column, row = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
    x, y = transform @ (column, row)
    return np.asarray(a * x + b * y + c)


def write_tif(
    path: Path,
    data: NDArray[Any],
    transform: Affine | tuple[float, ...],
    crs: str | None = RD,
    **profile: Any,
) -> Path:
    """Write [bands, h, w] or [h, w]; `mask`, `colorinterp`, `scales`, `offsets`, `units` are set as well."""
    data = data[None] if data.ndim == 2 else data
    later = {
        name: profile.pop(name)
        for name in ("mask", "colorinterp", "scales", "offsets", "units")
        if name in profile
    }
    settings = {"driver": "GTiff", "tiled": True, "blockxsize": 64, "blockysize": 64, **profile}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path,
            "w",
            height=data.shape[1],
            width=data.shape[2],
            count=len(data),
            dtype=data.dtype,
            crs=crs,
            transform=Affine(*tuple(transform)[:6]),
            **settings,
        ) as dataset,
    ):
        if "colorinterp" in later:
            dataset.colorinterp = later.pop("colorinterp")
        dataset.write(data)
        if "mask" in later:
            dataset.write_mask(later.pop("mask"))
        for name, value in later.items():
            setattr(dataset, name, value)
    return path
