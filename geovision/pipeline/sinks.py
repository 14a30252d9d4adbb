"""Where the programs of a job go, table by table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from geovision.formats.atomic import atomic_write
from geovision.formats.parquet import open_parquet
from geovision.model.table import ProgramTable

__all__ = ["open_program_sink"]


@contextmanager
def open_program_sink(folder: Path, how: str) -> Iterator[Callable[[ProgramTable], None]]:
    """A sink for tables of programs, in order: programs.parquet, programs.jsonl, or "none"."""
    if how == "none":
        yield lambda table: None
    elif how == "jsonl":
        with atomic_write(folder / "programs.jsonl") as file:

            def write_lines(table: ProgramTable) -> None:
                file.writelines(program.to_json().encode() + b"\n" for program in table)

            yield write_lines
    else:
        # One row group per tile, so that readers can stream as the writer did.
        schema = ProgramTable.empty().to_arrow().schema
        with open_parquet(folder / "programs.parquet", schema) as writer:
            yield lambda table: writer.write_table(table.to_arrow())
