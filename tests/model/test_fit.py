"""Fits in tables: what goes in comes out."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from geovision.errors import InputError
from geovision.model.fit import FIT_REASON, METADATA_KEY, Fit, FitStatus, FitTable, Runner

FITS = [
    Fit(
        "a",
        "gabled+flat",
        confidence=0.9,
        nats=-12.5,
        runner_up="hipped",
        margin=4.0,
        alternatives=(Runner("gabled+flat", -12.5), Runner("hipped", -8.5)),
        points=120,
        density=8.0,
        parameters=("parts/0/eave_height", "parts/1/eave_height"),
        covariance=np.array([[1e-4, 0.0], [0.0, 4e-4]]),
        within_0p2=0.95,
        evidence="e" * 64,
    ),
    Fit("b", "flat", FitStatus.HEIGHT_ASSUMED, notes=("nothing was measured",)),
]


def test_arrow_and_back() -> None:
    table = FitTable(FITS).to_arrow()
    back = FitTable.from_arrow(table)
    assert [fit.to_dict() for fit in back] == [fit.to_dict() for fit in FITS]
    assert json.dumps([fit.to_dict() for fit in back], allow_nan=False)
    with pytest.raises(InputError, match="no table of fits"):
        FitTable.from_arrow(pa.table({"id": ["a"]}))


def test_tables_of_the_first_version_are_read() -> None:
    """It knew nothing of shifts; what it lacks is as where nothing was looked for."""
    table = FitTable(FITS).to_arrow()
    new = [name for name in table.column_names if name.startswith(("shift_", "rotation_", "overhang"))]
    assert len(new) == 8
    old = table.drop_columns(new).replace_schema_metadata({METADATA_KEY: b"geovision.fit/1"})
    assert [fit.to_dict() for fit in FitTable.from_arrow(old)] == [fit.to_dict() for fit in FITS]
    with pytest.raises(InputError, match="expected geovision"):
        FitTable.from_arrow(table.replace_schema_metadata({METADATA_KEY: b"geovision.fit/3"}))


def test_looking_up() -> None:
    table = FitTable(FITS)
    assert table.of("a").sigma("parts/1/eave_height") == pytest.approx(0.02)
    assert table.of("b").reason == FIT_REASON[FitStatus.HEIGHT_ASSUMED]
    assert [fit.observed for fit in table] == [True, False]
    assert len(table[1:]) == 1
    assert table.summary()["status"] == {"height_assumed": 1, "ok": 1}
    with pytest.raises(InputError, match="building 'c'"):
        table.of("c")


def test_every_status_has_its_sentence() -> None:
    assert set(FIT_REASON) == set(FitStatus)
    assert all(FIT_REASON[status] for status in FitStatus if status is not FitStatus.OK)
