"""What a run will take, from what runs took: seconds and bytes a building and a tile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["tile_bytes", "whole_estimate"]

CPU_S_PER_BUILDING = 0.02
"""Of LiDAR with 10 to 30 points a square metre, reading and fitting; see docs/batch.md."""
CPU_S_PER_TILE = 0.5
_BYTES_PER_TILE = 16_000
_BYTES_PER_BUILDING = 1_100
_BYTES_OF_FORMAT = {"cityjsonseq": 9_000, "parquet": 3_000, "glb": 6_000, "obj": 8_000, "ply": 4_000}


def tile_bytes(buildings: int, formats: Sequence[str]) -> int:
    """Bytes that the files of a tile are thought to take."""
    each = _BYTES_PER_BUILDING + sum(_BYTES_OF_FORMAT.get(name, 6_000) for name in formats)
    return _BYTES_PER_TILE + buildings * each


def whole_estimate(tiles: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Sums over all tiles."""
    buildings, count = sum(tiles["buildings"]), len(tiles["buildings"])
    return {
        "tiles": count,
        "buildings": buildings,
        "bytes": sum(tiles["bytes"]),
        "cpu_s": round(buildings * CPU_S_PER_BUILDING + count * CPU_S_PER_TILE, 1),
        "most_buildings": max(tiles["buildings"], default=0),
    }
