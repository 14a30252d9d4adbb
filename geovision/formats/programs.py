"""Programs in files: JSON for people, JSON Lines for pipes, Parquet for many."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from geovision.bounded import read_bytes, read_lines
from geovision.confine import reading
from geovision.errors import InputError, ProgramError, UsageError
from geovision.formats.atomic import atomic_write
from geovision.formats.attributes import PROGRAM
from geovision.formats.parquet import open_parquet

if TYPE_CHECKING:
    from geovision.model.program import Program
    from geovision.model.table import ProgramTable

__all__ = ["iter_programs", "read_programs", "write_programs"]

OnError = Literal["raise", "record"]
LINES = (".jsonl", ".ndjson", ".geojsonl")
PARQUET = (".parquet", ".pq")
_MOST_BYTES = 1 << 32
SUFFIXES = (".json", *LINES, *PARQUET)


def read_programs(
    path: str | Path, *, on_error: OnError = "raise", failures: list[ProgramError] | None = None
) -> ProgramTable:
    """Read programs from .json (one, a list, or {"programs": [...]}), .jsonl or .parquet; "-" is stdin.

    CityJSON and CityJSONSeq that `geovision build` wrote hold the programs too (.city.json, .city.jsonl).

    A program that cannot be raises a `ProgramError`. With on_error="record" it is left out, and its error is
    appended to `failures`, which must then be given.

    >>> import tempfile
    >>> from geovision.model import Flat, Part, Program
    >>> box = Program(id="box", parts=[Part(shell=[(0, 0), (9, 0), (9, 5)], eave_height=3, roof=Flat())])
    >>> path = Path(tempfile.mkdtemp()) / "programs.parquet"
    >>> write_programs(path, [box])
    >>> read_programs(path)[0] == box
    True
    """
    from geovision.model.table import ProgramTable

    return ProgramTable.concat(list(iter_programs(path, on_error=on_error, failures=failures)))


def iter_programs(
    path: str | Path,
    *,
    rows: int = 65_536,
    on_error: OnError = "raise",
    failures: list[ProgramError] | None = None,
) -> Iterator[ProgramTable]:
    """Like `read_programs`, in tables of at most `rows`; JSON Lines and Parquet are never held whole."""
    if on_error == "record" and failures is None:
        raise UsageError(
            "read_programs", 'on_error="record" has nowhere to record', "Pass failures=[] and look at it"
        )
    reading(str(path))
    sink = _Sink(on_error, failures if failures is not None else [])
    source = Path(path)
    if str(path) != "-" and source.suffix.lower() not in SUFFIXES:
        raise InputError(str(path), "has no known suffix", f"Use one of {', '.join(SUFFIXES)}")
    try:
        if source.suffix.lower() in PARQUET:
            yield from _parquet_tables(source, rows, sink)
        else:
            yield from _object_tables(_json_objects(path), rows, sink)
    except OSError as error:
        raise InputError(
            str(path), f"cannot be read ({error.strerror})", "Check the path and its permissions"
        ) from error


class _Sink:
    """What happens to a program that cannot be; also sees that ids are unique."""

    def __init__(self, on_error: OnError, failures: list[ProgramError]) -> None:
        self.on_error = on_error
        self.failures = failures
        self.seen: set[str] = set()

    def refuse(self, error: ProgramError) -> None:
        if self.on_error == "raise":
            raise error
        self.failures.append(error)

    def is_new(self, identifier: str) -> bool:
        if identifier not in self.seen:
            self.seen.add(identifier)
            return True
        self.refuse(
            ProgramError(
                identifier, "id", identifier, "Give each its own id", problem="two buildings have this id"
            )
        )
        return False


def _object_tables(objects: Iterator[Any], rows: int, sink: _Sink) -> Iterator[ProgramTable]:
    from geovision.model.program import Program
    from geovision.model.table import ProgramTable

    programs: list[Program] = []
    for item in objects:
        try:
            program = Program.from_dict(item)
        except ProgramError as error:
            sink.refuse(error)
            continue
        if sink.is_new(program.id):
            programs.append(program)
        if len(programs) >= rows:
            yield ProgramTable.from_programs(programs)
            programs = []
    if programs:
        yield ProgramTable.from_programs(programs)


def _json_objects(path: str | Path) -> Iterator[Any]:
    if str(path) == "-":
        yield from _guess_objects("standard input", _stdin())
    elif Path(path).suffix.lower() in LINES:
        with Path(path).open("rb") as file:
            yield from _lines(str(path), (line.decode("utf-8-sig") for line in read_lines(file, str(path))))
    else:
        yield from _members(_parse(str(path), _text(Path(path))))


def _stdin() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise _not_json("standard input", error) from None


def _text(path: Path) -> str:
    data = read_bytes(path, _MOST_BYTES, str(path), "Give them as JSON Lines or Parquet")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_json(str(path), error) from None


def _guess_objects(name: str, text: str) -> Iterator[Any]:
    """A pipe has no suffix: one JSON value, or else one per line."""
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise _not_json(name, error) from None
    except ValueError as error:
        if len(text.splitlines()) < 2:
            raise _not_json(name, error) from None
        yield from _lines(name, io.StringIO(text))
        return
    yield from _members(value)


def _lines(name: str, lines: Iterator[str] | io.TextIOBase) -> Iterator[Any]:
    try:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield from _within_line(_parse(f"{name}, line {number}", line))
    except UnicodeDecodeError as error:
        raise _not_json(name, error) from None


def _parse(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _not_json(name, error) from None


def _not_json(name: str, error: object) -> InputError:
    return InputError(name, f"is not valid JSON ({error})", "Check that the file is whole and UTF-8")


def _members(value: Any) -> Iterator[Any]:
    if isinstance(value, dict) and value.get("type") in ("CityJSON", "CityJSONFeature"):
        yield from _within_cityjson(value)
    elif isinstance(value, list):
        yield from value
    elif isinstance(value, dict) and "programs" in value and isinstance(value["programs"], list):
        yield from value["programs"]
    else:
        yield value


def _within_line(value: Any) -> Iterator[Any]:
    feature = isinstance(value, dict) and value.get("type") in ("CityJSON", "CityJSONFeature")
    return _within_cityjson(value) if feature else iter((value,))


def _within_cityjson(document: dict[str, Any]) -> Iterator[Any]:
    """Programs that `geovision build` put into CityJSON; a building of others has none."""
    objects = document.get("CityObjects")
    for name, item in objects.items() if isinstance(objects, dict) else ():
        if not isinstance(item, dict) or item.get("parents"):
            continue
        attributes = item.get("attributes")
        if not isinstance(attributes, dict) or PROGRAM not in attributes:
            raise InputError(
                f"CityJSON object {name!r}",
                "holds no building program",
                f"Give CityJSON that geovision build wrote: the program is its attribute {PROGRAM}",
            )
        yield attributes[PROGRAM]


def _parquet_tables(path: Path, rows: int, sink: _Sink) -> Iterator[ProgramTable]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from geovision.model.table import ProgramTable

    try:
        with pq.ParquetFile(path) as file:
            metadata = file.schema_arrow.metadata
            for batch in file.iter_batches(batch_size=rows):
                arrow = pa.Table.from_batches([batch]).replace_schema_metadata(metadata)
                yield _sound_rows(ProgramTable.from_arrow(arrow), sink)
    except InputError as error:
        # The table does not know the name of its file.
        raise InputError(str(path), f"is no file of programs: it {error.problem}", error.remedy) from None
    except (pa.ArrowException, ValueError) as error:
        raise InputError(
            str(path), f"is no Parquet file of programs ({error})", "Write it with write_programs"
        ) from None


def _sound_rows(table: ProgramTable, sink: _Sink) -> ProgramTable:
    bad: set[int] = set()
    for problem in table.validate():
        if problem.index not in bad:
            bad.add(problem.index)
            sink.refuse(problem.error)
    for row, identifier in enumerate(table.ids):
        if row not in bad and not sink.is_new(identifier):
            bad.add(row)
    return table.take([row for row in range(len(table)) if row not in bad]) if bad else table


def write_programs(path: str | Path, programs: Program | Sequence[Program] | ProgramTable) -> None:
    """Write programs as .json, .jsonl or .parquet, whole or not at all; "-" writes JSON Lines to stdout.

    One `Program` in .json is one object; several are a list with one program per line, so that `diff` shows
    which building changed.
    """
    from geovision.model.program import Program
    from geovision.model.table import ProgramTable

    target = Path(path)
    suffix = ".jsonl" if str(path) == "-" else target.suffix.lower()
    if suffix in PARQUET:
        if isinstance(programs, Program):
            programs = [programs]
        table = programs if isinstance(programs, ProgramTable) else ProgramTable.from_programs(programs)
        _write_parquet(target, table)
    elif suffix == ".json" or suffix in LINES:
        pieces = _json_pieces(programs, lines=suffix != ".json")
        if str(path) == "-":
            sys.stdout.writelines(pieces)
            return
        with atomic_write(target) as file:
            for piece in pieces:
                file.write(piece.encode())
    else:
        raise UsageError(str(path), "has no known suffix", f"Use one of {', '.join(SUFFIXES)}")


def _write_parquet(path: Path, table: ProgramTable) -> None:
    arrow = table.to_arrow()
    with open_parquet(path, arrow.schema) as writer:
        # Small row groups let readers stream.
        writer.write_table(arrow, row_group_size=65_536)


def _json_pieces(programs: Program | Sequence[Program] | ProgramTable, *, lines: bool) -> Iterator[str]:
    from geovision.model.program import Program

    if isinstance(programs, Program):
        yield programs.to_json(indent=None if lines else 2) + "\n"
        return
    if lines:
        for program in programs:
            yield program.to_json() + "\n"
        return
    separator = "[\n"
    for program in programs:
        yield separator + program.to_json()
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"
