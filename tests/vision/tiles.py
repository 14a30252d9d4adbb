"""A folder of small tiles: bright houses on dark ground."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from geovision.vision.data import Tile, TileStore, tile_of_rasters


def make_tile(name: str) -> Tile:
    rng = np.random.default_rng(int(name))
    ids = np.full((96, 96), -1, np.int32)
    for number in range(6):
        row, column, height, width = rng.integers([0, 0, 12, 12], [80, 80, 30, 30])
        ids[row : row + height, column : column + width] = number
    on = ids >= 0
    image = rng.integers(40, 90, (3, 96, 96)) + 120 * on
    heights = (6.0 * on + rng.normal(0, 0.1, on.shape)).astype(np.float32)
    return tile_of_rasters(ids, 0.3, image=image.astype(np.uint8), ndsm=heights)


def make_tiles(folder: Path, first: int = 0, count: int = 3) -> Path:
    TileStore.fill(folder, {"houses": first}, [str(first + n) for n in range(count)], make_tile)
    return folder


CONFIG = """
name = "houses"
steps = 4
[network]
size = "tiny"
[data]
batch = 2
crop = 64
[[data.groups]]
folder = "{folder}/seen"
[data.validation.unseen]
folder = "{folder}/unseen"
batches = 1
[run]
log_every = 1
save_every = 1
"""


def write_config(folder: Path) -> Path:
    """Tiles and a configuration that learns from them."""
    make_tiles(folder / "seen")
    make_tiles(folder / "unseen", 50, 1)
    path = folder / "houses.toml"
    path.write_text(CONFIG.format(folder=folder))
    return path
