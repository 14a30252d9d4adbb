"""Bands of images: which are colours, which is a mask, and what files of one mosaic have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from pyproj import CRS

from geovision.errors import InputError
from geovision.sources.raster_info import Sheet, SheetInfo, sample_cuts
from geovision.sources.raster_open import FileSheet
from geovision.sources.raster_values import Colours
from geovision.sources.rasters import Piece

__all__ = ["image_pieces"]

_USUAL = ("red", "green", "blue", "nir")


def image_pieces(
    sheets: Sequence[tuple[Sheet, CRS]], wanted: tuple[str, ...], nodata: float | None
) -> tuple[list[Piece], tuple[str, ...], list[str]]:
    """Sheets ready to be read, the bands that all have, and what was assumed.

    Args:
        sheets: images with the CRS each is in.
        wanted: names of their bands, where the caller says them.
        nodata: value of pixels without a colour, where the caller says it.
    """
    notes: list[str] = []
    named: list[tuple[Sheet, CRS, tuple[str, ...]]] = []
    for given, crs in sheets:
        sheet, told = _without_false_alpha(given, wanted)
        names, note = _names(sheet.info, wanted)
        notes += [f"{sheet.info.name}: {text}" for text in (told, note) if text]
        named.append((sheet, crs, names))
    shared = _shared([names for _, _, names in named], notes)
    pieces = []
    for sheet, crs, names in named:
        info = sheet.info
        solid = [number for number, colour in enumerate(info.colours) if colour != "alpha"]
        bands = (0,) if info.palette is not None else tuple(solid[names.index(name)] for name in shared)
        colours = Colours(bands, info.nodata if nodata is None else nodata, info.palette)
        pieces.append(Piece(sheet, crs, colours))
    return pieces, shared, notes


def _shared(names: list[tuple[str, ...]], notes: list[str]) -> tuple[str, ...]:
    shared = tuple(name for name in min(names, key=len) if all(name in other for other in names))
    if not shared:
        texts = sorted({", ".join(item) for item in names})
        raise InputError(
            "image",
            f"its files have no band in common ({' / '.join(texts)})",
            "Name the bands with bands = [...]",
        )
    if len(set(names)) > 1:
        counts = sorted({len(item) for item in names})
        notes.append(f"image files have {' and '.join(map(str, counts))} bands: {', '.join(shared)} are used")
    return shared


def _without_false_alpha(sheet: Sheet, wanted: tuple[str, ...]) -> tuple[Sheet, str]:
    """A fourth band is marked as alpha by many writers though it is near infrared: its values tell."""
    info = sheet.info
    alpha = info.alpha
    if alpha is None or not isinstance(sheet, FileSheet):
        return sheet, ""
    if len(wanted) == len(info.colours):
        return replace(sheet, info=replace(info, colours=_no_alpha(info))), ""
    if len(info.colours) != 4 or np.dtype(info.dtype).kind not in "ui":
        return sheet, ""
    values = np.concatenate([sheet.values(cut, alpha).ravel() for cut in sample_cuts(info)])
    extreme = (values == 0) | (values == np.iinfo(values.dtype).max)
    # A real alpha band is all or nothing but for a soft border.
    if extreme.mean() > 0.5 or len(np.unique(values)) < 16:
        return sheet, ""
    return (
        replace(sheet, info=replace(info, colours=_no_alpha(info))),
        "its fourth band is marked as alpha but varies like a colour: it is taken for near infrared",
    )


def _no_alpha(info: SheetInfo) -> tuple[str, ...]:
    return tuple("undefined" if colour == "alpha" else colour for colour in info.colours)


def _names(info: SheetInfo, wanted: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Names of the bands of an image, alpha left out, and what naming them assumed."""
    if "palette" in info.colours:
        return ("red", "green", "blue"), ""
    solid = [colour for colour in info.colours if colour != "alpha"]
    if not wanted:
        return _usual_names(solid)
    if len(wanted) != len(solid):
        raise InputError(
            f"raster {info.name}",
            f"{len(wanted)} band names for {len(solid)} bands",
            "Give one name per band",
        )
    return tuple(wanted), ""


def _usual_names(solid: list[str]) -> tuple[tuple[str, ...], str]:
    """Names of bands from their colours, or from their number."""
    named = [colour for colour in solid if colour not in ("undefined", "gray")]
    if len(solid) == 1:
        return ("gray",), ""
    if len(named) == len(solid) == len(set(named)):
        return tuple(solid), ""
    if solid == ["red", "green", "blue", "undefined"]:
        return _USUAL, "its fourth band is taken for near infrared"
    if len(solid) in (3, 4):
        usual = _USUAL[: len(solid)]
        return usual, f"its bands have no names and are taken for {', '.join(usual)}"
    return tuple(f"band{number + 1}" for number in range(len(solid))), "its bands have no names"
