"""A whole scene on one page: the map, a title, a legend of roof kinds, a scale bar and a line of facts."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import UsageError
from geovision.formats.atomic import atomic_write
from geovision.formats.programs import iter_programs
from geovision.mesh import mesh
from geovision.model.kinds import RoofKind
from geovision.model.table import ProgramTable
from geovision.quality.preview import ROOF_KIND_COLOURS
from geovision.quality.scene_map import SceneMap, bounds_of

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

__all__ = ["scene_page", "scene_page_png"]

# A landscape page.
SIZE = (1754, 1240)
# Programs that are meshed at a time.
ROWS = 8192
_INK, _SOFT, _PAPER = (34, 36, 40), (110, 112, 118), (252, 251, 248)
_EDGE, _HEAD, _FOOT, _LEGEND = 36, 84, 56, 250

Tables = Callable[[], Iterator[ProgramTable]]


def scene_page_png(
    path: str | os.PathLike[str],
    programs: ProgramTable | str | os.PathLike[str],
    *,
    title: str = "",
    facts: Sequence[str] = (),
    crs: str | None = None,
    size: tuple[int, int] = SIZE,
    threads: int = 0,
) -> None:
    """Write the page of `scene_page` as a PNG file, atomically; the arguments are the same."""
    from PIL import Image

    page = scene_page(programs, title=title, facts=facts, crs=crs, size=size, threads=threads)
    buffer = io.BytesIO()
    Image.fromarray(page).save(buffer, "PNG", optimize=False, compress_level=6)
    with atomic_write(path) as file:
        file.write(buffer.getvalue())


def scene_page(
    programs: ProgramTable | str | os.PathLike[str],
    *,
    title: str = "",
    facts: Sequence[str] = (),
    crs: str | None = None,
    size: tuple[int, int] = SIZE,
    threads: int = 0,
) -> NDArray[np.uint8]:
    """The whole scene from above, hill-shaded, coloured by roof kind, as a page (height, width, 3) in sRGB.

    Programs are meshed and drawn block by block: memory follows the page, not the scene.

    Args:
        programs: a table, or a file of programs, which is read twice (for the bounds, and to draw).
        title: on top; the file's name if left out.
        facts: texts of the last line, after the counts.
        crs: CRS of the coordinates, for the last line.
        size: width and height of the page in pixels, at least 900 by 600.
        threads: 0 for all cores. The picture does not depend on it.

    >>> from geovision.model import Gabled, Part, Program
    >>> part = Part(shell=[(0, 0), (9, 0), (9, 6), (0, 6)], eave_height=3.0, roof=Gabled(ridge_height=5.0))
    >>> scene_page(ProgramTable.from_programs([Program(id="a", parts=[part])]), size=(900, 600)).shape
    (600, 900, 3)
    """
    from PIL import Image, ImageDraw

    width, height = size
    if width < 900 or height < 600:
        raise UsageError(f"size {size}", "is too small for a page", "Give at least (900, 600)")
    tables = _tables(programs)
    bounds, kinds, count, area = _survey(tables)
    page = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(page)
    box = (_EDGE, _HEAD, width - _EDGE - _LEGEND, height - _FOOT)
    if bounds is not None:
        drawn = SceneMap(bounds, (box[2] - box[0], box[3] - box[1]), threads=threads)
        for table in tables():
            drawn.add(table, mesh(table, threads=threads, on_error="record", polygons=False))
        page.paste(Image.fromarray(drawn.picture()), box[:2])
        _scale_bar(draw, (box[0] + 18, box[3] - 22), drawn.metres_per_pixel, (box[2] - box[0]) / 4)
        _north(draw, (box[2] - 30, box[1] + 16))
    draw.rectangle(box, outline=(200, 198, 192))
    name = "" if isinstance(programs, ProgramTable) else Path(programs).stem
    draw.text((_EDGE, 26), title or name or "Buildings", fill=_INK, font=_font(34))
    _legend(draw, (box[2] + 26, box[1]), kinds)
    texts = [f"{count:,} buildings", f"{area / 1e4:,.1f} ha of outlines", *([crs] if crs else []), *facts]
    draw.text((_EDGE, height - _FOOT + 16), "   ·   ".join(texts), fill=_SOFT, font=_font(17))
    return np.asarray(page)


def _tables(programs: ProgramTable | str | os.PathLike[str]) -> Tables:
    if isinstance(programs, ProgramTable):
        table = programs
        return lambda: (table.slice(row, min(row + ROWS, len(table))) for row in range(0, len(table), ROWS))
    source = Path(programs)
    return lambda: iter_programs(source, rows=ROWS, on_error="record", failures=[])


def _survey(
    tables: Tables,
) -> tuple[tuple[float, float, float, float] | None, dict[RoofKind, int], int, float]:
    """Bounds, buildings by the kind of their first part, their number, and the area of all outlines."""
    counts = np.zeros(len(RoofKind), np.int64)
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    buildings, area = 0, 0.0
    for table in tables():
        buildings += len(table)
        counts += np.bincount(table.roof_kind[table.part_offsets[:-1]], minlength=len(counts))
        area += _area(table)
        box = bounds_of(table)
        if box is not None:
            low, high = np.minimum(low, box[:2]), np.maximum(high, box[2:])
    kinds = {RoofKind(code): int(counts[code]) for code in np.argsort(-counts, kind="stable") if counts[code]}
    if not np.isfinite(low).all():
        return None, kinds, buildings, area
    return (*low.tolist(), *high.tolist()), kinds, buildings, area


def _area(table: ProgramTable) -> float:
    """Of all rings, holes against it, by the shoelace; about each ring's first corner, to keep digits."""
    starts = table.vertex_offsets[:-1]
    if not len(table.xy):
        return 0.0
    sizes = np.diff(table.vertex_offsets)
    p = table.xy - np.repeat(table.xy[starts], sizes, axis=0)
    following = np.arange(1, len(p) + 1)
    following[starts + sizes - 1] = starts
    q = p[following]
    doubled = np.add.reduceat(p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0], starts)
    outer = np.zeros(len(starts), bool)
    outer[table.ring_offsets[:-1]] = True
    return float(np.where(outer, np.abs(doubled), -np.abs(doubled)).sum()) / 2


