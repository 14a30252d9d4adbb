"""Training data: tiles with labels, kept in a folder, and the crops that are cut from them.

Needs NumPy alone, so that networks are trained where no GDAL is; only `real` reads files of the trade.
"""

from geovision.vision.data.batch import Batch
from geovision.vision.data.crops import CropRules
from geovision.vision.data.source import TileGroup, TileSource
from geovision.vision.data.store import TileStore
from geovision.vision.data.tile import Tile, tile_of_patch, tile_of_rasters

__all__ = [
    "Batch",
    "CropRules",
    "Tile",
    "TileGroup",
    "TileSource",
    "TileStore",
    "tile_of_patch",
    "tile_of_rasters",
]
