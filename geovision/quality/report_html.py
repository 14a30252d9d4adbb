"""Pieces of a self-contained HTML page: charts as inline SVG, pictures as data, tables, and the style."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["bars", "cards", "data_picture", "histogram", "page", "ramp_legend", "table"]

_NUMBER = re.compile(r"-?[\d,]+(\.\d+)?( %| s| m)?")
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = """
:root{--ink:#22252b;--soft:#6d7178;--line:#e2dfd8;--paper:#fbfaf7;--card:#fff;--accent:#2f6f86}
@media(prefers-color-scheme:dark){:root{--ink:#e8e6e1;--soft:#a09f9b;--line:#3a3d42;--paper:#1b1d20;--card:#24272b;
--accent:#7fb8cb}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1120px;margin:0 auto;padding:40px 28px 80px}
h1{font-size:30px;font-weight:600;margin:0}
h2{font-size:19px;font-weight:600;margin:44px 0 14px;padding-top:18px;border-top:1px solid var(--line)}
p.lead,figcaption,.soft{color:var(--soft)}
.grid{display:grid;gap:16px;grid-template-columns:repeat(auto-fill,minmax(165px,1fr))}
.wide{grid-template-columns:repeat(auto-fill,minmax(330px,1fr))}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px 16px}
.card b{display:block;font-size:25px;font-weight:600;line-height:1.25}
figure{margin:0}
figure img{width:100%;display:block;border-radius:6px}
figcaption{font-size:13.5px;margin-top:8px;overflow-wrap:anywhere}
figcaption strong{color:var(--ink)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:6px 14px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;font-size:13.5px;color:var(--soft)}
td.n,th.n{text-align:right}
.scroll{overflow-x:auto}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--soft);font:11px system-ui,sans-serif}
svg .ink{fill:var(--ink)}
svg .axis{stroke:var(--line)}
.ramp{height:10px;border-radius:5px;margin-top:10px}
.ends{display:flex;justify-content:space-between;font-size:12.5px;color:var(--soft)}
.map{margin-bottom:26px}
.map img{border:1px solid var(--line)}
"""


def page(title: str, body: str) -> str:
    """A whole document. It asks nobody for anything: no script, no font, no file."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body><main>\n{body}\n</main></body></html>\n"
    )


def cards(items: Sequence[tuple[str, str, str]]) -> str:
    """Key numbers: value, what it is, and a remark."""
    found = [
        f'<div class="card"><b>{escape(value)}</b>{escape(name)}'
        f'<div class="soft">{escape(remark)}</div></div>'
        for value, name, remark in items
    ]
    return f'<div class="grid">{"".join(found)}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Cells are escaped; columns of numbers stand to the right."""
    if not rows:
        return '<p class="soft">None.</p>'
    numeric = [
        all(isinstance(row[column], (int, float)) or _is_number(row[column]) for row in rows)
        for column in range(len(head))
    ]
    kind = [' class="n"' if right else "" for right in numeric]
    top = "".join(f"<th{kind[column]}>{escape(name)}</th>" for column, name in enumerate(head))
    body = ""
    for row in rows:
        cells = [f"<td{kind[column]}>{escape(_text(cell))}</td>" for column, cell in enumerate(row)]
        body += f"<tr>{''.join(cells)}</tr>"
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _text(cell: Any) -> str:
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _is_number(cell: Any) -> bool:
    return isinstance(cell, str) and (cell == "–" or bool(_NUMBER.fullmatch(cell)))


def bars(items: Sequence[tuple[str, int, str]]) -> str:
    """Bars to the right with their counts and shares: name, count, colour."""
    if not items:
        return '<p class="soft">None.</p>'
    most, total = max(count for _, count, _ in items), sum(count for _, count, _ in items)
    rows = []
    for row, (name, count, colour) in enumerate(items):
        y = 24 * row
        wide = max(640 * count / max(most, 1), 1.5)
        rows.append(
            f'<text class="ink" x="0" y="{y + 15}" style="font-size:13px">{escape(name)}</text>'
            f'<rect x="190" y="{y + 3}" width="{wide:.1f}" height="16" rx="3" fill="{colour}"/>'
            f'<text x="{198 + wide:.1f}" y="{y + 15}" style="font-size:12.5px">{count:,}'
            f" ({100 * count / max(total, 1):.1f} %)</text>"
        )
    return f'<svg viewBox="0 0 960 {24 * len(items)}" role="img">{"".join(rows)}</svg>'


def histogram(
    title: str, values: NDArray[np.float64], span: tuple[float, float], unit: str, bins: int = 40
) -> str:
    """How often values occur; what lies beyond the span is counted into its ends."""
    known = values[np.isfinite(values)]
    low, high = span
    counts, _ = np.histogram(np.clip(known, low, high), bins=bins, range=span)
    most = max(int(counts.max(initial=0)), 1)
    wide = 320 / bins
    shapes = [
        f'<rect x="{10 + wide * k:.2f}" y="{112 - 100 * c / most:.2f}" width="{wide - 1:.2f}" '
        f'height="{100 * c / most:.2f}" fill="var(--accent)"/>'
        for k, c in enumerate(counts.tolist())
        if c
    ]
    ticks = [
        f'<text x="{10 + 320 * k / 4:.0f}" y="128" text-anchor="middle">{low + (high - low) * k / 4:g}</text>'
        for k in range(5)
    ]
    middle = f"median {np.median(known):.3g}{unit}" if len(known) else "none"
    return (
        f'<figure class="card"><svg viewBox="0 0 340 134" role="img">{"".join(shapes)}'
        f'<line class="axis" x1="10" x2="330" y1="112.5" y2="112.5"/>{"".join(ticks)}</svg>'
        f"<figcaption><strong>{escape(title)}</strong>: {middle}</figcaption></figure>"
    )


def data_picture(picture: NDArray[np.uint8], *, photo: bool = False) -> str:
    """A picture as a data URI: JPEG for renderings, PNG of 128 colours for maps."""
    from PIL import Image

    image, buffer = Image.fromarray(picture), io.BytesIO()
    if photo:
        image.save(buffer, "JPEG", quality=84)
    else:
        small = image.quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        small.save(buffer, "PNG", optimize=False, compress_level=9)
    kind = "jpeg" if photo else "png"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def ramp_legend(colours: Sequence[tuple[int, int, int]], low: str, high: str) -> str:
    """A strip of colours with its ends named."""
    stops = ",".join("#{:02x}{:02x}{:02x}".format(*colour) for colour in colours)
    return (
        f'<div class="ramp" style="background:linear-gradient(90deg,{stops})"></div>'
        f'<div class="ends"><span>{escape(low)}</span><span>{escape(high)}</span></div>'
    )
