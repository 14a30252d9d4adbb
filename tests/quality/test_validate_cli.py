from __future__ import annotations

import json
from pathlib import Path

import pytest

import geovision
from geovision.cli.main import call
from geovision.quality.codes import CODES

ROOT = Path(__file__).resolve().parents[2]


def house(path: Path, crs: str | None) -> Path:
    part = geovision.Part(
        shell=[(0, 0), (8, 0), (8, 5), (0, 5)], eave_height=3.0, roof=geovision.Gabled(ridge_height=5.0)
    )
    geovision.write_cityjsonseq(path, geovision.mesh(geovision.Program(id="a", parts=[part])), crs=crs)
    return path


def test_errors_make_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = house(tmp_path / "good.city.jsonl", "EPSG:7415"), house(tmp_path / "bad.city.jsonl", None)
    assert call(["validate", str(good)]) == 0
    assert "valid" in capsys.readouterr().out
    assert call(["validate", str(good), str(bad)]) == 1
    assert "821 NO_CRS" in capsys.readouterr().out
    assert call(["validate", str(bad), "--ignore", "821"]) == 0
    assert call(["validate", str(bad), "--ignore", "7"]) == 2
    assert call(["validate", str(tmp_path)]) == 1
    (tmp_path / "empty").mkdir()
    assert call(["validate", str(tmp_path / "empty")]) == 2


def test_json_is_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = house(tmp_path / "bad.city.jsonl", None)
    assert call(["validate", "--json", str(bad)]) == 1
    (report,) = json.loads(capsys.readouterr().out)
    assert report["codes"]["821"]["count"] == 1
    assert not report["valid"]
    assert report["findings"][0]["severity"] == "error"


def test_codes_are_explained_here_and_in_the_manual(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["validate", "--codes"]) == 0
    said = capsys.readouterr().out
    manual = (ROOT / "docs/validate.md").read_text()
    for code in CODES.values():
        assert f"{code.number}  {code.name}" in said
        assert f"| {code.number} | {code.name} | {code.text} |" in manual
