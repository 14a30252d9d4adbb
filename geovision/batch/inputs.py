"""The footprints of each tile, with their neighbours: prepared once, when a run is planned, for workers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from geovision.errors import InputError
from geovision.formats.atomic import atomic_path
from geovision.sources import Footprints

__all__ = ["FootprintParts", "digest_of_footprints", "write_footprint_parts"]

_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("attributes", pa.string()),
        ("rings", pa.list_(pa.int32())),
        ("xy", pa.list_(pa.float64())),
        ("edge_neighbour", pa.list_(pa.int32())),
    ]
)


def write_footprint_parts(path: Path, parts: Iterable[Footprints], crs: str | None) -> None:
    """Write a record batch for each tile, in order; one footprint may be in several."""
    schema = _SCHEMA.with_metadata({"crs": crs or ""})
    with atomic_path(path) as temporary, pa.ipc.new_file(str(temporary), schema) as writer:
        for part in parts:
            writer.write_batch(_batch(part, schema))


def _batch(part: Footprints, schema: pa.Schema) -> pa.RecordBatch:
    sizes = np.diff(part.vertex_offsets)
    vertices = part.vertex_offsets[part.ring_offsets]
    columns = [
        pa.array(part.ids, pa.string()),
        pa.array([json.dumps(row) for row in part.attributes or [{}] * len(part)], pa.string()),
        _lists(part.ring_offsets, sizes.astype(np.int32)),
        _lists(vertices * 2, np.ascontiguousarray(part.xy).ravel()),
        _lists(vertices, part.edge_neighbour),
    ]
    return pa.record_batch(columns, schema=schema)


def _lists(offsets: Any, values: Any) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values))


class FootprintParts:
    """The file of all parts, mapped into memory: a worker touches the pages of its tiles alone."""

    def __init__(self, path: Path) -> None:
        try:
            self._reader = pa.ipc.open_file(pa.memory_map(str(path)))
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"footprints {path}", f"cannot be read ({error})", "Plan again") from error
        self._crs = (self._reader.schema.metadata or {}).get(b"crs", b"").decode() or None

    def __len__(self) -> int:
        return int(self._reader.num_record_batches)

    def part(self, index: int) -> Footprints:
        """Those of one tile."""
        batch = self._reader.get_batch(index)
        rings, xy, edges = (batch.column(name) for name in ("rings", "xy", "edge_neighbour"))
        return Footprints(
            batch.column("id").to_pylist(),
            np.asarray(rings.offsets, np.int64),
            np.concatenate([[0], np.cumsum(np.asarray(rings.values, np.int64))]).astype(np.int64),
            np.array(xy.values, np.float64).reshape(-1, 2),
            self._crs,
            [json.loads(text) for text in batch.column("attributes").to_pylist()],
            edge_neighbour=np.array(edges.values, np.int32),
        )


def digest_of_footprints(part: Footprints) -> str:
    """SHA-256 of what evidence takes from footprints."""
    whole = hashlib.sha256(json.dumps([part.ids, part.attributes, part.crs]).encode())
    for column in (part.ring_offsets, part.vertex_offsets, part.xy, part.edge_neighbour):
        whole.update(np.ascontiguousarray(column).tobytes())
    return whole.hexdigest()
