"""`report`: one page that says how a run went: coverage, fit, kinds, maps, the worst, times, versions."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision._version import __version__
from geovision.formats.atomic import atomic_write
from geovision.mesh import mesh
from geovision.model.fit import FIT_REASON, FitStatus
from geovision.model.kinds import RoofKind
from geovision.model.table import ProgramTable
from geovision.quality import report_html as html
from geovision.quality.preview import ROOF_KIND_COLOURS, preview_image
from geovision.quality.report_data import FitColumns, ReportSources, find_sources, read_fits
from geovision.quality.scene_map import bounds_of
from geovision.quality.value_map import RAMPS, FootprintRaster, ramp

__all__ = ["report", "report_html"]

WORST = 20
MAP_WIDTH = 1060
_PROBLEMS_SHOWN = 100
_STATUS_COLOURS: dict[FitStatus, tuple[int, int, int]] = {
    FitStatus.OK: (72, 140, 120),
    FitStatus.POOR: (224, 150, 60),
    FitStatus.FEW_POINTS: (110, 140, 190),
    FitStatus.NO_SOLID: (190, 90, 140),
    FitStatus.HEIGHT_FROM_ATTRIBUTE: (150, 120, 90),
    FitStatus.HEIGHT_ASSUMED: (120, 118, 114),
    FitStatus.FAILED: (160, 30, 40),
}
Progress = Callable[[int, int], None]


def report(
    path: str | Path,
    out: str | Path | None = None,
    *,
    title: str = "",
    threads: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Write the report of a folder as one HTML file that needs nothing else, atomically; returns its path.

    Args:
        path: folder of `geovision build`, or the .parquet file of `geovision fit` with its fits beside it.
        out: file to write; by default report.html in the folder, or NAME.report.html beside the file.
        title: on top; the folder's name if left out.
        threads: 0 for all cores.
        progress: called with the number of buildings that are drawn, and of all.
    """
    sources = find_sources(path)
    target = sources.out if out is None else Path(out)
    name = title or Path(path).resolve().name.removesuffix(".parquet")
    text = report_html(sources, name, threads=threads, progress=progress)
    with atomic_write(target) as file:
        file.write(text.encode())
    return target


def report_html(
    sources: ReportSources, title: str, *, threads: int = 0, progress: Progress | None = None
) -> str:
    """The page as text. Its size does not grow with the scene: maps are rasters, tables are cut."""
    fits = read_fits(sources.fits)
    worst = _worst(fits)
    survey = _Survey(sources, fits, worst, progress)
    sections = [
        _head(title, sources, fits),
        html.cards(_key_numbers(fits)),
        "<h2>Coverage</h2>",
        _coverage(fits),
        "<h2>Roofs</h2>",
        _roofs(survey.kinds),
        _by_kind(fits),
        "<h2>Fit</h2>",
        _histograms(fits),
        "<h2>Maps</h2>",
        _maps(survey, fits),
        f"<h2>The {min(WORST, len(worst)) or ''} that fit worst</h2>",
        _pictures(survey, fits, worst, threads),
        "<h2>The run</h2>",
        _run(sources),
    ]
    return html.page(f"{title}: geovision report", "\n".join(sections))


def _worst(fits: FitColumns) -> NDArray[np.int64]:
    """Rows of measured buildings, those first whose points lie off the model most."""
    within = fits.numbers["within_0p2"]
    known = np.flatnonzero(np.isfinite(within))
    order = np.lexsort((known, -fits.numbers["rmse"][known], within[known]))
    return known[order[:WORST]]


class _Survey:
    """One pass over the programs for their bounds, one for the maps; the worst are kept."""

    def __init__(
        self, sources: ReportSources, fits: FitColumns, worst: NDArray[np.int64], progress: Progress | None
    ) -> None:
        self.kinds: dict[RoofKind, int] = dict.fromkeys(RoofKind, 0)
        self.worst: dict[int, ProgramTable] = {}
        self.raster: FootprintRaster | None = None
        low, high = np.full(2, np.inf), np.full(2, -np.inf)
        for table in sources.tables():
            box = bounds_of(table)
            if box is not None:
                low, high = np.minimum(low, box[:2]), np.maximum(high, box[2:])
        if np.isfinite(low).all():
            self.raster = FootprintRaster((*low.tolist(), *high.tolist()), MAP_WIDTH)
        done, wanted = 0, set(worst.tolist())
        for table in sources.tables():
            rows = fits.rows_of(table.ids, done)
            if self.raster is not None:
                self.raster.add(table, np.where(rows < 0, len(fits), rows))
            codes = np.bincount(table.roof_kind[table.part_offsets[:-1]], minlength=len(RoofKind))
            for kind in RoofKind:
                self.kinds[kind] += int(codes[kind])
            for at in np.flatnonzero(np.isin(rows, list(wanted))).tolist():
                self.worst[int(rows[at])] = table.take([at])
            done += len(table)
            if progress is not None:
                progress(done, len(fits))


