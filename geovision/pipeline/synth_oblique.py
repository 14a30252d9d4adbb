"""Oblique pictures of a synthetic world, with labels to train facade parsers on."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.formats.atomic import atomic_write
from geovision.mesh import (
    OPENINGS,
    ElementKind,
    SceneLabel,
    Surroundings,
    Terrain,
    Trees,
    Triangles,
    Window,
)
from geovision.model.labels import Label
from geovision.pipeline.facades import AUTO_STYLE, Dressed, dress
from geovision.pipeline.oblique import (
    ObliqueCamera,
    ObliqueView,
    Soup,
    crown_soup,
    draw_oblique,
    solid_soup,
    terrain_soup,
    triangle_soup,
)
from geovision.pipeline.run_facts import write_json
from geovision.pipeline.synth_draw import draw_image
from geovision.procedural.city import Area
from geovision.procedural.rng import Keyed, combine, name_key
from geovision.procedural.scenery import Scenery, build_scenery
from geovision.procedural.sensors import draw_sensors
from geovision.procedural.world import World

__all__ = ["oblique_view", "write_oblique"]

_REACH_M = 110.0
"""Buildings this far from the middle of a picture are in it."""
_GROUND_CELL_M = 0.25


def oblique_view(
    world: World, number: int, *, threads: int = 0
) -> tuple[ObliqueView, ObliqueCamera, Dressed]:
    """Picture number `number` of a world: it depends on the world and the number alone."""
    draws = Keyed(world.seed, combine(name_key("oblique"), number))

    def between(name: str, low: float, high: float) -> float:
        return low + (high - low) * float(draws.uniform(f"oblique/{name}")[0])

    x, y, width, height = world.area
    at = (x + width * between("x", 0.2, 0.8), y + height * between("y", 0.2, 0.8))
    window = (at[0] - _REACH_M, at[1] - _REACH_M, 2 * _REACH_M, 2 * _REACH_M)
    scenery = build_scenery(world, window, margin=0.0, threads=threads)
    ground = _ground(scenery)
    dressed = dress(
        scenery.content.programs,
        style=AUTO_STYLE,
        around=Surroundings(terrain=ground),
        seed=world.seed,
        threads=threads,
    )
    target = (*at, float(ground.sample([at[0]], [at[1]])[0]) + 3.0)
    azimuth, slope = np.radians(between("azimuth", 0, 360)), np.radians(between("elevation", 22, 50))
    far = between("distance", 45, 95)
    eye = (
        target[0] + far * float(np.sin(azimuth) * np.cos(slope)),
        target[1] + far * float(np.cos(azimuth) * np.cos(slope)),
        target[2] + far * float(np.sin(slope)),
    )
    camera = ObliqueCamera(eye, target, field_deg=between("field", 40, 60))
    view = draw_oblique(
        _soup(scenery, ground, dressed),
        camera,
        ground=_lawns(world, scenery, window, threads),
        sun_azimuth_deg=between("sun", 100, 260),
        sun_elevation_deg=between("sun_height", 25, 60),
        threads=threads,
    )
    return view, camera, dressed


def _lawns(world: World, scenery: Scenery, window: Area, threads: int) -> tuple[Window, NDArray[np.uint8]]:
    """The ground alone as the camera of the scene sees it from above."""
    x, y, width, height = window
    above = Window.of((x, y, x + width, y + height), _GROUND_CELL_M)
    bare = replace(scenery.scene, triangles=Triangles.empty(), trees=Trees.empty())
    sensors = draw_sensors(world.style, world.seed)
    image = draw_image(bare, above, sensors, seed=world.seed, threads=threads)
    return above, np.ascontiguousarray(np.moveaxis(image[:3], 0, -1))


def _ground(scenery: Scenery) -> Terrain:
    """The terrain in world coordinates."""
    scene = scenery.scene
    assert scene.terrain is not None
    x, y, z = (float(v) for v in scene.origin)
    near = scene.terrain
    lifted = (near.z.astype(np.float64) + z).astype(np.float32)
    return Terrain(near.left + x, near.top + y, near.cell_m, lifted, near.material, near.colour)


def _soup(scenery: Scenery, ground: Terrain, dressed: Dressed) -> Soup:
    scene = scenery.scene
    loose = [crown_soup(scene.trees)]
    loose += [triangle_soup(scene.triangles, label) for label in (SceneLabel.CAR, SceneLabel.OBJECT)]
    moved = [
        Soup(s.corners + scene.origin, s.colour, s.label, s.building, s.element)
        for s in loose
        if len(s.label)
    ]
    return Soup.join([solid_soup(dressed.solids), terrain_soup(ground), *moved])


def write_oblique(
    folder: Path,
    world: World,
    count: int,
    *,
    threads: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write pictures as ``NNN.png`` with ``NNN.labels.png``, ``NNN.openings.png`` and ``NNN.json``."""
    folder.mkdir()
    for number in range(count):
        if progress is not None:
            progress(number, count)
        view, camera, dressed = oblique_view(world, number, threads=threads)
        numbers, openings = _openings(view, dressed)
        name = f"{number:03d}"
        _png(folder / f"{name}.png", view.image)
        _png(folder / f"{name}.labels.png", view.label)
        _png(folder / f"{name}.openings.png", numbers)
        codes = {label.name.lower(): int(label) for label in (*Label, *SceneLabel)}
        write_json(folder / f"{name}.json", {"camera": asdict(camera), "labels": codes, "openings": openings})


def _openings(view: ObliqueView, dressed: Dressed) -> tuple[Any, list[dict[str, Any]]]:
    """A number for every opening that is seen, from 1, and what it is."""
    elements = dressed.elements
    row = np.where(view.element >= 0, elements.building_offsets[view.building] + view.element, -1)
    kinds = np.append(elements.kind, 255)[row]
    row = np.where(np.isin(kinds, [*OPENINGS, ElementKind.ROOF_WINDOW]), row, -1)
    found, index = np.unique(row, return_inverse=True)
    known = found >= 0
    numbers = np.where(known, np.cumsum(known), 0)[index].reshape(row.shape).astype(np.uint16)
    owner = np.searchsorted(elements.building_offsets, found[known], side="right") - 1
    listed = [
        {
            "number": k + 1,
            "building": dressed.solids.ids[b],
            "kind": ElementKind(int(elements.kind[e])).name.lower(),
            "pixels": int(pixels),
        }
        for k, (e, b, pixels) in enumerate(
            zip(
                found[known].tolist(),
                owner.tolist(),
                np.bincount(index.ravel())[known].tolist(),
                strict=True,
            )
        )
    ]
    return numbers, listed


def _png(path: Path, picture: Any) -> None:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=False, compress_level=6)
    with atomic_write(path) as file:
        file.write(buffer.getvalue())
