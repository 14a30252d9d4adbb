"""`Footprints`: polygons as flat arrays, with a record of what was mended and what could not be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from geovision.errors import InputError

__all__ = ["Footprints", "Problem", "Repair", "polygon_arrays"]


@dataclass(frozen=True)
class Problem:
    """A record that gave no footprint, and why."""

    id: str
    reason: str

    def __str__(self) -> str:
        return f"footprint {self.id!r}: {self.reason}"


@dataclass(frozen=True)
class Repair:
    """Something about a footprint that was mended."""

    id: str
    what: str

    def __str__(self) -> str:
        return f"footprint {self.id!r}: {self.what}"


@dataclass(frozen=True)
class Footprints:
    """Polygons as CSR arrays; footprint b is rings ring_offsets[b] to ring_offsets[b + 1], shell first.

    Rings are open; those that `read_footprints` returns are valid, shells counter-clockwise and holes
    clockwise. Coordinates are metres in `crs`; z values of the source are dropped.
    """

    ids: list[str]
    ring_offsets: npt.NDArray[np.int64]
    vertex_offsets: npt.NDArray[np.int64]
    xy: npt.NDArray[np.float64]
    crs: str | None = None
    attributes: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """Records that gave no footprint."""
    repairs: list[Repair] = field(default_factory=list)
    """What was mended in the footprints that are here."""
    edge_neighbour: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """[edges, ring by ring] index of the footprint on the other side of each edge, -1 for none. Edge i runs
    from vertex i to the next of its ring. `prepare_footprints` fills it; before, it says -1 throughout."""
    notes: tuple[str, ...] = ()
    """What was assumed about the whole layer, as sentences."""

    def __post_init__(self) -> None:
        if len(self.xy) and not len(self.edge_neighbour):
            object.__setattr__(self, "edge_neighbour", np.full(len(self.xy), -1, np.int32))
        if len(self.edge_neighbour) != len(self.xy):
            raise InputError(
                "footprints",
                f"edge_neighbour has {len(self.edge_neighbour)} values but there are {len(self.xy)} edges",
                "Give one value per vertex, -1 for an edge that nobody shares",
            )

    def __len__(self) -> int:
        return len(self.ids)

    def rings(self, index: int) -> list[npt.NDArray[np.float64]]:
        """The rings of one footprint, shell first."""
        first, last = self.ring_offsets[index], self.ring_offsets[index + 1]
        cuts = self.vertex_offsets
        return [self.xy[cuts[ring] : cuts[ring + 1]] for ring in range(first, last)]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        low, high = self.xy.min(axis=0), self.xy.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    def boxes(self) -> npt.NDArray[np.float64]:
        """[n, 4] west, south, east, north of every footprint."""
        if not len(self):
            return np.zeros((0, 4))
        first = self.vertex_offsets[self.ring_offsets[:-1]]
        return np.hstack([np.minimum.reduceat(self.xy, first), np.maximum.reduceat(self.xy, first)])

    def polygons(self) -> npt.NDArray[np.object_]:
        """The footprints as shapely polygons."""
        import shapely

        rings = np.diff(self.vertex_offsets)
        ring_of = np.repeat(np.arange(len(rings)), rings)
        linear = shapely.linearrings(self.xy, indices=ring_of) if len(self.xy) else np.zeros(0, object)
        owner = np.repeat(np.arange(len(self)), np.diff(self.ring_offsets))
        return np.asarray(shapely.polygons(linear, indices=owner)) if len(self) else np.zeros(0, object)

    def neighbours(self, index: int) -> list[int]:
        """Indices of the footprints that share an edge with this one, ascending."""
        first, last = self.vertex_offsets[self.ring_offsets[[index, index + 1]]]
        return sorted(set(self.edge_neighbour[first:last].tolist()) - {-1})

    def take(self, indices: Sequence[int] | npt.NDArray[Any]) -> Footprints:
        """Some of the footprints, in the order given; neighbours that are left out become -1."""
        keep = np.asarray(indices, np.int64)
        rings = _ranges(self.ring_offsets, keep)
        vertices = _ranges(self.vertex_offsets, rings)
        place = np.full(len(self) + 1, -1, np.int32)
        place[keep] = np.arange(len(keep))
        place[-1] = -1
        return replace(
            self,
            ids=[self.ids[index] for index in keep],
            ring_offsets=_offsets(np.diff(self.ring_offsets)[keep]),
            vertex_offsets=_offsets(np.diff(self.vertex_offsets)[rings]),
            xy=self.xy[vertices],
            attributes=[self.attributes[index] for index in keep] if self.attributes else [],
            edge_neighbour=place[self.edge_neighbour[vertices]],
        )


def polygon_arrays(
    polygons: npt.NDArray[np.object_],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Ring offsets, vertex offsets and coordinates of shapely polygons; shells ccw, holes cw, rings open."""
    import shapely

    array = np.asarray(polygons, dtype=object)
    rings, owner = shapely.get_rings(array, return_index=True)
    shell = np.ones(len(rings), bool)
    shell[1:] = owner[1:] != owner[:-1]
    turned = shapely.is_ccw(rings) != shell
    rings = np.where(turned, shapely.reverse(rings), rings)
    coords, ring_of = shapely.get_coordinates(rings, return_index=True)
    # Rings come closed; the last vertex of each is the first again.
    last = np.append(np.diff(ring_of) != 0, True) if len(ring_of) else np.zeros(0, bool)
    sizes = np.bincount(ring_of, minlength=len(rings)) - 1
    ring_counts = np.bincount(owner, minlength=len(array))
    return _offsets(ring_counts), _offsets(sizes), np.ascontiguousarray(coords[~last])


def _offsets(sizes: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)


def _ranges(offsets: npt.NDArray[np.int64], keep: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The concatenated ranges offsets[k] to offsets[k + 1] of every k in `keep`."""
    sizes = (offsets[1:] - offsets[:-1])[keep]
    shift = np.repeat(offsets[keep] - (np.cumsum(sizes) - sizes), sizes)
    return np.asarray(np.arange(int(sizes.sum()), dtype=np.int64) + shift)
