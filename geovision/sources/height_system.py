"""What the heights of a scene are above, where its files say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyproj import CRS

from geovision.errors import InputError
from geovision.sources.crs import known_crs, vertical_crs
from geovision.sources.points import PointFiles

if TYPE_CHECKING:
    from geovision.sources.scene import Scene

__all__ = ["compound_name", "stated_heights"]


def stated_heights(scene: Scene) -> CRS | None:
    """The height system in metres that every height source states which states one; None where they differ.

    A source in feet is read as metres, so its system is not that of the scene.
    """
    found: dict[str, CRS] = {}
    for role in ("dtm", "dsm"):
        for block in scene.layers[role].blocks if role in scene.layers else ():
            for piece in block.pieces:
                _note(found, piece.sheet.info.crs or piece.crs)
    if scene.points is not None and isinstance(scene.points.points.source, PointFiles):
        for file in scene.points.points.source.files:
            _note(found, file.frame.vertical)
    return next(iter(found.values())) if len(found) == 1 else None


def _note(found: dict[str, CRS], crs: CRS | None) -> None:
    system = None if crs is None else vertical_crs(crs)
    if system is not None:
        found[system.to_wkt()] = system


def compound_name(plan: str | None, heights: str | CRS | None) -> str | None:
    """Plan and height system as one name, which `pyproj.CRS` knows; the plan alone without heights.

    >>> compound_name("EPSG:28992", "EPSG:5709")
    'EPSG:28992+5709'
    """
    if plan is None or heights is None:
        return plan
    system = known_crs(heights)
    if vertical_crs(system) is None:
        raise InputError(
            f"heights {heights!r}",
            "is no height system in metres",
            "Give the code of a vertical CRS, such as EPSG:5709",
        )
    codes = [crs.to_authority() for crs in (known_crs(plan), system)]
    if codes[0] is not None and codes[1] is not None and codes[0][0] == codes[1][0]:
        return f"{codes[0][0]}:{codes[0][1]}+{codes[1][1]}"
    from pyproj.crs import CompoundCRS

    return str(CompoundCRS(f"{known_crs(plan).name} + {system.name}", [known_crs(plan), system]).to_wkt())
