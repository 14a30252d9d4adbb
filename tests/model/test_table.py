from __future__ import annotations

import math
import pickle
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geovision.errors import InputError, ProgramError
from geovision.model import Program, ProgramTable
from geovision.model.kinds import RoofKind
from geovision.model.table_layout import COLUMNS
from tests.model.programs import Json, building, one_of_each_kind, programs

batches = st.lists(programs(), max_size=4)


def named(batch: list[Program]) -> list[Program]:
    return [program.replace(id=f"{index}:{program.id}") for index, program in enumerate(batch)]


@settings(max_examples=60)
@given(batches)
def test_objects_arrays_and_arrow_hold_the_same(batch: list[Program]) -> None:
    table = ProgramTable.from_programs(batch)
    assert table.to_programs() == batch
    again = ProgramTable.from_arrow(table.to_arrow())
    assert again == table
    assert again.to_programs() == batch
    assert [program.digest() for program in again] == [program.digest() for program in batch]
    assert table.validate() == []


def test_tables_of_before_roofs_could_be_shifted_are_read() -> None:
    table = boxes(3)
    arrow = table.to_arrow()
    parts = arrow["parts"].combine_chunks()
    old = pa.struct([field for field in parts.type.value_type if not field.name.startswith("roof_shift")])
    values = parts.values
    kept = pa.StructArray.from_arrays([values.field(field.name) for field in old], fields=list(old))
    lists = pa.LargeListArray.from_arrays(parts.offsets, kept)
    place = arrow.schema.get_field_index("parts")
    assert ProgramTable.from_arrow(arrow.set_column(place, "parts", lists)) == table


@settings(max_examples=40)
@given(batches, st.data())
def test_rows_can_be_cut_picked_and_joined(batch: list[Program], data: st.DataObject) -> None:
    table = ProgramTable.from_programs(batch)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(batch)), min_size=2, max_size=2)))
    a, b = cuts
    pieces = [table.slice(0, a), table[a:b], table.slice(b, len(table))]
    assert pieces[1].to_programs() == batch[a:b]
    assert ProgramTable.concat(pieces) == table
    assert ProgramTable.from_arrow(table.to_arrow().slice(a, b - a)) == pieces[1]
    rows = data.draw(st.lists(st.integers(0, len(batch) - 1), max_size=6)) if batch else []
    assert table.take(rows).to_programs() == [batch[row] for row in rows]
    assert table[::-1].to_programs() == batch[::-1]
    arrow = pa.concat_tables([piece.to_arrow() for piece in pieces])
    assert ProgramTable.from_arrow(arrow) == table


def boxes(count: int, **columns: Any) -> ProgramTable:
    """A row of gabled houses from arrays."""
    corners = np.array([[0.0, 0.0], [8.0, 0.0], [8.0, 5.0], [0.0, 5.0]])
    xy = (corners + np.arange(count)[:, None, None] * [10.0, 0.0]).reshape(-1, 2)
    params = np.full((count, 8), np.nan)
    params[:, 0], params[:, 2] = 7.0, 0.5
    defaults: dict[str, Any] = {
        "ground_z": np.zeros(count),
        "part_offsets": np.arange(count + 1),
        "roof_kind": np.full(count, RoofKind.GABLED),
        "eave": np.full(count, 4.0),
        "roof_params": params,
        "ring_offsets": np.arange(count + 1),
        "vertex_offsets": np.arange(count + 1) * 4,
        "xy": xy,
    }
    return ProgramTable.from_arrays(**(defaults | columns))


def test_from_arrays_gives_programs() -> None:
    table = boxes(3)
    assert table.ids == ["0", "1", "2"]
    assert table.part_ids == ["0", "0", "0"]
    assert table[-1].parts[0].shell[0] == (20.0, 0.0)
    assert table[1:][0].id == "1"
    with pytest.raises(IndexError, match="row 3 of a table of 3"):
        table[3]


def test_from_arrays_does_no_work_per_building() -> None:
    few, many = boxes(10), boxes(200_000)
    start = time.perf_counter()
    columns: dict[str, Any] = many.columns()
    table = ProgramTable.from_arrays(**columns)
    sliced = table.slice(1000, 190_000)
    # An object per building would take seconds.
    assert time.perf_counter() - start < 0.2
    assert len(sliced) == 189_000
    assert few._records["ids"] is None


def test_kernel_arrays_are_what_the_header_says() -> None:
    arrays = boxes(5)[1:4].kernel_arrays()
    assert list(arrays) == list(COLUMNS)
    for name, array in arrays.items():
        assert array.flags.c_contiguous
        assert array.dtype == COLUMNS[name].dtype
    assert np.isnan(arrays["edge_pitch"]).all()
    for name, column in COLUMNS.items():
        if column.cuts:
            assert arrays[name][0] == 0