def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _legend(draw: ImageDraw, at: tuple[int, int], kinds: dict[RoofKind, int]) -> None:
    x, y = at
    draw.text((x, y), "Roofs", fill=_INK, font=_font(20))
    total = max(sum(kinds.values()), 1)
    for row, (kind, count) in enumerate(kinds.items()):
        top = y + 40 + 30 * row
        draw.rectangle((x, top, x + 20, top + 18), fill=ROOF_KIND_COLOURS[kind], outline=(120, 118, 112))
        draw.text((x + 32, top - 1), kind.text, fill=_INK, font=_font(16))
        share = 100 * count / total
        text = f"{share:.0f} %" if share >= 1 else "< 1 %"
        draw.text((x + 214, top - 1), text, fill=_SOFT, font=_font(16), anchor="ra")


def _scale_bar(draw: ImageDraw, at: tuple[float, float], metres_per_pixel: float, longest: float) -> None:
    """The longest of 1, 2 or 5 times a power of ten that fits."""
    x, y = at
    power = 10 ** math.floor(math.log10(longest * metres_per_pixel))
    length = max(k * power for k in (1, 2, 5) if k * power <= longest * metres_per_pixel)
    end = x + length / metres_per_pixel
    label = f"{length:g} m" if length < 1000 else f"{length / 1000:g} km"
    wide = draw.textlength(label, font=_font(16))
    draw.rectangle((x - 8, y - 16, end + wide + 18, y + 14), fill=_PAPER)
    draw.rectangle((x, y - 3, end, y + 3), outline=_INK)
    draw.rectangle((x, y - 3, (x + end) / 2, y + 3), fill=_INK)
    draw.text((end + 9, y - 10), label, fill=_INK, font=_font(16))


def _north(draw: ImageDraw, at: tuple[float, float]) -> None:
    x, y = at
    draw.polygon([(x, y), (x - 9, y + 28), (x, y + 21), (x + 9, y + 28)], fill=_INK, outline=_PAPER, width=1)
    draw.text((x, y + 30), "N", fill=_INK, font=_font(15), anchor="ma")
