"""Roofs from the photo: the colour that a roof shows is the photo's at that place, in every file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pyproj import Transformer

from geovision.errors import InputError
from geovision.formats.atlas import make_atlas
from geovision.formats.glb import glb_bytes
from geovision.formats.gltf_skin import SkinSettings
from geovision.formats.materials import LABEL_COLOURS
from geovision.formats.points import write_points
from geovision.formats.terrain import Picture
from geovision.formats.tiles3d import write_3dtiles
from geovision.mesh import Material, Paint, face_looks, mesh
from geovision.model.labels import Label
from geovision.pipeline.build_to import build_to
from geovision.quality.validate import validate
from geovision.sources import open_scene
from tests.formats.test_khronos import validate as khronos
from tests.formats.test_tiles3d import PLACES, city
from tests.formats.test_tiles3d_clients import show
from tests.formats.test_tiles3d_facades import Dresser
from tests.helpers_glb import Glb, parse_glb
from tests.helpers_tiles3d import read_tileset
from tests.node_judges import node_modules

AT = PLACES["EPSG:28992"]
Floats = NDArray[np.float64]


def colour_at(xy: Floats) -> Floats:
    """Smooth, and other everywhere: what a photo of this country shows at places (n, 2)."""
    x, y = (xy - AT[:2]).T
    red, green = 128 + 100 * np.sin(x / 40), 128 + 100 * np.cos(y / 37)
    return np.stack([red, green, 128 + 100 * np.sin((x + y) / 51)], axis=-1)


class Photo:
    """Pixels on a lattice, 0.25 m wide, and none east of a line."""

    cell_m = 0.25

    def __init__(self, ends_at: float = np.inf) -> None:
        self.ends_at = ends_at
        self.read: list[int] = []

    def __call__(self, area: tuple[float, float, float, float], least_m: float) -> Picture | None:
        cell = max(least_m, self.cell_m)
        west, south = np.floor(np.array(area[:2]) / cell)
        east, north = np.ceil(np.array(area[2:]) / cell)
        x = cell * (np.arange(west, east) + 0.5)
        y = cell * (np.arange(north, south, -1) - 0.5)
        self.read.append(len(x) * len(y))
        if x[0] > self.ends_at:
            return None
        places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        pixels = colour_at(places).round().astype(np.uint8).reshape(len(y), len(x), 3)
        missing = np.broadcast_to(x > self.ends_at, (len(y), len(x)))
        bounds = (west * cell, south * cell, east * cell, north * cell)
        return Picture(pixels, bounds, missing if missing.any() else None)


def sampled(pixels: NDArray[Any], uv: Floats) -> Floats:
    """Bilinear, as graphics hardware does it."""
    height, width = pixels.shape[:2]
    x, y = uv[:, 0] * width - 0.5, uv[:, 1] * height - 0.5
    i, j = np.floor(x).astype(int), np.floor(y).astype(int)
    total = np.zeros((len(uv), 3))
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        weight = np.abs(1 - dx - (x - i)) * np.abs(1 - dy - (y - j))
        pixel = pixels[np.clip(j + dy, 0, height - 1), np.clip(i + dx, 0, width - 1)]
        total += weight[:, None] * pixel
    return total


def textured(glb: Glb) -> tuple[NDArray[Any], list[dict[str, Any]]]:
    """The picture of a file and the primitives that show it."""
    (image,) = glb.json["images"]
    pixels = np.asarray(Image.open(io.BytesIO(glb.view(image["bufferView"]))).convert("RGB"), np.float64)
    found = [item for item in glb.primitives if "TEXCOORD_0" in item["attributes"]]
    for item in found:
        material = glb.json["materials"][item["material"]]
        assert material["extras"] == {"provenance": "observed"}
        assert material["pbrMetallicRoughness"]["baseColorTexture"] == {"index": 0}
    return pixels, found


def inner_points(corners: Floats, uv: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A random place in each triangle, and its texture coordinate."""
    weight = rng.dirichlet([1.0, 1.0, 1.0], len(corners))[:, :, None]
    return (corners * weight).sum(axis=1), (uv * weight).sum(axis=1)