def _head(title: str, sources: ReportSources, fits: FitColumns) -> str:
    facts = [f"{len(fits):,} buildings", sources.index.get("crs"), sources.run.get("started")]
    line = " · ".join(escape(str(fact)) for fact in facts if fact)
    return f'<h1>{escape(title)}</h1><p class="lead">{line} · geovision {escape(__version__)}</p>'


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]


def _number(values: NDArray[np.float64], how: Callable[[NDArray[np.float64]], Any], digits: int = 3) -> str:
    known = _known(values)
    return f"{float(how(known)):.{digits}f}" if len(known) else "–"


def _key_numbers(fits: FitColumns) -> list[tuple[str, str, str]]:
    numbers = fits.numbers
    within, weights = numbers["within_0p2"], fits.points.astype(np.float64)
    known = np.isfinite(within) & (weights > 0)
    by_points = (
        f"{np.average(within[known], weights=weights[known]):.3f} by points" if known.any() else "no points"
    )
    density = _number(numbers["density"], np.median, 1)
    fitted = np.isin(fits.status, (FitStatus.OK, FitStatus.POOR)).sum()
    return [
        (f"{len(fits):,}", "buildings", "that have a program"),
        (_share(float(fitted), len(fits)), "with a fitted roof", f"{int(fitted):,} of them"),
        (_number(within, np.mean), "of points within 0.2 m", f"mean over buildings; {by_points}"),
        (_number(within, lambda v: np.quantile(v, 0.1)), "within 0.2 m, lowest tenth", "of buildings"),
        (f"{_number(numbers['rmse'], np.median)} m", "median RMSE", "distances of at most 1 m"),
        (f"{_number(numbers['nmad'], np.median)} m", "median NMAD", "scatter of what lies on the model"),
        (_number(numbers["confidence"], np.mean), "mean confidence", "that the kind is right"),
        (
            f"{int(fits.points.sum()):,}",
            "points used",
            f"{density} per m², median",
        ),
    ]


def _coverage(fits: FitColumns) -> str:
    counts = np.bincount(fits.status, minlength=len(FitStatus))
    present = [status for status in FitStatus if counts[status]]
    bars = html.bars(
        [(_words(status), int(counts[status]), _css(_STATUS_COLOURS[status])) for status in present]
    )
    why = html.table(
        ("status", "why it is simpler"),
        [(_words(status), FIT_REASON[status]) for status in present if FIT_REASON[status]],
    )
    return bars + (f"<br>{why}" if any(FIT_REASON[status] for status in present) else "")


def _words(status: FitStatus) -> str:
    return "roof fitted" if status == FitStatus.OK else status.name.lower().replace("_", " ")


def _css(colour: tuple[int, int, int]) -> str:
    return f"rgb{colour}"


def _roofs(kinds: dict[RoofKind, int]) -> str:
    order = sorted((kind for kind in kinds if kinds[kind]), key=lambda kind: (-kinds[kind], kind))
    return html.bars([(kind.text, kinds[kind], _css(ROOF_KIND_COLOURS[kind])) for kind in order])


def _by_kind(fits: FitColumns) -> str:
    names = np.array(["several parts" if "+" in kind else kind for kind in fits.kinds], dtype=object)
    found, counts = np.unique(names.astype(str), return_counts=True)
    rows = []
    for name, count in sorted(zip(found.tolist(), counts.tolist(), strict=True), key=lambda item: -item[1]):
        here = names == name
        mean = [_number(fits.numbers[column][here], np.mean) for column in ("within_0p2", "confidence")]
        median = [_number(fits.numbers[column][here], np.median) for column in ("rmse", "nmad")]
        rows.append((name, count, mean[0], *median, mean[1]))
    head = ("roof", "buildings", "within 0.2 m", "RMSE, m", "NMAD, m", "confidence")
    return "<br>" + html.table(head, rows)


def _histograms(fits: FitColumns) -> str:
    numbers = fits.numbers
    density = _known(numbers["density"])
    most = float(np.ceil(np.quantile(density, 0.99))) if len(density) else 1.0
    charts = (
        html.histogram("Points within 0.2 m of the model, share", numbers["within_0p2"], (0.0, 1.0), ""),
        html.histogram("RMSE, metres", numbers["rmse"], (0.0, 1.0), " m"),
        html.histogram("NMAD, metres", numbers["nmad"], (0.0, 0.3), " m"),
        html.histogram("Confidence in the kind", numbers["confidence"], (0.0, 1.0), ""),
        html.histogram("Footprint that points cover, share", numbers["coverage"], (0.0, 1.0), ""),
        html.histogram("Points per square metre", numbers["density"], (0.0, max(most, 1.0)), ""),
    )
    return f'<div class="grid wide">{"".join(charts)}</div>'


