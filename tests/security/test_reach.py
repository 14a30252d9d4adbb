"""A file cannot have another file read or a server asked: drivers are named, and names are paths."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from PIL import Image

from geovision.cli.main import call
from geovision.errors import GeovisionError, InputError
from geovision.sources import open_points, open_scene, read_footprints
from geovision.sources.sqlite_file import open_sqlite
from tests.rasters import RD, write_tif

PLACE = Affine(1, 0, 85000, 0, -1, 446100)
BOX = (85000.0, 446036.0, 85064.0, 446100.0)


def dsm(path: Path, value: float = 5.0, side: int = 64, tags: dict[str, Any] | None = None) -> Path:
    write_tif(path, np.full((side, side), value, np.float32), PLACE)
    for space, items in (tags or {}).items():
        with rasterio.open(path, "r+") as dataset:
            dataset.update_tags(ns=space, **items)
    return path


def vrt_of(path: Path, side: int) -> str:
    return (
        f'<VRTDataset rasterXSize="{side}" rasterYSize="{side}"><VRTRasterBand dataType="Float32" band="1">'
        f"<SimpleSource><SourceFilename>{path}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>"
        "</VRTRasterBand></VRTDataset>"
    )


NAMES = [
    "/vsicurl/http://127.0.0.1:9/a{}",
    "/vsizip//tmp/a.zip/a{}",
    "/vsitar/a.tar/a{}",
    "/vsigzip/a.gz{}",
    "/vsisubfile/0_10,a{}",
    "/vsistdin/a{}",
    "MEM:::DATAPOINTER=1,PIXELS=1,LINES=1{}",
    '<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>{}',
    '{{"type": "FeatureCollection", "features": []}}{}',
    "HDF5:a{}://b",
    "NETCDF:a{}",
    "GTI:a{}",
    "GTIFF_DIR:1:a{}",
    "GTIFF_RAW:a{}",
    "vrt://a{}",
    "ZARR:/vsicurl/http://127.0.0.1:9/{}",
    "WMS:http://127.0.0.1:9/{}",
    "PG:dbname=a{}",
    "MVT:/vsicurl/http://127.0.0.1:9/{}",
    "file:///etc/a{}",
    "javascript:a{}",
    "gpkg:a{}",
    "a\0{}",
    "a" * 5000 + "{}",
    "\ud800{}",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_no_paths_are_refused(name: str) -> None:
    for suffix, read in (
        (".tif", lambda path: open_scene(dsm=path)),
        (".tif", open_scene),
        (".laz", open_points),
        (".gpkg", read_footprints),
        (".geojson", lambda path: open_scene(footprints=path)),
        (".mbtiles", lambda path: open_scene(image=path)),
        (".toml", open_scene),
    ):
        with pytest.raises(GeovisionError):
            read(name.format(suffix))


def test_an_overview_that_is_a_vrt_is_not_followed(tmp_path: Path) -> None:
    secret = dsm(tmp_path / "secret.tif", 77.0, 32)
    for suffix, side in ((".ovr", 32), (".msk", 64)):
        path = dsm(tmp_path / f"of{suffix[1:]}.tif")
        beside = path.with_name(path.name + suffix)
        beside.write_text(vrt_of(secret, side))
        with rasterio.open(path) as dataset:
            assert str(secret) in dataset.files  # what GDAL does by itself
        with pytest.raises(InputError, match=rf"{beside.name} beside it is no TIFF"):
            open_scene(dsm=path)
        beside.unlink()
        dsm(beside, 5.0, side)
        assert open_scene(dsm=path).window("dsm", BOX, 2.0).data.max() == 5.0


def test_metadata_that_name_a_file_are_not_followed(tmp_path: Path) -> None:
    secret = dsm(tmp_path / "secret.tif", 77.0, 32)
    inside = dsm(tmp_path / "inside.tif", tags={"OVERVIEWS": {"OVERVIEW_FILE": str(secret)}})
    with rasterio.open(inside) as dataset:
        assert dataset.read(1, out_shape=(32, 32)).max() == 77.0  # what GDAL does by itself
    with pytest.raises(InputError, match=r"inside\.tif: its metadata name another file to read"):
        open_scene(dsm=inside)
    beside = dsm(tmp_path / "beside.tif")
    beside.with_name("beside.tif.aux.xml").write_text(
        '<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">'
        "/vsicurl/http://127.0.0.1:9/x.tif</MDI></Metadata></PAMDataset>"
    )
    with pytest.raises(InputError, match="its metadata name another file"):
        open_scene(dsm=beside)


def test_sidecars_are_what_they_seem(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    path = dsm(folder / "dsm.tif")
    notes = path.with_name("dsm.tif.aux.xml")
    notes.write_text('<!DOCTYPE a [<!ENTITY x "y">]><PAMDataset></PAMDataset>')
    with pytest.raises(InputError, match="declares entities"):
        open_scene(dsm=path)
    notes.unlink()
    notes.symlink_to("/etc/hostname")
    with pytest.raises(InputError, match="links to another folder"):
        open_scene(dsm=path)
    notes.unlink()
    assert open_scene(dsm=path).window("dsm", BOX).coverage == 1.0


def test_files_stay_below_their_roots(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    path = dsm(outside / "dsm.tif")
    (inside / "link.tif").symlink_to(path)
    assert open_scene(dsm=path, roots=[outside]).bounds
    spec = inside / "scene.toml"
    spec.write_text('dsm = "link.tif"\n[allow]\nroots = ["/"]\n')
    assert open_scene(spec).bounds
    for given in (path, inside / "link.tif", inside / ".." / "out" / "dsm.tif", inside / "link*.tif"):
        with pytest.raises(InputError, match="lies outside of the folders that may be read"):
            open_scene(dsm=str(given), roots=[inside])
    with pytest.raises(InputError, match="lies outside"):
        open_scene(spec, roots=[inside])
    assert call(["scene", "info", "--dsm", str(path), "--root", str(inside)]) == 1


def test_tiles_do_not_link_out_of_their_folder(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (200, 30, 30)).save(tmp_path / "secret.png")
    for made in ("file", "folder"):
        column = tmp_path / made / "3" / "4"
        if made == "file":
            column.mkdir(parents=True)
            (column / "2.png").symlink_to(tmp_path / "secret.png")
        else:
            (tmp_path / "elsewhere").mkdir()
            shutil.copy(tmp_path / "secret.png", tmp_path / "elsewhere" / "2.png")
            column.parent.mkdir(parents=True)
            column.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(InputError, match="links out of its folder"):
            open_scene(image=tmp_path / made)
    plain = tmp_path / "plain" / "3" / "4"
    plain.mkdir(parents=True)
    shutil.copy(tmp_path / "secret.png", plain / "2.png")
    (tmp_path / "linked").symlink_to(tmp_path / "plain")
    assert open_scene(image=tmp_path / "linked").bounds


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "houses.gpkg"
    frame = geopandas.GeoDataFrame(
        {"id": ["a"]}, geometry=[shapely.box(85010, 446010, 85020, 446020)], crs=RD
    )
    frame.to_file(path, driver="GPKG", layer="houses")
    return path


def with_sql(package: Path, *statements: str) -> Path:
    path = shutil.copy(package, package.with_name("made.gpkg"))
    base = sqlite3.connect(path)
    for statement in statements:
        base.execute(statement)
    base.commit()
    base.close()
    return Path(path)


def as_layer(name: str) -> tuple[str, str]:
    return (
        f"insert into gpkg_contents(table_name, data_type, identifier, srs_id) "
        f"select '{name}', data_type, '{name}', srs_id from gpkg_contents",
        f"insert into gpkg_geometry_columns select '{name}', column_name, geometry_type_name, srs_id, z, m "
        "from gpkg_geometry_columns",
    )


def test_sql_in_a_geopackage_is_not_run(package: Path) -> None:
    endless = "with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from c"
    path = with_sql(
        package, f"create view v as select fid, geom, ({endless}) as n from houses", *as_layer("v")
    )
    for layer in ("v", "houses"):
        with pytest.raises(InputError, match=r"layer 'v' is no table but worked out by SQL"):
            read_footprints(path, layer=layer)
    assert read_footprints(package).ids == ["a"]
    asks = "select fid, geom, ogr_geocode('paris') as n from houses"
    path = with_sql(package, f"create view v as {asks}", *as_layer("v"))
    with pytest.raises(InputError, match=r"made\.gpkg"):
        read_footprints(path, layer="v")


def test_a_tileset_that_counts_for_ever_is_left(tmp_path: Path) -> None:
    path = tmp_path / "t.mbtiles"
    base = sqlite3.connect(path)
    base.execute("create table metadata (name text, value text)")
    base.execute("insert into metadata values ('format', 'pbf')")
    base.execute(
        "create view tiles as with recursive c(x) as (select 1 union all select x + 1 from c) "
        "select x as zoom_level, x as tile_column, x as tile_row, zeroblob(9) as tile_data from c"
    )
    base.commit()
    base.close()
    with pytest.raises(InputError, match=r"t\.mbtiles"):
        open_scene(footprints=path)
    with pytest.raises(InputError, match=r"t\.mbtiles"):
        open_scene(image=path)


def test_sqlite_is_read_only_and_bounded(package: Path) -> None:
    before = sorted(package.parent.iterdir())
    base = open_sqlite(package)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        base.execute("create table x (a)")
    with pytest.raises(sqlite3.DataError):
        base.execute("select hex(zeroblob(1000000000))").fetchall()
    base.close()
    assert sorted(package.parent.iterdir()) == before