def test_a_roofs_colour_is_that_of_its_place() -> None:
    table = city(120, AT)
    solids = mesh(table, polygons=False)
    glb = parse_glb(glb_bytes(solids, photo=Photo(), crs="EPSG:28992"))
    pixels, found = textured(glb)
    assert {glb.json["materials"][item["material"]]["name"] for item in found} >= {"roof_photo"}
    origin = np.array(glb.json["nodes"][1]["translation"])
    rng = np.random.default_rng(1)
    for item in found:
        index = glb.accessor(item["indices"]).astype(int).reshape(-1, 3)
        corners = (glb.accessor(item["attributes"]["POSITION"]) + origin)[index]
        uv = glb.accessor(item["attributes"]["TEXCOORD_0"]).astype(np.float64)
        assert (uv >= 0).all()
        assert (uv <= 1).all()
        place, at = inner_points(corners, uv[index], rng)
        gap = np.abs(sampled(pixels, at) - colour_at(place[:, :2]))
        assert np.median(gap) < 2
        assert gap.max() < 16  # JPEG, beside pieces of other colours


@pytest.mark.parametrize("compress", [False, True])
def test_photo_and_materials_on_one_building(tmp_path: Path, compress: bool) -> None:
    solids = mesh(city(120, AT), polygons=False)
    roof, wall = Paint(Material.TILES, (150, 80, 60)), Paint(Material.BRICK, (168, 128, 98))
    looks = face_looks(solids, roof=roof, flat=roof, wall=wall)
    photo, skin = Photo(ends_at=AT[0] + 60), SkinSettings(size=16)
    data = glb_bytes(solids, photo=photo, looks=looks, skin=skin, compress=compress)
    (tmp_path / "both.glb").write_bytes(data)
    (report,) = khronos(node_modules(), tmp_path / "both.glb")
    assert report["numErrors"] == report["numWarnings"] == 0, report["messages"]
    glb = parse_glb(data)
    names = [glb.json["materials"][item["material"]]["name"] for item in glb.primitives]
    assert {"roof_photo", "roof_pantiles", "wall_brick_stretcher"} <= set(names)
    item = glb.primitives[names.index("roof_photo")]
    material = glb.json["materials"][item["material"]]
    texture = glb.json["textures"][material["pbrMetallicRoughness"]["baseColorTexture"]["index"]]
    image = glb.json["images"][texture["source"]]
    assert image["mimeType"] == "image/jpeg"
    pixels = np.asarray(Image.open(io.BytesIO(glb.view(image["bufferView"]))).convert("RGB"), np.float64)
    origin = np.array(glb.json["nodes"][1]["translation"])
    index = glb.accessor(item["indices"]).astype(int).reshape(-1, 3)
    corners = (glb.accessor(item["attributes"]["POSITION"]) + origin)[index]
    uv = glb.accessor(item["attributes"]["TEXCOORD_0"]).astype(np.float64)
    place, at = inner_points(corners, uv[index], np.random.default_rng(1))
    known = place[:, 0] < AT[0] + 55
    gap = np.abs(sampled(pixels, at) - colour_at(place[:, :2]))[known]
    assert known.sum() > 50
    assert np.median(gap) < 3
    colour = glb.accessor(item["attributes"]["COLOR_0"])
    assert colour.min() in (1.0, 65535)
    plain = glb.primitives[names.index("roof_pantiles")]
    east = glb.accessor(plain["attributes"]["POSITION"])[:, 0] + origin[0]
    assert east.min() > AT[0] + 40


