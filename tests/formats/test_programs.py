from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geovision.errors import GeovisionError, InputError, OutputError, ProgramError, UsageError
from geovision.formats.programs import iter_programs, read_programs, write_programs
from geovision.model import Program, ProgramTable
from tests.model.programs import building, programs

SUFFIXES = [".json", ".jsonl", ".ndjson", ".parquet"]
RELAXED = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


def houses(count: int = 3) -> list[Program]:
    return [Program.from_dict(building() | {"id": f"NL.{index}"}) for index in range(count)]


@pytest.mark.parametrize("suffix", SUFFIXES)
@RELAXED
@given(st.lists(programs(), max_size=3, unique_by=lambda program: program.id))
def test_files_lose_nothing(tmp_path: Path, suffix: str, batch: list[Program]) -> None:
    path = tmp_path / f"programs{suffix}"
    write_programs(path, batch)
    table = read_programs(path)
    assert table.to_programs() == batch
    first = path.read_bytes()
    write_programs(path, table)
    assert path.read_bytes() == first


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_program_is_read_as_a_table_of_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"one{suffix}"
    write_programs(path, houses()[0])
    assert read_programs(path).to_programs() == houses()[:1]


def test_json_has_one_program_per_line(tmp_path: Path) -> None:
    path = tmp_path / "programs.json"
    write_programs(path, houses())
    lines = path.read_text().splitlines()
    assert lines[0] == "["
    assert [json.loads(line.rstrip(","))["id"] for line in lines[1:-1]] == ["NL.0", "NL.1", "NL.2"]


def test_a_collection_is_read(tmp_path: Path) -> None:
    path = tmp_path / "programs.json"
    path.write_text(json.dumps({"programs": [building()]}))
    assert read_programs(path).ids == ["NL.1"]


@pytest.mark.parametrize("lines", [False, True])
def test_a_pipe_may_hold_either_form(monkeypatch: pytest.MonkeyPatch, lines: bool) -> None:
    data = [program.to_dict() for program in houses()]
    text = "\n".join(map(json.dumps, data)) if lines else json.dumps(data)
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert read_programs("-").ids == ["NL.0", "NL.1", "NL.2"]


def test_stdout_takes_lines(capsys: pytest.CaptureFixture[str]) -> None:
    write_programs("-", houses(2))
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["NL.0", "NL.1"]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_large_files_come_in_pieces(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"programs{suffix}"
    write_programs(path, houses(7))
    tables = list(iter_programs(path, rows=3))
    assert [len(table) for table in tables] == [3, 3, 1]
    assert ProgramTable.concat(tables).to_programs() == houses(7)


def with_bad_rows(path: Path) -> None:
    """Four rows: sound, ridge under eave, a second NL.0, sound."""
    good, other = houses(2)
    if path.suffix == ".parquet":
        table = ProgramTable.from_programs([good, *houses(3)[1:], good, other.replace(id="NL.9")])
        table = table.take([0, 1, 3, 4])
        columns = table.columns()
        columns["eave"][1] = 9.0
        arrow = ProgramTable.from_arrays(ids=table.ids, **columns).to_arrow()  # type: ignore[arg-type]
        pq.write_table(arrow, path)
        return
    rows = [
        good.to_dict(),
        building(eave_height=9.0) | {"id": "NL.1"},
        good.to_dict(),
        building() | {"id": "NL.9"},
    ]
    text = json.dumps(rows) if path.suffix == ".json" else "\n".join(map(json.dumps, rows))
    path.write_text(text)


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".parquet"])
def test_bad_programs_are_raised_or_recorded(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"programs{suffix}"
    with_bad_rows(path)
    with pytest.raises(ProgramError, match=r"'NL.1'.*ridge_height"):
        read_programs(path)
    failures: list[ProgramError] = []
    table = read_programs(path, on_error="record", failures=failures)
    assert table.ids == ["NL.0", "NL.9"]
    assert [(error.building, error.field) for error in failures] == [
        ("NL.1", "parts/0/roof/ridge_height"),
        ("NL.0", "id"),
    ]
    with pytest.raises(UsageError, match="failures"):
        read_programs(path, on_error="record")


BAD_FILES: dict[str, bytes] = {
    "cut.json": b'[{"id": "NL.1"',
    "empty.json": b"",
    "binary.json": b"\xff\xfe\x00\x01",
    "deep.json": b"[" * 100_000,
    "cut.jsonl": b'{"id": "NL.1"',
    "binary.jsonl": b"\x80\n",
    "page.parquet": b"<html></html>",
    "empty.parquet": b"",
    "magic.parquet": b"PAR1" + bytes(64) + b"PAR1",
    "photo.tif": b"II*\x00",
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_damaged_files_are_input_errors_that_name_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(BAD_FILES[name])
    with pytest.raises(InputError) as caught:
        read_programs(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["none.json", "none.jsonl", "none.parquet"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: cannot be read"):
        read_programs(tmp_path / name)


@pytest.mark.parametrize("cut", range(0, 3000, 211))
def test_a_cut_parquet_file_never_passes(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "programs.parquet"
    write_programs(path, houses())
    data = path.read_bytes()
    path.write_bytes(data[: cut % len(data)])
    with pytest.raises(GeovisionError):
        read_programs(path)


def test_line_numbers_are_named(tmp_path: Path) -> None:
    path = tmp_path / "programs.jsonl"
    path.write_text(f"{json.dumps(building())}\n\nnonsense\n")
    with pytest.raises(InputError, match="line 3"):
        read_programs(path)


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".parquet"])
def test_a_failed_write_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"programs{suffix}"
    write_programs(path, houses())
    before = path.read_bytes()
    table = ProgramTable.from_programs(houses())
    table.ids[1] = object()  # type: ignore[call-overload]
    with pytest.raises(Exception):  # noqa: B017, PT011
        write_programs(path, table)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="suffix"):
        write_programs(tmp_path / "programs.xml", houses())
    with pytest.raises(OutputError, match="folder exists"):
        write_programs(tmp_path / "none" / "programs.json", houses())


def test_a_deeply_nested_pipe_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("[" * 100_000))
    with pytest.raises(InputError, match="standard input: is not valid JSON"):
        read_programs("-")


def test_parquet_of_something_else_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pq.write_table(pa.table({"height": [1.0]}), path)
    with pytest.raises(InputError, match=r"other\.parquet: is no file of programs"):
        read_programs(path)


def test_a_newer_schema_names_the_building() -> None:
    with pytest.raises(ProgramError, match=r"building 'NL\.7', schema"):
        Program.from_dict(building() | {"id": "NL.7", "schema": "geovision.program/99"})


def test_only_programs_make_a_table() -> None:
    with pytest.raises(UsageError, match=r"programs\[0\] = 'city.json': is a str"):
        ProgramTable.from_programs(["city.json"])  # type: ignore[list-item]
