"""Oblique perspective pictures of scenes with facades, and what is seen in every pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.mesh import SceneLabel, Solids, Triangles, Window
from geovision.mesh.scene_mesh import Terrain, Trees
from geovision.model.labels import Label

__all__ = [
    "ObliqueCamera",
    "ObliqueView",
    "Soup",
    "crown_soup",
    "draw_oblique",
    "solid_soup",
    "terrain_soup",
    "triangle_soup",
]

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]

_NEAREST_M = 2.0
"""Triangles that come closer to the camera, or lie behind it, are not drawn."""
_SKY = (198, 214, 230)
_AMBIENT, _SUN = 0.52, 0.62
_SHADOW_CELLS = 2048
_BIAS_M = 0.12


@dataclass(frozen=True)
class Soup:
    """Triangles in world coordinates with what they are."""

    corners: F64
    """[n, 3, 3]"""
    colour: U8
    """[n, 3] sRGB."""
    label: U8
    """`Label` or `SceneLabel`."""
    building: I32
    """Row of the building, -1 for none."""
    element: I32
    """Element of a facade within the building, -1 for none."""

    @classmethod
    def of(cls, corners: F64, colour: U8, label: int) -> Soup:
        """What belongs to no building, all of one label."""
        none = np.full(len(corners), -1, np.int32)
        return cls(corners, colour, np.full(len(corners), label, np.uint8), none, none)

    @classmethod
    def join(cls, soups: Sequence[Soup]) -> Soup:
        """One after another."""
        names = ("corners", "colour", "label", "building", "element")
        return cls(*(np.concatenate([getattr(soup, name) for soup in soups]) for name in names))


@dataclass(frozen=True)
class ObliqueCamera:
    """A pinhole camera, its upper edge level."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    """What is in the middle of the picture."""
    width: int = 1024
    height: int = 768
    field_deg: float = 45.0
    """Across the width."""

    @property
    def focal_px(self) -> float:
        """Distance of the picture from the eye, in pixels."""
        return self.width / 2 / float(np.tan(np.radians(self.field_deg) / 2))

    def axes(self) -> F64:
        """Rows right, up and forward."""
        forward = np.subtract(self.target, self.eye)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        if not np.linalg.norm(right) > 1e-9 * np.linalg.norm(forward):
            raise UsageError("camera", "looks straight up or down", "Move its eye aside")
        right /= np.linalg.norm(right)
        forward /= np.linalg.norm(forward)
        return np.stack([right, np.cross(right, forward), forward])


@dataclass(frozen=True)
class ObliqueView:
    """A picture and, pixel by pixel, what it shows."""

    image: U8
    """[height, width, 3] sRGB: sun with cast shadows, and sky light."""
    label: U8
    """`Label` or `SceneLabel`; `SceneLabel.NOTHING` where the sky is."""
    building: I32
    element: I32
    depth: NDArray[np.float32]
    """Metres along the camera's axis; NaN where the sky is."""


def solid_soup(solids: Solids) -> Soup:
    """Solids with facades; the ground that they stand on is left out."""
    arrays, count = solids.arrays(), len(solids)
    owner = np.repeat(np.arange(count), np.diff(solids.triangle_offsets))
    face = solids.triangle_face + solids.face_offsets[owner]
    keep = solids.face_label[face] != Label.GROUND
    owner, face = owner[keep], face[keep]
    place = np.repeat(np.arange(count), np.diff(solids.vertex_offsets))
    world = solids.origin[place] + solids.vertices * solids.grid
    corners = world[solids.triangles[keep] + solids.vertex_offsets[owner][:, None]]
    return Soup(
        corners,
        np.asarray(arrays["face_colour"], np.uint8)[face],
        solids.face_label[face],
        owner.astype(np.int32),
        np.asarray(arrays["face_element"], np.int32)[face],
    )


def terrain_soup(terrain: Terrain) -> Soup:
    """Two triangles for every four nodes."""
    rows, columns = terrain.z.shape
    x = terrain.left + terrain.cell_m * np.arange(columns)
    y = terrain.top - terrain.cell_m * np.arange(rows)
    nodes = np.stack([*np.meshgrid(x, y), terrain.z.astype(np.float64)], axis=-1)
    a, b, c, d = nodes[1:, :-1], nodes[1:, 1:], nodes[:-1, 1:], nodes[:-1, :-1]
    corners = np.stack([np.stack([a, b, c], -2), np.stack([a, c, d], -2)], 2).reshape(-1, 3, 3)
    colour = np.broadcast_to(np.array(terrain.colour, np.uint8), (len(corners), 3))
    return Soup.of(corners, colour, SceneLabel.TERRAIN)


