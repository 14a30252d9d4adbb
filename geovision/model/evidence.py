"""`Evidence`: all that is known of one building, in plain arrays near the origin.

`sources` makes it, `vision` enriches it, `inverse` reads it. It holds no file handle, is small, and pickles.
This module needs NumPy alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError

if TYPE_CHECKING:
    from geovision.model.program import Program

__all__ = ["Evidence", "ImagePatch", "PointKind", "PointSource", "Proposal"]

F64 = NDArray[np.float64]


class PointKind(IntEnum):
    """What a point is taken for, from its class or from geometry."""

    UNKNOWN = 0
    """No class and no judgement: may be roof, wall, tree or anything else."""
    BUILDING = 1
    GROUND = 2
    VEGETATION = 3
    NEIGHBOUR = 4
    """Lies in the footprint of a neighbour."""
    OTHER = 5
    """Water, bridge, noise: known not to be this building."""


class PointSource(IntEnum):
    """What measured a point."""

    LIDAR = 0
    CELL = 1
    """The centre of a height raster's cell, which blurs edges over about one cell."""


@dataclass(frozen=True)
class Proposal:
    """A program that somebody (the roof network, an older epoch) thinks this building may have."""

    program: Program
    """In the CRS of the evidence, not in its local frame."""
    confidence: float


@dataclass(frozen=True)
class ImagePatch:
    """A north-up cut of an orthophoto round the building."""

    pixels: NDArray[Any]
    """[bands, height, width]"""
    left: float
    """x of the western border, in the local frame."""
    top: float
    """y of the northern border, in the local frame."""
    cell_m: float
    bands: tuple[str, ...] = ()
    """Names as in ("red", "green", "blue")."""


def _no_points() -> F64:
    return np.zeros((0, 3))


