"""What strangers send: each file is read, or refused by an error that names it and says what to do."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely

from geovision.errors import GeovisionError, InputError
from geovision.sources import VectorLimits, footprints_from_geodataframe, prepare_footprints, read_footprints
from geovision.sources.crs import is_metric, known_crs, local_utm
from tests.web_server import serve

RD = "EPSG:28992"
DRIVERS = {
    ".gpkg": "GPKG",
    ".fgb": "FlatGeobuf",
    ".shp": "ESRI Shapefile",
    ".geojson": "GeoJSON",
    ".parquet": None,
}
HTML = b"<!doctype html><html><body>404 Not Found</body></html>"
VRT = b'<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>'
NAN = float("nan")


def street(count: int = 30) -> geopandas.GeoDataFrame:
    boxes = [shapely.box(85_000 + 11 * i, 446_000, 85_010 + 11 * i, 446_008) for i in range(count)]
    return geopandas.GeoDataFrame(
        {"id": [f"b{i}" for i in range(count)], "height": np.arange(count) * 1.5}, geometry=boxes, crs=RD
    )


def write(frame: geopandas.GeoDataFrame, path: Path, **options: Any) -> Path:
    driver = DRIVERS[path.suffix]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if driver is None:
            frame.to_parquet(path)
        else:
            frame.to_file(path, driver=driver, **options)
    return path


def outcome(path: Path) -> GeovisionError | None:
    """One of our errors, or None for footprints; anything else is a bug and comes through."""
    try:
        prepare_footprints(read_footprints(path))
    except GeovisionError as error:
        return error
    return None


@pytest.mark.parametrize("suffix", DRIVERS)
def test_damaged_files(tmp_path: Path, suffix: str) -> None:
    path = write(street(), tmp_path / f"street{suffix}")
    parts = {file: file.read_bytes() for file in tmp_path.iterdir()}
    rng = Random(suffix)
    refused = 0
    for case in range(60):
        for file, good in parts.items():
            data = bytearray(good)
            if case % 3 == 0:
                data = data[: rng.randrange(len(data))]
            elif len(parts) == 1 or rng.random() < 0.6:
                for _ in range(rng.randint(1, 12)):
                    most = len(data) if rng.random() < 0.5 else min(len(data), 400)
                    data[rng.randrange(most)] = rng.choice((0, 127, 128, 255, rng.randrange(256)))
            file.write_bytes(data)
        error = outcome(path)
        if error is not None:
            refused += 1
            assert path.name in str(error)
            assert error.remedy
    assert refused > 15


@pytest.mark.parametrize("suffix", DRIVERS)
@pytest.mark.parametrize("content", [b"", HTML, VRT, b"\x00" * 4000, b"PAR1", b"\x1f\x8b\x08\x00garbage"])
def test_files_that_are_something_else(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    error = outcome(path)
    assert isinstance(error, InputError)
    assert path.name in str(error)
    assert error.remedy


@pytest.mark.parametrize("suffix", DRIVERS)
def test_empty_layers_and_other_geometries(tmp_path: Path, suffix: str) -> None:
    path = write(
        street().iloc[:0],
        tmp_path / f"empty{suffix}",
        **({} if suffix == ".parquet" else {"geometry_type": "Polygon"}),
    )
    found = read_footprints(path)
    assert len(found) == 0
    assert any("no footprint" in note for note in found.notes)
    lines = geopandas.GeoDataFrame(
        geometry=[shapely.LineString([(85_000, 446_000), (85_010, 446_010)])], crs=RD
    )
    with pytest.raises(InputError, match="LineString"):
        read_footprints(write(lines, tmp_path / f"lines{suffix}"))


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".parquet"])
def test_nan_coordinates_are_problems(tmp_path: Path, suffix: str) -> None:
    frame = street(3)
    broken, endless = (
        shapely.transform(
            frame.geometry[0], lambda xy, odd=odd: np.where(np.arange(len(xy))[:, None] == 2, odd, xy)
        )
        for odd in (NAN, 1e300)
    )
    frame.geometry = [frame.geometry[0], broken, endless]
    found = read_footprints(write(frame, tmp_path / f"x{suffix}"))
    assert found.ids == ["b0"]
    assert {problem.id for problem in found.problems} == {"b1", "b2"}
    with pytest.raises(InputError, match="NaN or infinite"):
        prepare_footprints(found, on_error="raise")


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".shp", ".parquet"])
def test_no_crs_is_asked_for(tmp_path: Path, suffix: str) -> None:
    path = write(street().set_crs(None, allow_override=True), tmp_path / f"x{suffix}")
    with pytest.raises(InputError, match=r"crs \(--crs"):
        read_footprints(path, target_crs="EPSG:32631")
    assert read_footprints(path, crs=RD, target_crs="EPSG:32631").crs == "EPSG:32631"
    assert "taken as EPSG:28992" in " ".join(read_footprints(path, crs=RD).notes)


def test_swapped_axes_are_refused(tmp_path: Path) -> None:
    turned = street()
    turned.geometry = turned.geometry.apply(lambda house: shapely.transform(house, lambda xy: xy[:, ::-1]))
    with pytest.raises(InputError, match="x and y swapped"):
        footprints_from_geodataframe(turned)
    degrees = street().to_crs(4326)
    assert footprints_from_geodataframe(degrees, target_crs=RD).crs == RD
    degrees.geometry = degrees.geometry.apply(lambda house: shapely.transform(house, lambda xy: xy[:, ::-1]))
    # 52 E 4 N is a place too, but not where the scene is.
    with pytest.raises(InputError, match="x and y swapped"):
        footprints_from_geodataframe(degrees, target_crs=RD)


def test_a_wrong_crs_is_told(tmp_path: Path) -> None:
    wrong = street().set_crs("EPSG:2056", allow_override=True)
    assert "outside the area of use" in " ".join(footprints_from_geodataframe(wrong).notes)
    with pytest.raises(InputError, match="nowhere in EPSG:4326"):
        footprints_from_geodataframe(street().set_crs(4326, allow_override=True))
    with pytest.raises(InputError, match="not in metres"):
        footprints_from_geodataframe(street(), target_crs="EPSG:2263")
    with pytest.raises(InputError, match="geocentric"):
        footprints_from_geodataframe(street().set_crs(4978, allow_override=True))


def test_feet_heights_and_the_web_map(tmp_path: Path) -> None:
    for crs in ("EPSG:2263", "EPSG:3857", "EPSG:7415"):
        place = street().to_crs(4326)
        if crs == "EPSG:2263":
            place.geometry = place.geometry.translate(-78.4, -11.2)
        found = footprints_from_geodataframe(place.to_crs(crs))
        assert is_metric(known_crs(str(found.crs)))
        assert np.ptp(found.boxes()[0].reshape(2, 2), axis=0) == pytest.approx([10, 8], abs=3)


def test_the_antimeridian(tmp_path: Path) -> None:
    houses = [shapely.box(x, -16.8001, x + 0.0001, -16.8) for x in (179.9995, -179.9996)]
    plans = footprints_from_geodataframe(geopandas.GeoDataFrame(geometry=houses, crs=4326))
    assert plans.crs == "EPSG:32701"
    assert np.ptp(plans.xy[:, 0]) < 150
    assert local_utm(180.0, -16.8).to_epsg() == 32701
    assert local_utm(10.0, 85.0).to_epsg() == 5041


def test_long_texts_are_cut_and_limits_hold(tmp_path: Path) -> None:
    frame = street(3)
    frame["note"] = ["x" * 2_000_000, "short", None]
    path = write(frame, tmp_path / "x.gpkg")
    found = read_footprints(path)
    assert [len(row.get("note", "")) for row in found.attributes] == [10_000, 5, 0]
    assert "2,000,000 characters was cut" in found.repairs[0].what
    for limits in (VectorLimits(features=2), VectorLimits(vertices=10), VectorLimits(file_bytes=100)):
        name = next(key for key, value in vars(limits).items() if value != getattr(VectorLimits(), key))
        for suffix in DRIVERS:
            with pytest.raises(InputError, match=rf"limits\.{name}"):
                read_footprints(write(frame[["id", "geometry"]], tmp_path / f"y{suffix}"), limits=limits)


def test_shapefiles_without_their_companions(tmp_path: Path) -> None:
    frame = street(4)
    frame["name"] = ["Straße", "Ålborg", "x", "y"]
    path = write(frame, tmp_path / "street.shp", encoding="ISO-8859-1")
    expected = read_footprints(path)
    assert expected.attributes[0]["name"] == "Straße"
    assert read_footprints(tmp_path).ids == expected.ids
    path.with_suffix(".shx").unlink()
    found = read_footprints(path)
    assert np.array_equal(found.xy, expected.xy)
    assert "index was rebuilt" in " ".join(found.notes)
    assert not path.with_suffix(".shx").exists()
    path.with_suffix(".prj").unlink()
    assert read_footprints(path, crs=RD).crs == RD
    path.with_suffix(".dbf").unlink()
    assert read_footprints(path, crs=RD).ids == ["0", "1", "2", "3"]
    write(frame, tmp_path / "second.shp")
    with pytest.raises(InputError, match="2 shapefiles"):
        read_footprints(tmp_path)


@pytest.mark.parametrize("suffix", DRIVERS)
def test_a_window_reads_the_same_footprints(tmp_path: Path, suffix: str) -> None:
    path = write(street(), tmp_path / f"street{suffix}")
    whole = read_footprints(path, target_crs="EPSG:32631")
    west, south, east, north = whole.boxes()[whole.ids.index("b10")]
    part = read_footprints(path, target_crs="EPSG:32631", bounds=(west, south, east, north))
    assert "b10" in part.ids
    assert len(part) <= 3
    assert np.array_equal(part.xy, whole.take([whole.ids.index(name) for name in part.ids]).xy)
    assert len(read_footprints(path, target_crs="EPSG:32631", bounds=(0, 0, 1, 1))) == 0
    with pytest.raises(InputError, match="west, south"):
        read_footprints(path, bounds=(0, 0, NAN, 1))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    write(street(), tmp_path / "street.gpkg")
    with serve(tmp_path) as address:
        yield address


def test_uris_are_read_when_that_is_allowed(server: str) -> None:
    with pytest.raises(InputError, match="over the network is off"):
        read_footprints(f"{server}/street.gpkg")
    for name in ("street.gpkg", "whole/street.gpkg"):
        assert len(read_footprints(f"{server}/{name}", allow_network=True)) == 30
    faults = {"gone/street.gpkg": "503", "nothing.gpkg": "404", "short/street.gpkg": "cut after .* bytes"}
    for name, what in faults.items():
        with pytest.raises(InputError, match=what) as caught:
            read_footprints(f"{server}/{name}", allow_network=True)
        assert f"{server}/{name}" in str(caught.value)
    with pytest.raises(InputError, match=r"limits\.file_bytes"):
        read_footprints(f"{server}/street.gpkg", allow_network=True, limits=VectorLimits(file_bytes=100))
    with pytest.raises(InputError, match="scheme 'ftp'"):
        read_footprints("ftp://example.org/a.gpkg", allow_network=True)
    for name in ("/vsicurl/http://127.0.0.1/a.gpkg", "/vsizip/a.zip/a.gpkg"):
        with pytest.raises(InputError, match=r"no such file|is not known"):
            read_footprints(name, allow_network=True)
