"""Small valid files of every format, made anew: each a folder's files, the first of which is opened."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas
import laspy
import numpy as np
import pyogrio
import rasterio
import shapely
from affine import Affine
from PIL import Image

import geovision
from geovision.mesh import mesh
from geovision.model import ProgramTable

RD = "EPSG:28992"
PLACE = Affine(0.5, 0, 85000, 0, -0.5, 446032)
BOX = (85000.0, 446000.0, 85032.0, 446032.0)

_PAM = b"<PAMDataset><GeoTransform>85000, 0.5, 0, 446032, 0, -0.5</GeoTransform></PAMDataset>"

Files = dict[str, bytes]


def collected(folder: Path, first: str = "") -> Files:
    """All files below a folder, the one to open first."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = sorted((str(path.relative_to(folder)) for path in paths), key=lambda name: (name != first, name))
    return {name: (folder / name).read_bytes() for name in names}


def heights(rows: int = 64, columns: int = 64) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.asarray(5 + np.hypot(*np.mgrid[:rows, :columns]) / 9, np.float32)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def rasters(folder: Path) -> Iterator[Files]:
    shapes: tuple[dict[str, Any], ...] = (
        {"dtype": "float32", "compress": "deflate", "predictor": 3, "tiled": True},
        {"dtype": "float32", "compress": "lzw", "tiled": False, "blockysize": 16},
        {"dtype": "int16", "compress": "none", "tiled": False, "nodata": -9999},
        {"dtype": "float32", "compress": "zstd", "tiled": True, "BIGTIFF": "YES"},
        {"dtype": "uint16", "compress": "packbits", "tiled": False, "ENDIANNESS": "BIG"},
    )
    for number, options in enumerate(shapes):
        path = folder / f"{number}.tif"
        tile = {"blockxsize": 32, "blockysize": 32} if options["tiled"] else {}
        profile = {"driver": "GTiff", "width": 64, "height": 64, "count": 1, "crs": RD, "transform": PLACE}
        with rasterio.open(path, "w", **{**profile, **tile, **options}) as dataset:
            dataset.write(heights().astype(options["dtype"]), 1)
            dataset.update_tags(AREA_OR_POINT="Area", note="made")
        yield {path.name: path.read_bytes()}


def images(folder: Path) -> Iterator[Files]:
    pixels = np.random.default_rng(1).integers(0, 255, (3, 64, 64), np.uint8)
    for number, options in enumerate(
        ({"compress": "jpeg", "photometric": "ycbcr"}, {"compress": "webp"}, {})
    ):
        path = folder / f"{number}.tif"
        profile = {"driver": "GTiff", "width": 64, "height": 64, "count": 3, "dtype": "uint8", "crs": RD}
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(path, "w", transform=PLACE, **{**profile, **options}) as dataset,
        ):
            dataset.write(pixels)
            dataset.write_mask(np.full((64, 64), 255, np.uint8))
        yield {path.name: path.read_bytes()}
    for suffix, form in ((".png", "PNG"), (".jpg", "JPEG"), (".webp", "WEBP"), (".jp2", "JPEG2000")):
        data = io.BytesIO()
        Image.fromarray(np.moveaxis(pixels, 0, -1)).save(data, form)
        world = b"0.5\n0\n0\n-0.5\n85000.25\n446031.75\n"
        yield {
            f"a{suffix}": data.getvalue(),
            "a.wld": world,
            f"a{suffix}.aux.xml": _PAM,
        }
    rows = "\n".join(" ".join(f"{value:.1f}" for value in row) for row in heights(16, 16))
    head = "ncols 16\nnrows 16\nxllcorner 85000\nyllcorner 446024\ncellsize 0.5\nNODATA_value -9999\n"
    yield {"a.asc": (head + rows).encode()}


