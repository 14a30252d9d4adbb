"""Breaking SQLite files: by their pages, and by what their tables say."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.mutations import fields, generic, odd

_HEADER = fields(
    *(
        (16, ">H"),
        (18, "B"),
        (19, "B"),
        (24, ">I"),
        (28, ">I"),
        (32, ">I"),
        (36, ">I"),
        (40, ">I"),
        (44, ">I"),
    ),
    *((52, ">I"), (56, ">I"), (96, ">I"), (100, "B"), (103, ">H"), (105, ">H")),
)


def sqlite_file(rng: Random, data: bytes) -> bytes:
    """Headers and cells of pages, or values of any table, or another schema."""
    what = rng.random()
    if what < 0.25:
        return _HEADER(rng, data)
    if what < 0.5:
        return _page(rng, data)
    try:
        return _edited(rng, data)
    except (sqlite3.Error, OverflowError, UnicodeError):
        return generic(rng, data)


def _page(rng: Random, data: bytes) -> bytes:
    size = 4096
    first = rng.randrange(max(1, len(data) // size)) * size
    page = data[first : first + size]
    broken = (generic(rng, page) + bytes(size))[:size] if len(page) == size else generic(rng, page)
    return data[:first] + broken + data[first + size :]


def _edited(rng: Random, data: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.db"
        path.write_bytes(data)
        base = sqlite3.connect(path)
        try:
            _edit(rng, base)
            base.commit()
        finally:
            base.close()
        return path.read_bytes()


def _edit(rng: Random, base: sqlite3.Connection) -> None:
    names = [name for (name,) in base.execute("select name from sqlite_master where type = 'table'")]
    wanted = [
        name
        for name in names
        if name.startswith(("gpkg_con", "gpkg_geo", "gpkg_spa", "houses", "tiles", "meta"))
    ]
    if rng.random() < 0.2:
        base.execute("pragma writable_schema = on")
        rows = base.execute("select rowid, sql from sqlite_master where sql is not null").fetchall()
        rowid, sql = rng.choice(rows)
        text = generic(rng, sql.encode()).decode("latin-1")
        base.execute("update sqlite_master set sql = ? where rowid = ?", (text, rowid))
        return
    for _ in range(rng.choice((1, 1, 2))):
        table = rng.choice(wanted or names)
        columns = [row[1] for row in base.execute(f'pragma table_info("{table}")')]
        rows = base.execute(f'select rowid, * from "{table}"').fetchall()
        if not rows or not columns:
            continue
        row, at = rng.choice(rows), rng.randrange(len(columns))
        old: Any = row[1 + at]
        new: Any = generic(rng, old) if isinstance(old, bytes) and rng.random() < 0.8 else odd(rng)
        new = str(new) if isinstance(new, (list, dict)) else new
        base.execute(f'update or ignore "{table}" set "{columns[at]}" = ? where rowid = ?', (new, row[0]))
