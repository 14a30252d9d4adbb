"""What the campaign found once, each as the smallest file that shows it."""

from __future__ import annotations

import json
import sqlite3
import struct
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely

from geovision.bounded import read_bytes
from geovision.cli.main import call
from geovision.errors import InputError, UsageError
from geovision.formats.describe import describe_mesh
from geovision.quality.report import _stages
from geovision.quality.report_data import read_fits
from geovision.quality.validate import validate
from geovision.sources import open_scene, read_footprints
from geovision.vision.data.real import read_places
from geovision.vision.data.store import TileStore
from geovision.vision.store import list_models, load_arrays, load_card, save_model
from tests.rasters import write_tif
from tests.security.test_bombs import glb, tileset

SQUARE = shapely.box(155_000, 463_000, 155_010, 463_010)


def mbtiles(path: Path, kind: str, row: tuple[Any, ...]) -> Path:
    base = sqlite3.connect(path)
    base.execute("create table metadata (name text, value text)")
    base.execute("insert into metadata values ('format', ?)", (kind,))
    base.execute("create table tiles (zoom_level, tile_column, tile_row, tile_data)")
    base.execute("insert into tiles values (?, ?, ?, ?)", row)
    base.commit()
    base.close()
    return path


@pytest.mark.parametrize(
    "row",
    [
        ("a", 1, 1, b"x"),
        (3, "a", 1, b"x"),
        (3, 1, None, b"x"),
        (3, 1, 1, "text"),
        (3, 2**62, 1, b""),
        (99, 1, 1, b""),
    ],
)
def test_sqlite_keeps_anything_in_any_column(tmp_path: Path, row: tuple[Any, ...]) -> None:
    with pytest.raises(InputError, match=r"i\.mbtiles"):
        open_scene(image=mbtiles(tmp_path / "i.mbtiles", "png", row))
    # Of vector tiles those without a place are left out.
    path = mbtiles(tmp_path / "v.mbtiles", "pbf", row)
    if row[0] == 3 and row[3] != "text":
        assert len(read_footprints(path)) == 0
        return
    with pytest.raises(InputError, match=r"v\.mbtiles"):
        read_footprints(path)


def test_tables_without_a_row(tmp_path: Path) -> None:
    path = tmp_path / "none.geojson"
    geopandas.GeoDataFrame({"id": []}, geometry=[], crs=4326).to_file(path, driver="GeoJSON")
    with pytest.raises(InputError, match=r"none\.geojson"):
        open_scene(footprints=path)


def test_a_geopackage_whose_schema_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "schema.gpkg"
    geopandas.GeoDataFrame({"name": ["a"]}, geometry=[SQUARE], crs=28992).to_file(path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"CREATE TABLE gpkg_contents", b"CREATE TABLE gpkg_\xb4ontents"))
    with pytest.raises(InputError, match=r"schema\.gpkg"):
        read_footprints(path)


@pytest.mark.parametrize(
    "place",
    [
        (3.5e-310, 0.0, 3.5e-310, 0.0, -3.5e-310, 3.5e-310),
        (7.7e-312, 0.0, 1.4e-309, 0.0, -2.1e-314, 2.1e-314),
        (1.5e-313, 0.0, 0.0, 0.0, -0.5, 0.0),
        (0.5, 0.0, 1e300, 0.0, -0.5, 463_000.0),
        (0.5, 0.0, float("nan"), 0.0, -0.5, 463_000.0),
    ],
)
def test_rasters_whose_pixels_have_no_size(tmp_path: Path, place: tuple[float, ...]) -> None:
    path = write_tif(tmp_path / "nowhere.tif", np.ones((8, 8), np.float32), place)
    with pytest.raises(InputError, match=r"nowhere\.tif.*(places it nowhere|no place on Earth)"):
        open_scene(dsm=path)


