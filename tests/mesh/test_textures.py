"""Textures repeat without a seam, are the same in any resolution, and have the colour that was asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geovision import _kernel
from geovision.errors import InputError
from geovision.mesh.materials import Material
from geovision.mesh.textures import FINISH_COLOURS, Finish, draw_texture, finish_of, linear

CODES = Path(__file__).parents[2] / "cpp" / "include" / "geovision" / "finish.hpp"
EVERY = pytest.mark.parametrize("finish", list(Finish), ids=lambda finish: finish.name.lower())
RNG = np.random.default_rng(5)


def maps(finish: Finish, size: int, metres: float = 1.0, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    return _kernel.draw_finish(int(finish), metres, size, seed, 1)


def test_codes_are_those_of_the_kernel() -> None:
    text = CODES.read_text(encoding="utf-8")
    for finish in Finish:
        assert f" {finish.name.lower()} = {finish.value}," in text
    assert f"finish_count = {len(Finish)};" in text
    assert set(FINISH_COLOURS) == set(Finish)


def steps(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Mean change from each row (or column) to the next, the last to the first."""
    return np.asarray(np.abs(np.roll(values, -1, axis) - values).mean(axis=1 - axis))


@EVERY
@pytest.mark.parametrize("metres", [1.0, 1.3])
def test_the_borders_go_on_at_the_other_side(finish: Finish, metres: float) -> None:
    drawn = maps(finish, 192, metres, seed=3)
    for name in ("relief", "roughness", "occlusion", "colour"):
        plane = drawn[name].astype(np.float64)
        if name == "colour":
            plane = plane.mean(axis=2)
        for axis in (0, 1):
            change = steps(plane, axis)
            # Where pixels fall on joints differs a little; a seam is far above that (see below).
            assert change[-1] <= change[:-1].max() * 1.5 + 1e-9, (name, axis)


@pytest.mark.parametrize("finish", [Finish.PLASTER, Finish.CONCRETE, Finish.THATCH, Finish.MEMBRANE])
def test_a_cut_piece_shows_its_border(finish: Finish) -> None:
    """What the test above looks for is there where a picture does not repeat."""
    piece = maps(finish, 192, seed=3)["relief"][:131, :117].astype(np.float64)
    assert any(steps(piece, axis)[-1] > 1.5 * steps(piece, axis)[:-1].max() for axis in (0, 1))


@EVERY
def test_half_the_size_is_the_same_picture(finish: Finish) -> None:
    large, small = maps(finish, 256), maps(finish, 64)
    for name, values in large.items():
        pooled = values.reshape(64, 4, 64, 4, -1).mean(axis=(1, 3)).reshape(small[name].shape)
        assert np.abs(pooled - small[name]).max() < 1e-5, name


@EVERY
def test_an_odd_size_has_the_same_spectrum(finish: Finish) -> None:
    """Power of the relief below the coarser picture's resolution, by wave number."""

    def power(size: int) -> NDArray[np.float64]:
        spectrum = np.abs(np.fft.fft2(maps(finish, size)["relief"].astype(np.float64)) / size**2)
        return np.asarray(spectrum[:24, :24])

    one, other = power(150), power(87)
    assert np.linalg.norm(one - other) < 0.12 * np.linalg.norm(one)


@EVERY
def test_same_seed_same_bytes_on_any_threads(finish: Finish) -> None:
    one, again = (draw_texture(finish, size=48, metres=0.5, seed=9, threads=threads) for threads in (1, 2))
    other = draw_texture(finish, size=48, metres=0.5, seed=10, threads=1)
    for name in ("base", "normal", "packed"):
        assert np.array_equal(getattr(one, name), getattr(again, name))
    assert not np.array_equal(one.base, other.base)


