"""Models on disk: what is saved is read back, and what was touched is refused by name."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from geovision.cli.main import call
from geovision.errors import GeovisionError, InputError, UsageError
from geovision.vision import store
from geovision.vision.card import Calibration, DataCard, MetricCard, ModelCard, parse_card

ROOT = Path(__file__).resolve().parents[2]


def arrays() -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(3)
    return {
        "stem/conv/kernel": rng.normal(size=(3, 3, 14, 8)).astype(np.float32),
        "stem/conv/bias": rng.normal(size=8).astype(np.float32),
        "head/scale": np.full((), 1.5, np.float32),
    }


def card(**more: Any) -> ModelCard:
    return ModelCard(
        name="toy",
        kind="scene",
        network={"size": "tiny"},
        data=(DataCard(name="synthetic scenes", kind="synthetic", items=10),),
        metrics=(MetricCard(area="delft", metric="IoU", value=0.8, low=0.78, high=0.82, items=9),),
        limits=("Never shown snow.",),
        **more,
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    store.save_model(tmp_path / "toy", arrays(), card(), b"not really onnx")
    return tmp_path / "toy"


def test_what_is_saved_is_read_back(saved: Path) -> None:
    assert store.verify(saved).parameters == 3 * 3 * 14 * 8 + 8 + 1
    found = store.load_arrays(f"{saved}.npz")
    assert all(values.dtype == np.float32 for values in found.values())
    for name, values in arrays().items():
        # Matrices went through float16, vectors did not.
        np.testing.assert_allclose(found[name], values, rtol=1e-3 if values.ndim > 1 else 0, atol=1e-7)
    assert store.load_network(f"{saved}.json") == b"not really onnx"
    assert store.load_card(saved).metrics[0].low == 0.78


def test_bytes_depend_on_the_model_alone(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    again = tmp_path / "b/toy"
    store.save_model(again, dict(reversed(arrays().items())), card(), b"not really onnx")
    for suffix in (".npz", ".json", ".onnx"):
        assert Path(f"{again}{suffix}").read_bytes() == Path(f"{saved}{suffix}").read_bytes()
    assert np.load(f"{again}.npz", allow_pickle=False)["head/scale"] == 1.5


def test_full_precision_is_kept_on_request(tmp_path: Path) -> None:
    made = store.save_model(tmp_path / "toy", arrays(), card(), half=False)
    assert {item.dtype for item in made.arrays.values()} == {"float32"}
    found = store.load_arrays(tmp_path / "toy")
    assert all((found[name] == values).all() for name, values in arrays().items())


def test_values_beyond_half_stay_float32(tmp_path: Path) -> None:
    made = store.save_model(tmp_path / "toy", {"big": np.full((2, 2), 1e6, np.float32)}, card())
    assert made.arrays["big"].dtype == "float32"


@pytest.mark.parametrize("part", ["stem/conv/kernel", "stem/conv/bias"])
def test_a_flipped_byte_is_refused(saved: Path, part: str) -> None:
    path = Path(f"{saved}.npz")
    data = bytearray(path.read_bytes())
    stored = arrays()[part].astype(np.float16) if "kernel" in part else arrays()[part]
    data[data.index(stored.tobytes()) + 5] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"toy\.npz"):
        store.load_arrays(saved)
    # The checksum of the archive hides the array behind it; mended, ours still finds it.
    _mend(path)
    with pytest.raises(InputError, match=f"array '{part}' is not what the card says"):
        store.load_arrays(saved)


def _mend(path: Path) -> None:
    data = path.read_bytes()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            start = info.header_offset + 30 + len(info.filename.encode())
            start += int.from_bytes(data[info.header_offset + 28 : info.header_offset + 30], "little")
            new.writestr(info.filename, data[start : start + info.file_size])
    path.write_bytes(out.getvalue())


def test_every_flipped_byte_of_the_network_is_refused(saved: Path) -> None:
    Path(f"{saved}.onnx").write_bytes(b"not really ONNX")
    with pytest.raises(InputError, match=r"toy\.onnx: is not what the card says"):
        store.load_network(saved)
    with pytest.raises(InputError, match="Fetch the model again"):
        store.verify(saved)


def _entry(values: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, values, **options)
    return out.getvalue()


def _rewrite(
    path: Path, change: Callable[[dict[str, bytes]], None], method: int = zipfile.ZIP_STORED
) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    change(entries)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def _header(text: str) -> bytes:
    head = (text + " " * 20 + "\n").encode()
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head


BIAS = "stem/conv/bias.npy"
BAD: dict[str, tuple[dict[str, bytes | None], str]] = {
    "another shape": ({BIAS: _entry(np.zeros((2, 4), np.float32))}, r"is float32 \(2, 4\); the card says"),
    "another type": ({BIAS: _entry(np.zeros(4, np.float64))}, r"is float64 \(4,\)"),
    "big endian": ({BIAS: _entry(np.zeros(8, ">f4"))}, "the card says float32"),
    "objects": ({BIAS: _entry(np.array([None] * 4), allow_pickle=True)}, "Python objects"),
    "a pickle": ({BIAS: pickle.dumps(list(range(20)))}, "is no plain array"),
    "a huge claim": (
        {BIAS: _header("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999,)}") + bytes(32)},
        "the card says float32",
    ),
    "code": ({BIAS: _header("__import__('os').system('true')") + bytes(32)}, "is no plain array"),
    "cut short": ({BIAS: _entry(np.zeros(8, np.float32))[:-3]}, "array 'stem/conv/bias'"),
    "too long": ({BIAS: _entry(np.zeros(8, np.float32)) + bytes(4)}, "cut short, or too long"),
    "a name more": ({"more.npy": _entry(np.zeros(3, np.float32))}, "'more' that the card does not name"),
    "a way out": ({"../../x.npy": _entry(np.zeros(3, np.float32))}, "that the card does not name"),
    "a name less": ({BIAS: None}, "lacks the array 'stem/conv/bias'"),
    "much larger": ({BIAS: _entry(np.zeros(80_000, np.float32))}, r"is float32 \(80000,\); the card says"),
}


@pytest.mark.parametrize("name", BAD)
def test_arrays_unlike_the_card_are_refused(saved: Path, name: str) -> None:
    changes, words = BAD[name]

    def change(entries: dict[str, bytes]) -> None:
        for key, data in changes.items():
            if data is None:
                del entries[key]
            else:
                entries[key] = data

    _rewrite(Path(f"{saved}.npz"), change)
    with pytest.raises(InputError, match=words) as caught:
        store.load_arrays(saved)
    assert "toy.npz" in caught.value.thing
    assert caught.value.remedy


def test_compressed_arrays_are_refused(saved: Path) -> None:
    _rewrite(Path(f"{saved}.npz"), lambda entries: None, zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="is compressed"):
        store.load_arrays(saved)


@pytest.mark.parametrize("cut", [0, 10, 1000, -1])
def test_a_torn_file_is_refused(saved: Path, cut: int) -> None:
    path = Path(f"{saved}.npz")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"toy\.npz"):
        store.load_arrays(saved)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("geovision.model/99", "reads geovision.model/1. Update geovision"),
        ("geovision.model/0", "Save the model again"),
        ("geovision.program/1", "is no card of a model"),
        (None, "is no card of a model"),
    ],
)
def test_another_version_is_refused(saved: Path, version: str | None, words: str) -> None:
    path = Path(f"{saved}.json")
    text = json.loads(path.read_text()) | {"version": version, "from_the_future": 1}
    path.write_text(json.dumps(text))
    with pytest.raises(InputError, match=words):
        store.load_card(saved)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"version": "geovision.model/1"}'])
def test_what_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="card x"):
        parse_card(text, "card x")


@pytest.mark.parametrize("suffix", [".json", ".npz", ".onnx"])
def test_a_missing_file_is_named(saved: Path, suffix: str) -> None:
    Path(f"{saved}{suffix}").unlink()
    with pytest.raises(InputError, match=rf"toy\{suffix}"):
        store.verify(saved)


def test_a_new_model_over_an_old_one_leaves_no_old_network(saved: Path) -> None:
    store.save_model(saved, arrays(), card())
    assert not Path(f"{saved}.onnx").exists()
    with pytest.raises(InputError, match="has no network that runs"):
        store.load_network(saved)


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({}, InputError),
        ({"x": np.array([np.nan], np.float32)}, InputError),
        ({"x": np.arange(3)}, InputError),
        ({"../x": np.zeros(3, np.float32)}, UsageError),
    ],
)
def test_what_should_not_be_saved_is_refused(tmp_path: Path, bad: Any, error: type[GeovisionError]) -> None:
    with pytest.raises(error):
        store.save_model(tmp_path / "toy", bad, card())
    assert not list(tmp_path.iterdir())


def test_a_model_that_is_nowhere(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name of one that comes with geovision"):
        store.load_card("nonesuch")


def test_no_model_of_a_kind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(store, "_shipped", lambda: tmp_path)
    with pytest.raises(InputError, match="none comes with this geovision"):
        store.default_model()
    store.save_model(tmp_path / "toy", arrays(), card())
    assert store.default_model() == "toy"
    assert [item.name for item in store.list_models()] == ["toy"]
    # A bare name is one that comes with geovision, wherever the caller stands.
    assert store.verify("toy").name == "toy"


def test_calibration_bends_and_checks_itself() -> None:
    table = Calibration(temperature=2.0, raw=(0.0, 0.5, 1.0), true=(0.0, 0.4, 1.0))
    np.testing.assert_allclose(
        table.probability(np.array([-99.0, 0.0, 99.0], np.float32)), [0.0, 0.4, 1.0], atol=1e-6
    )
    for raw, true in [
        ((0.0, 1.0), (0.0,)),
        ((0.5, 0.5), (0.0, 1.0)),
        ((0.0, 1.0), (1.0, 0.0)),
        ((0.5,), (0.5,)),
    ]:
        with pytest.raises(ValueError, match=r"raw|true"):
            Calibration(raw=raw, true=true)


def test_commands(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["models", "list", str(saved.parent)]) == 0
    assert capsys.readouterr().out.startswith("toy  scene, 1,017 parameters")
    assert call(["models", "show", str(saved)]) == 0
    shown = capsys.readouterr().out
    assert "delft: IoU 0.800 (0.780 to 0.820), 9 items" in shown
    assert "Never shown snow." in shown
    assert call(["models", "show", str(saved), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "toy"
    assert call(["models", "verify", str(saved)]) == 0
    Path(f"{saved}.onnx").write_bytes(b"")
    capsys.readouterr()
    assert call(["models", "verify", str(saved), "nonesuch"]) == 1
    assert capsys.readouterr().err.count("failed:") == 2


def test_what_comes_with_geovision_is_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["models", "list", "--json"]) == 0
    shipped = json.loads(capsys.readouterr().out)
    assert call(["models", "verify"]) == 0
    for item in shipped:
        assert all(size < 10_000_000 for size in item["bytes"].values()), item["name"]


@pytest.mark.slow
def test_weights_are_in_wheel_and_sdist(tmp_path: Path) -> None:
    pytest.importorskip("scikit_build_core")
    code = (
        "import sys; from scikit_build_core.build import build_sdist, build_wheel; "
        "build_sdist(sys.argv[1]); build_wheel(sys.argv[1], {'wheel.cmake': 'false'})"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    import tarfile

    (sdist,), (wheel,) = tmp_path.glob("*.tar.gz"), tmp_path.glob("*.whl")
    weights = ROOT / "geovision/vision/weights"
    want = {path.relative_to(ROOT).as_posix() for path in weights.iterdir() if path.is_file()}
    assert want
    with zipfile.ZipFile(wheel) as archive:
        assert want <= set(archive.namelist())
    with tarfile.open(sdist) as tar:
        assert want <= {name.split("/", 1)[1] for name in tar.getnames() if "/" in name}
