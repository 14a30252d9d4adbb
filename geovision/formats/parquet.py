"""Parquet files that take table after table, and are either whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from geovision.formats.atomic import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["open_parquet"]


@contextmanager
def open_parquet(path: str | os.PathLike[str], schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A writer of tables with that schema, a row group each; the file appears when the block ends.

    Arrow opens the file itself: through a Python file each of its writes would come back into Python, and a
    Ctrl-C that arrives there is lost in some of Arrow's calls.

    >>> import tempfile, pyarrow, pyarrow.parquet
    >>> table = pyarrow.table({"id": ["a", "b"]})
    >>> path = tempfile.mkdtemp() + "/ids.parquet"
    >>> with open_parquet(path, table.schema) as writer:
    ...     writer.write_table(table)
    >>> pyarrow.parquet.read_table(path).num_rows
    2
    """
    import pyarrow.parquet as pq

    # After an error too the writer is closed, as Arrow complains of those that are not; the file goes.
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        yield writer