def test_columns_that_cannot_be_decoded(tmp_path: Path) -> None:
    path = tmp_path / "text.parquet"
    geopandas.GeoDataFrame({"name": ["abcdefgh"]}, geometry=[SQUARE], crs=28992).to_parquet(
        path, compression=None
    )
    path.write_bytes(path.read_bytes().replace(b"abcdefgh", b"abc\xb4\xffefg"))
    with pytest.raises(InputError, match=r"text\.parquet.*'name' cannot be decoded"):
        read_footprints(path)


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "twice.shp"
    geopandas.GeoDataFrame({"aa": ["x"], "bb": ["y"]}, geometry=[SQUARE], crs=28992).to_file(path)
    table = path.with_suffix(".dbf")
    table.write_bytes(table.read_bytes().replace(b"bb\0", b"aa\0", 1))
    with pytest.raises(InputError, match=r"twice\.shp.*two columns are named 'aa'"):
        read_footprints(path)


def test_outlines_beyond_the_earth(tmp_path: Path) -> None:
    path = tmp_path / "far.parquet"
    far = shapely.affinity.translate(SQUARE, 1e200, 0)
    geopandas.GeoDataFrame({"name": ["a", "b"]}, geometry=[SQUARE, far], crs=28992).to_parquet(path)
    found = read_footprints(path)
    assert len(found) == 1
    assert "beyond" in str(found.problems[0])


def test_weights_whose_directory_lies(tmp_path: Path) -> None:
    card = load_card(list_models()[0].name)
    save_model(tmp_path / "m", {"w": np.ones((2, 2), np.float32)}, card)
    path = tmp_path / "m.npz"
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", data, len(data) - 6)  # where the directory would be
    struct.pack_into("<I", data, len(data) - 6, start + 16)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"m\.npz"):
        load_arrays(tmp_path / "m")


@pytest.mark.parametrize(
    "index",
    [
        "[",
        [],
        {"format": 1},
        {"format": 1, "about": {}, "names": ["../a"], "sha256": ["x"], "sizes": [[1, 1]]},
        {"format": 1, "about": {}, "names": ["a"], "sha256": ["x"], "sizes": [[1, "a"]]},
        {"format": 1, "about": {}, "names": ["a", "b"], "sha256": ["x"], "sizes": [[1, 1]]},
    ],
)
def test_indices_of_tiles_that_are_none(tmp_path: Path, index: Any) -> None:
    (tmp_path / "tiles.json").write_text(index if isinstance(index, str) else json.dumps(index))
    with pytest.raises(InputError, match=r"tiles\.json"):
        TileStore(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "place = 1",
        "place = [1]",
        "name = 2\nfootprints = 'b'",
        "name = 'a'\nfootprints = 1.5",
        "part = ['a']",
        "cell_m = []",
    ],
)
def test_places_of_odd_types(tmp_path: Path, text: str) -> None:
    path = tmp_path / "places.toml"
    path.write_text(text if text.startswith("place") else f"[[place]]\n{text}\n")
    with pytest.raises(InputError, match=r"places\.toml"):
        read_places(path)


def test_keys_of_five_thousand_steps(tmp_path: Path) -> None:
    path = tmp_path / "scene.toml"
    path.write_text("a." * 5000 + "b = 1")
    with pytest.raises(InputError, match=r"scene\.toml: (has tables over 64 deep|is no TOML)"):
        open_scene(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cache_mb = 99999999999", "cache_mb.*less than or equal to"),
        ('target_crs = "EPSG:99999"', "crs 'EPSG:99999'.*not known"),
        ('target_crs = "EPSG:4326"', "target CRS EPSG:4326.*degrees"),
        ("[limits]\npixel = 3", "limit 'pixel'.*does not exist"),
        ("[limits]\npixels = 0", "limit pixels = 0.*not a count"),
    ],
)
def test_what_a_scene_says_is_told_with_its_name(tmp_path: Path, text: str, said: str) -> None:
    geopandas.GeoDataFrame(geometry=[SQUARE], crs=28992).to_file(tmp_path / "f.geojson")
    path = tmp_path / "there.toml"
    path.write_text(f'footprints = "f.geojson"\n{text}\n')
    with pytest.raises((InputError, UsageError), match=rf"there\.toml.*{said}"):
        open_scene(path)


