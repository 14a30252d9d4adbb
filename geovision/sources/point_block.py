"""Points as columns: what the reader gives and what the evidence is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError

__all__ = ["PointBlock"]


@dataclass(frozen=True)
class PointBlock:
    """Points as columns. Coordinates are metres in the CRS that was asked for; heights are metres."""

    xyz: NDArray[np.float64]
    """[n, 3]"""
    classification: NDArray[np.uint8]
    """[n] ASPRS class: 2 ground, 3 to 5 vegetation, 6 building, 9 water ..."""
    return_number: NDArray[np.uint8]
    number_of_returns: NDArray[np.uint8]
    """[n] 0 where the file does not say."""
    flags: NDArray[np.uint8]
    """[n] bits: 1 synthetic, 2 key point, 4 withheld, 8 overlap."""
    intensity: NDArray[np.uint16]
    source_id: NDArray[np.uint16]
    """[n] flight line."""
    colour: NDArray[np.uint16]
    """[n, bands] red, green, blue and near infrared; 0, 3 or 4 bands."""
    classes: frozenset[int] = frozenset()
    """Classes in the whole set that these come from. A window may lack some by chance, and what is made of a
    point must not depend on the window."""

    def __len__(self) -> int:
        return len(self.xyz)

    @property
    def nbytes(self) -> int:
        """Memory of the columns."""
        return sum(getattr(self, name).nbytes for name in _COLUMNS)

    @classmethod
    def of(cls, xyz: NDArray[Any], classification: NDArray[Any] | None = None) -> PointBlock:
        """A block from arrays in memory; `classification` where there is one.

        >>> block = PointBlock.of(np.array([[0.0, 0.0, 2.5], [1.0, 0.0, 2.6]]), np.array([6, 2]))
        >>> len(block), block.classes
        (2, frozenset({2, 6}))
        """
        xyz = np.ascontiguousarray(xyz, np.float64)
        if xyz.ndim != 2 or xyz.shape[1] != 3:
            raise InputError("points", f"have shape {xyz.shape}", "Give an array [n, 3]")
        count = len(xyz)
        if classification is not None and len(classification) != count:
            raise InputError(
                "points",
                f"classification has {len(classification)} values but there are {count} points",
                "Give one class per point",
            )
        classes = (
            np.zeros(count, np.uint8) if classification is None else np.asarray(classification, np.uint8)
        )
        return replace(
            cls.empty(),
            xyz=xyz,
            classification=classes,
            return_number=np.zeros(count, np.uint8),
            number_of_returns=np.zeros(count, np.uint8),
            flags=np.zeros(count, np.uint8),
            intensity=np.zeros(count, np.uint16),
            source_id=np.zeros(count, np.uint16),
            colour=np.zeros((count, 0), np.uint16),
            classes=frozenset(int(code) for code in np.unique(classes)),
        )

    @classmethod
    def empty(cls, bands: int = 0) -> PointBlock:
        """A block without points."""
        byte, word = np.zeros(0, np.uint8), np.zeros(0, np.uint16)
        return cls(np.zeros((0, 3)), byte, byte, byte, byte, word, word, np.zeros((0, bands), np.uint16))

    def take(self, chosen: NDArray[Any]) -> PointBlock:
        """The points of a mask or of indices."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in _COLUMNS})

    @classmethod
    def join(cls, blocks: Sequence[PointBlock]) -> PointBlock:
        """One block of many; colour only where all have the same bands."""
        if not blocks:
            return cls.empty()
        if len(blocks) == 1:
            return blocks[0]
        bands = {block.colour.shape[1] for block in blocks}
        columns = {name: [getattr(block, name) for block in blocks] for name in _COLUMNS}
        if len(bands) > 1:
            least = 3 if min(bands) else 0
            columns["colour"] = [colour[:, :least] for colour in columns["colour"]]
        joined = {name: np.concatenate(parts) for name, parts in columns.items()}
        return cls(**joined, classes=frozenset().union(*(block.classes for block in blocks)))


_COLUMNS = tuple(item.name for item in fields(PointBlock) if item.name != "classes")
