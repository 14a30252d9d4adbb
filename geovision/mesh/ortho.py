"""`draw_ortho`: a true orthophoto of a scene: sun, cast shadow, sky, materials, and a camera's faults."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.mesh.layers import SEEN, see_mask
from geovision.mesh.scene_mesh import SceneMesh
from geovision.mesh.window import Window

__all__ = ["Camera", "Light", "draw_ortho"]


@dataclass(frozen=True)
class Light:
    """Where the light comes from.

    Attributes:
        sun_azimuth_deg: compass direction of the sun.
        sun_elevation_deg: above the horizon, 5 to 90.
        sun: strength of direct sun; 0 for an overcast day.
        sky: strength of skylight, which alone lights the shadows.
        sky_blue: 0 for white skylight, 1 for that of a clear blue sky.
        haze: share of the picture that is scattered light, 0 to 1; bluish.
    """

    sun_azimuth_deg: float = 165.0
    sun_elevation_deg: float = 48.0
    sun: float = 1.0
    sky: float = 0.30
    sky_blue: float = 0.6
    haze: float = 0.03


@dataclass(frozen=True)
class Camera:
    """How light becomes numbers.

    Attributes:
        supersample: samples a cell, each way: 1 for speed, 2 for clean edges, up to 4.
        blur_cells: standard deviation of the optics' and the resampling's blur, in cells.
        sharpen: overshoot at edges as from a vendor's sharpening, 0 to 1.
        noise: standard deviation of sensor noise at mid grey, share of full scale.
        exposure: factor on the light; 1 puts a grey of 50 % in full sun at mid scale.
        gains: factors on red, green, blue, near infrared: white balance.
        gamma: exponent of the tone curve after sRGB; below 1 is brighter.
        contrast: 1 is neutral.
        saturation: 1 is neutral, 0 is grey.
        jpeg_quality: 10 to 95 to go through JPEG's blocks and quantisation, None for no loss.
        texture: strength of the materials' texture; 1 is natural, 0 flat colours.
    """

    supersample: int = 2
    blur_cells: float = 0.5
    sharpen: float = 0.0
    noise: float = 0.008
    exposure: float = 1.0
    gains: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    gamma: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    jpeg_quality: int | None = None
    texture: float = 1.0


_MOST_SAMPLES = 2**30
_RANGES = {
    "sun_azimuth_deg": (-360.0, 720.0),
    "sun_elevation_deg": (5.0, 90.0),
    "sun": (0.0, 10.0),
    "sky": (0.0, 10.0),
    "sky_blue": (0.0, 1.0),
    "haze": (0.0, 1.0),
    "supersample": (1, 4),
    "blur_cells": (0.0, 4.0),
    "sharpen": (0.0, 1.0),
    "noise": (0.0, 1.0),
    "exposure": (0.0, 100.0),
    "gamma": (0.1, 10.0),
    "contrast": (0.0, 4.0),
    "saturation": (0.0, 4.0),
    "jpeg_quality": (10, 95),
    "texture": (0.0, 4.0),
}


def draw_ortho(
    scene: SceneMesh,
    window: Window,
    light: Light | None = None,
    camera: Camera | None = None,
    *,
    see: Collection[str] = SEEN,
    seed: int = 0,
    threads: int = 0,
) -> NDArray[np.uint8]:
    """A true orthophoto: nothing leans, everything is where `draw_layers` says.

    What stands outside the window throws its shadow into it. Textures hang on world coordinates and noise on
    cells, so that two windows that share a grid agree where they overlap (JPEG blocks excepted).

    Args:
        scene: what `build_scene_mesh` made.
        window: the cells, in world coordinates.
        light: sun and sky.
        camera: optics, noise and tone.
        see: which of `layers.SEEN` there are.
        seed: of textures and noise.
        threads: 0 for all cores; the bytes do not depend on it.

    Returns:
        uint8 [height, width, 4]: red, green, blue and near infrared, in sRGB's tone curve. Cells with nothing
        in them are 0.
    """
    from geovision import _kernel

    settings = asdict(light or Light()) | asdict(camera or Camera())
    for name, (low, high) in _RANGES.items():
        value = settings[name]
        if value is not None and not low <= value <= high:
            raise UsageError(f"{name} = {value}", "is out of range", f"Give {low:g} to {high:g}")
    if settings["sun"] + settings["sky"] <= 0:
        raise UsageError("sun = 0 and sky = 0", "give no light", "Give one of them more than 0")
    if len(settings["gains"]) != 4 or not all(0 <= gain < 100 for gain in settings["gains"]):
        raise UsageError(f"gains {settings['gains']}", "are not four factors", "Give four numbers, 1 neutral")
    # The rim for shadows comes on top: half of what 32 bits can number is left for it.
    samples = window.width * window.height * settings["supersample"] ** 2
    if samples > _MOST_SAMPLES:
        raise UsageError(
            f"window of {window.width} x {window.height} cells with supersample = {settings['supersample']}",
            f"has more than {_MOST_SAMPLES} samples",
            "Ask for pieces; they join up without a seam",
        )
    if settings["jpeg_quality"] is None:
        settings["jpeg_quality"] = 0
    picture: NDArray[np.uint8] = _kernel.draw_ortho(
        dict(scene.kernel_arrays()),
        *scene.local(window),
        settings=settings,
        see=see_mask(see),
        seed=seed & 0xFFFFFFFF,
        threads=threads,
    )
    return picture
