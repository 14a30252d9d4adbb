"""Every failure that was ever found, as a file: none may come back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import promise

FILES = sorted(promise.CORPUS.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_stays_mended(path: Path) -> None:
    case, lod = promise.read_case(path)
    for level in sorted({lod, 22}):
        complaints = promise.judge([case], level, thorough=1)
        assert not complaints, f"{path.name}, lod {level}: {complaints[0][1]}"


def test_corpus_is_there() -> None:
    assert FILES, f"no corpus in {promise.CORPUS}"
