"""A `ProgramTable` as an Arrow table: one row per building, parts and superstructures nested."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError
from geovision.model.schema_version import SCHEMA, check_schema
from geovision.model.table import ProgramTable

if TYPE_CHECKING:
    import pyarrow as pa

# Columns of roof_params and super_params by slot; one column serves every kind that uses the slot.
ROOF_NAMES = (
    "ridge_height",
    "azimuth_deg",
    "ridge_offset",
    "break_height",
    "inset",
    "rear_eave_height",
    "count",
    "pitch_deg",
)
SHIFT_NAMES = ("roof_shift_x", "roof_shift_y")
SUPER_NAMES = ("x", "y", "azimuth_deg", "width", "depth", "eave_height", "top_height")
METADATA_KEY = b"geovision.schema"
TEXT_COLUMNS = ("attributes", "facade", "provenance")


def arrow_schema() -> pa.Schema:
    """The schema of `to_arrow`, its version in the metadata."""
    import pyarrow as pa

    number = pa.float64()

    def numbers(*names: str) -> list[pa.Field]:
        return [pa.field(name, number) for name in names]

    def rings(*names: str) -> pa.DataType:
        return pa.large_list(pa.large_list(pa.struct(numbers(*names))))

    face = pa.struct([*numbers("slope_x", "slope_y", "height"), pa.field("rings", rings("x", "y"))])
    part = pa.struct(
        [
            pa.field("id", pa.string()),
            pa.field("kind", pa.uint8()),
            *numbers("eave_height", "base_height", "overhang", *SHIFT_NAMES, *ROOF_NAMES),
            pa.field("rings", rings("x", "y", "edge_pitch_deg")),
            pa.field("faces", pa.large_list(face)),
        ]
    )
    item = pa.struct([pa.field("kind", pa.uint8()), pa.field("part", pa.int32()), *numbers(*SUPER_NAMES)])
    return pa.schema(
        [
            pa.field("id", pa.string()),
            pa.field("ground_z", number),
            *(pa.field(name, pa.string()) for name in TEXT_COLUMNS),
            pa.field("parts", pa.large_list(part)),
            pa.field("superstructures", pa.large_list(item)),
        ],
        metadata={METADATA_KEY: SCHEMA.encode()},
    )


def to_arrow(table: ProgramTable) -> pa.Table:
    """See `ProgramTable.to_arrow`."""
    import pyarrow as pa

    schema = arrow_schema()

    def number(values: NDArray[Any]) -> pa.Array:
        # NaN means "not given", which Arrow calls null.
        return pa.array(values, from_pandas=True)

    def cut(offsets: NDArray[np.int64], values: pa.Array) -> pa.Array:
        return pa.LargeListArray.from_arrays(pa.array(offsets), values)

    def struct(columns: dict[str, pa.Array]) -> pa.Array:
        return pa.StructArray.from_arrays(list(columns.values()), names=list(columns))

    vertices = struct(
        {"x": number(table.xy[:, 0]), "y": number(table.xy[:, 1]), "edge_pitch_deg": number(table.edge_pitch)}
    )
    face_vertices = struct({"x": number(table.face_xy[:, 0]), "y": number(table.face_xy[:, 1])})
    face_rings = cut(table.face_ring_offsets, cut(table.face_vertex_offsets, face_vertices))
    plane = {name: number(table.face_plane[:, i]) for i, name in enumerate(("slope_x", "slope_y", "height"))}
    parts = struct(
        {
            "id": pa.array(table.part_ids, pa.string()),
            "kind": pa.array(table.roof_kind),
            "eave_height": number(table.eave),
            "base_height": number(table.base),
            "overhang": number(table.overhang),
            **{name: number(table.roof_shift[:, axis]) for axis, name in enumerate(SHIFT_NAMES)},
            **{name: number(table.roof_params[:, slot]) for slot, name in enumerate(ROOF_NAMES)},
            "rings": cut(table.ring_offsets, cut(table.vertex_offsets, vertices)),
            "faces": cut(table.face_offsets, struct({**plane, "rings": face_rings})),
        }
    )
    supers = struct(
        {
            "kind": pa.array(table.super_kind),
            "part": pa.array(table.super_part),
            **{name: number(table.super_params[:, slot]) for slot, name in enumerate(SUPER_NAMES)},
        }
    )
    texts = {}
    for name in TEXT_COLUMNS:
        # Null stands for the default, so that a table without records writes no text per row.
        rows = table.records(name)
        texts[name] = (
            pa.nulls(len(table), pa.string()) if rows is None else pa.array(_texts(rows), pa.string())
        )
    columns = {
        "id": pa.array(table.ids, pa.string()),
        "ground_z": number(table.ground_z),
        **texts,
        "parts": cut(table.part_offsets, parts),
        "superstructures": cut(table.super_offsets, supers),
    }
    return pa.Table.from_arrays([columns[field.name] for field in schema], schema=schema)


def _texts(rows: list[Any]) -> list[str | None]:
    return [None if row is None else json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows]


def from_arrow(arrow: pa.Table) -> ProgramTable:
    """See `ProgramTable.from_arrow`."""
    import pyarrow as pa

    metadata = arrow.schema.metadata or {}
    check_schema(metadata.get(METADATA_KEY, SCHEMA.encode()).decode(errors="replace"))
    schema = arrow_schema()
    missing = [name for name in schema.names if name not in arrow.schema.names]
    if missing:
        raise InputError(
            "Arrow table",
            f"has no column {missing[0]!r}",
            f"Give a table of programs, with columns {', '.join(schema.names)}",
        )
    try:
        rows = arrow.select(schema.names).cast(schema).combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, ValueError) as error:
        raise InputError(
            "Arrow table", f"does not have the columns of programs ({error})", "Write it with write_programs"
        ) from None
    columns = {name: _one_chunk(rows.column(name)) for name in schema.names}
    arguments: dict[str, Any] = {**_numeric_columns(columns), **_records(columns)}
    return ProgramTable.from_arrays(**arguments)


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa

    chunks = column.chunks
    return (
        chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks) if chunks else pa.array([], column.type)
    )


def _numeric_columns(columns: dict[str, pa.Array]) -> dict[str, NDArray[Any]]:
    part_offsets, parts = _cut(columns["parts"])
    ring_offsets, part_rings = _cut(parts["rings"])
    vertex_offsets, vertices = _cut(part_rings)
    face_offsets, faces = _cut(parts["faces"])
    face_ring_offsets, face_rings = _cut(faces["rings"])
    face_vertex_offsets, face_vertices = _cut(face_rings)
    super_offsets, supers = _cut(columns["superstructures"])
    return {
        "ground_z": _numbers(columns["ground_z"]),
        "part_offsets": part_offsets,
        "roof_kind": _codes(parts["kind"], np.uint8),
        "eave": _numbers(parts["eave_height"]),
        "base": _numbers(parts["base_height"]),
        "overhang": _numbers(parts["overhang"]),
        # Files from before roofs could be shifted have no such columns.
        "roof_shift": np.nan_to_num(_stack(parts, SHIFT_NAMES)),
        "roof_params": _stack(parts, ROOF_NAMES),
        "ring_offsets": ring_offsets,
        "vertex_offsets": vertex_offsets,
        "xy": _stack(vertices, ("x", "y")),
        "edge_pitch": _numbers(vertices["edge_pitch_deg"]),
        "face_offsets": face_offsets,
        "face_ring_offsets": face_ring_offsets,
        "face_vertex_offsets": face_vertex_offsets,
        "face_xy": _stack(face_vertices, ("x", "y")),
        "face_plane": _stack(faces, ("slope_x", "slope_y", "height")),
        "super_offsets": super_offsets,
        "super_kind": _codes(supers["kind"], np.uint8),
        "super_part": _codes(supers["part"], np.int32),
        "super_params": _stack(supers, SUPER_NAMES),
    }


def _records(columns: dict[str, pa.Array]) -> dict[str, list[Any] | None]:
    _, parts = _cut(columns["parts"])
    return {
        "ids": _required(columns["id"], "id"),
        "part_ids": _required(parts["id"], "parts/id"),
        "attributes": _parsed(columns["attributes"], dict),
        "facade": _parsed(columns["facade"], lambda: None),
        "provenance": _parsed(columns["provenance"], lambda: {"default": "given"}),
    }


def _parsed(column: pa.Array, default: Callable[[], Any]) -> list[Any] | None:
    if column.null_count == len(column):
        return None
    try:
        return [default() if text is None else json.loads(text) for text in column.to_pylist()]
    except (ValueError, RecursionError) as error:
        raise InputError(
            "Arrow table", f"has text that is not JSON ({error})", "Write it with write_programs"
        ) from None


def _required(column: pa.Array, name: str) -> list[str]:
    if column.null_count:
        raise InputError("Arrow table", f"has a row without {name}", "Give every building and part an id")
    texts: list[str] = column.to_pylist()
    return texts


Struct = dict[str, Any]


def _cut(column: Any) -> tuple[NDArray[np.int64], Any]:
    """Offsets from 0 of a list column, and its values: a dict of columns where they are structs."""
    import pyarrow as pa

    if column.null_count:
        raise InputError("Arrow table", "has a null where a list should be", "Write an empty list instead")
    offsets = column.offsets.to_numpy()
    values = column.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
    if pa.types.is_struct(values.type):
        if values.null_count:
            raise InputError("Arrow table", "has a null where a part, face or vertex should be", "Remove it")
        fields = [values.type.field(i).name for i in range(values.type.num_fields)]
        values = dict(zip(fields, values.flatten(), strict=True))
    return offsets - offsets[0], values


def _numbers(column: pa.Array) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.to_numpy(zero_copy_only=False)
    return values.astype(np.float64, copy=False)


def _codes(column: pa.Array, dtype: type[np.generic]) -> NDArray[Any]:
    if column.null_count:
        raise InputError("Arrow table", "has a null where a code should be", "Give every part its kind")
    codes: NDArray[Any] = column.to_numpy(zero_copy_only=False).astype(dtype)
    return codes


def _stack(struct: Struct, names: tuple[str, ...]) -> NDArray[np.float64]:
    return np.column_stack([_numbers(struct[name]) for name in names])
