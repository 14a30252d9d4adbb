"""Nothing that is read is code: no pickle, no unpacked archive, no XML parser, no file without a driver."""

from __future__ import annotations

import ast
import io
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geovision.errors import InputError

PACKAGE = Path(__file__).resolve().parents[2] / "geovision"
FORBIDDEN_MODULES = {
    *("pickle", "cPickle", "joblib", "dill", "cloudpickle", "shelve", "marshal", "yaml", "tarfile"),
    *("xml", "lxml", "http.server", "socketserver", "pty", "code"),
}
FORBIDDEN_CALLS = {
    *("eval", "exec", "compile", "load_model", "load_weights", "extractall", "extract", "os.system"),
    *("torch.load", "read_pickle", "to_pickle", "unpack_archive"),
}
# Names that are ours, or regular expressions.
ALLOWED_CALLS = {"re.compile"}
READERS_OF_PLAIN_ARRAYS = {"np.load", "numpy.load", "read_array", "np.savez", "write_array", "np.save"}


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_no_module_that_runs_what_it_reads_is_imported() -> None:
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name not in FORBIDDEN_MODULES, f"{path} imports {name}"
                assert name.split(".")[0] not in FORBIDDEN_MODULES, f"{path} imports {name}"


def test_no_call_that_runs_what_it_reads() -> None:
    for path in modules():
        for node, name in calls(path):
            last = name.rsplit(".", 1)[-1]
            bad = name in FORBIDDEN_CALLS or (last in FORBIDDEN_CALLS and last not in ("compile", "exec"))
            assert not bad or name in ALLOWED_CALLS, f"{path}:{node.lineno}: {name}"


def test_plain_arrays_are_read_and_written_without_pickle() -> None:
    found = 0
    for path in modules():
        for node, name in calls(path):
            if name not in READERS_OF_PLAIN_ARRAYS and name.rsplit(".", 1)[-1] != "write_array":
                continue
            given = {item.arg: ast.unparse(item.value) for item in node.keywords}
            assert given.get("allow_pickle") == "False", f"{path}:{node.lineno}: {name}"
            found += 1
    assert found > 5


def test_every_raster_is_opened_by_a_named_driver_and_every_table_in_one_place() -> None:
    for path in modules():
        for node, name in calls(path):
            place = f"{path}:{node.lineno}: {name}"
            if name == "rasterio.open":
                named = {item.arg for item in node.keywords}
                # A writer gets its driver with its other options.
                assert "driver" in named or "**options" in ast.unparse(node), place
            if name in ("gpd.read_file", "geopandas.read_file", "fiona.open", "laspy.open", "laspy.read"):
                pytest.fail(place)
            if name in ("pyogrio.read_dataframe", "pyogrio.read_info", "geopandas.read_parquet"):
                assert path.name == "vector_files.py", place
            if name == "sqlite3.connect":
                # Else only what geovision itself has written.
                assert path.name in ("sqlite_file.py", "geotables.py", "journal.py"), place
            if name == "Image.open":
                assert "formats" in {item.arg for item in node.keywords}, place


class Trap:
    """What runs when it is unpickled, if it ever is."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (pytest.fail, ("a pickle was loaded",))


def object_npz(names: list[str]) -> bytes:
    """An archive of arrays with one that holds Python objects."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            entry = io.BytesIO()
            array = np.array([Trap()], dtype=object)
            np.lib.format.write_array(entry, array, allow_pickle=True)
            archive.writestr(f"{name}.npy", entry.getvalue())
    return out.getvalue()


def test_the_trap_works() -> None:
    with (
        pytest.raises(pytest.fail.Exception),
        np.load(io.BytesIO(object_npz(["a"])), allow_pickle=True) as file,
    ):
        _ = file["a"]
    with pytest.raises(pytest.fail.Exception):
        pickle.loads(pickle.dumps(Trap()))


def test_every_reader_of_plain_arrays_refuses_objects(tmp_path: Path) -> None:
    from geovision.vision.card import ModelCard
    from geovision.vision.data.store import TileStore
    from geovision.vision.data.tile import tile_of_rasters
    from geovision.vision.roofs.towns import load_buildings
    from geovision.vision.store import list_models, load_arrays, load_card, save_model
    from geovision.vision.train.state import load_state

    path = tmp_path / "state.npz"
    path.write_bytes(object_npz(["meta", "w"]))
    with pytest.raises(InputError, match=r"state\.npz"):
        load_state(path)
    with pytest.raises(InputError, match=r"state\.npz"):
        load_buildings(path)
    tile = tile_of_rasters(np.full((8, 8), -1, np.int32), 0.5)
    store = TileStore.fill(tmp_path / "tiles", {}, ["a"], lambda name: tile)
    (tmp_path / "tiles" / "a.npz").write_bytes(object_npz(["cell_m", "ids"]))
    with pytest.raises(InputError, match=r"a\.npz"):
        _ = store[0]
    made: ModelCard = load_card(list_models()[0].name)
    save_model(tmp_path / "m", {"w": np.ones((2, 2), np.float32)}, made)
    (tmp_path / "m.npz").write_bytes(object_npz(["w"]))
    with pytest.raises(InputError, match=r"m\.npz"):
        load_arrays(tmp_path / "m")
