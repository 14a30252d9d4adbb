"""Which role a file plays: from its suffix, its bands, the range of its values, and last from its name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.sources.raster_info import Cut, Sheet, sample_cuts
from geovision.sources.raster_values import heights_of
from geovision.sources.resample import PixelGrid
from geovision.sources.vector_files import FORMATS

__all__ = ["POINT_SUFFIXES", "RASTER_ROLES", "VECTOR_SUFFIXES", "Recognised", "recognise_rasters"]

RASTER_ROLES = ("image", "dsm", "dtm", "ndsm")
POINT_SUFFIXES = frozenset({".las", ".laz"})
VECTOR_SUFFIXES = frozenset({*FORMATS, ".pmtiles"})

# What surveys in several languages call their products.
_NAMES = {
    "image": {"ortho", "orthophoto", "rgb", "rgbn", "rgbi", "cir", "image", "dop", "aerial", "image0"},
    "dsm": {"dsm", "dom", "mns", "mds", "surface"},
    "dtm": {"dtm", "dem", "dgm", "mnt", "mdt", "terrain", "ground", "dhm"},
    "ndsm": {"ndsm", "ndom", "hag", "mnh", "nhm", "height"},
    "": {"cdsm", "chm", "canopy", "vegetation", "mask", "labels", "label", "hillshade", "slope"},
}


@dataclass
class Recognised:
    """Sheets by role, what that rests on, and what was left out."""

    sheets: dict[str, list[Sheet]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)


@dataclass
class _Group:
    """Sheets that look alike and lie in one folder: judged together."""

    sheets: list[Sheet]
    named: str | None

    @property
    def title(self) -> str:
        more = len(self.sheets) - 1
        return self.sheets[0].info.name + (f" and {more} more like it" if more else "")


def recognise_rasters(sheets: Sequence[Sheet], taken: set[str]) -> Recognised:
    """Give each sheet a role that nobody named; `taken` are the roles that were named."""
    result = Recognised()
    heights: list[_Group] = []
    for group in _groups(sheets):
        why = _no_height(group)
        if group.named == "":
            result.unused.append(f"{group.title}: its name says that it shows something else")
        elif why is None:
            heights.append(group)
        elif why.startswith("it "):
            result.unused.append(f"{group.title}: {why}")
        else:
            _give(result, "image", group, why, taken)
    _heights(heights, result, taken)
    return result


def _groups(sheets: Sequence[Sheet]) -> list[_Group]:
    found: dict[tuple[Any, ...], _Group] = {}
    stacked: Counter[tuple[Any, ...]] = Counter()
    for sheet in sheets:
        info = sheet.info
        path = Path(info.name)
        named = _named(path)
        alike = (str(path.parent), path.suffix, info.dtype, len(info.colours), named)
        # Sheets of one place are two layers, not two tiles of a mosaic.
        box = info.bounds
        place = (round((box.west + box.east) / box.width), round((box.south + box.north) / box.height))
        key = (*alike, stacked[*alike, *place])
        stacked[*alike, *place] += 1
        found.setdefault(key, _Group([], named)).sheets.append(sheet)
    return list(found.values())


def _named(path: Path) -> str | None:
    """Role that the name speaks of; "" for something that is no role; None where it says nothing."""
    for text in (path.stem, path.parent.name):
        words = [word for word in re.split(r"[^a-z0-9]+|(?<=[a-z])(?=\d)", text.lower()) if word]
        for word in words:
            for role, names in _NAMES.items():
                if word in names:
                    return role
    return None


def _no_height(group: _Group) -> str | None:
    """None where the sheets hold heights; else why they are an image, or why ("it ...") they are neither."""
    info = group.sheets[0].info
    solid = [colour for colour in info.colours if colour != "alpha"]
    if len(solid) > 1 or "palette" in info.colours:
        whole = np.dtype(info.dtype).kind in "ui"
        return (
            f"{len(info.colours)} bands of {info.dtype}" if whole else "it has several bands of real numbers"
        )
    values = _sample(group.sheets[0])
    if info.dtype == "uint8":
        few = len(np.unique(values)) <= 3
        return "it holds at most three values, like a mask" if few else "one band of bytes"
    if not values.size:
        return "it holds no data where it was looked at"
    if info.dtype == "uint16" and group.named not in ("dsm", "dtm", "ndsm"):
        return "one band of uint16"
    return None


def _sample(sheet: Sheet) -> NDArray[Any]:
    band = next(i for i, colour in enumerate(sheet.info.colours) if colour != "alpha")
    parts = []
    for cut in sample_cuts(sheet.info):
        data, valid = sheet.read(cut, (band,))
        parts.append(data[0] if valid is None else data[0][valid])
    values = np.concatenate([part.ravel() for part in parts])
    nodata = sheet.info.nodata
    return values if nodata is None else values[values != values.dtype.type(nodata)]


def _metres(sheet: Sheet, cut: Cut) -> NDArray[np.float32]:
    values, _ = heights_of(sheet.info, nodata=None, vertical_unit="")
    metres: NDArray[np.float32] = values.convert(*sheet.read(cut, values.bands))[0][0]
    return metres


def _above_ground(sheet: Sheet) -> bool:
    """Much of it lies at zero and nothing far below: heights above ground, not above the sea."""
    cuts = sample_cuts(sheet.info)
    values = np.concatenate([_metres(sheet, cut).ravel() for cut in cuts])
    values = values[np.isfinite(values)]
    return bool(
        values.size and (np.abs(values) < 0.5).mean() > 0.2 and values.min() > -20 and values.max() < 500
    )


def _heights(groups: list[_Group], result: Recognised, taken: set[str]) -> None:
    unnamed: list[_Group] = []
    for group in groups:
        if group.named in ("dsm", "dtm", "ndsm"):
            _give(result, str(group.named), group, "its name", taken)
        elif _above_ground(group.sheets[0]):
            _give(result, "ndsm", group, "heights of which many are zero", taken)
        else:
            unnamed.append(group)
    have = taken | set(result.sheets)
    if len(unnamed) == 2 and not {"dsm", "dtm"} & have:
        upper = _upper(unnamed[0].sheets[0], unnamed[1].sheets[0])
        if upper is not None:
            _give(
                result,
                "dsm",
                unnamed[upper],
                f"it lies above {unnamed[1 - upper].sheets[0].info.name}",
                taken,
            )
            _give(
                result,
                "dtm",
                unnamed[1 - upper],
                f"it lies below {unnamed[upper].sheets[0].info.name}",
                taken,
            )
            return
    for group in unnamed:
        _give(result, "dsm", group, "one band of heights", taken)


def _upper(a: Sheet, b: Sheet) -> int | None:
    """Which of the two lies above the other nearly everywhere: 0, 1, or None for neither."""
    from geovision.sources.rasters import Piece, RasterLayer

    crs = a.info.crs
    if crs is None or b.info.crs is None or not a.info.north_up:
        return None
    layer = RasterLayer(
        "dsm", [Piece(b, b.info.crs, heights_of(b.info, nodata=None, vertical_unit="")[0])], ("height",), crs
    )
    grid = PixelGrid(a.info.transform.c, a.info.transform.f, a.info.transform.a)
    above = []
    for cut in sample_cuts(a.info):
        step = _metres(a, cut) - layer.read(grid, cut)[0][0]
        above.append(step[np.isfinite(step)])
    step = np.concatenate(above)
    if step.size < 100 or np.abs(step).max() < 0.5:
        return None
    if (step > -0.5).mean() > 0.95:
        return 0
    return 1 if (step < 0.5).mean() > 0.95 else None


def _give(result: Recognised, role: str, group: _Group, why: str, taken: set[str]) -> None:
    if role in taken:
        result.unused.append(f"{group.title}: looks like {role}, which was named")
        return
    if role in result.sheets:
        first = result.sheets[role][0].info.name
        same = len(result.sheets[role][0].info.colours) > 1 or role == "image"
        if not same or result.sheets[role][0].info.dtype != group.sheets[0].info.dtype:
            result.unused.append(f"{group.title}: looks like {role}, as {first} does")
            return
    result.sheets.setdefault(role, []).extend(group.sheets)
    result.notes.append(f"{group.title} is taken for {role}: {why}")
