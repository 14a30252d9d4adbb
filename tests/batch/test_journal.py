"""Manifests: what is written is there after a kill, torn lines are none, and what follows from rows."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geovision.batch.attempts import Attempt, Ledger, TileState
from geovision.batch.config import RunConfig
from geovision.batch.journal import Journal, SqliteJournal
from geovision.batch.journal_parts import PartJournal, read_lines, written_line
from geovision.batch.locks import locked
from geovision.errors import EnvironmentFault, OutputError, UsageError

STATES = st.sampled_from(["running", "done", "failed", "crashed", "stopped", "halted", "released"])
RULES = RunConfig()


def attempts(count: int) -> list[Attempt]:
    outputs = {"programs.parquet": ("ab" * 32, 1234)}
    return [
        Attempt(f"{index}_0", "abcd", 1, "done", f"id{index}", buildings=index, outputs=outputs, seconds=0.25)
        for index in range(count)
    ]


def journals(folder: Path) -> list[Journal]:
    return [SqliteJournal(folder / "m.sqlite"), PartJournal(folder / "m.jsonl")]


def test_a_row_replaces_the_one_of_its_id(tmp_path: Path) -> None:
    for journal in journals(tmp_path):
        begun = Attempt("1_2", "ab", 1, "running", "x")
        journal.write([begun, Attempt("3_4", "cd", 1, "running", "y")])
        journal.write([begun.ended("failed", error={"kind": "E", "message": "é\n"}, seconds=2.5)])
        found = {one.id: one for one in journal.attempts()}
        assert found["x"].state == "failed"
        assert found["x"].error == {"kind": "E", "message": "é\n"}
        assert sorted(journal.rows()) == [("1_2", "ab", 1, "failed"), ("3_4", "cd", 1, "running")]
        journal.close()


def test_everything_comes_back(tmp_path: Path) -> None:
    for journal in journals(tmp_path):
        journal.write(attempts(10))
        journal.close()
    for again in journals(tmp_path):
        assert sorted(again.attempts(), key=lambda one: one.buildings) == attempts(10)
        again.close()


@given(st.integers(0, 400), st.binary(max_size=40))
def test_torn_and_damaged_lines_are_as_if_not_written(cut: int, noise: bytes) -> None:
    lines = [written_line(one) for one in attempts(3)]
    whole = b"".join(lines)
    cut = min(cut, len(whole))
    told = list(read_lines(whole[:cut] + b"\n" + noise.replace(b"\n", b"") + b"\n" + lines[0]))
    complete = sum(cut >= end or cut == end - 1 for end in itertools.accumulate(map(len, lines)))
    assert [one.key for one in told] == [f"{index}_0" for index in range(complete)] + ["0_0"]


@given(st.data())
def test_a_flipped_bit_is_seen(data: st.DataObject) -> None:
    line = bytearray(written_line(attempts(1)[0]))
    place = data.draw(st.integers(0, len(line) - 2))
    line[place] ^= 1 << data.draw(st.integers(0, 7))
    found = list(read_lines(bytes(line)))
    assert not found or found == attempts(1)  # the case of a digit of the checksum says nothing


def test_a_torn_line_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    one, two = attempts(2)
    path.write_bytes(written_line(one) + written_line(two)[:-9])
    journal = PartJournal(path)
    journal.write([two])
    assert list(journal.attempts()) == [one, two]
    journal.close()


@given(st.lists(STATES, max_size=12))
def test_what_follows_from_rows(states: list[str]) -> None:
    """Against counting by the book, after the last `released`."""
    state = TileState()
    for number, word in enumerate(states, 1):
        state.add(number, word)  # type: ignore[arg-type]
    last = max((n for n, word in enumerate(states) if word == "released"), default=-1)
    since = states[last + 1 :]
    lost = since.count("running")
    assert state.done == ("done" in since)
    assert (state.errors, state.crashes) == (since.count("failed"), since.count("crashed"))
    assert state.losses + state.running == lost
    quarantined = since.count("failed") >= 3 or since.count("crashed") >= 2 or lost >= 10
    assert state.quarantined(RULES) == (quarantined and "done" not in since)


@given(st.lists(st.tuples(st.sampled_from(["ab", "old"]), STATES), max_size=8), st.randoms())
def test_the_order_of_manifests_is_of_no_matter(rows: list[tuple[str, str]], random: object) -> None:
    numbered = [("0_0", digest, number, word) for number, (digest, word) in enumerate(rows, 1)]
    first, second = Ledger({"0_0": "ab"}), Ledger({"0_0": "ab"})
    first.take(numbered)  # type: ignore[arg-type]
    random.shuffle(numbered)  # type: ignore[attr-defined]
    second.take(numbered)  # type: ignore[arg-type]
    assert first["0_0"] == second["0_0"]
    assert first.next_number("0_0") == second.next_number("0_0") == len(rows) + 1


def test_manifests_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "m.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(OutputError, match="cannot be opened"):
        SqliteJournal(tmp_path / "m.sqlite")
    with pytest.raises(OutputError, match="cannot be written"):
        PartJournal(tmp_path / "no" / "m.jsonl")


def refused(path: Path, *, shared: bool = False) -> None:
    with pytest.raises(UsageError, match="is in use"), locked(path, "run a", shared=shared):
        pass


def test_locks(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with locked(path, "run a"):
        refused(path)
        refused(path, shared=True)
        with pytest.raises(UsageError, match=r"run a: is in use by process \d+ on"), locked(path, "run a"):
            pass
    with locked(path, "run a", shared=True), locked(path, "run a", shared=True):
        refused(path)
    with locked(path, "run a"):
        pass


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def refuse(handle: int, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("geovision.batch.locks.fcntl.flock", refuse)
    with pytest.raises(EnvironmentFault, match="No locks available"), locked(tmp_path / ".lock", "run a"):
        pass