def crown_soup(trees: Trees) -> Soup:
    """Crowns as double cones of eight sides, conifers as single ones."""
    turn = np.linspace(0, 2 * np.pi, 9)
    ring = np.stack([np.cos(turn), np.sin(turn)], -1)
    widest = np.where(trees.conifer, 0.0, 0.45) * (trees.height - trees.crown_base)
    z = trees.ground_z[:, None] + np.stack([trees.crown_base, trees.crown_base + widest, trees.height], 1)
    middle = np.concatenate([np.repeat(trees.xy[:, None], 3, 1), z[..., None]], -1)
    around = trees.xy[:, None] + trees.radius[:, None, None] * ring
    rim = np.concatenate([around, np.repeat(z[:, 1, None], 9, 1)[..., None]], -1)
    one, two = rim[:, :-1], rim[:, 1:]
    top, foot = (np.repeat(middle[:, None, k], 8, 1) for k in (2, 0))
    corners = np.concatenate([np.stack([one, two, top], 2), np.stack([two, one, foot], 2)], 1)
    return Soup.of(corners.reshape(-1, 3, 3), np.repeat(trees.colour, 16, 0), SceneLabel.TREE)


def triangle_soup(triangles: Triangles, label: int) -> Soup:
    """The triangles of a scene with one label."""
    chosen = triangles.label == label
    return Soup.of(triangles.vertices[triangles.triangles[chosen]], triangles.colour[chosen], label)


def draw_oblique(
    soup: Soup,
    camera: ObliqueCamera,
    *,
    ground: tuple[Window, U8] | None = None,
    sun_azimuth_deg: float = 220.0,
    sun_elevation_deg: float = 40.0,
    threads: int = 0,
) -> ObliqueView:
    """Draw a scene as a camera sees it.

    Colours are averaged over four samples a pixel; labels are those of the pixel's middle, never mixed.

    Args:
        soup: what there is to see.
        camera: from where.
        ground: colours of the terrain from above, [rows, columns, 3]; its own colour outside the window.
        sun_azimuth_deg: compass direction of the sun.
        sun_elevation_deg: its height.
        threads: 0 for all cores. The result does not depend on it.
    """
    if not (0 < camera.width <= 8192 and 0 < camera.height <= 8192 and 1 <= camera.field_deg <= 150):
        raise UsageError(
            f"camera of {camera.width} x {camera.height}", "is no picture", "Give up to 8192 pixels a side"
        )
    sun = _towards(sun_azimuth_deg, sun_elevation_deg)
    normal = np.cross(soup.corners[:, 1] - soup.corners[:, 0], soup.corners[:, 2] - soup.corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    shadow = _Shadow(soup, sun, camera.target, threads)
    sharp, depth = _seen(soup, camera, 1, threads)
    fine, fine_depth = _seen(soup, camera, 2, threads)
    facing = np.clip(normal @ sun, 0, None)
    hit = fine >= 0
    seen, places = fine[hit], _places(camera, 2, fine_depth)[hit]
    light = _AMBIENT * (0.8 + 0.2 * normal[seen, 2]) + _SUN * facing[seen] * shadow.lit(places)
    own = soup.colour[seen]
    if ground is not None:
        own = np.where(
            (soup.label[seen] == SceneLabel.TERRAIN)[:, None], _from_above(ground, places, own), own
        )
    colour = np.full((*fine.shape, 3), _SKY, np.float64)
    colour[hit] = own * light[:, None]
    tall, wide = sharp.shape
    image = np.clip(colour, 0, 255).reshape(tall, 2, wide, 2, 3).mean(axis=(1, 3))
    at, none = np.maximum(sharp, 0), sharp < 0

    def pick(values: NDArray[np.generic], empty: int) -> NDArray[np.generic]:
        return np.where(none, np.asarray(empty, values.dtype), values[at])

    return ObliqueView(
        np.rint(image).astype(np.uint8),
        np.asarray(pick(soup.label, SceneLabel.NOTHING), np.uint8),
        np.asarray(pick(soup.building, -1), np.int32),
        np.asarray(pick(soup.element, -1), np.int32),
        depth.astype(np.float32),
    )


def _from_above(ground: tuple[Window, U8], places: F64, otherwise: U8) -> U8:
    """What a picture from above shows at places."""
    window, picture = ground
    column = np.floor((places[:, 0] - window.left) / window.cell_m)
    row = np.floor((window.top - places[:, 1]) / window.cell_m)
    inside = (column >= 0) & (column < window.width) & (row >= 0) & (row < window.height)
    c, r = (np.where(inside, v, 0).astype(np.int64) for v in (column, row))
    return np.where(inside[:, None], picture[r, c], otherwise)


def _towards(azimuth_deg: float, elevation_deg: float) -> F64:
    a, e = np.radians(azimuth_deg), np.radians(elevation_deg)
    return np.array([np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), np.sin(e)])


