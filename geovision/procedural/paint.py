"""Materials and colours of roofs, walls, gardens, trees and cars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geovision.mesh import Material, Paint
from geovision.model.kinds import RoofKind
from geovision.model.table import ProgramTable
from geovision.procedural.plans import I64
from geovision.procedural.rng import F64, U64, Keyed, id_keys
from geovision.procedural.style import Style
from geovision.procedural.yards import Ground

__all__ = [
    "GROUND_PAINT",
    "Coat",
    "car_colours",
    "fence_colours",
    "ground_colours",
    "paint_buildings",
    "tree_colours",
]

Colours = npt.NDArray[np.uint8]

# Name -> material, sRGB of the middle, spread of lightness, spread of hue.
_COVERINGS: dict[str, tuple[Material, tuple[int, int, int], float, float]] = {
    "red_tile": (Material.TILES, (148, 88, 68), 0.12, 0.05),
    "brown_tile": (Material.TILES, (118, 84, 68), 0.12, 0.05),
    "dark_tile": (Material.TILES, (84, 80, 80), 0.14, 0.02),
    "slate": (Material.SLATE, (98, 102, 110), 0.12, 0.03),
    "metal": (Material.METAL, (142, 148, 148), 0.15, 0.05),
    "gravel": (Material.GRAVEL, (156, 150, 140), 0.12, 0.03),
    "bitumen": (Material.MEMBRANE, (88, 88, 92), 0.16, 0.02),
    "membrane": (Material.MEMBRANE, (186, 186, 184), 0.12, 0.02),
    "green": (Material.SHRUB, (112, 118, 76), 0.14, 0.08),
    "paved": (Material.PAVING, (150, 146, 140), 0.12, 0.03),
}
_CURVED = (RoofKind.ROUND, RoofKind.DOME, RoofKind.ONION)
_WALLS = (
    (Material.BRICK, (150, 96, 74)),
    (Material.BRICK, (168, 128, 98)),
    (Material.PLASTER, (216, 208, 192)),
    (Material.PLASTER, (204, 190, 160)),
    (Material.CONCRETE, (168, 166, 160)),
)
_CARS = (
    (232, 232, 232),
    (196, 198, 202),
    (128, 130, 134),
    (44, 46, 50),
    (28, 46, 88),
    (132, 26, 28),
    (90, 98, 84),
)
_CAR_WEIGHTS = (0.24, 0.2, 0.16, 0.22, 0.08, 0.07, 0.03)

GROUND_PAINT: dict[Ground, tuple[Material, tuple[int, int, int]]] = {
    Ground.STREET: (Material.ASPHALT, (112, 112, 114)),
    Ground.PAVEMENT: (Material.PAVING, (160, 154, 146)),
    Ground.GRASS: (Material.GRASS, (104, 124, 74)),
    Ground.PAVED: (Material.PAVING, (140, 136, 132)),
    Ground.SOIL: (Material.SOIL, (122, 104, 84)),
    Ground.SHRUB: (Material.SHRUB, (84, 104, 60)),
    Ground.TERRACE: (Material.PAVING, (172, 164, 152)),
}


@dataclass(frozen=True)
class Coat:
    """Paint of all surfaces of buildings."""

    roof: Paint
    flat: Paint
    wall: Paint


def paint_buildings(programs: ProgramTable, cluster: U64, style: Style, seed: int) -> Coat:
    """Coverings by the style's weights; houses of a row mostly share theirs."""
    own, row = Keyed(seed, id_keys(programs.ids)), Keyed(seed, cluster)
    alike = row.chance("paint/alike", style.materials.row_alike)
    draws = Keyed.where(alike, row, own)
    pitched = _covering(style.materials.pitched, draws, own, "pitched")
    flat = _covering(style.materials.flat, own, own, "flat")
    # A curved roof has one covering from steep to level, and nobody lays tiles on it.
    curved = np.isin(programs.roof_kind[programs.part_offsets[:-1]], _CURVED)
    metal = _covering({"metal": 1.0}, draws, own, "metal")
    return Coat(_either(curved, metal, pitched), _either(curved, metal, flat), _walls(draws, own))


def _either(chosen: npt.NDArray[np.bool_], one: Paint, other: Paint) -> Paint:
    return Paint(
        np.where(chosen, one.material, other.material), np.where(chosen[:, None], one.colour, other.colour)
    )


def _covering(weights: dict[str, float], draws: Keyed, own: Keyed, name: str) -> Paint:
    kinds = [_COVERINGS[kind] for kind in weights]
    chosen = draws.pick(f"paint/{name}", np.array(list(weights.values())))
    # A row is built with one tile, but each roof has weathered in its own way.
    light = 0.8 * draws.normal(f"paint/{name}/light") + 0.4 * own.normal(f"paint/{name}/weather")
    hue = draws.normal(f"paint/{name}/hue")
    return Paint(
        np.array([int(kind[0]) for kind in kinds], np.uint8)[chosen],
        _tinted(
            np.array([kind[1] for kind in kinds], np.float64)[chosen],
            light * np.array([kind[2] for kind in kinds])[chosen],
            hue * np.array([kind[3] for kind in kinds])[chosen],
        ),
    )


def _walls(draws: Keyed, own: Keyed) -> Paint:
    chosen = draws.pick("paint/wall", np.ones(len(_WALLS)))
    base = np.array([colour for _, colour in _WALLS], np.float64)[chosen]
    return Paint(
        np.array([int(material) for material, _ in _WALLS], np.uint8)[chosen],
        _tinted(base, 0.08 * own.normal("paint/wall/light"), 0.03 * own.normal("paint/wall/hue")),
    )


def _tinted(base: F64, light: F64, hue: F64) -> Colours:
    """Lighter or darker, and redder or bluer."""
    factor = np.clip(1 + light, 0.5, 1.6)[:, None] * (1 + hue[:, None] * np.array([1.0, 0.0, -1.0]))
    return np.asarray(np.clip(np.rint(base * factor), 0, 255), np.uint8)


def tree_colours(conifer: npt.NDArray[np.bool_], draws: Keyed) -> Colours:
    """Greens; conifers are darker."""
    base = np.where(conifer[:, None], (58, 78, 52), (78, 100, 54)).astype(np.float64)
    return _tinted(base, 0.14 * draws.normal("paint/light"), 0.08 * draws.normal("paint/hue"))


def car_colours(draws: Keyed) -> Colours:
    """What people drive."""
    chosen: I64 = draws.pick("paint/car", np.array(_CAR_WEIGHTS))
    return _tinted(
        np.array(_CARS, np.float64)[chosen], 0.05 * draws.normal("paint/light"), np.zeros(len(draws))
    )


def fence_colours(hedge: npt.NDArray[np.bool_], draws: Keyed) -> Colours:
    """Weathered wood, or leaves."""
    base = np.where(hedge[:, None], (72, 92, 52), (122, 106, 88)).astype(np.float64)
    return _tinted(base, 0.12 * draws.normal("paint/light"), 0.04 * draws.normal("paint/hue"))


def ground_colours(ground: npt.NDArray[np.uint8], draws: Keyed) -> tuple[npt.NDArray[np.uint8], Colours]:
    """Material and colour of each yard."""
    table = [GROUND_PAINT[kind] for kind in Ground]
    material = np.array([int(material) for material, _ in table], np.uint8)[ground]
    base = np.array([colour for _, colour in table], np.float64)[ground]
    return material, _tinted(base, 0.09 * draws.normal("paint/light"), 0.05 * draws.normal("paint/hue"))