def _maps(survey: _Survey, fits: FitColumns) -> str:
    if survey.raster is None:
        return '<p class="soft">Nothing to draw.</p>'
    palette = np.array([_STATUS_COLOURS[status] for status in FitStatus], np.uint8)
    # A program without a fit has the row after the last.
    status = np.concatenate([palette[fits.status].reshape(-1, 3), ramp("residual", np.array([np.nan]))])
    rmse = ramp("residual", np.append(fits.numbers["rmse"] / 0.5, np.nan))
    confidence = ramp("confidence", np.append(fits.numbers["confidence"], np.nan))
    names = [status for status in FitStatus if (fits.status == status).any()]
    key = " ".join(f'<span style="color:{_css(_STATUS_COLOURS[s])}">■</span> {_words(s)}' for s in names)
    scale = f"{survey.raster.metres_per_pixel * survey.raster.size[0]:,.0f} m across, north is up"
    entries = (
        ("Residuals", rmse, html.ramp_legend(RAMPS["residual"], "RMSE 0 m", "0.5 m and more")),
        ("Confidence", confidence, html.ramp_legend(RAMPS["confidence"], "0", "1")),
        ("Status", status, f'<div class="soft">{key}</div>'),
    )
    figures = ""
    for name, colours, legend in entries:
        uri = html.data_picture(survey.raster.coloured(colours))
        text = f"<strong>{name}</strong>: {scale}; grey where nothing is known"
        picture = f'<img alt="{name}" src="{uri}">'
        figures += f'<figure class="map">{picture}{legend}<figcaption>{text}</figcaption></figure>'
    return figures


def _pictures(survey: _Survey, fits: FitColumns, worst: NDArray[np.int64], threads: int) -> str:
    figures = []
    for row in worst.tolist():
        table = survey.worst.get(row)
        facts = (
            f"<strong>{escape(fits.ids[row])}</strong><br>{escape(fits.kinds[row])}, "
            f"{fits.numbers['within_0p2'][row]:.2f} within 0.2 m, RMSE {fits.numbers['rmse'][row]:.2f} m, "
            f"{fits.points[row]:,} points, {_words(FitStatus(int(fits.status[row])))}"
        )
        picture = ""
        if table is not None:
            solids = mesh(table, threads=threads, on_error="record", polygons=False)
            kind = table.roof_kind[:1]
            drawn = preview_image(
                solids,
                size=(420, 300),
                color_by="roof_kind",
                roof_kinds=kind,
                threads=threads,
                occlusion=False,
            )
            uri = html.data_picture(drawn, photo=True)
            picture = f'<img alt="{escape(fits.ids[row], quote=True)}" src="{uri}">'
        figures.append(f'<figure class="card">{picture}<figcaption>{facts}</figcaption></figure>')
    if not figures:
        return '<p class="soft">No building was measured.</p>'
    return f'<div class="grid wide">{"".join(figures)}</div>'


def _run(sources: ReportSources) -> str:
    run, index = sources.run, sources.index
    stages = _stages(run.get("stages"))
    total = sum(seconds for _, seconds, _ in stages)
    rows = [
        (name, f"{seconds:.1f} s", f"{cpu:.1f} s", _share(seconds, total)) for name, seconds, cpu in stages
    ]
    text = html.table(("stage", "time", "processor time", "share"), rows) if rows else ""
    facts = [
        ("programs", sources.programs.name),
        *((name, index[name]) for name in ("crs", "lod", "formats", "tiles", "geovision") if name in index),
        *((name, run[name]) for name in ("started", "seconds", "platform", "python", "numpy") if name in run),
    ]
    plain = [
        (name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)) for name, value in facts
    ]
    text += "<br>" + html.table(("fact", "value"), plain)
    for name, heading in (("notes", "What was assumed"), ("problems", "What failed")):
        lines = index.get(name)
        if isinstance(lines, list) and lines:
            shown = "".join(f"<li>{escape(str(line))}</li>" for line in lines[:_PROBLEMS_SHOWN])
            more = len(lines) - _PROBLEMS_SHOWN
            text += f"<h3>{heading}</h3><ul>{shown}</ul>" + (f"<p>and {more:,} more</p>" if more > 0 else "")
    return text


def _stages(found: Any) -> list[tuple[str, float, float]]:
    """Name, seconds and processor seconds of each stage that run.json tells both of."""
    rows = []
    for name, times in found.items() if isinstance(found, dict) else ():
        told = [times.get(key) for key in ("seconds", "cpu_seconds")] if isinstance(times, dict) else []
        known = [float(value) for value in told if isinstance(value, (int, float)) and abs(value) < 1e12]
        if len(known) == 2:
            rows.append((str(name), known[0], known[1]))
    return rows