def test_roofs_of_tiles_show_the_photo_beside_materials(tmp_path: Path) -> None:
    table, site = city(12, PLACES["EPSG:28992"]), tmp_path / "t"
    settings: dict[str, Any] = {"crs": "EPSG:28992", "geoid": 43.0, "texture_size": 16}
    write_3dtiles(site, [table], dresser=Dresser(), photo=Photo(), **settings)
    files = sorted((site / "content").rglob("*.glb"))
    assert len(files) > 1
    for file in files:
        names = {material["name"] for material in parse_glb(file.read_bytes()).json["materials"]}
        assert {"roof_photo", "wall_brick_stretcher"} <= names


@pytest.mark.parametrize("compression", ["none", "meshopt"])
def test_tiles_show_the_same(tmp_path: Path, compression: Any) -> None:
    table = city(160, AT)
    photo = Photo()
    summary = write_3dtiles(
        tmp_path / "t",
        [table],
        crs="EPSG:28992",
        compression=compression,
        per_tile=40,
        photo=photo,
        threads=1,
    )
    back = Transformer.from_crs("EPSG:4978", "EPSG:28992", always_xy=True)
    rng = np.random.default_rng(1)
    for tile in read_tileset(summary.tileset):
        assert tile.content is not None
        glb = parse_glb(tile.content.read_bytes())
        pixels, found = textured(glb)
        node = np.array(glb.json["nodes"][1]["matrix"]).reshape(4, 4).T
        matrix = tile.transform @ node
        for item in found:
            index = glb.accessor(item["indices"]).astype(int).reshape(-1, 3)
            local = glb.accessor(item["attributes"]["POSITION"]).astype(np.float64)
            ecef = local @ matrix[:3, :3].T + matrix[:3, 3]
            corners = np.stack(back.transform(*ecef.T), axis=-1)[index]
            uv = glb.accessor(item["attributes"]["TEXCOORD_0"]).astype(np.float64)
            place, at = inner_points(corners, uv[index], rng)
            gap = np.abs(sampled(pixels, at) - colour_at(place[:, :2]))
            assert np.median(gap) < 3
            assert np.quantile(gap, 0.99) < 12
        if tile.children:
            assert tile.error >= 16 * photo.cell_m
    assert validate(tmp_path / "t").ok
    files = sorted((tmp_path / "t").rglob("*.glb"))
    for report in khronos(node_modules(), *files):
        assert report["numErrors"] == report["numWarnings"] == 0, report["messages"]
    # Windows follow the tile: no more was held at a time than a few pieces side by side.
    assert max(photo.read) < 2e6


def test_pixels_grow_until_the_roofs_fit_and_what_is_not_seen_stays_plain() -> None:
    table = city(200, AT)
    solids = mesh(table, polygons=False)
    middle = float(table.xy[:, 0].mean())
    for most in (128, 300, 2048):
        atlas = make_atlas(solids.arrays(), Photo(middle), most)
        assert atlas is not None
        assert max(atlas.pixels.shape) <= most
        assert atlas.cell_m >= 0.25
        place = np.concatenate([one.vertices for one in solids])
        shown = sampled(atlas.pixels, atlas.uv.astype(float))
        east = place[:, 0] > middle + 2 * atlas.cell_m
        assert np.abs(shown[east] - LABEL_COLOURS[Label.ROOF]).max() < 1e-9
        west = place[:, 0] < middle - 2 * atlas.cell_m
        assert np.abs(shown[west] - colour_at(place[west, :2])).max() < 3 + 6 * atlas.cell_m
    assert atlas is not None
    assert atlas.cell_m == 0.25
    nothing = mesh(table.slice(0, 0), polygons=False)
    assert make_atlas(nothing.arrays(), Photo(), 512) is None
    assert make_atlas(solids.arrays(), Photo(-np.inf), 512) is not None


@pytest.mark.slow
def test_clients_show_photos_on_roofs(tmp_path: Path, chromium: str) -> None:
    table = city(60, AT)
    write_3dtiles(tmp_path / "t", [table], crs="EPSG:28992", geoid=43.0, per_tile=20, photo=Photo())
    result = show("three.html", tmp_path / "t", chromium, tmp_path / "three.png")
    assert sorted(result["ids"]) == sorted(table.ids)
    assert result["roofs"] > 2
    result = show("cesium.html", tmp_path / "t", chromium, tmp_path / "cesium.png")
    assert sorted(result["leaves"]) == sorted(table.ids)


