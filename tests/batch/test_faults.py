"""A part of the fault suite in every test run; `python -m tests.batch.faults` is the whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.batch import faults
from tests.batch.jobs import NAME


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOVISION_TEST_JOB", NAME)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["disk-full", "file-limit", "read-only", "signals", "two-supervisors"])
def test_fault(name: str, tmp_path: Path) -> None:
    try:
        assert faults.FAULTS[name](tmp_path)
    except faults.Skipped as error:
        pytest.skip(str(error))


@pytest.mark.slow
def test_kill_between_write_rename_and_record(tmp_path: Path) -> None:
    points = ["supervisor-write:1", "supervisor-seal:1", "supervisor-publish:1", "record-before:3"]
    points.append("worker-seal:1")
    assert faults.kill(tmp_path, points)


def test_a_large_manifest(tmp_path: Path) -> None:
    assert faults.million(tmp_path, 20_000)
