"""3D Tiles of bad input, and what is left after a fault."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geovision.errors import InputError, OutputError, UsageError
from geovision.formats.atomic import atomic_write
from geovision.formats.tiles3d import write_3dtiles
from geovision.formats.tiles3d_schema import MAX_TEXT
from geovision.model.table import ProgramTable
from tests.formats.test_tiles3d import PLACES, city, contents, leaves
from tests.helpers_tiles3d import read_tileset


@pytest.fixture(scope="module")
def table() -> ProgramTable:
    return city(24, PLACES["EPSG:28992"])


def with_rows(table: ProgramTable, ids: list[str], rows: list[dict[str, Any]]) -> ProgramTable:
    columns: dict[str, Any] = dict(table.columns())
    return ProgramTable.from_arrays(ids=ids, attributes=rows, **columns)


@pytest.mark.parametrize("tiling", ["explicit", "implicit"])
@pytest.mark.parametrize("batches", [[], [ProgramTable.empty()]])
def test_no_buildings_is_a_valid_tileset(tmp_path: Path, tiling: Any, batches: list[ProgramTable]) -> None:
    summary = write_3dtiles(tmp_path / "t", batches, crs="EPSG:28992", tiling=tiling)
    assert summary.buildings == summary.tiles == 0
    assert summary.warnings == ("there are no buildings; the tileset is empty",)
    (tile,) = read_tileset(summary.tileset)
    assert tile.content is None
    assert [path.name for path in (tmp_path / "t").iterdir()] == ["tileset.json"]


def test_attributes_that_do_not_fit_a_table(tmp_path: Path, table: ProgramTable) -> None:
    count = len(table)
    odd: list[Any] = [float("nan"), float("inf"), None, 1.5]
    rows: list[dict[str, Any]] = [
        {"h": odd[i % 4], "t": "x" * 10_000_000 if i == 3 else f"{i}"} for i in range(count)
    ]
    rows[5]["t"] = "broken \ud800 text"
    mixed: dict[str, Any] = {
        "m": [1, "two", None, {"three": 3}] * (count // 4),
        "n": np.arange(count, dtype=np.uint64),
    }
    summary = write_3dtiles(
        tmp_path / "t",
        [(with_rows(table, table.ids, rows), mixed)],
        crs="EPSG:28992",
        geoid=0.0,
        compression="none",
    )
    assert summary.warnings == (f"attribute 't': 1 texts were cut to {MAX_TEXT} characters",)
    for _, content in contents(read_tileset(summary.tileset)):
        columns = content.columns
        where = [table.ids.index(name) for name in columns["id"]]
        assert columns["h"] == [1.5 if i % 4 == 3 else None for i in where]
        assert columns["n"] == where
        assert columns["m"] == [["1", "two", None, '{"three": 3}'][i % 4] for i in where]
        for i, text in zip(where, columns["t"], strict=True):
            assert text == ("x" * (MAX_TEXT - 1) + "…" if i == 3 else "broken ? text" if i == 5 else f"{i}")


def test_types_are_those_of_all_batches(tmp_path: Path, table: ProgramTable) -> None:
    """A column is no float in one tile and text in the next, whichever batch had what."""
    halves = [table.slice(0, 12), table.slice(12, 24)]
    columns: list[dict[str, Any]] = [
        {"a": [1] * 12, "b": [True] * 12, "c": [2**40] * 12, "d": [""] * 12, "e": [10**30] * 12},
        {"a": [0.5] * 12, "b": [3] * 12, "c": [5] * 12, "e": [1] * 12},
    ]
    write_3dtiles(tmp_path / "t", zip(halves, columns, strict=True), crs="EPSG:28992", geoid=0.0, per_tile=4)
    found = [content.glb.json for _, content in contents(read_tileset(tmp_path / "t" / "tileset.json"))]
    for glb in found:
        schema = glb["extensions"]["EXT_structural_metadata"]["schema"]["classes"]["building"]["properties"]
        kinds = {key: schema[key].get("componentType", schema[key]["type"]) for key in "abcde"}
        assert kinds == {"a": "FLOAT64", "b": "STRING", "c": "INT64", "d": "STRING", "e": "STRING"}
        assert schema["d"]["noData"] == "null"


def test_ids_may_collide_and_be_anything(tmp_path: Path, table: ProgramTable) -> None:
    ids = [f"../{i}/\n🏠" for i in range(len(table))]
    ids[7] = ids[2]
    ids[9] = ""
    summary = write_3dtiles(tmp_path / "t", [with_rows(table, ids, [{}] * 24)], crs="EPSG:28992", geoid=0.0)
    assert summary.warnings == ("1 buildings have the id of another; ids are kept as they are",)
    found = [n for _, content in leaves(read_tileset(summary.tileset)) for n in content.columns["id"]]
    assert sorted(found) == sorted(ids)
    for _, content in contents(read_tileset(summary.tileset)):
        schema = content.glb.json["extensions"]["EXT_structural_metadata"]["schema"]["classes"]["building"]
        assert "semantic" not in schema["properties"]["id"]
    assert {path.name for path in tmp_path.iterdir()} == {"t"}


def test_buildings_without_a_solid_are_listed(tmp_path: Path, table: ProgramTable) -> None:
    columns: dict[str, Any] = {name: column.copy() for name, column in table.columns().items()}
    first = columns["vertex_offsets"][columns["ring_offsets"][columns["part_offsets"]]]
    columns["xy"][first[3] : first[4]] = columns["xy"][first[3]]  # no area
    columns["xy"][first[8]] = np.nan
    columns["ground_z"][11] = np.inf
    columns["xy"][first[15] : first[16]] *= 1e9  # no place in this CRS
    broken = ProgramTable.from_arrays(ids=table.ids, **columns)
    summary = write_3dtiles(tmp_path / "t", [broken], crs="EPSG:28992", geoid=0.0, per_tile=5)
    assert summary.buildings == 20
    assert len(summary.failed) == 4
    for row in (3, 8, 11, 15):
        assert any(repr(table.ids[row]) in text for text in summary.failed)
    found = [n for _, content in leaves(read_tileset(summary.tileset)) for n in content.columns["id"]]
    assert sorted(found) == sorted(n for i, n in enumerate(table.ids) if i not in (3, 8, 11, 15))


def test_nothing_but_failures_is_an_empty_tileset(tmp_path: Path, table: ProgramTable) -> None:
    columns: dict[str, Any] = {name: column.copy() for name, column in table.slice(0, 2).columns().items()}
    columns["xy"][:] = columns["xy"][0]
    summary = write_3dtiles(
        tmp_path / "t", [ProgramTable.from_arrays(**columns)], crs="EPSG:28992", geoid=0.0
    )
    assert (summary.buildings, len(summary.failed), summary.tiles) == (0, 2, 0)
    assert len(read_tileset(summary.tileset)) == 1


def test_many_at_one_place(tmp_path: Path, table: ProgramTable) -> None:
    one = table.take(np.zeros(40, np.int64))
    summary = write_3dtiles(tmp_path / "t", [one], crs="EPSG:28992", geoid=0.0, per_tile=4)
    tiles = read_tileset(summary.tileset)
    assert sum(len(content.columns["id"]) for _, content in leaves(tiles)) == 40


@pytest.mark.parametrize(
    ("crs", "message"),
    [
        ("EPSG:2263", "counts in US survey foot"),
        ("EPSG:6348+6360", "counts in US survey foot"),
        ("EPSG:4326", "is not projected"),
        ("EPSG:4978", "is not projected"),
        ("nonsense", "is not known"),
    ],
)
def test_other_systems_are_refused(tmp_path: Path, table: ProgramTable, crs: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_3dtiles(tmp_path / "t", [table], crs=crs)
    assert not (tmp_path / "t").exists()


def test_coordinates_of_another_system(tmp_path: Path, table: ProgramTable) -> None:
    columns: dict[str, Any] = {name: column.copy() for name, column in table.columns().items()}
    columns["xy"] -= PLACES["EPSG:28992"][:2]
    far = ProgramTable.from_arrays(**columns)
    summary = write_3dtiles(tmp_path / "t", [far], crs="EPSG:28992", geoid=0.0)
    assert summary.warnings == (
        "the buildings lie outside the area that EPSG:28992 is for; check that it is their CRS",
    )
    columns["xy"] *= 1e12
    with pytest.raises(InputError, match="no place on the globe"):
        write_3dtiles(tmp_path / "u", [far], crs="EPSG:25832")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crs": None}, "stand on the globe"),
        ({"tiling": "octree"}, "explicit, implicit"),
        ({"compression": "draco"}, "meshopt, none"),
        ({"lods": ("1.1", "3")}, "2.2"),
        ({"per_tile": 0}, "above 0"),
        ({"geoid": float("nan")}, "is no height"),
    ],
)
def test_options_that_do_not_exist(tmp_path: Path, table: ProgramTable, options: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        write_3dtiles(tmp_path / "t", [table], **{"crs": "EPSG:28992", **options})


def test_a_column_of_another_length(tmp_path: Path, table: ProgramTable) -> None:
    with pytest.raises(InputError, match=r"'h': has 2 values for 24 buildings"):
        write_3dtiles(tmp_path / "t", [(table, {"h": [1, 2]})], crs="EPSG:28992")
    assert not (tmp_path / "t").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path, table: ProgramTable) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(OutputError, match="not empty"):
        write_3dtiles(tmp_path, [table], crs="EPSG:28992")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    with pytest.raises(OutputError, match="cannot be made"):
        write_3dtiles(tmp_path / "mine", [table], crs="EPSG:28992")


@pytest.mark.parametrize("after", [0, 3, 7])
def test_a_full_disk_leaves_nothing(
    tmp_path: Path, table: ProgramTable, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    written = []
    write = atomic_write

    def full(path: Path) -> Any:
        written.append(path)
        if len(written) > after:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path)

    monkeypatch.setattr("geovision.formats.tiles3d_content.atomic_write", full)
    with pytest.raises(OutputError, match="No space left"):
        write_3dtiles(tmp_path / "t", [table], crs="EPSG:28992", per_tile=4)
    assert not (tmp_path / "t").exists()


def test_the_list_comes_last(tmp_path: Path, table: ProgramTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds tileset.json finds all that it names, also after a kill; and an error takes all away."""
    seen = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        assert not (tmp_path / "t" / "tileset.json").exists()

    write_3dtiles(tmp_path / "t", [table], crs="EPSG:28992", per_tile=4, progress=progress)
    assert seen[-1] == (24, 24)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_3dtiles(tmp_path / "u", [table], crs="EPSG:28992", per_tile=4, progress=stop)
    assert not (tmp_path / "u").exists()
    assert (
        json.loads((tmp_path / "t" / "tileset.json").read_text(encoding="utf-8"))["asset"]["version"] == "1.1"
    )