def vrts(folder: Path) -> Iterator[Files]:
    name, tif = next(iter(next(rasters(folder)).items()))
    text = f"""<VRTDataset rasterXSize="64" rasterYSize="64"><SRS>{RD}</SRS>
<GeoTransform>85000, 0.5, 0, 446032, 0, -0.5</GeoTransform>
<VRTRasterBand dataType="Float32" band="1"><NoDataValue>-1</NoDataValue><ComplexSource>
<SourceFilename relativeToVRT="1">{name}</SourceFilename><SourceBand>1</SourceBand>
<SrcRect xOff="0" yOff="0" xSize="64" ySize="64"/><DstRect xOff="0" yOff="0" xSize="64" ySize="64"/>
<ScaleRatio>2</ScaleRatio></ComplexSource></VRTRasterBand></VRTDataset>"""
    yield {"a.vrt": text.encode(), name: tif}


def _las(path: Path, point_format: int, **columns: Any) -> bytes:
    rng = np.random.default_rng(point_format)
    header = laspy.LasHeader(point_format=point_format, version="1.2" if point_format < 4 else "1.4")
    header.scales, header.offsets = [0.01, 0.01, 0.001], [85_000, 446_000, 0]
    from pyproj import CRS

    header.add_crs(CRS.from_user_input(RD), keep_compatibility=point_format < 6)
    data = laspy.LasData(header)
    data.x, data.y = 85_000 + rng.uniform(0, 30, 300), 446_000 + rng.uniform(0, 30, 300)
    data.z, data.classification = rng.uniform(0, 9, 300), rng.choice([1, 2, 6], 300)
    data.write(path)
    return path.read_bytes()


def points(folder: Path) -> Iterator[Files]:
    for name in ("0.las", "3.las", "7.las", "1.laz", "3.laz", "6.laz", "8.laz"):
        yield {name: _las(folder / name, int(name[0]))}


def copc(folder: Path) -> Iterator[Files]:
    """A LAZ file of one chunk with what makes it COPC put in: a record in front, and a hierarchy behind."""
    laz = _las(folder / "plain.laz", 6)
    data_at, records = struct.unpack_from("<II", laz, 96)
    (table,) = struct.unpack_from("<q", laz, data_at)
    moved = 54 + 160
    end = len(laz) + moved
    info = struct.pack("<5d2Q2d11Q", 85016, 446016, 8, 16, 1.0, end + 60, 32, 0.0, 1.0, *[0] * 11)
    head = bytearray(laz[:375])
    struct.pack_into("<II", head, 96, data_at + moved, records + 1)
    struct.pack_into("<QI", head, 235, end, 1)
    record = struct.pack("<H16sHH32s", 0, b"copc", 1, 160, b"") + info
    tail = struct.pack("<H16sHQ32s", 0, b"copc", 1000, 32, b"")
    entry = struct.pack("<4iQii", 0, 0, 0, 0, data_at + moved + 8, table - data_at - 8, 300)
    body = struct.pack("<q", table + moved) + laz[data_at + 8 :]
    yield {"a.copc.laz": bytes(head) + record + laz[375:data_at] + body + tail + entry}


def houses(crs: str = RD) -> geopandas.GeoDataFrame:
    shapes = [
        shapely.box(85000 + 12 * x, 446000 + 10 * y, 85010 + 12 * x, 446008 + 10 * y)
        for x in (0, 1)
        for y in (0, 1)
    ]
    shapes[0] = shapes[0].difference(shapely.box(85003, 446003, 85005, 446005))
    shapes.append(
        shapely.MultiPolygon(
            [shapely.box(85040, 446000, 85045, 446005), shapely.box(85046, 446000, 85050, 446004)]
        )
    )
    columns = {
        "id": list("abcde"),
        "height": [3.5, None, 7.0, 1.0, 2.0],
        "name": ["é", None, "x", "", "y"],
        "n": [1, 2, 3, 4, 5],
    }
    return geopandas.GeoDataFrame(columns, geometry=shapes, crs=RD).to_crs(crs)


def packages(folder: Path) -> Iterator[Files]:
    for index, options in enumerate(({}, {"SPATIAL_INDEX": "NO"})):
        path = folder / f"{index}.gpkg"
        houses().to_file(path, driver="GPKG", layer="houses", **options)
        yield {path.name: path.read_bytes()}


def tables(folder: Path) -> Iterator[Files]:
    for name, driver in (("a.fgb", "FlatGeobuf"), ("a.geojson", "GeoJSON"), ("b.geojson", "GeoJSON")):
        houses(RD if name == "a.fgb" else "EPSG:4326").to_file(folder / name, driver=driver)
        yield {name: (folder / name).read_bytes()}