def test_tables_pickle() -> None:
    table = boxes(3)
    assert pickle.loads(pickle.dumps(table)) == table


def test_attributes_as_columns() -> None:
    table = boxes(2, attributes=[{"year": 1930, "use": "house"}, {"use": None, "levels": 2}])
    assert table.attribute_columns() == {"year": [1930, None], "use": ["house", None], "levels": [None, 2]}


LAYOUT: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown column": ({"eaves": np.zeros(2)}, "eaves", "no such column"),
    "missing column": ({"xy": None}, "xy", "missing"),
    "too few rows": ({"eave": np.zeros(1)}, "eave", "1 rows but there are 2 parts"),
    "offsets too short": ({"part_offsets": np.arange(2)}, "part_offsets", "2 rows but there are 2 buildings"),
    "offsets past the end": (
        {"vertex_offsets": np.array([0, 4, 9])},
        "xy",
        "8 rows but there are 9 vertices",
    ),
    "offsets that fall": ({"vertex_offsets": np.array([0, 9, 8])}, "vertex_offsets/2", "never fall"),
    "offsets from 1": ({"part_offsets": np.array([1, 2, 3])}, "part_offsets", "begin with 0"),
    "wrong shape": ({"xy": np.zeros((8, 3))}, "xy", r"its shape should be \(n, 2\)"),
    "wrong type": ({"roof_kind": np.array([0.0, 2.0])}, "roof_kind", "cannot serve as uint8"),
    "text": ({"eave": np.array(["a", "b"])}, "eave", "cannot serve as float64"),
    "code out of range": ({"roof_kind": np.array([0, 300])}, "roof_kind", "does not fit uint8"),
    "half of the faces": ({"face_offsets": np.zeros(3, int)}, "face_ring_offsets", "Give all"),
    "too few ids": ({"ids": ["a"]}, "ids", "1 entries for 2 rows"),
}


