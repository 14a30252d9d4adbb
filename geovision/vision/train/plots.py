"""Pictures of a run: curves of its log, and PNG files without a library."""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.formats.atomic import atomic_write

__all__ = ["curves_of", "png", "save_curves", "save_png"]

Curve = tuple[list[float], list[float]]

_NOT_CURVES = {"event", "step", "seconds", "rate", "unit", "waited", "learning_rate"}
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#e377c2", "#7f7f7f")


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A picture [rows, columns, 3] as PNG.

    >>> png(np.zeros((2, 3, 3), np.uint8))[1:4]
    b'PNG'
    """
    rows, columns = pixels.shape[:2]
    lines = np.zeros((rows, 1 + 3 * columns), np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = pixels.reshape(rows, -1)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    body = zlib.compress(lines.tobytes(), 6)
    chunks = ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def save_png(path: str | Path, pixels: NDArray[np.uint8]) -> None:
    """Write a picture [rows, columns, 3]."""
    with atomic_write(path) as file:
        file.write(png(pixels))


def curves_of(log: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Curve], dict[str, Curve]]:
    """Losses and figures of a log as curves by name: steps and values.

    >>> losses, figures = curves_of([{"event": "train", "step": 5, "loss": 0.5},
    ...                              {"event": "evaluate", "step": 5, "areas": {"town": {"iou": 0.7}}}])
    >>> losses, figures
    ({'loss': ([5], [0.5])}, {'town iou': ([5], [0.7])})
    """
    losses: dict[str, Curve] = {}
    figures: dict[str, Curve] = {}
    for line in log:
        if line["event"] == "train":
            for name, value in line.items():
                if name not in _NOT_CURVES and value is not None:
                    _put(losses, name, line["step"], value)
        elif line["event"] == "evaluate":
            for area, found in line["areas"].items():
                for name, value in found.items():
                    if name.endswith("iou") and not name.startswith("best") and value is not None:
                        _put(figures, f"{area} {name}", line["step"], value)
    return losses, figures


def _put(curves: dict[str, Curve], name: str, step: float, value: float) -> None:
    steps, values = curves.setdefault(name, ([], []))
    steps.append(step)
    values.append(value)


def save_curves(path: str | Path, log: Sequence[Mapping[str, Any]]) -> bool:
    """Draw losses (logarithmic) and figures; False where neither matplotlib nor pillow is there."""
    losses, figures = curves_of(log)
    for draw in (_by_matplotlib, _by_pillow):
        try:
            data = draw(losses, figures)
        except ImportError:
            continue
        with atomic_write(path) as file:
            file.write(data)
        return True
    return False


def _by_matplotlib(losses: dict[str, Curve], figures: dict[str, Curve]) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.5), layout="constrained")
    for axes, curves, title in zip(
        figure.subplots(1, 2), (losses, figures), ("loss", "figures of the average weights"), strict=True
    ):
        for name, (steps, values) in curves.items():
            width = 2.0 if name == "loss" else 1.0
            # A dot shows the first value, which is no line yet.
            axes.plot(steps, values, marker="." if len(steps) < 3 else None, label=name, linewidth=width)
        axes.set(xlabel="step", title=title)
        axes.grid(alpha=0.3)
        if curves is losses and any(value > 0 for _, values in curves.values() for value in values):
            axes.set_yscale("log")
        if curves is figures:
            axes.set_ylim(0, 1)
        if curves:
            axes.legend(fontsize=7)
    buffer = io.BytesIO()
    # Without the library's name and version, so that the same log gives the same bytes.
    figure.savefig(buffer, dpi=90, metadata={"Software": None})
    return buffer.getvalue()


def _by_pillow(losses: dict[str, Curve], figures: dict[str, Curve]) -> bytes:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (1080, 400), "white")
    draw = ImageDraw.Draw(image)
    logs = {
        name: (steps, [math.log10(max(value, 1e-6)) for value in values])
        for name, (steps, values) in losses.items()
    }
    for left, curves, title in ((0, logs, "loss (powers of ten)"), (540, figures, "figures")):
        _panel(draw, left, curves, title)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _panel(draw: Any, left: int, curves: dict[str, Curve], title: str) -> None:
    box = (left + 50, 30, left + 520, 370)
    draw.rectangle(box, outline="#999999")
    draw.text((left + 50, 10), title, fill="black")
    every = [value for _, values in curves.values() for value in values]
    steps = [step for found, _ in curves.values() for step in found]
    if not every:
        return
    low, last = min(every), max(steps)
    high = max(*every, low + 1e-6)
    for text, at in ((f"{high:.2f}", 30), (f"{low:.2f}", 358)):
        draw.text((left + 4, at), text, fill="black")
    draw.text((left + 470, 374), f"step {last:,}", fill="black")
    for number, (name, (xs, values)) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [
            (box[0] + 470 * x / max(last, 1), box[3] - 340 * (value - low) / (high - low))
            for x, value in zip(xs, values, strict=True)
        ]
        draw.line(places if len(places) > 1 else places * 2, fill=colour, width=2)
        draw.text((left + 60 + 150 * (number % 3), 36 + 12 * (number // 3)), name, fill=colour)