def parquet(folder: Path) -> Iterator[Files]:
    for name, options in (("a.parquet", {"compression": "zstd"}), ("b.parquet", {"compression": "snappy"}),
                          ("c.parquet", {"compression": None})):  # fmt: skip
        houses().to_parquet(folder / name, **options)
        yield {name: (folder / name).read_bytes()}


def shapefiles(folder: Path) -> Iterator[Files]:
    houses().to_file(folder / "a.shp")
    yield collected(folder, "a.shp")


def _tileset(folder: Path, name: str, driver: str) -> None:
    with quiet():
        pyogrio.write_dataframe(houses("EPSG:3857"), folder / name, driver=driver, layer="building",
                                MINZOOM=16, MAXZOOM=16, EXTENT=4096)  # fmt: skip


def vector_tiles(folder: Path) -> Iterator[Files]:
    for name, driver in (("a.pmtiles", "PMTiles"), ("a.mbtiles", "MBTiles")):
        _tileset(folder, name, driver)
        yield {name: (folder / name).read_bytes()}
    _tileset(folder, "tiles", "MVT")
    yield {f"tiles/{name}": data for name, data in collected(folder / "tiles").items()}


def image_tiles(folder: Path) -> Iterator[Files]:
    data = io.BytesIO()
    Image.new("RGB", (32, 32), (200, 100, 50)).save(data, "PNG")
    yield {f"tiles/16/33600/{row}.png": data.getvalue() for row in (21600, 21601)}
    path = folder / "i.mbtiles"
    base = sqlite3.connect(path)
    base.execute("create table metadata (name text, value text)")
    base.execute("insert into metadata values ('format', 'png')")
    base.execute(
        "create table tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob)"
    )
    base.executemany(
        "insert into tiles values (16, 33600, ?, ?)", [(row, data.getvalue()) for row in (43934, 43935)]
    )
    base.commit()
    base.close()
    yield {"i.mbtiles": path.read_bytes()}


def town() -> ProgramTable:
    whole = geovision.generate(area=(85000, 446000, 120, 90), seed=3)
    return whole.take(list(range(min(6, len(whole)))))


def programs(folder: Path) -> Iterator[Files]:
    for name in ("a.json", "a.jsonl"):
        geovision.write_programs(folder / name, town())
        yield {name: (folder / name).read_bytes()}


def program_tables(folder: Path) -> Iterator[Files]:
    geovision.write_programs(folder / "a.parquet", town())
    yield {"a.parquet": (folder / "a.parquet").read_bytes()}


def cityjson(folder: Path) -> Iterator[Files]:
    from geovision.formats.attributes import PROGRAM
    from geovision.formats.cityjson import cityjson_from_seq

    table = town()
    two = table.take([0, 1])
    columns = {PROGRAM: [json.loads(two[row].to_json()) for row in range(2)]}
    geovision.write_cityjsonseq(folder / "a.city.jsonl", mesh(two), attributes=columns, crs="EPSG:7415")
    cityjson_from_seq(folder / "a.city.jsonl", folder / "a.city.json")
    for name in ("a.city.jsonl", "a.city.json"):
        yield {name: (folder / name).read_bytes()}


def meshes(folder: Path) -> Iterator[Files]:
    from geovision.formats.meshes import write_mesh

    solids = mesh(town().take([0, 1]))
    for name in ("a.obj", "a.ply", "a.stl"):
        write_mesh(folder / name, solids)
        yield {name: (folder / name).read_bytes()}


def glbs(folder: Path) -> Iterator[Files]:
    solids = mesh(town().take([0, 1]))
    geovision.write_glb(folder / "a.glb", solids, crs="EPSG:7415")
    yield {"a.glb": (folder / "a.glb").read_bytes()}


def tilesets(folder: Path) -> Iterator[Files]:
    from geovision.formats.tiles3d import write_3dtiles

    with quiet():
        write_3dtiles(folder / "a", [town()], crs=RD, geoid=40.0, per_tile=3)
        write_3dtiles(
            folder / "b", [town()], crs=RD, geoid=40.0, per_tile=3, tiling="implicit", compression="none"
        )
    for name in ("a", "b"):
        yield {f"tiles/{key}": data for key, data in collected(folder / name, "tileset.json").items()}


