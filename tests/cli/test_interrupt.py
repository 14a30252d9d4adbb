"""Ctrl-C ends a command with 130 also where a library swallows or disguises it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from geovision.cli.main import call
from geovision.errors import InputError
from geovision.pipeline import generate_to as job

COMMAND = ["generate", "--count", "20", "--no-preview", "-q", "-o"]


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def swallow() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        interrupt()


def disguise(error: Exception) -> Callable[[], None]:
    def raise_another() -> None:
        try:
            interrupt()
        except KeyboardInterrupt:
            raise error from None

    return raise_another


@pytest.mark.parametrize(
    "what",
    [interrupt, swallow, disguise(SystemError("returned NULL")), disguise(InputError("a", "b", "c"))],
    ids=["plain", "swallowed", "as an unknown error", "as one of ours"],
)
def test_ctrl_c_is_130_whatever_becomes_of_it(
    what: Callable[[], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_tile = job._Job.add

    def add(self: job._Job, done: job._Done) -> None:
        what()
        make_tile(self, done)

    monkeypatch.setattr(job._Job, "add", add)
    assert call([*COMMAND, str(tmp_path / "city")]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert call([*COMMAND, str(tmp_path / "city")]) == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_that_no_ctrl_c_made_is_not_called_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(self: job._Job, done: job._Done) -> None:
        raise SystemError("returned NULL")

    monkeypatch.setattr(job._Job, "add", add)
    with pytest.raises(SystemError, match="returned NULL"):
        call([*COMMAND, str(tmp_path / "city")])


def test_another_handler_is_left_alone(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert call([*COMMAND, str(tmp_path / "city")]) == 0
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
