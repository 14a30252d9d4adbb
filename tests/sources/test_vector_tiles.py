from __future__ import annotations

import gzip
import itertools
import shutil
import sqlite3
from pathlib import Path
from random import Random
from typing import Any

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely
from shapely.affinity import translate

from geovision.errors import GeovisionError, InputError
from geovision.sources import Footprints, VectorLimits, read_footprints
from geovision.sources.mvt import decode_tile
from geovision.sources.tile_archives import _hilbert, open_tile_archive
from tests.sources.plans import WORLD, row

RD = "EPSG:28992"
KINDS = [("PMTiles", "town.pmtiles"), ("MBTiles", "town.mbtiles"), ("MVT", "town")]


def town(seed: int, rows: int = 30) -> list[Any]:
    """Rows of houses over several tiles of zoom 16, which are some 370 m wide in the Netherlands."""
    rng = Random(seed)
    houses = []
    for number in range(rows):
        dx, dy = 95.0 * (number % 6), 70.0 * (number // 6)
        houses += [translate(house, dx, dy) for house in row(rng, 0.0)]
    return houses


def write(polygons: list[Any], path: Path, driver: str, margin: int = 64, **columns: Any) -> Path:
    frame = geopandas.GeoDataFrame(columns, geometry=polygons, crs=RD).to_crs(3857)
    pyogrio.write_dataframe(
        frame, path, driver=driver, layer="building", MINZOOM=16, MAXZOOM=16, EXTENT=8192, BUFFER=margin,
        MAX_SIZE=5_000_000, MAX_FEATURES=1_000_000,
    )  # fmt: skip
    return path


def shares(wanted: list[Any], found: Footprints) -> Any:
    """For each building that was written, what it and the footprint that suits it best have in common."""
    before, after = np.array(wanted, dtype=object), found.polygons()
    a, b = shapely.STRtree(after).query(before, predicate="intersects")
    common = shapely.area(shapely.intersection(before[a], after[b]))
    best = np.zeros(len(before))
    np.maximum.at(best, a, common / np.maximum(shapely.area(before[a]), shapely.area(after[b])))
    return best


@pytest.mark.parametrize(("driver", "name"), KINDS)
@pytest.mark.parametrize("margin", [0, 64])
def test_buildings_cut_by_tile_borders_are_joined(
    tmp_path: Path, driver: str, name: str, margin: int
) -> None:
    houses = town(1)
    path = write(houses, tmp_path / name, driver, margin, kind=["house"] * len(houses))
    found = read_footprints(path, target_crs=RD)
    assert len(found) == len(houses)
    assert shares(houses, found).min() > 0.9
    assert len(set(found.ids)) == len(found)
    assert found.attributes == [{"kind": "house"}] * len(houses)
    assert not found.problems
    archive = open_tile_archive(path)
    pieces = sum(len(decode_tile(data, "tile")[0].features) for _, _, data in archive.tiles(None))
    assert pieces > len(houses) + 10  # some were cut


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def message(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def encoded(features: list[tuple[int, Any]], extent: int) -> bytes:
    """A tile with a layer of polygons, each with an id; y grows to the south."""
    layer = message(1, b"building") + varint(5 << 3) + varint(extent) + varint(15 << 3) + varint(2)
    for identity, polygon in features:
        commands, x, y = [], 0, 0
        for index, ring in enumerate([polygon.exterior, *polygon.interiors]):
            corners = np.round(np.array(ring.coords[:-1])).astype(int).tolist()
            if (shapely.LinearRing(corners).is_ccw) == (index > 0):
                corners = corners[::-1]
            for place, (u, v) in enumerate(corners):
                if place < 2:
                    commands.append(1 << 3 | 1 if place == 0 else (len(corners) - 1) << 3 | 2)
                commands += [
                    2 * (u - x) if u >= x else 2 * (x - u) - 1,
                    2 * (v - y) if v >= y else 2 * (y - v) - 1,
                ]
                x, y = u, v
            commands.append(1 << 3 | 7)
        numbers = b"".join(map(varint, commands))
        feature = varint(1 << 3) + varint(identity) + varint(3 << 3) + varint(3) + message(4, numbers)
        layer += message(2, feature)
    return message(3, layer)


@pytest.mark.parametrize("anew", [False, True])
def test_ids_of_the_tiles_are_kept_where_they_can_be_believed(tmp_path: Path, anew: bool) -> None:
    """`anew`: an encoder that numbers the features of every tile from 1."""
    extent, margin, zoom = 4096, 80, 16
    turned = [
        shapely.transform(house, lambda xy: (xy - np.array(WORLD)) * [9, -9] + 6000) for house in town(2)
    ]
    tiles = range(-1, 5)
    for column in tiles:
        for line in tiles:
            corner = np.array([column, line]) * extent
            box = shapely.box(*(corner - margin), *(corner + extent + margin))
            inside = [(n, house.intersection(box)) for n, house in enumerate(turned) if house.intersects(box)]
            features = [
                (place + 1 if anew else 1000 + n, translate(piece, *(-corner)))
                for place, (n, piece) in enumerate(inside)
                if piece.geom_type == "Polygon" and piece.area > 4
            ]
            target = tmp_path / "town" / str(zoom) / str(33000 + column) / f"{21000 + line}.pbf"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(encoded(features, extent))
    found = read_footprints(tmp_path / "town")
    assert len(found) == len(turned)
    if anew:
        assert all(name.count("/") == 3 for name in found.ids)
    else:
        assert sorted(map(int, found.ids)) == list(range(1000, 1000 + len(turned)))


def test_a_wall_on_a_tile_border_joins_nobody(tmp_path: Path) -> None:
    side = 2 * 20037508.342789244 / 2**16
    x, y = -20037508.342789244 + 33650 * side, 20037508.342789244 - 21557.4 * side
    frame = geopandas.GeoSeries(
        [shapely.box(x - 16, y, x, y + 12), shapely.box(x, y, x + 16, y + 12)], crs=3857
    )
    pair = list(frame.to_crs(RD))
    found = read_footprints(write(pair, tmp_path / "pair.pmtiles", "PMTiles", kind=["a", "a"]), target_crs=RD)
    assert len(found) == 2
    assert shares(pair, found).min() > 0.9


@pytest.mark.parametrize(("driver", "name"), KINDS)
def test_a_window_gives_the_same_buildings(tmp_path: Path, driver: str, name: str) -> None:
    path = write(town(3), tmp_path / name, driver, kind=list(range(len(town(3)))))
    whole = read_footprints(path, target_crs=RD)
    west, south, east, north = whole.bounds
    window = (west + 0.3 * (east - west), south, west + 0.6 * (east - west), south + 0.5 * (north - south))
    part = read_footprints(path, target_crs=RD, bounds=window)
    boxes = whole.boxes()
    inside = (boxes[:, 0] <= window[2]) & (boxes[:, 2] >= window[0])
    inside &= (boxes[:, 1] <= window[3]) & (boxes[:, 3] >= window[1])
    assert part.ids == [whole.ids[i] for i in np.flatnonzero(inside)]
    assert 0 < len(part) < len(whole)
    assert np.array_equal(part.xy, whole.take(np.flatnonzero(inside)).xy)
    assert len(read_footprints(path, target_crs=RD, bounds=(0, 0, 10, 10))) == 0


def test_tms_folders_packed_tiles_and_strangers(tmp_path: Path) -> None:
    houses = town(4)
    path = write(houses, tmp_path / "town", "MVT", kind=["house"] * len(houses))
    expected = read_footprints(path, target_crs=RD)
    turned = tmp_path / "tms"
    for tile in path.glob("*/*/*.pbf"):
        zoom, column, number = tile.parts[-3], tile.parts[-2], int(tile.stem)
        target = turned / zoom / column / f"{2 ** int(zoom) - 1 - number}.mvt"
        target.parent.mkdir(parents=True, exist_ok=True)
        data = tile.read_bytes()
        target.write_bytes(data if data.startswith(b"\x1f\x8b") else gzip.compress(data))
    (turned / "metadata.json").write_text('{"scheme": "tms"}')
    (turned / "16" / "readme.txt").write_text("not a tile")
    found = read_footprints(turned, target_crs=RD)
    assert np.array_equal(found.xy, expected.xy)


def test_layers_and_limits(tmp_path: Path) -> None:
    path = write(town(5), tmp_path / "town.pmtiles", "PMTiles", kind=["house"] * len(town(5)))
    with pytest.raises(InputError, match="building"):
        read_footprints(path, layer="roads")
    with pytest.raises(InputError, match=r"limits\.features"):
        read_footprints(path, limits=VectorLimits(features=10))
    with pytest.raises(InputError, match=r"limits\.vertices"):
        read_footprints(path, limits=VectorLimits(vertices=10))


def outcome(path: Path) -> GeovisionError | None:
    """One of our errors, or None for footprints; anything else is a bug and comes through."""
    try:
        read_footprints(path)
    except GeovisionError as error:
        return error
    return None


@pytest.mark.parametrize(("driver", "name"), KINDS)
def test_broken_tilesets_are_refused_or_read(tmp_path: Path, driver: str, name: str) -> None:
    path = write(town(6, rows=6), tmp_path / name, driver, kind=["house"] * len(town(6, rows=6)))
    file = path if path.is_file() else sorted(path.glob("*/*/*.pbf"))[0]
    good = file.read_bytes()
    rng = Random(7)
    cases = [b"", b"<!doctype html><html>gone</html>", good[: len(good) // 2], good[:100], good + b"\xff" * 9]
    for _ in range(60):
        changed = bytearray(good)
        for _ in range(rng.randint(1, 20)):
            changed[rng.randrange(len(good))] = rng.randrange(256)
        cases.append(bytes(changed))
    refused = 0
    for data in cases:
        file.write_bytes(data)
        error = outcome(path)
        if error is not None:
            refused += 1
            assert path.name in str(error)
            assert error.remedy
    assert refused >= 3


def test_no_tiles(tmp_path: Path) -> None:
    for name in ("x.pmtiles", "x.mbtiles"):
        with pytest.raises(InputError, match="no such file"):
            read_footprints(tmp_path / name)
    base = sqlite3.connect(tmp_path / "images.mbtiles")
    base.execute("create table metadata (name text, value text)")
    base.execute("insert into metadata values ('format', 'png')")
    base.commit()
    base.close()
    with pytest.raises(InputError, match="png"):
        read_footprints(tmp_path / "images.mbtiles")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no vector tiles"):
        read_footprints(tmp_path / "empty")
    shutil.rmtree(tmp_path / "empty")


def test_hilbert_curve() -> None:
    for zoom in (0, 1, 2, 5):
        places = [_hilbert(place, zoom) for place in range(4**zoom)]
        assert sorted(places) == sorted((x, y) for x in range(2**zoom) for y in range(2**zoom))
        steps = [abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in itertools.pairwise(places)]
        assert set(steps) <= {1}