@pytest.mark.parametrize(("columns", "field", "words"), LAYOUT.values(), ids=LAYOUT.keys())
def test_arrays_that_do_not_fit_are_refused(columns: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(ProgramError, match=words) as caught:
        boxes(2, **columns)
    assert caught.value.field == field


def test_a_bad_row_is_an_error_only_when_it_is_made() -> None:
    table = boxes(2, eave=np.array([4.0, 9.0]), ids=["good", "bad"])
    assert table[0].id == "good"
    with pytest.raises(ProgramError, match=r"'bad'.*ridge_height"):
        table.to_programs()
    with pytest.raises(ProgramError, match="'code 99' is not known"):
        boxes(1, roof_kind=np.array([99]))[0]


def set_param(slot: int, value: float, kind: RoofKind = RoofKind.GABLED) -> dict[str, Any]:
    params = np.full((2, 8), np.nan)
    params[:, 0] = 7.0
    params[1, slot] = value
    return {"roof_params": params, "roof_kind": np.array([RoofKind.GABLED, kind])}


def set_xy(vertex: int, x: float, y: float) -> dict[str, Any]:
    xy = boxes(2).xy.copy()
    xy[vertex] = x, y
    return {"xy": xy}


SUPER_DEFAULTS = {
    "super_offsets": np.array([0, 0, 1]),
    "super_kind": np.array([3]),
    "super_part": np.array([0], np.int32),
    "super_params": np.array([[14.0, 2, 0, 1, 1, math.nan, 8]]),
}
# The second building is wrong; the first is sound.
VALUES: dict[str, tuple[dict[str, Any], str, str]] = {
    "ground": ({"ground_z": np.array([0, np.nan])}, "ground_z", "not finite"),
    "eave": ({"eave": np.array([4, np.inf])}, "parts/0/eave_height", "not finite"),
    "base": ({"base": np.array([0, 4.0])}, "parts/0/eave_height", "not above base"),
    "overhang": ({"overhang": np.array([0, -1.0])}, "parts/0/overhang", "negative"),
    "shift": ({"roof_shift": np.array([[0, 0], [0, -2.5]])}, "parts/0/roof_shift", "over 2 m"),
    "coordinate": (set_xy(5, np.nan, 0), "parts/0/shell", "coordinate is not finite"),
    "far vertex": (set_xy(5, 3e6, 0), "parts/0/shell", "wider than 1,000 km"),
    "no area": (
        {"xy": np.vstack([boxes(1).xy, [[0, 0], [5, 5], [9, 9], [7, 7]]])},
        "parts/0/shell",
        "no area",
    ),
    "two points": (
        {"vertex_offsets": np.array([0, 4, 6]), "xy": boxes(2).xy[:6]},
        "parts/0/shell",
        "fewer than 3 points",
    ),
    "no ring": (
        {"ring_offsets": np.array([0, 1, 1]), "vertex_offsets": np.array([0, 4]), "xy": boxes(2).xy[:4]},
        "parts/0/shell",
        "no ring",
    ),
    "ridge": (set_param(0, 4.0), "parts/0/roof/ridge_height", "not above the eave"),
    "no ridge": (set_param(0, np.nan), "parts/0/roof/ridge_height", "needs it"),
    "infinite": (set_param(1, np.inf), "parts/0/roof", "infinite"),
    "kind": (set_param(0, 7.0) | {"roof_kind": np.array([2, 18])}, "parts/0/roof/kind", "not known"),
    "offset": (set_param(2, 1.5), "parts/0/roof/ridge_offset", "between 0 and 1"),
    "no break": (set_param(4, 1.0, RoofKind.MANSARD), "parts/0/roof/break_height", "needs it"),
    "no teeth": (set_param(6, 0.0, RoofKind.SAWTOOTH), "parts/0/roof/teeth", "less than 1"),
    "valley": (set_param(0, 5.0, RoofKind.BUTTERFLY), "parts/0/roof/valley_height", "between base and eave"),
    "two heights": (set_param(7, 30.0, RoofKind.HIPPED), "parts/0/roof/pitch_deg", "both given"),
    "no faces": (set_param(1, np.nan, RoofKind.PLANAR), "parts/0/roof/faces", "no faces"),
    "edge pitch": (
        {"edge_pitch": np.array([np.nan] * 5 + [95.0] + [np.nan] * 2)},
        "parts/0/edge_pitch_deg",
        "90",
    ),
    "super part": (
        SUPER_DEFAULTS | {"super_part": np.array([1], np.int32)},
        "superstructures/0/part",
        "no such part",
    ),
    "super kind": (SUPER_DEFAULTS | {"super_kind": np.array([9])}, "superstructures/0/kind", "not known"),
    "super size": (
        SUPER_DEFAULTS | {"super_params": np.array([[14.0, 2, 0, -1, 1, math.nan, 8]])},
        "superstructures/0/width",
        "not above 0",
    ),
    "super NaN": (
        SUPER_DEFAULTS | {"super_params": np.full((1, 7), np.nan)},
        "superstructures/0/params",
        "missing or not finite",
    ),
}


@pytest.mark.parametrize(("columns", "field", "words"), VALUES.values(), ids=VALUES.keys())
def test_validate_names_the_bad_building_alone(columns: dict[str, Any], field: str, words: str) -> None:
    problems = boxes(2, **columns).validate()
    assert {problem.index for problem in problems} == {1}
    assert [problem for problem in problems if problem.field == field and words in problem.problem], problems
    error = problems[0].error
    assert error.building == "1"
    assert error.remedy


def test_validate_finds_nothing_in_sound_tables() -> None:
    kinds = [
        Program.from_dict(building(roof=roof) | {"id": name}) for name, roof in one_of_each_kind().items()
    ]
    assert ProgramTable.from_programs(kinds).validate() == []
    assert boxes(3).validate() == []
    assert ProgramTable.empty().validate() == []


def test_arrow_carries_the_schema_version() -> None:
    arrow = boxes(2).to_arrow()
    assert arrow.schema.metadata[b"geovision.schema"] == b"geovision.program/1"
    newer = arrow.replace_schema_metadata({b"geovision.schema": b"geovision.program/9"})
    with pytest.raises(ProgramError, match="newer geovision"):
        ProgramTable.from_arrow(newer)


def test_arrow_of_something_else_is_refused() -> None:
    arrow = boxes(2).to_arrow()
    with pytest.raises(InputError, match="no column 'parts'"):
        ProgramTable.from_arrow(arrow.drop_columns(["parts"]))
    with pytest.raises(InputError, match="does not have the columns of programs"):
        ProgramTable.from_arrow(arrow.set_column(1, "ground_z", pa.array(["a", "b"])))
    parts = pa.array([None, None], arrow.schema.field("parts").type)
    with pytest.raises(InputError, match="null where a list"):
        ProgramTable.from_arrow(arrow.set_column(arrow.schema.get_field_index("parts"), "parts", parts))


def test_arrow_is_readable_by_name() -> None:
    row: Json = boxes(1).to_arrow().to_pylist()[0]
    assert row["parts"][0]["ridge_height"] == 7.0
    assert row["parts"][0]["azimuth_deg"] is None
    assert row["parts"][0]["rings"][0][1] == {"x": 8.0, "y": 0.0, "edge_pitch_deg": None}


def test_tables_and_codes_need_no_pydantic() -> None:
    code = (
        "import sys, geovision.model; from geovision.model import kinds, labels, table; "
        "sys.exit('pydantic' in sys.modules or 'pyarrow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
