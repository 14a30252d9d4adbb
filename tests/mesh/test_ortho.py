"""Orthophotos against the laws of light: own colours, cosines, the shadow of a box, blur, noise, JPEG."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.mesh.layers import draw_layers
from geovision.mesh.materials import Material
from geovision.mesh.ortho import Camera, Light, draw_ortho
from geovision.mesh.scene_mesh import Cover, SceneMesh, Terrain, build_scene_mesh
from geovision.mesh.window import Window
from geovision.model import Flat, Gabled
from tests.mesh.scenes import BRICK, GREY, ORIGIN, RED, house, turned_rectangle, village

PLAIN = Camera(supersample=1, blur_cells=0.0, noise=0.0, texture=0.0)
CLEAR = Light(haze=0.0, sky_blue=0.0)
WINDOW = Window.of((*(ORIGIN[:2] - 40), *(ORIGIN[:2] + 40)), 0.25)
GREEN = (98, 116, 70)


def field(*pieces: object, cover: Cover | None = None) -> SceneMesh:
    land = Terrain(ORIGIN[0] - 200, ORIGIN[1] + 200, 100.0, np.full((5, 5), 20, np.float32), 0, GREEN)
    return build_scene_mesh(list(pieces), terrain=land, cover=cover)  # type: ignore[arg-type]


def linear(values: NDArray[np.uint8]) -> NDArray[np.float64]:
    share = values / 255.0
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def test_level_ground_in_the_sun_shows_its_own_colour() -> None:
    for elevation in (20.0, 48.0, 90.0):
        for sky in (0.0, 0.3, 2.0):
            light = replace(CLEAR, sun_elevation_deg=elevation, sky=sky)
            picture = draw_ortho(field(), WINDOW, light, PLAIN)
            assert np.abs(picture[..., :3].astype(int) - GREEN).max() <= 1
    overcast = draw_ortho(field(), WINDOW, replace(CLEAR, sun=0.0), PLAIN)
    assert np.abs(overcast[..., :3].astype(int) - GREEN).max() <= 1


@pytest.mark.parametrize("supersample", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_the_shadow_of_a_box(seed: int, supersample: int) -> None:
    rng = np.random.default_rng(seed)
    ring = turned_rectangle(rng.uniform(6, 14), rng.uniform(5, 9), rng.uniform(0, 3), ORIGIN[:2])
    height = rng.uniform(3, 12)
    azimuth, elevation = rng.uniform(0, 360), rng.uniform(28, 70)
    scene = field(house(Flat(), ring, eave=height, ground=20.0))
    light = replace(CLEAR, sun_azimuth_deg=azimuth, sun_elevation_deg=elevation)
    picture = draw_ortho(scene, WINDOW, light, replace(PLAIN, supersample=supersample))
    ground = draw_layers(scene, WINDOW, ["label"])["label"] == 16
    full = linear(np.array(GREEN, np.uint8))[1]
    # Half way between sun and shadow.
    dark = ground & (linear(picture[..., 1]) / full < 0.65)
    # The box swept away from the sun: a point is in it if it is in the box moved by some share of the way.
    x, y = np.meshgrid(*WINDOW.centres())
    way = (
        -height
        / math.tan(math.radians(elevation))
        * np.array([math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))])
    )
    expected = np.zeros_like(dark)
    for share in np.linspace(0, 1, 200):
        inside = np.ones_like(dark)
        moved = ring + share * way
        for k in range(4):
            a, b = moved[k], moved[(k + 1) % 4]
            inside &= (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) >= 0
        expected |= inside
    expected &= ground
    wrong = (dark != expected).sum() * 0.25**2
    rim = 0.25 * (
        np.linalg.norm(np.diff(ring, axis=0, append=ring[:1]), axis=1).sum() + 2 * np.linalg.norm(way)
    )
    assert expected.sum() * 0.25**2 > 5
    assert wrong < 0.6 * rim
    # What is far from the box is in the open.
    open_ground = ground & (np.hypot(x - ORIGIN[0], y - ORIGIN[1]) > 38)
    assert np.abs(picture[open_ground][:, :3].astype(int) - GREEN).max() <= 2


@pytest.mark.parametrize("azimuth", [0.0, 90.0, 200.0])
def test_slopes_are_lit_by_the_cosine(azimuth: float) -> None:
    ring = turned_rectangle(30, 12, 0.3, ORIGIN[:2])
    roof = replace(RED, material=Material.PLAIN, colour=(150, 150, 150))
    plain = house(Gabled(ridge_height=7.0), ring, ground=20.0)
    plain.material[:] = Material.PLAIN
    plain.colour[:] = roof.colour
    light = replace(CLEAR, sun_azimuth_deg=azimuth, sun_elevation_deg=50.0, sky=0.3)
    scene = field(plain)
    picture = draw_ortho(scene, WINDOW, light, PLAIN)
    drawn = draw_layers(scene, WINDOW, ["label", "normal", "surface"])
    sun = np.array(
        [
            math.sin(math.radians(azimuth)) * math.cos(math.radians(50)),
            math.cos(math.radians(azimuth)) * math.cos(math.radians(50)),
            math.sin(math.radians(50)),
        ]
    )
    own = linear(np.array([150], np.uint8))[0]
    diffuse = 0.3 / (sun[2] + 0.3)
    for surface in np.unique(drawn["surface"][drawn["label"] == 0]):
        here = drawn["surface"] == surface
        normal = drawn["normal"][here][0] / 127.0
        direct = (1 - diffuse) * max(0.0, float(normal @ sun)) / sun[2]
        sky = diffuse * (0.5 + 0.5 * normal[2])
        found = np.median(linear(picture[here][:, 0]) / own)
        assert found == pytest.approx(direct + sky, rel=0.08)


def test_plants_are_bright_in_the_near_infrared() -> None:
    patch = [np.array([[0, -30], [30, -30], [30, 30], [0, 30]]) + ORIGIN[:2]]
    for material, low, high in ((16, 1.3, 6.0), (18, 0.8, 1.2), (20, 0.0, 0.7), (23, 1.3, 6.0)):
        cover = Cover.of([patch], material, (90, 95, 80))
        picture = draw_ortho(field(cover=cover), WINDOW, CLEAR, PLAIN)
        middle = picture[160, 200].astype(float)
        assert low < middle[3] / middle[0] < high


def test_cells_with_nothing_are_zero_and_others_are_not() -> None:
    ring = turned_rectangle(12, 9, 0.4, ORIGIN[:2])
    scene = build_scene_mesh([house(Gabled(ridge_height=7.0), ring)])
    picture = draw_ortho(scene, WINDOW, camera=Camera(supersample=3, jpeg_quality=60))
    label = draw_layers(scene, WINDOW, ["label"])["label"]
    assert (picture[label != 255].max(axis=1) > 0).all()
    empty = (picture == 0).all(axis=2)
    assert empty.mean() > 0.9
    assert not empty[label == 0].any()


def test_blur_spreads_an_edge_and_keeps_the_light() -> None:
    patch = [np.array([[0, -39], [39, -39], [39, 39], [0, 39]]) + ORIGIN[:2]]
    scene = field(cover=Cover.of([patch], Material.PLAIN, (200, 200, 200)))
    sharp = linear(draw_ortho(scene, WINDOW, CLEAR, PLAIN))[160, :, 0]
    blurred = linear(draw_ortho(scene, WINDOW, CLEAR, replace(PLAIN, blur_cells=1.5)))[160, :, 0]
    # The kernel ends at 2.5 deviations.
    x = np.arange(WINDOW.width) - 159.5
    edge = np.array([0.5 * (1 + math.erf(v / 1.5 / math.sqrt(2))) for v in x[120:200]])
    expected = sharp[120] + edge * (sharp[200] - sharp[120])
    assert np.abs(blurred[120:200] - expected).max() < 0.02
    assert blurred[40:280].mean() == pytest.approx(sharp[40:280].mean(), rel=0.01)
    over = linear(draw_ortho(scene, WINDOW, CLEAR, replace(PLAIN, blur_cells=0.8, sharpen=0.8)))[160, :, 0]
    assert over[155:165].max() > sharp.max() + 0.02
    assert over[50] == pytest.approx(sharp[50], abs=0.01)


def test_noise_is_what_was_asked_for() -> None:
    grey = field(
        cover=Cover.of(
            [[np.array([[-99, -99], [99, -99], [99, 99], [-99, 99]]) + ORIGIN[:2]]], 0, (128, 128, 128)
        )
    )
    picture = draw_ortho(grey, WINDOW, CLEAR, replace(PLAIN, noise=0.04)).astype(float)
    assert picture[..., :3].std() == pytest.approx(0.04 * 255, rel=0.05)
    assert picture.mean(axis=(0, 1))[:3] == pytest.approx([128] * 3, abs=0.3)
    channels = [picture[..., k].ravel() for k in range(4)]
    assert abs(np.corrcoef(channels[0], channels[1])[0, 1]) < 0.02
    assert abs(np.corrcoef(channels[0][1:], channels[0][:-1])[0, 1]) < 0.02


def test_light_and_camera_do_what_they_say() -> None:
    scene = village()
    window = Window(ORIGIN[0], ORIGIN[1] + 70, 0.3, 200, 200)

    def mean(light: Light = CLEAR, camera: Camera = PLAIN) -> NDArray[np.float64]:
        return np.asarray(draw_ortho(scene, window, light, camera).mean(axis=(0, 1)))

    plain = mean()
    assert (mean(camera=replace(PLAIN, exposure=1.4)) > plain + 5).all()
    assert (mean(camera=replace(PLAIN, gamma=0.7)) > plain + 5).all()
    red = mean(camera=replace(PLAIN, gains=(1.5, 1.0, 1.0, 1.0)))
    assert red[0] > plain[0] + 5
    assert red[1:] == pytest.approx(plain[1:])
    hazy = draw_ortho(scene, window, replace(CLEAR, haze=0.4), PLAIN)
    assert hazy[..., 2].std() < draw_ortho(scene, window, CLEAR, PLAIN)[..., 2].std()
    grey = draw_ortho(scene, window, CLEAR, replace(PLAIN, saturation=0.0))
    assert np.ptp(grey[..., :3].astype(int), axis=2).max() <= 1
    flat = draw_ortho(scene, window, CLEAR, replace(PLAIN, contrast=0.3))
    assert flat.std() < 0.5 * draw_ortho(scene, window, CLEAR, PLAIN).std()
    # Blue skylight is in the shadows.
    blue = draw_ortho(scene, window, replace(CLEAR, sky_blue=1.0), PLAIN).astype(float)
    white = draw_ortho(scene, window, CLEAR, PLAIN).astype(float)
    dark = white[..., 1] < np.percentile(white[..., 1], 10)
    assert (blue[..., 2] - blue[..., 0])[dark].mean() > (white[..., 2] - white[..., 0])[dark].mean() + 5


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_jpeg_loses_as_much_as_jpeg(quality: int) -> None:
    from PIL import Image

    window = Window(ORIGIN[0], ORIGIN[1] + 70, 0.3, 192, 160)
    whole = draw_ortho(village(), window)
    lossy = draw_ortho(village(), window, camera=Camera(jpeg_quality=quality))
    file = io.BytesIO()
    Image.fromarray(whole[..., :3]).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    other = np.asarray(Image.open(file)).astype(float)

    def error(a: NDArray[np.float64]) -> float:
        return float(np.sqrt(np.mean((a - whole[..., :3]) ** 2)))

    ours = lossy[..., :3].astype(float)
    assert error(ours) == pytest.approx(error(other), rel=0.15)
    # Decoders smooth the halved chroma in ways of their own; the brightness is the same to rounding.
    weights = np.array([0.299, 0.587, 0.114])
    assert np.abs((ours - other) @ weights).mean() < 1.0


def test_threads_do_not_matter() -> None:
    scene = village()
    window = Window(ORIGIN[0], ORIGIN[1] + 70, 0.3, 210, 130)
    camera = Camera(jpeg_quality=80)
    one = draw_ortho(scene, window, camera=camera, seed=4, threads=1)
    for threads in (2, 8):
        assert np.array_equal(one, draw_ortho(scene, window, camera=camera, seed=4, threads=threads))
    assert not np.array_equal(one, draw_ortho(scene, window, camera=camera, seed=5))


def test_a_part_of_the_window_is_that_part_of_the_picture() -> None:
    scene = village()
    # A quarter of a metre is exact in binary, so that both windows sample the very same places.
    window = Window(ORIGIN[0], ORIGIN[1] + 70, 0.25, 240, 200)
    whole = draw_ortho(scene, window)
    part = Window(ORIGIN[0] + 10, ORIGIN[1] + 55, 0.25, 100, 90)
    cut = draw_ortho(scene, part)
    difference = np.abs(whole[60:150, 40:140].astype(int) - cut)
    assert (difference > 2).mean() < 1e-3


def test_materials_have_textures_of_their_own() -> None:
    patches = {m: [np.array([[-99, -99], [99, -99], [99, 99], [-99, 99]]) + ORIGIN[:2]] for m in Material}
    spread = {}
    for material, patch in patches.items():
        scene = field(cover=Cover.of([patch], material, (120, 110, 100)))
        window = Window(ORIGIN[0], ORIGIN[1], 0.1, 120, 120)
        picture = draw_ortho(scene, window, CLEAR, replace(PLAIN, texture=1.0))
        spread[material] = float(picture[..., 1].std())
        # A texture changes the look of a material, not its brightness.
        assert 0.7 < picture[..., 1].mean() / 110 < 1.45
        flat = draw_ortho(scene, window, CLEAR, PLAIN)
        assert flat[..., 1].std() < 0.5
    textured = set(Material) - {Material.PLAIN, Material.GLASS, Material.CAR_PAINT}
    assert {m.name: s for m, s in spread.items() if m in textured and s < 0.9} == {}


def test_bad_input_is_named() -> None:
    scene = field(house(Flat(), turned_rectangle(8, 8, 0, ORIGIN[:2])))
    for light in (Light(sun_elevation_deg=2.0), Light(sun=-1.0), Light(haze=math.nan)):
        with pytest.raises(UsageError, match=r"sun|haze"):
            draw_ortho(scene, WINDOW, light)
    with pytest.raises(UsageError, match="samples"):
        draw_ortho(scene, Window(0.0, 0.0, 0.1, 20_000, 20_000), camera=Camera(supersample=4))
    with pytest.raises(UsageError, match="no light"):
        draw_ortho(scene, WINDOW, Light(sun=0.0, sky=0.0))
    for camera in (Camera(supersample=9), Camera(gains=(1, 1, 1)), Camera(jpeg_quality=100)):  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=r"supersample|gains|jpeg_quality"):
            draw_ortho(scene, WINDOW, camera=camera)
    assert BRICK.material != GREY.material
