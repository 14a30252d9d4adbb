"""The sensors of a scene: light, camera, height raster and laser scanner, drawn once from its style."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from geovision.mesh import Camera, DsmSensor, LidarSensor, Light
from geovision.procedural.rng import Keyed, combine, name_key
from geovision.procedural.style import Style
from geovision.procedural.style_base import Table

__all__ = ["Sensors", "draw_sensors"]


_OWN = ("supersample", "white_balance", "jpeg", "jpeg_quality")
"""Knobs of the camera that are drawn in a way of their own."""


@dataclass(frozen=True)
class Sensors:
    """What looks at a scene."""

    light: Light
    camera: Camera
    dsm: DsmSensor
    lidar: LidarSensor


def draw_sensors(style: Style, seed: int) -> Sensors:
    """Draw every knob of the sensors.

    >>> from geovision.procedural.style import load_style
    >>> draw_sensors(load_style("mixed", {"lidar.density": 8}), seed=1).lidar.density
    8.0
    """
    draws = Keyed(seed, combine(name_key("sensors")))
    camera = _drawn(style.camera, draws, "camera", leave=_OWN)
    lidar = _drawn(style.lidar, draws, "lidar", leave=("patterns",))
    spread = float(style.camera.white_balance.sample(draws, "camera/white_balance")[0])

    def gain(band: str) -> float:
        return round(max(1.0 + spread * float(draws.normal(f"camera/gain/{band}")[0]), 0.1), 6)

    gains = (gain("red"), gain("green"), gain("blue"), gain("nir"))
    packed = bool(draws.chance("camera/jpeg", style.camera.jpeg)[0])
    quality = round(float(style.camera.jpeg_quality.sample(draws, "camera/jpeg_quality")[0]))
    names = list(style.lidar.patterns)
    pattern = names[int(draws.pick("lidar/pattern", np.array(list(style.lidar.patterns.values())))[0])]
    return Sensors(
        Light(**_drawn(style.light, draws, "light")),
        Camera(
            **camera,
            supersample=style.camera.supersample,
            gains=gains,
            jpeg_quality=quality if packed else None,
        ),
        DsmSensor(**_drawn(style.dsm, draws, "dsm")),
        LidarSensor(**lidar, pattern=pattern),  # type: ignore[arg-type]
    )


def _drawn(table: Table, draws: Keyed, name: str, leave: tuple[str, ...] = ()) -> dict[str, Any]:
    # Six digits: a machine's last bit of a logarithm must not reach the sensors.
    return {
        knob: round(float(getattr(table, knob).sample(draws, f"{name}/{knob}")[0]), 6)
        for knob in type(table).model_fields
        if knob not in leave
    }