def weights(folder: Path) -> Iterator[Files]:
    from geovision.vision.store import list_models, load_card, save_model

    card = load_card(list_models()[0].name)
    save_model(folder / "m", {"w": np.ones((3, 4), np.float32), "b": np.zeros(3, np.float32)}, card, b"onnx")
    yield collected(folder, "m.json")


def arrays(folder: Path) -> Iterator[Files]:
    from geovision.vision.data.store import TileStore
    from geovision.vision.data.tile import tile_of_rasters
    from geovision.vision.train.state import RunState, save_state

    save_state(folder / "state.npz", RunState(3, "d", {"w": np.ones((3, 4), np.float32)}))
    yield {"state.npz": (folder / "state.npz").read_bytes()}
    tile = tile_of_rasters(np.full((8, 8), -1, np.int32), 0.5)
    TileStore.fill(folder / "tiles", {"what": "x"}, ["a", "b"], lambda name: tile)
    yield {f"tiles/{name}": data for name, data in collected(folder / "tiles", "tiles.json").items()}


def scenes(folder: Path) -> Iterator[Files]:
    tif, laz, gpkg = next(rasters(folder)), next(points(folder)), next(packages(folder))
    (tif_name, tif_data), (las_name, las_data) = next(iter(tif.items())), next(iter(laz.items()))
    text = f"""schema = "geovision.scene/1"
crs = "EPSG:28992"
target_crs = "EPSG:28992"
footprints = "0.gpkg"
cache_mb = 64
[dsm]
files = ["{tif_name}"]
nodata = -9999
vertical_unit = "metre"
[points]
files = "{las_name}"
[allow]
vrt = false
roots = ["."]
[limits]
pixels = 1000000
"""
    yield {"scene.toml": text.encode(), tif_name: tif_data, las_name: las_data, "0.gpkg": gpkg["0.gpkg"]}


def settings(folder: Path) -> Iterator[Files]:
    root = Path(__file__).resolve().parents[2]
    for path in sorted((root / "geovision" / "procedural" / "styles").glob("*.toml"))[:2]:
        yield {f"style_{path.name}": path.read_bytes()}
    for path in sorted((root / "scripts" / "train").glob("*.toml"))[:2]:
        yield {f"train_{path.name}": path.read_bytes()}
    place = 'name = "a"\nimage = "a.tif"\nfootprints = "b.gpkg"\ncell_m = 0.3\npart = [0, 0, 1, 1]\n'
    yield {"places.toml": f"[[place]]\n{place}".encode()}
    yield {"batch.toml": b'scene = "scene.toml"\n[run]\nworkers = 2\n'}


def facades(folder: Path) -> Iterator[Files]:
    root = Path(__file__).resolve().parents[2] / "geovision" / "procedural" / "facades"
    for path in sorted(root.glob("[a-z]*.facade"))[:4]:
        yield {
            path.name: path.read_bytes(),
            **{p.name: p.read_bytes() for p in sorted(root.glob("_*.facade"))},
        }


def runs(folder: Path) -> Iterator[Files]:
    """What `report` reads: programs, their fits, and the facts of a run."""
    import geovision.pipeline.fit_to as verb

    town_files = next(scenes(folder))
    for name, data in town_files.items():
        (folder / name).write_bytes(data)
    scene = geovision.open_scene(folder / "scene.toml")
    out = folder / "out"
    out.mkdir()
    verb.fit_to(scene, out / "programs.parquet", threads=1)
    facts = {"started": "2026-01-01", "seconds": 3.0, "stages": {"fit": {"seconds": 1.0, "cpu_seconds": 1.0}}}
    index = {"crs": RD, "formats": ["parquet"], "notes": ["a"], "problems": ["b"], "lod": "2.2"}
    (out / "run.json").write_text(json.dumps(facts))
    (out / "index.json").write_text(json.dumps(index))
    yield {f"out/{name}": data for name, data in collected(out, "run.json").items()}
