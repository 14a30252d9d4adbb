"""One picture that says why a building came out as it did: points, faces, residuals, candidates."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geovision.formats.atomic import atomic_write
from geovision.inverse.roof_points import may_be_roof
from geovision.mesh import Solid, Solids
from geovision.mesh.heights import roof_heights
from geovision.model.evidence import Evidence
from geovision.model.fit import Fit
from geovision.model.labels import Label
from geovision.quality.preview import preview_image

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

__all__ = ["explain_image", "explain_png"]

F64 = NDArray[np.float64]
Pair = tuple[float, float]
Box = tuple[int, int, int, int]

SIZE = (1500, 1000)
# Residuals of this many metres have the full colour.
FULL_M = 0.5
SECTION_M = 0.75
_GREY, _INK, _WALL = (205, 205, 210), (30, 30, 34), (110, 110, 120)


def explain_png(path: str | os.PathLike[str], evidence: Evidence, fit: Fit, solids: Solids) -> None:
    """Write the picture of `explain_image` as a PNG file, atomically."""
    from PIL import Image

    picture = Image.fromarray(explain_image(evidence, fit, solids))
    with atomic_write(path) as file:
        picture.save(file, format="PNG")


def explain_image(evidence: Evidence, fit: Fit, solids: Solids) -> NDArray[np.uint8]:
    """Points over faces in plan and in two sections, coloured by residual; the model; what else it could be.

    Args:
        evidence: of the building.
        fit: of the same building.
        solids: a batch of one: its solid.
    """
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", SIZE, (250, 250, 250))
    draw = ImageDraw.Draw(picture)
    solid = solids[0]
    points = evidence.points[may_be_roof(evidence)]
    shift = evidence.origin - solid.origin
    model = roof_heights(solid, points[:, :2] + shift[:2])
    residual = points[:, 2] + shift[2] - model
    local = points + shift
    _plan(draw, (20, 60, 740, 620), solid, local, residual)
    along, across = _axes(solid)
    _section(draw, (20, 660, 500, 980), solid, local, residual, along)
    _section(draw, (520, 660, 1000, 980), solid, local, residual, across)
    _facts(draw, (1020, 60), evidence, fit, residual)
    if len(solid.triangles):
        view = preview_image(solids, size=(460, 330), threads=1, supersample=2)
        picture.paste(Image.fromarray(view), (1020, 650))
        side = preview_image(solids, size=(260, 260), view="top", threads=1, supersample=2)
        picture.paste(Image.fromarray(side), (750, 360))
    draw.text((20, 14), f"{evidence.id}   {fit.kind}", fill=_INK, font=_font(26))
    return np.asarray(picture)


def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _colour(residual: float) -> tuple[int, int, int]:
    """Green on the model, red above it, blue below, grey where there is none."""
    if not np.isfinite(residual):
        return (180, 180, 180)
    t = min(abs(residual) / FULL_M, 1.0)
    end = (215, 40, 40) if residual > 0 else (40, 70, 215)
    start = (40, 160, 70)
    return (
        round(start[0] + t * (end[0] - start[0])),
        round(start[1] + t * (end[1] - start[1])),
        round(start[2] + t * (end[2] - start[2])),
    )


class _Frame:
    """Metres to pixels in a box, the same scale both ways, y up."""

    def __init__(self, box: Box, low: Pair, high: Pair) -> None:
        left, top, right, bottom = box
        span = max(high[0] - low[0], 1e-6), max(high[1] - low[1], 1e-6)
        self.scale = 0.94 * min((right - left) / span[0], (bottom - top) / span[1])
        self.middle = ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2)
        self.centre = ((left + right) / 2, (top + bottom) / 2)

    def __call__(self, x: float, y: float) -> Pair:
        return (
            self.centre[0] + (x - self.middle[0]) * self.scale,
            self.centre[1] - (y - self.middle[1]) * self.scale,
        )


def _dots(draw: ImageDraw, frame: _Frame, at: F64, residual: F64, size: float) -> None:
    # The worst on top: they are what one looks for.
    for row in np.argsort(np.nan_to_num(np.abs(residual), nan=9.0), kind="stable").tolist():
        x, y = frame(float(at[row, 0]), float(at[row, 1]))
        draw.ellipse((x - size, y - size, x + size, y + size), fill=_colour(float(residual[row])))


def _plan(draw: ImageDraw, box: Box, solid: Solid, points: F64, residual: F64) -> None:
    draw.rectangle(box, outline=_GREY)
    vertices = solid.local_vertices
    if not len(vertices):
        return
    low, high = vertices[:, :2].min(axis=0) - 1.0, vertices[:, :2].max(axis=0) + 1.0
    frame = _Frame(box, (low[0], low[1]), (high[0], high[1]))
    near = ((points[:, :2] > low) & (points[:, :2] < high)).all(axis=1)
    _dots(draw, frame, points[near, :2], residual[near], 1.6 if near.sum() > 1500 else 2.4)
    for start, end in _creases(solid):
        draw.line(
            (*frame(*vertices[start, :2].tolist()), *frame(*vertices[end, :2].tolist())), fill=_INK, width=2
        )
    metre = frame.scale
    draw.line((box[0] + 12, box[3] - 12, box[0] + 12 + 5 * metre, box[3] - 12), fill=_INK, width=3)
    draw.text((box[0] + 12, box[3] - 34), "5 m", fill=_INK, font=_font(14))


def _creases(solid: Solid) -> list[tuple[int, int]]:
    """Edges of roofs where another surface begins; a surface may be made of several faces."""
    walls = (Label.WALL, Label.STEP_WALL, Label.DORMER_WALL, Label.GROUND)
    owner: dict[tuple[int, int], int] = {}
    for rings, label, surface in zip(
        solid.rings, solid.face_labels.tolist(), solid.face_surfaces.tolist(), strict=True
    ):
        for ring in rings:
            for start, end in zip(ring.tolist(), np.roll(ring, -1).tolist(), strict=True):
                owner[start, end] = -1 if label in walls else surface
    return [
        (start, end)
        for (start, end), surface in owner.items()
        if surface >= 0 and owner.get((end, start), -1) != surface
    ]


def _axes(solid: Solid) -> tuple[tuple[F64, F64], tuple[F64, F64]]:
    """A middle point with the long and the short direction of the outline."""
    vertices = solid.local_vertices
    if len(vertices) < 3:
        zero = np.zeros(2)
        return (zero, np.array([1.0, 0.0])), (zero, np.array([0.0, 1.0]))
    plan = np.unique(vertices[:, :2], axis=0)
    middle = (plan.min(axis=0) + plan.max(axis=0)) / 2
    edges = [
        vertices[ring[1], :2] - vertices[ring[0], :2]
        for rings, label in zip(solid.rings, solid.face_labels.tolist(), strict=True)
        if label == Label.GROUND
        for ring in [np.stack([rings[0], np.roll(rings[0], -1)])]
    ]
    walls = np.concatenate(edges) if edges else np.array([[1.0, 0.0]])
    longest = walls[int(np.argmax(np.hypot(*walls.T)))]
    u = longest / max(float(np.hypot(*longest)), 1e-9)
    return (middle, u), (middle, np.array([-u[1], u[0]]))


def _section(
    draw: ImageDraw, box: Box, solid: Solid, points: F64, residual: F64, axis: tuple[F64, F64]
) -> None:
    """A slice of points along the axis, and the model's heights under its middle line."""
    draw.rectangle(box, outline=_GREY)
    vertices = solid.local_vertices
    if not len(vertices):
        return
    middle, u = axis
    off = (points[:, :2] - middle) @ np.array([-u[1], u[0]])
    slab = np.abs(off) < SECTION_M
    along = (points[:, :2] - middle) @ u
    reach = (vertices[:, :2] - middle) @ u
    steps = np.linspace(reach.min(), reach.max(), 400)
    z = roof_heights(solid, middle + steps[:, None] * u)
    floor, top = float(vertices[:, 2].min()), float(vertices[:, 2].max()) + 1.0
    frame = _Frame(box, (float(reach.min()) - 1, floor), (float(reach.max()) + 1, top))
    seen = slab & (points[:, 2] < top + 2) & (points[:, 2] > floor - 1)
    _dots(draw, frame, np.column_stack([along[seen], points[seen, 2]]), residual[seen], 2.2)
    line: list[Pair] = []
    for x, height in zip(steps.tolist(), z.tolist(), strict=True):
        if np.isfinite(height):
            line.append(frame(x, height))
        elif len(line) > 1:
            draw.line(line, fill=_INK, width=2)
            line = []
    if len(line) > 1:
        draw.line(line, fill=_INK, width=2)
    start, end = frame(float(reach.min()), floor), frame(float(reach.max()), floor)
    draw.line((*start, *end), fill=_WALL, width=1)


