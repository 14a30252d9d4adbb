"""Models on disk: NAME.json (the card), NAME.npz (plain arrays) and NAME.onnx (what runs).

Nothing in them is code: arrays are read without pickle and against the card, which holds name, shape, type
and SHA-256 of each. A model is a name of one that comes with geovision, or a path with or without suffix.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import re
import zipfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError, UsageError
from geovision.formats.atomic import atomic_write
from geovision.vision.card import ArrayCard, FileCard, ModelCard, array_card, hash_of, parse_card

__all__ = [
    "default_model",
    "list_models",
    "load_arrays",
    "load_card",
    "load_network",
    "model_path",
    "save_model",
    "verify",
]

_SUFFIXES = (".json", ".npz", ".onnx")
_CARD_BYTES = 8 << 20
_FILE_BYTES = 2 << 30
_ARRAYS = 20_000
# Of the text in front of an array: a dictionary with three entries, padded.
_HEADER_BYTES = 4096
_NAME = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,199}$")
_AGAIN = "Fetch the model again, or save it again"


def _shipped() -> Path:
    # Weights are plain files of an installed package, which pip always unpacks.
    return Path(str(resources.files("geovision.vision") / "weights"))


def list_models(folder: str | os.PathLike[str] | None = None) -> list[ModelCard]:
    """Cards of the models in a folder, by name; by default of those that come with geovision."""
    place = _shipped() if folder is None else Path(folder)
    if not place.is_dir():
        raise InputError(f"folder {place}", "does not exist", "Give a folder with models, or none")
    paths = sorted(place.glob("*.json"))
    return [load_card(path) for path in paths if folder is None or path.with_suffix(".npz").is_file()]


def default_model(kind: str = "scene") -> str:
    """Name of the model that is used where none is named.

    Raises:
        InputError: none of that kind comes with this geovision.
    """
    found = [card.name for card in list_models() if card.kind == kind]
    if not found:
        raise InputError(
            f"{kind} model",
            "none comes with this geovision",
            "Name one (--model PATH); geovision train makes one",
        )
    return next((name for name in found if name == f"{kind}-small"), found[0])


def model_path(model: str | os.PathLike[str], suffix: str = ".json") -> Path:
    """Where a file of a model lies: `model` is a name, or a path with or without one of the suffixes."""
    text = os.fspath(model)
    for known in _SUFFIXES:
        text = text.removesuffix(known)
    if os.sep not in text and text == os.fspath(model):
        shipped = _shipped() / f"{text}.json"
        if shipped.is_file():
            return shipped.with_suffix("").with_name(text + suffix)
    return Path(text + suffix)


def load_card(model: str | os.PathLike[str]) -> ModelCard:
    """The card of a model. It says what the arrays should be; `load_arrays` and `verify` look at them."""
    path = model_path(model)
    if not path.is_file():
        names = ", ".join(sorted(item.stem for item in _shipped().glob("*.json"))) or "none"
        raise InputError(
            f"model {os.fspath(model)!r}",
            f"there is no {path.name}",
            f"Give a path, or the name of one that comes with geovision ({names})",
        )
    return parse_card(_read(path, _CARD_BYTES), f"card {path}")


def load_arrays(
    model: str | os.PathLike[str], card: ModelCard | None = None
) -> dict[str, NDArray[np.float32]]:
    """The arrays of a model as float32, each checked against the card."""
    card = load_card(model) if card is None else card
    path = model_path(model, ".npz")
    thing = f"weights {path}"
    data = _read(path, _FILE_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            stored = _entries(archive, card.arrays, thing, len(data))
            found = {
                name: _array(archive.read(stored[name]), name, known, thing)
                for name, known in card.arrays.items()
            }
    # zipfile says NotImplementedError of a compression it lacks, and RuntimeError of an encrypted entry.
    # A place before the beginning is a ValueError.
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise InputError(thing, f"is no whole .npz file ({error})", _AGAIN) from error
    for name, values in found.items():
        if hash_of(values) != card.arrays[name].sha256:
            raise InputError(thing, f"array {name!r} is not what the card says (its SHA-256 differs)", _AGAIN)
    return {name: values.astype(np.float32) for name, values in found.items()}


def load_network(model: str | os.PathLike[str], card: ModelCard | None = None) -> bytes:
    """The ONNX file of a model, checked against the card."""
    card = load_card(model) if card is None else card
    path = model_path(model, ".onnx")
    known = card.files.get("onnx")
    if known is None:
        raise InputError(
            f"model {card.name}",
            "has no network that runs (NAME.onnx)",
            "Make it from the arrays with geovision models export",
        )
    data = _read(path, _FILE_BYTES)
    _check_file(data, known, f"network {path}")
    return data


def verify(model: str | os.PathLike[str]) -> ModelCard:
    """Read all of a model and compare it with its card; the first thing that is wrong is an `InputError`."""
    card = load_card(model)
    path = model_path(model)
    if path.parent == _shipped() and path.stem != card.name:
        raise InputError(f"card {path}", f"is named {card.name!r}", "Rename the files to what the card says")
    load_arrays(model, card)
    npz = model_path(model, ".npz")
    _check_file(_read(npz, _FILE_BYTES), _known(card, "npz", npz), f"weights {npz}")
    if "onnx" in card.files or model_path(model, ".onnx").exists():
        load_network(model, card)
    return card


def save_model(
    path: str | os.PathLike[str],
    arrays: Mapping[str, NDArray[Any]],
    card: ModelCard,
    onnx: bytes | None = None,
    *,
    half: bool = True,
) -> ModelCard:
    """Write NAME.npz, NAME.onnx and, last, NAME.json; the bytes depend on the arguments alone.

    Args:
        path: folder and name, with or without one of the suffixes.
        arrays: float32, by name.
        card: what is known of the model; its `arrays` and `files` are filled in here.
        onnx: what runs.
        half: store matrices and kernels as float16, in which they are read back as float32. Vectors
            (gains, offsets, variances) stay float32: they are small, and sensitive.

    Returns:
        The card as written.
    """
    stored = {name: _stored(name, np.asarray(values), half) for name, values in arrays.items()}
    if not stored:
        raise InputError(f"model {path}", "has no arrays", "Save it after its network was built")
    npz = _archive(stored)
    files = {"npz": _file(npz)} | ({} if onnx is None else {"onnx": _file(onnx)})
    made = {
        **card.model_dump(),
        "arrays": {name: array_card(stored[name]) for name in sorted(stored)},
        "files": files,
    }
    full = ModelCard.model_validate(made)
    stem = os.fspath(path)
    for known in _SUFFIXES:
        stem = stem.removesuffix(known)
    # The card comes last: until it is there the new arrays are refused, never taken for the old ones.
    for suffix, data in ((".npz", npz), (".onnx", onnx), (".json", full.text().encode())):
        if data is not None:
            with atomic_write(stem + suffix) as file:
                file.write(data)
    if onnx is None:
        Path(stem + ".onnx").unlink(missing_ok=True)
    return full


def _stored(name: str, values: NDArray[Any], half: bool) -> NDArray[Any]:
    thing = f"array {name!r}"
    if not _NAME.match(name):
        raise UsageError(thing, "is no name for an array", "Use letters, digits and _ . : / -")
    if values.dtype.kind != "f":
        raise InputError(thing, f"is {values.dtype}", "Give numbers with a point (float32)")
    if not np.isfinite(values).all():
        raise InputError(thing, "holds numbers that are not finite", "Training diverged: do not save it")
    plain = np.ascontiguousarray(values, np.float32).reshape(values.shape)
    if half and values.ndim > 1 and np.abs(plain).max(initial=0.0) < np.finfo(np.float16).max:
        return plain.astype(np.float16)
    return plain


def _archive(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            entry = io.BytesIO()
            np.lib.format.write_array(entry, arrays[name], version=(1, 0), allow_pickle=False)
            # A fixed date, so that the same arrays are the same bytes.
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), entry.getvalue())
    return out.getvalue()


def _entries(
    archive: zipfile.ZipFile, arrays: Mapping[str, ArrayCard], thing: str, room: int
) -> dict[str, zipfile.ZipInfo]:
    """Entries by the name of their array, where names and sizes are those of the card."""
    infos = archive.infolist()
    if len(infos) > _ARRAYS:
        raise InputError(thing, f"holds {len(infos):,} entries; the limit is {_ARRAYS:,}", _AGAIN)
    stored = {info.filename.removesuffix(".npy"): info for info in infos}
    if len(stored) < len(infos):
        raise InputError(thing, "holds two arrays of one name", _AGAIN)
    for name in [*stored, *arrays]:
        if name not in arrays:
            raise InputError(thing, f"holds an array {name!r} that the card does not name", _AGAIN)
        if name not in stored:
            raise InputError(thing, f"lacks the array {name!r} that the card names", _AGAIN)
    # Before anything is read: a small file may claim to be huge. Ours are never compressed.
    if sum(info.file_size for info in infos) > room:
        raise InputError(thing, f"claims to hold more than its {room:,} bytes", _AGAIN)
    for name, info in stored.items():
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise InputError(thing, f"array {name!r} is compressed or encrypted", _AGAIN)
    return stored


def _array(data: bytes, name: str, known: ArrayCard, thing: str) -> NDArray[Any]:
    """The values of an entry whose header says what the card says."""
    entry = io.BytesIO(data)
    form = np.lib.format
    try:
        if form.read_magic(entry) != (1, 0):
            raise ValueError("its header is of another version")
        shape, by_columns, dtype = form.read_array_header_1_0(entry, max_header_size=_HEADER_BYTES)
    except (ValueError, TypeError, SyntaxError, EOFError) as error:
        raise InputError(
            thing, f"array {name!r} is no plain array ({str(error).splitlines()[0]})", _AGAIN
        ) from error
    if dtype.hasobject:
        raise InputError(thing, f"array {name!r} holds Python objects, which are never loaded", _AGAIN)
    if (tuple(shape), dtype.str, by_columns) != (known.shape, np.dtype(known.dtype).str, False):
        problem = f"array {name!r} is {dtype} {tuple(shape)}; the card says {known.dtype} {known.shape}"
        raise InputError(thing, problem, _AGAIN)
    values = data[entry.tell() :]
    if len(values) != math.prod(known.shape) * dtype.itemsize:
        raise InputError(thing, f"array {name!r} is cut short, or too long", _AGAIN)
    return np.frombuffer(values, dtype).reshape(known.shape)


def _read(path: Path, most: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > most:
            raise InputError(f"file {path}", f"is {size:,} bytes; the limit is {most:,}", _AGAIN)
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"file {path}", f"cannot be read ({error.strerror})", _AGAIN) from error


def _known(card: ModelCard, name: str, path: Path) -> FileCard:
    if name not in card.files:
        raise InputError(f"card of {path}", f"says nothing of a file {name!r}", _AGAIN)
    return card.files[name]


def _file(data: bytes) -> FileCard:
    return FileCard(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def _check_file(data: bytes, known: FileCard, thing: str) -> None:
    if len(data) != known.bytes:
        raise InputError(thing, f"is {len(data):,} bytes; the card says {known.bytes:,}", _AGAIN)
    if hashlib.sha256(data).hexdigest() != known.sha256:
        raise InputError(thing, "is not what the card says (its SHA-256 differs)", _AGAIN)
