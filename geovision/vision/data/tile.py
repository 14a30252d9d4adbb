"""`Tile`: one place with its measurements and its labels on one grid, ready to cut training crops from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.vision.data.outline_labels import boundary_of, frame_of, parcels_of

__all__ = ["NO_KIND", "Tile", "tile_of_patch", "tile_of_rasters"]

NO_KIND = 18
"""The class of the kind head for pixels that are no roof; the codes of `RoofKind` lie below."""


@dataclass(frozen=True)
class Tile:
    """Arrays of one grid [rows, columns], bands first; what is not known of the place is None."""

    cell_m: float
    ids: NDArray[np.int32]
    """Number of the building, counted from 0 within the tile; -1 for none."""
    frame: NDArray[np.int8]
    """[2] 127 times cosine and sine of four times the direction of the nearest wall; 0 far from walls."""
    known: NDArray[np.bool_]
    """Where the outlines of buildings are known."""
    image: NDArray[np.uint8] | None = None
    """[3 or 4] red, green, blue, near infrared."""
    image_valid: NDArray[np.bool_] | None = None
    """None: everywhere."""
    ndsm: NDArray[np.float32] | None = None
    """Measured metres above the ground, NaN in holes."""
    height: NDArray[np.float32] | None = None
    """True metres above the ground of buildings and ground, trees left out."""
    normal: NDArray[np.int8] | None = None
    """[3] 127 times the unit normal: east, north, up."""
    kind: NDArray[np.uint8] | None = None
    """Code of the roof's kind, `NO_KIND` off the buildings."""
    roads: NDArray[np.bool_] | None = None
    parcels: NDArray[np.bool_] | None = None
    """Lines between parcels."""

    def __post_init__(self) -> None:
        shape = self.ids.shape
        for name, value in self.arrays().items():
            if value.shape[-2:] != shape:
                problem = f"has shape {value.shape}, but the ids have {shape}"
                raise InputError(f"tile layer {name!r}", problem, "Give all layers on one grid")

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The layers that are there, by name."""
        names = [name for name in self.__dataclass_fields__ if name != "cell_m"]
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    @property
    def boundary(self) -> NDArray[np.bool_]:
        """The band along the outlines that the network is to find."""
        return boundary_of(self.ids, self.cell_m)


def tile_of_rasters(
    ids: NDArray[np.int32],
    cell_m: float,
    *,
    image: NDArray[np.uint8] | None = None,
    image_valid: NDArray[np.bool_] | None = None,
    ndsm: NDArray[np.float32] | None = None,
    known: NDArray[np.bool_] | None = None,
) -> Tile:
    """A tile of a real place: outlines as ids, and what was measured there.

    >>> ids = np.full((40, 40), -1, np.int32)
    >>> ids[10:30, 12:28] = 0
    >>> tile = tile_of_rasters(ids, 0.5, ndsm=np.zeros((40, 40), np.float32))
    >>> sorted(tile.arrays()), int(tile.boundary.sum()) > 60
    (['frame', 'ids', 'known', 'ndsm', 'parcels'], True)
    """
    return Tile(
        cell_m,
        ids,
        frame_of(ids, cell_m),
        np.ones(ids.shape, bool) if known is None else known,
        image=image,
        image_valid=image_valid,
        ndsm=ndsm,
        parcels=parcels_of(ids),
    )


def tile_of_patch(
    cell_m: float,
    image: NDArray[np.uint8],
    dsm: NDArray[np.float32],
    dtm: NDArray[np.float32],
    labels: Mapping[str, NDArray[Any]],
    roads: NDArray[np.bool_],
) -> Tile:
    """A tile of a synthetic patch, which knows everything. `labels` are those of `pipeline.synth.stream`."""
    building = np.asarray(labels["building"], np.int32)
    numbers, order = np.unique(building, return_inverse=True)
    ids = np.asarray(order).reshape(building.shape).astype(np.int32) - np.int32(numbers[0] < 0)
    kind = np.asarray(labels["roof_kind"], np.uint8)
    return Tile(
        cell_m,
        ids,
        frame_of(ids, cell_m),
        np.ones(ids.shape, bool),
        image=image,
        ndsm=dsm - dtm,
        height=np.asarray(labels["height"], np.float32),
        normal=np.asarray(labels["normal"], np.int8),
        kind=np.where((ids >= 0) & (kind < NO_KIND), kind, np.uint8(NO_KIND)),
        roads=roads,
        parcels=parcels_of(ids),
    )