def _facts(draw: ImageDraw, at: tuple[int, int], evidence: Evidence, fit: Fit, residual: F64) -> None:
    known = residual[np.isfinite(residual)]
    lines = [
        f"status      {fit.status.name.lower()}",
        f"confidence  {fit.confidence:.2f}",
        f"points      {fit.points} ({fit.density:.1f} per m2)",
        f"within 0.2  {fit.within_0p2:.3f}    rmse {fit.rmse:.3f}    nmad {fit.nmad:.3f}",
        f"over roof   {float(np.mean(np.abs(known) <= 0.2)) if len(known) else 0:.3f} within 0.2 m, vertical",
        f"area        {evidence.area:.1f} m2",
        "",
        "candidates, nats above the best",
    ]
    best = min((runner.nats for runner in fit.alternatives), default=0.0)
    lines += [f"  {runner.nats - best:9.1f}  {runner.kind[:44]}" for runner in fit.alternatives]
    lines += ["", "fitted values, one sigma"]
    lines += [f"  {fit.sigma(path):8.4f}  {path}" for path in fit.parameters[:12]]
    if fit.reason:
        lines += ["", fit.reason]
    for row, text in enumerate(lines[:28]):
        draw.text((at[0], at[1] + 20 * row), text, fill=_INK, font=_font(15))