@settings(max_examples=40, deadline=None)
@given(
    finish=st.sampled_from(list(Finish)),
    colour=st.tuples(*[st.integers(20, 235)] * 3),
    seed=st.integers(0, 2**32 - 1),
    metres=st.floats(0.3, 1.5),
)
def test_the_mean_is_the_colour_that_is_given(
    finish: Finish, colour: tuple[int, int, int], seed: int, metres: float
) -> None:
    drawn = draw_texture(finish, size=32, metres=metres, seed=seed, colour=colour, threads=1)
    wanted = linear(np.array(colour, np.uint8))
    assert np.abs(linear(drawn.base).mean(axis=(0, 1)) - wanted).max() < 0.004 + 0.01 * wanted.max()
    normal = drawn.normal.astype(np.float64) / 127.5 - 1
    assert np.abs(np.linalg.norm(normal, axis=-1) - 1).max() < 0.01
    assert (normal[..., 2] > 0).all()


@EVERY
def test_a_neutral_texture_is_grey_in_the_mean(finish: Finish) -> None:
    drawn = draw_texture(finish, size=128, metres=1.0, threads=1)
    assert np.abs(linear(drawn.base).mean(axis=(0, 1)) - drawn.level).max() < 0.01
    assert 0.4 < drawn.level <= 1
    # Factors c / level must reach the light colours that walls of it have.
    assert linear(np.array(FINISH_COLOURS[finish], np.uint8)).max() < drawn.level


@pytest.mark.parametrize("bond", [Finish.BRICK_STRETCHER, Finish.BRICK_ENGLISH, Finish.BRICK_FLEMISH])
def test_bricks_have_their_size(bond: Finish) -> None:
    """27 courses of 7.5 cm would go into 2 m; whole pairs of them do: 26."""
    relief = maps(bond, 1024, 2.0)["relief"].astype(np.float64)
    rows = relief.mean(axis=1)
    joints = (rows < np.roll(rows, 1)) & (rows <= np.roll(rows, -1)) & (rows < -0.004)
    courses = np.abs(np.fft.rfft(rows - rows.mean()))[10:60].argmax() + 10
    assert courses == 26
    assert 26 <= joints.sum() <= 60
    wide = {
        Finish.BRICK_STRETCHER: {9},
        Finish.BRICK_ENGLISH: {9, 18},
        Finish.BRICK_FLEMISH: {12},  # joints, two a pair of 33 cm
    }[bond]
    middles = (np.arange(26) + 0.5) * 1024 / 26
    counts = set()
    for row in middles.astype(int):
        deep = relief[row - 4 : row + 4].mean(axis=0) < -0.003
        counts.add(int((deep & ~np.roll(deep, 1)).sum()))
    assert counts == wide


def test_normals_point_away_from_what_stands_out() -> None:
    """Red falls from left to right over a bump, green from top to bottom: x right, y up."""
    drawn = draw_texture(Finish.METAL_SEAM, size=256, metres=1.0, threads=1)
    seam = maps(Finish.METAL_SEAM, 256)["relief"].mean(axis=0)
    top = int(seam.argmax())
    red = drawn.normal[..., 0].mean(axis=0)
    assert red[top - 3] < 110
    assert red[top + 3] > 145
    lapped = draw_texture(Finish.WOOD, size=256, metres=1.0, threads=1)
    # The lower rims of boards face down, steeply; nothing faces up like that.
    green = lapped.normal[..., 1].mean(axis=1)
    assert green.min() < 60
    assert green.max() < 170


def test_materials_have_finishes() -> None:
    for material in (Material.BRICK, Material.TILES, Material.SLATE, Material.THATCH, Material.WOOD):
        assert finish_of(material) is not None
    assert finish_of(Material.GRASS) is None


@pytest.mark.parametrize(
    ("size", "metres"), [(3, 2.0), (9000, 2.0), (64, 0.01), (64, 1e9), (64, float("nan"))]
)
def test_sizes_out_of_bounds_are_refused(size: int, metres: float) -> None:
    with pytest.raises(InputError, match="out of bounds"):
        draw_texture(Finish.SLATE, size=size, metres=metres)