@dataclass(frozen=True)
class Evidence:
    """What is known of one building. Every coordinate but `origin` is local: metres from `origin`.

    >>> square = np.array([[0.0, 0.0], [8.0, 0.0], [8.0, 6.0], [0.0, 6.0]])
    >>> roof = np.array([[2.0, 3.0, 7.5], [6.0, 3.0, 7.4]])
    >>> evidence = Evidence("NL.1042", np.array([85000.0, 446000.0, 0.0]), (square,), points=roof)
    >>> evidence.area, len(evidence.points), evidence.point_sigma.tolist()
    (48.0, 2, [0.05000000074505806, 0.05000000074505806])
    """

    id: str
    """The footprint's own id, stable from run to run."""
    origin: F64
    """[3] whole metres in `crs`, taken from the building itself and never from a tile."""
    rings: tuple[F64, ...]
    """Open rings [n, 2]: the shell counter-clockwise, then the holes clockwise; valid and noded."""
    ground_z: float = 0.0
    """Base height of the building: what its walls stand on."""
    ground_known: bool = False
    """False where `ground_z` is a guess because nothing showed the ground."""
    ring_ground: tuple[F64, ...] = ()
    """Height of the terrain at every ring vertex, ring by ring: with `rings`, the ground polygon.
    Empty where it is not known."""
    points: F64 = field(default_factory=_no_points)
    """[n, 3] inside the footprint and in a margin round it."""
    point_sigma: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    """[n] standard deviation of the height, metres. Empty: 0.05 for all."""
    point_kind: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    """[n] of `PointKind`. Empty: all UNKNOWN."""
    point_source: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    """[n] of `PointSource`. Empty: all LIDAR."""
    point_share: float = 1.0
    """What a point counts of one that errs by itself; less where neighbours err together, as the cells of a
    matched height raster do in waves."""
    cell_m: float = 0.0
    """Cell size of the height raster behind points whose source is CELL; 0 where there are none."""
    neighbours: tuple[str, ...] = ()
    """Ids of buildings that share a wall line with this one."""
    edge_neighbour: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """[edges, ring by ring] index into `neighbours` of who shares the edge, -1 for nobody. Edge i runs from
    vertex i to the next of its ring. Empty: nobody."""
    image: ImagePatch | None = None
    cues: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Learned values per point, by name; each [n] or [n, k]."""
    proposals: tuple[Proposal, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """The footprint's attributes: text, numbers, truth values."""
    crs: str | None = None
    notes: tuple[str, ...] = ()
    """What was assumed or repaired on the way here, as sentences."""

    def __post_init__(self) -> None:
        count = len(self.points)
        fill = (("point_sigma", 0.05, np.float32), ("point_kind", 0, np.uint8), ("point_source", 0, np.uint8))
        for name, value, dtype in fill:
            if count and not len(getattr(self, name)):
                object.__setattr__(self, name, np.full(count, value, dtype))
        edges = sum(len(ring) for ring in self.rings)
        if edges and not len(self.edge_neighbour):
            object.__setattr__(self, "edge_neighbour", np.full(edges, -1, np.int32))
        self._check(count, edges)

    def _check(self, count: int, edges: int) -> None:
        thing = f"evidence {self.id!r}"
        lengths = {name: len(getattr(self, name)) for name in ("point_sigma", "point_kind", "point_source")}
        lengths |= {f"cues[{name!r}]": len(value) for name, value in self.cues.items()}
        for name, length in lengths.items():
            if length != count:
                problem = f"{name} has {length} values but there are {count} points"
                raise InputError(thing, problem, "Give one value per point")
        if len(self.edge_neighbour) != edges:
            problem = f"edge_neighbour has {len(self.edge_neighbour)} values but the rings have {edges} edges"
            raise InputError(thing, problem, "Give one value per edge, -1 for an edge that nobody shares")
        if self.origin.shape != (3,) or not np.isfinite(self.origin).all():
            raise InputError(
                thing, f"origin is {self.origin}", "Give three finite whole metres: x, y and z of the frame"
            )
        if not self.rings or any(
            ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3 for ring in self.rings
        ):
            raise InputError(thing, "a ring has under 3 corners", "Give open rings [n, 2], the shell first")
        if self.points.shape != (count, 3) or not np.isfinite(self.points).all():
            raise InputError(thing, "points are not finite [n, 3]", "Drop the points that are not finite")

    @property
    def area(self) -> float:
        """Plan area of the footprint in square metres, holes taken off."""
        return float(sum(_signed_area(ring) for ring in self.rings))

    def digest(self) -> str:
        """SHA-256 of everything a fit may depend on; equal evidence has equal digests on every machine."""
        said: list[bytes] = []
        for name, text in _DIGESTED:
            said.append(text)
            _say(getattr(self, name), said)
        return hashlib.sha256(b"".join(said)).hexdigest()


_DIGESTED = tuple(
    (item.name, item.name.encode()) for item in fields(Evidence) if item.name not in ("notes", "image")
)


def _signed_area(ring: F64) -> float:
    x, y = ring[:, 0] - ring[0, 0], ring[:, 1] - ring[0, 1]
    after = np.concatenate([ring[1:], ring[:1]]) - ring[0]
    return 0.5 * float(x @ np.ascontiguousarray(after[:, 1]) - y @ np.ascontiguousarray(after[:, 0]))


def _say(value: Any, said: list[bytes]) -> None:
    """Adds the bytes that stand for a value."""
    if isinstance(value, np.ndarray):
        said.append(f"{value.dtype.str}{value.shape}".encode())
        said.append(value.tobytes())
    elif isinstance(value, tuple):
        for item in value:
            _say(item, said)
    elif isinstance(value, (str, float, int)) or value is None:
        said.append(repr(value).encode())
    elif isinstance(value, Mapping):
        for key in sorted(value):
            said.append(str(key).encode())
            _say(value[key], said)
    elif isinstance(value, Proposal):
        said.append(f"{value.program.digest()}{value.confidence!r}".encode())
    else:
        said.append(repr(value).encode())