def test_run_facts_of_odd_types() -> None:
    odd: list[Any] = [
        None,
        [],
        3,
        "a",
        {"seconds": []},
        {"seconds": 1.0},
        {"seconds": float("nan"), "cpu_seconds": 1},
    ]
    assert _stages(dict(enumerate(odd))) == []
    assert _stages({"fit": {"seconds": 2, "cpu_seconds": 1.5}}) == [("fit", 2.0, 1.5)]
    assert _stages(odd) == []


def test_fits_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    for data in (b"", b"PAR1", b"PAR1" + bytes(40) + b"\xff\xff\xff\x7fPAR1"):
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"a\.parquet"):
            read_fits(path)


def test_cityjson_features_whose_id_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.city.jsonl"
    header = {"type": "CityJSON", "version": "2.0", "transform": {"scale": [1] * 3, "translate": [0] * 3}}
    feature = {"type": "CityJSONFeature", "id": [1], "CityObjects": {}, "vertices": []}
    path.write_text(f"{json.dumps(header)}\n{json.dumps(feature)}\n")
    assert 802 in validate(path).codes


def test_glb_whose_objects_are_text(tmp_path: Path) -> None:
    path = glb(tmp_path / "a.glb", {"meshes": [{"primitives": ["a"]}], "accessors": ["b"]})
    with pytest.raises(InputError, match=r"a\.glb"):
        describe_mesh(path)
    assert call(["info", str(path)]) == 1


def test_a_building_of_any_number(tmp_path: Path) -> None:
    path = tmp_path / "far.ply"
    kinds = [("count", "u1"), ("corners", "<i4", 3), ("building", "<i4")]
    faces = np.array(
        [(3, [0, 2, 1], 2**31 - 1), (3, [0, 1, 3], 7), (3, [1, 2, 3], 7), (3, [2, 0, 3], 7)], kinds
    )
    head = (
        "ply\nformat binary_little_endian 1.0\nelement vertex 4\nproperty float x\nproperty float y\n"
        "property float z\nelement face 4\nproperty list uchar int vertex_indices\n"
        "property int building\nend_header\n"
    )
    places = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], "<f4")
    path.write_bytes(head.encode() + places.tobytes() + faces.tobytes())
    report = validate(path, threads=1)
    assert report.objects == 2
    assert {finding.id for finding in report.findings} >= {"building 7", "building 2147483647"}


def test_glb_whose_json_is_deep(tmp_path: Path) -> None:
    text = b'{"a":' + b"[" * 100_000
    text += b" " * (-len(text) % 4)
    path = tmp_path / "deep.glb"
    head = struct.pack("<4sIIII", b"glTF", 2, 20 + len(text), len(text), 0x4E4F534A)
    path.write_bytes(head + text)
    with pytest.raises(InputError, match=r"deep\.glb: has a damaged JSON chunk"):
        describe_mesh(path)
    assert validate(path).codes & {802, 901}


@pytest.mark.parametrize(
    "root",
    [
        {"geometricError": "a"},
        {"geometricError": {}},
        {"contents": [1.5]},
        {"contents": "abc"},
        {"content": 3},
        {"children": [7]},
        {"children": {"a": 1}},
        {"boundingVolume": 4},
        {"content": {"uri": "a\0.glb"}},
    ],
)
def test_tilesets_of_odd_types(tmp_path: Path, root: dict[str, Any]) -> None:
    assert validate(tileset(tmp_path / "a", root)).codes & {802, 861}


def test_room_is_made_for_what_there_is(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "a.json"
    path.write_bytes(b"[]")
    tracemalloc.start()
    assert read_bytes(path, 1 << 32, "a", "") == b"[]"
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    with pytest.raises(InputError, match="has over 1 bytes"):
        read_bytes(path, 1, "a", "")
    with pytest.raises(InputError, match="cannot be read"):
        read_bytes(tmp_path, 1, "a", "")
