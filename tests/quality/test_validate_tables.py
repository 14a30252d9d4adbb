"""Programs with their fits, and tables with shapes."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely

import geovision
from geovision.cli.main import call
from geovision.model import ProgramTable
from tests.quality.test_report import write_run
from tests.strategies import case, to_arrays


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".parquet"])
def test_programs_of_ours_have_no_code(suffix: str, tmp_path: Path) -> None:
    town = geovision.generate(area=(0, 0, 200, 200), seed=2)
    path = tmp_path / f"town{suffix}"
    geovision.write_programs(path, town)
    report = geovision.validate(path)
    assert not report.counts
    assert report.objects == report.primitives == len(town)


def test_faults_of_programs_have_their_codes(tmp_path: Path) -> None:
    path = tmp_path / "town.jsonl"
    geovision.write_programs(path, geovision.generate(area=(0, 0, 200, 200), seed=2))
    lines = path.read_text().splitlines()
    bad = json.loads(lines[0])
    bad["parts"][0]["eave_height"] = -4
    for text, wanted in (
        ([*lines, lines[3]], {831}),
        ([json.dumps(bad), *lines[1:]], {851}),
        ([*lines[:-1], lines[-1][:50]], {901}),
    ):
        path.write_text("\n".join(text))
        assert geovision.validate(path).codes == wanted


def test_programs_without_a_solid_are_named(tmp_path: Path) -> None:
    # Columns are not looked at as closely as programs: some of these outlines cannot be built on.
    columns: dict[str, Any] = to_arrays([case(seed) for seed in range(100)])
    table = ProgramTable.from_arrays(**columns)
    failures = geovision.mesh(table, on_error="record").failures
    geovision.write_programs(tmp_path / "cases.parquet", table)
    report = geovision.validate(tmp_path / "cases.parquet", planarity=0.002)
    assert len(failures) > 5
    assert report.counts == {852: len(failures)}
    assert report.invalid == len(failures)


def test_fits_and_programs_belong_together(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    fits = write_run(tmp_path, 9)
    assert not geovision.validate(tmp_path / "programs.parquet").counts
    assert not geovision.validate(tmp_path / "programs.fits.parquet").counts
    pq.write_table(fits[2:].to_arrow(), tmp_path / "programs.fits.parquet")
    report = geovision.validate(tmp_path / "programs.parquet")
    assert report.counts == {853: 2}
    assert [finding.id for finding in report.findings] == ["b0", "b1"]


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".parquet", ".geojson"])
def test_faults_of_tables_have_their_codes(suffix: str, tmp_path: Path) -> None:
    def codes(**columns: Any) -> set[int]:
        crs = columns.pop("crs", "EPSG:28992")
        path = tmp_path / f"table{suffix}"
        path.unlink(missing_ok=True)
        frame = geopandas.GeoDataFrame(columns, geometry=columns.pop("geometry"), crs=crs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of the CRS that is not there, which is the point
            frame.to_parquet(path) if suffix == ".parquet" else frame.to_file(path)
        return geovision.validate(path).codes

    squares = [shapely.box(x, 0, x + 1, 1) for x in range(3)]
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    sound: dict[str, Any] = {"id": ["a", "b", "c"], "height": [1.0, 2.0, None], "geometry": squares}
    assert codes(**sound) == set()
    assert codes(**sound | {"id": ["a", "b", "a"]}) == {831}
    assert codes(**sound | {"geometry": [*squares[:2], bow_tie]}) == {871}
    if suffix != ".fgb":  # which has no rows without a shape
        assert codes(**sound | {"geometry": [*squares[:2], None]}) == {872}
    if suffix != ".geojson":  # which has a CRS whatever happens, and no infinity
        assert codes(**sound | {"height": [1.0, float("inf"), None]}) == {811}
        assert codes(**sound, crs=None) == {821}


def test_what_is_no_table_is_said_to_be_none(tmp_path: Path) -> None:
    for suffix in (".gpkg", ".fgb", ".parquet"):
        path = tmp_path / f"table{suffix}"
        path.write_bytes(b"PAR1 or not to be")
        assert geovision.validate(path).codes == {901}


def test_a_folder_is_all_that_is_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "out", 5)
    solids = geovision.mesh(geovision.read_programs(tmp_path / "out" / "programs.parquet"))
    (tmp_path / "out" / "glb").mkdir()
    geovision.write_glb(tmp_path / "out" / "glb" / "a.glb", solids)
    assert call(["validate", "--json", str(tmp_path / "out")]) == 0
    reports = json.loads(capsys.readouterr().out)
    assert [report["format"] for report in reports] == ["GLB", "fits", "programs"]
    assert [report["warnings"] for report in reports] == [1, 0, 0]