def houses() -> Any:
    import geopandas
    import shapely

    boxes = [shapely.box(AT[0] + 20 * i, AT[1], AT[0] + 20 * i + 9, AT[1] + 8) for i in range(3)]
    return geopandas.GeoDataFrame({"id": ["a", "b", "c"]}, geometry=boxes, crs="EPSG:28992")


def heights_over(frame: Any) -> NDArray[Any]:
    x, y = np.meshgrid(np.arange(AT[0] - 5, AT[0] + 60, 0.5), np.arange(AT[1] - 5, AT[1] + 15, 0.5))
    import shapely

    inside = shapely.contains_xy(frame.geometry.union_all(), x, y)
    return np.column_stack([x.ravel(), y.ravel(), np.where(inside, 9.0, 2.0).ravel()])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_image_of_a_scene_whatever_its_crs(tmp_path: Path, dtype: Any) -> None:
    """An image in degrees, or of 16 bits, comes out on the roofs all the same."""
    frame = houses()
    write_points(tmp_path / "p.laz", heights_over(frame), crs="EPSG:28992")
    there = Transformer.from_crs("EPSG:28992", "EPSG:4326", always_xy=True)
    west, south = there.transform(AT[0] - 30, AT[1] - 30)
    east, north = there.transform(AT[0] + 90, AT[1] + 50)
    image = np.zeros((3, 200, 300), dtype)
    image[0] = 40 if dtype == np.uint8 else 4000
    image[1, :, 150:] = 220 if dtype == np.uint8 else 22000
    path = write_image(tmp_path / "i.tif", image, "EPSG:4326", (west, south, east, north))
    scene = open_scene(points=tmp_path / "p.laz", footprints=frame, image=path)
    build_to(scene, tmp_path / "town", formats=["glb"], merged=True)
    pixels, found = textured(parse_glb((tmp_path / "town" / "buildings.glb").read_bytes()))
    assert found
    red, green, _ = pixels.reshape(-1, 3).T
    assert (green[red < 120] > 150).any()
    assert (green[red < 120] < 60).any()
    build_to(scene, tmp_path / "plain", formats=["glb"], merged=True, textures=False, terrain=False)
    plain = parse_glb((tmp_path / "plain" / "buildings.glb").read_bytes())
    assert "images" not in plain.json
    assert not (tmp_path / "plain" / "terrain.glb").exists()


def test_bad_images_are_named(tmp_path: Path) -> None:
    frame, points = houses(), tmp_path / "p.laz"
    write_points(points, heights_over(frame), crs="EPSG:28992")
    image = np.zeros((3, 20, 30), np.uint8)
    silent = write_image(tmp_path / "silent.tif", image, None, (AT[0], AT[1], AT[0] + 30, AT[1] + 20))
    with pytest.raises(InputError, match=r"silent\.tif.*no CRS"):
        open_scene(footprints=frame, image=silent, points=points)
    far = write_image(tmp_path / "far.tif", image, "EPSG:28992", (10_000, 400_000, 10_030, 400_020))
    with pytest.raises(InputError, match="do not overlap"):
        open_scene(footprints=frame, image=far, points=points)


def write_image(path: Path, data: NDArray[Any], crs: str | None, bounds: Any) -> Path:
    import rasterio
    from affine import Affine

    west, south, east, north = bounds
    count, height, width = data.shape
    across, down = (east - west) / width, (south - north) / height
    profile = {"driver": "GTiff", "width": width, "height": height, "count": count, "dtype": data.dtype}
    transform = Affine(across, 0.0, west, 0.0, down, north)
    with rasterio.open(path, "w", **profile, crs=crs, transform=transform) as file:
        file.write(data)
    return path
