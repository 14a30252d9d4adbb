"""Where the programs of a job go, table by table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from geovision.formats.atomic import atomic_write
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
        with atomic_write(folder / "programs.parquet") as file, _ParquetSink(file) as sink:
            yield sink.write


class _ParquetSink:
    """One row group per tile, so that readers can stream as the writer did."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._writer: Any = None

    def __enter__(self) -> _ParquetSink:
        return self

    def write(self, table: ProgramTable) -> None:
        """Append the programs of a tile."""
        import pyarrow.parquet as pq

        arrow = table.to_arrow()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, arrow.schema, compression="zstd")
        self._writer.write_table(arrow)

    def __exit__(self, *_: object) -> None:
        if self._writer is None:
            self.write(ProgramTable.empty())
        self._writer.close()
