"""Who may import whom (docs/overview.md, "Floors"), and what a bare import costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "geovision"

# From the ground up. A room imports from floors below its own, and from itself.
FLOORS: list[set[str]] = [
    {"_version", "errors"},
    {"bounded", "confine"},
    {"_native", "_kernel", "_settings"},
    {"model"},
    {"mesh"},
    {"procedural", "inverse", "sources", "formats"},
    {"quality", "vision"},
    {"pipeline"},
    {"batch"},
    {"cli"},
    {"__main__"},
]
FLOOR_OF = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}

# Library -> rooms that may import it. Whoever is not here works without it.
LIBRARY_ROOMS = {
    "rasterio": {"sources", "formats"},
    "geopandas": {"sources", "formats"},
    "pyogrio": {"sources", "formats"},
    "laspy": {"sources", "formats"},
    "keras": {"vision"},
    "tensorflow": {"vision"},
    "click": {"cli"},
    "distributed": {"batch"},
    "rich": {"cli"},
}
HEAVY = {"tensorflow", "keras", "rasterio", "pyogrio", "geopandas", "osgeo", "pyarrow", "pandas", "trimesh"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    part = path.relative_to(PACKAGE).parts[0]
    return part.removesuffix(".py")


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Every absolute name imported anywhere in the file, inside functions too: line, name, for types only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {inner for node in ast.walk(tree) if is_type_checking(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, node in for_types
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names = [f"geovision.{alias.name}" for alias in node.names]
            for name in names if node.module == "geovision" else [node.module or ""]:
                yield node.lineno, name, node in for_types


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(path) for path in modules()} - {"__init__"}
    assert rooms <= set(FLOOR_OF), "give the new room a floor in FLOORS"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_floors_below(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        pytest.skip("the front door names every room, lazily")
    for line, name, for_types in imports(path):
        parts = name.split(".")
        if parts[0] != "geovision":
            # An annotation costs nothing at run time; knowing another room of ours does cost, in both cases.
            allowed = None if for_types else LIBRARY_ROOMS.get(parts[0])
            assert allowed is None or room in allowed, f"{path}:{line}: {room} must not import {parts[0]}"
        elif len(parts) > 1 and parts[1] in FLOOR_OF:
            below = FLOOR_OF[parts[1]] < FLOOR_OF[room]
            assert below or parts[1] == room, f"{path}:{line}: {room} must not import {parts[1]}"
        else:
            # The public API is the top of the house: only the command line stands on it.
            assert room == "cli", f"{path}:{line}: {room} must import from the room, not from geovision"


def run_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    ).stdout


def seconds(code: str) -> float:
    """The best of five: other work on the machine can only make a run slower."""
    return min(float(run_python(code)) for _ in range(5))


def test_import_is_light() -> None:
    loaded = run_python("import geovision, sys; print(*sorted(sys.modules))").split()
    assert not HEAVY & set(loaded)
    assert "geovision._kernel" not in loaded


def test_help_is_light() -> None:
    code = "import sys; from geovision.cli.main import call; call(['--help']); print('#', *sys.modules)"
    loaded = run_python(code).split("#")[-1].split()
    assert "geovision.cli.main" in loaded
    assert not (HEAVY | {"numpy", "rich", "pydantic"}) & set(loaded)


def test_import_takes_under_200_ms() -> None:
    code = "import time; t = time.perf_counter(); import geovision; print(time.perf_counter() - t)"
    assert seconds(code) < 0.2


def test_help_takes_under_400_ms() -> None:
    # From interpreter start to exit, as a shell sees it.
    code = (
        "import subprocess, sys, time; t = time.perf_counter();"
        "subprocess.run([sys.executable, '-m', 'geovision', '-h'], check=True, stdout=subprocess.DEVNULL);"
        "print(time.perf_counter() - t)"
    )
    assert seconds(code) < 0.4


def test_training_needs_only_numpy_pydantic_and_the_kernel() -> None:
    # A GPU box has Keras with JAX or PyTorch, and no GDAL.
    absent = sorted(HEAVY | {"shapely", "pyproj", "laspy", "PIL", "click", "rich"} - {"keras"})
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({absent}));"
        "from geovision.pipeline.synth import stream;"
        "patch = next(stream(size=32, cell_m=0.5, seed=1)); print(patch.image.shape)"
    )
    assert run_python(code).strip() == "(4, 32, 32)"


def test_every_public_name_loads() -> None:
    import geovision

    assert all(getattr(geovision, name) is not None for name in geovision.__all__)
    assert set(geovision.__all__) <= set(dir(geovision))
    assert geovision.__all__ == sorted(geovision.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = geovision.nothing


def test_mesh_stays_callable_after_its_room_is_imported() -> None:
    # The room geovision/mesh and the function geovision.mesh share a name.
    code = (
        "import geovision.mesh as room, geovision; print(callable(geovision.mesh), hasattr(room, 'Solids'))"
    )
    assert run_python(code).split() == ["True", "True"]


def test_the_stub_names_what_the_kernel_has() -> None:
    from geovision import _kernel

    stub = ast.parse((PACKAGE / "_kernel.pyi").read_text(encoding="utf-8"))
    functions = {node.name: node for node in stub.body if isinstance(node, ast.FunctionDef)}
    public = {name: getattr(_kernel, name) for name in dir(_kernel) if not name.startswith("_")}
    classes = {name for name, value in public.items() if isinstance(value, type)}
    assert classes <= {node.name for node in stub.body if isinstance(node, ast.ClassDef)}
    assert set(functions) == {name for name, value in public.items() if callable(value)} - classes
    for name, node in functions.items():
        # pybind11 puts the signature, with the names of the arguments, first in the docstring.
        arguments = [argument.arg for argument in node.args.args]
        signature = (getattr(_kernel, name).__doc__ or "").split("\n")[0]
        assert all(f"{argument}:" in signature for argument in arguments), f"{name}: {signature}"
