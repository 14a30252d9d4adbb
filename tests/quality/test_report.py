"""The report holds what it says it holds, needs nothing else, and stays small."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import geovision
from geovision.cli.main import call
from geovision.errors import InputError
from geovision.formats import write_programs
from geovision.model import Flat, Gabled, Part, Program, ProgramTable
from geovision.model.fit import Fit, FitStatus, FitTable
from geovision.quality.report import WORST, report
from geovision.quality.value_map import PAPER, FootprintRaster, ramp


class Page(HTMLParser):
    """Texts, attributes and whether every element that opens also closes."""

    VOID = {"meta", "img", "br", "rect", "line"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def write_run(folder: Path, count: int, name: str = "b{}", seed: int = 1) -> FitTable:
    """A folder as `geovision build` leaves it, of random houses with random fits."""
    import pyarrow.parquet as pq

    rng = np.random.default_rng(seed)
    programs, fits = [], []
    for row in range(count):
        x, y = 20.0 * (row % 30), 25.0 * (row // 30)
        shell = [(x, y), (x + 9, y), (x + 9, y + 7), (x, y + 7)]
        roof = Flat() if row % 3 else Gabled(ridge_height=6.0)
        programs.append(Program(id=name.format(row), parts=[Part(shell=shell, eave_height=4.0, roof=roof)]))
        measured = row % 10 != 9
        fits.append(
            Fit(
                name.format(row),
                kind=roof.kind,
                status=FitStatus.OK if measured else FitStatus.HEIGHT_ASSUMED,
                confidence=float(rng.random()) if measured else float("nan"),
                within_0p2=float(rng.random()) if measured else float("nan"),
                rmse=float(rng.random()) if measured else float("nan"),
                nmad=0.02 if measured else float("nan"),
                points=int(rng.integers(10, 500)) if measured else 0,
            )
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_programs(folder / "programs.parquet", ProgramTable.from_programs(programs))
    table = FitTable(fits)
    pq.write_table(table.to_arrow(), folder / "programs.fits.parquet")
    index = {"crs": "EPSG:28992", "formats": ["glb"], "notes": ["assumed <metres>"], "problems": ["x & y"]}
    (folder / "index.json").write_text(json.dumps(index))
    stages = {"fit": {"seconds": 3.0, "cpu_seconds": 2.5}, "read": {"seconds": 1.0, "cpu_seconds": 1.0}}
    (folder / "run.json").write_text(json.dumps({"seconds": 4.2, "python": "3.12.1", "stages": stages}))
    return table


def test_it_says_what_the_fits_say(tmp_path: Path) -> None:
    fits = write_run(tmp_path / "out", 200)
    page = Page(report(tmp_path / "out", title="Test town").read_text())
    text = " ".join(page.texts)
    within = np.array(fits.column("within_0p2"))
    assert "Test town" in text
    assert f"{np.nanmean(within):.3f}" in text
    assert "180 (90.0 %)" in text  # roofs fitted
    assert "20 (10.0 %)" in text  # heights assumed
    assert "67 (33.5 %)" in text  # gabled
    assert "75.0 %" in text  # of the time was fitting
    for words in ("EPSG:28992", "3.12.1", "assumed <metres>", "x & y"):
        assert words in text
    worst = np.argsort(np.where(np.isnan(within), 2, within))[:WORST]
    assert [name for name in page.texts if re.fullmatch(r"b\d+", name)] == [f"b{row}" for row in worst]
    # Three maps, twenty houses, nothing from elsewhere.
    assert len(page.links) == 3 + WORST
    assert all(link.startswith("data:image/") for link in page.links)


def test_names_are_text_and_no_markup(tmp_path: Path) -> None:
    write_run(tmp_path / "out", 12, name='<img src=x onerror="a()">&{}')
    page = Page(report(tmp_path / "out", title="<b>&").read_text())
    assert all(link.startswith("data:image/") for link in page.links)
    assert '<img src=x onerror="a()">&3' in " ".join(page.texts)


def test_its_size_does_not_follow_the_scene(tmp_path: Path) -> None:
    sizes = []
    for count in (300, 4000):
        write_run(tmp_path / str(count), count)
        sizes.append(report(tmp_path / str(count)).stat().st_size)
    assert max(sizes) < 1_500_000
    assert sizes[1] < 3 * sizes[0]


def test_it_is_the_same_on_any_number_of_threads(tmp_path: Path) -> None:
    write_run(tmp_path / "out", 8)
    texts = [report(tmp_path / "out", tmp_path / f"{n}.html", threads=n).read_bytes() for n in (1, 3)]
    assert texts[0] == texts[1]


def test_fits_in_another_order_are_found_by_id(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    fits = write_run(tmp_path / "out", 9)
    first = report(tmp_path / "out").read_text()
    turned = FitTable(list(fits)[::-1])
    pq.write_table(turned.to_arrow(), tmp_path / "out" / "programs.fits.parquet")
    assert Page(report(tmp_path / "out").read_text()).links == Page(first).links


def test_a_run_without_buildings_has_a_report(tmp_path: Path) -> None:
    write_run(tmp_path / "out", 0)
    assert "Nothing to draw" in report(tmp_path / "out").read_text()


def test_the_files_of_fit_do_too_and_what_is_missing_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "out", 8)
    assert call(["report", "-q", str(tmp_path / "out" / "programs.parquet")]) == 0
    written = Path(capsys.readouterr().out.strip())
    assert written == tmp_path / "out" / "programs.report.html"
    assert written.is_file()
    (tmp_path / "out" / "programs.fits.parquet").unlink()
    with pytest.raises(InputError, match="is not there"):
        report(tmp_path / "out")
    geovision.write_programs(tmp_path / "out" / "programs.fits.parquet", ProgramTable.empty())
    with pytest.raises(InputError, match="no file of fits"):
        report(tmp_path / "out")


def test_footprints_have_the_colour_of_their_row() -> None:
    shells: list[list[tuple[float, float]]] = [
        [(0, 0), (40, 0), (40, 40), (0, 40)],
        [(60, 0), (100, 0), (100, 30), (60, 30)],
    ]
    court: list[list[tuple[float, float]]] = [[(10, 10), (30, 10), (30, 30), (10, 30)]]
    parts = [
        [Part(shell=shell, holes=holes, eave_height=3.0, roof=Flat())]
        for shell, holes in zip(shells, (court, []), strict=True)
    ]
    table = ProgramTable.from_programs([Program(id=str(k), parts=part) for k, part in enumerate(parts)])
    raster = FootprintRaster((0, 0, 100, 40), 400)
    raster.add(table, np.array([1, 0]))
    drawn = raster.coloured(np.array([[255, 0, 0], [0, 0, 255]], np.uint8))
    assert drawn.shape == (160, 400, 3)
    for x, y, wanted in ((5, 20, (0, 0, 255)), (80, 15, (255, 0, 0)), (20, 20, PAPER), (50, 20, PAPER)):
        assert tuple(drawn[round(80 - (y - 20) * 3.88), round(200 + (x - 50) * 3.88)]) == wanted
    assert ramp("confidence", np.array([np.nan])).tolist() == [[196, 194, 190]]