def _seen(soup: Soup, camera: ObliqueCamera, samples: int, threads: int) -> tuple[I32, F64]:
    """The triangle in every sample, and its depth."""
    from geovision import _kernel

    seen = (soup.corners - np.array(camera.eye)) @ camera.axes().T
    ahead = np.flatnonzero((seen[..., 2] > _NEAREST_M).all(axis=1))
    seen = seen[ahead].reshape(-1, 3)
    # One over the depth is linear in the picture, as heights are over the plan.
    over = 1 / seen[:, 2]
    flat = np.column_stack([seen[:, 0] * over, seen[:, 1] * over, over])
    flat[:, :2] *= camera.focal_px * samples
    wide, tall = camera.width * samples, camera.height * samples
    z, index = _kernel.rasterize_top(
        flat,
        np.arange(len(flat), dtype=np.int32).reshape(-1, 3),
        -wide / 2,
        tall / 2,
        1.0,
        wide,
        tall,
        threads,
    )
    found = np.where(index >= 0, ahead[np.maximum(index, 0)] if len(ahead) else -1, -1)
    return found.astype(np.int32), 1 / z.astype(np.float64)


def _places(camera: ObliqueCamera, samples: int, depth: F64) -> F64:
    """World coordinates of what every sample shows."""
    tall, wide = depth.shape
    x = (np.arange(wide) + 0.5 - wide / 2) / (camera.focal_px * samples)
    y = (tall / 2 - np.arange(tall) - 0.5) / (camera.focal_px * samples)
    rays = np.stack([*np.meshgrid(x, y), np.ones(depth.shape)], axis=-1) @ camera.axes()
    places: F64 = np.array(camera.eye) + rays * depth[..., None]
    return places


class _Shadow:
    """What the sun sees, to tell what it does not."""

    def __init__(self, soup: Soup, sun: F64, middle: tuple[float, float, float], threads: int) -> None:
        from geovision import _kernel

        right = np.cross((0.0, 0.0, 1.0), sun)
        right /= np.linalg.norm(right)
        self.axes = np.stack([right, np.cross(sun, right), sun])
        self.middle = np.array(middle)
        seen = (soup.corners.reshape(-1, 3) - self.middle) @ self.axes.T
        reach = min(float(np.abs(seen[:, :2]).max(initial=1.0)), 150.0)
        self.cell = 2 * reach / _SHADOW_CELLS
        self.reach = reach
        triangles = np.arange(len(seen), dtype=np.int32).reshape(-1, 3)
        self.z, _ = _kernel.rasterize_top(
            seen, triangles, -reach, reach, self.cell, _SHADOW_CELLS, _SHADOW_CELLS, threads
        )

    def lit(self, places: F64) -> NDArray[np.bool_]:
        """Does the sun reach these places?"""
        seen = (places - self.middle) @ self.axes.T
        column = np.floor((seen[:, 0] + self.reach) / self.cell)
        row = np.floor((self.reach - seen[:, 1]) / self.cell)
        inside = (column >= 0) & (column < _SHADOW_CELLS) & (row >= 0) & (row < _SHADOW_CELLS)
        c, r = (np.where(inside, v, 0).astype(np.int64) for v in (column, row))
        blocked: NDArray[np.bool_] = inside & (self.z[r, c] > seen[:, 2] + _BIAS_M + self.cell)
        return ~blocked
