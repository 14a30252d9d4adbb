"""Loads the C++ kernel, and says what to do where it cannot be loaded."""

from __future__ import annotations

import importlib
import subprocess
from pathlib import Path
from types import ModuleType

from geovision.errors import EnvironmentFault

__all__ = ["KernelMissing", "load_kernel"]


class KernelMissing(EnvironmentFault, ImportError):
    """The compiled extension ``geovision._kernel`` is not there or does not load."""


def load_kernel() -> ModuleType:
    """The module ``geovision._kernel``.

    ``from geovision import _kernel`` comes here too, through ``geovision.__getattr__``.

    Raises:
        KernelMissing: It was not built, or its build failed; the message says how to build it.
    """
    try:
        return importlib.import_module("geovision._kernel")
    except subprocess.CalledProcessError as error:
        # The import hook of an editable install ran the compiler.
        raise KernelMissing(
            "geovision._kernel",
            "rebuilding the C++ kernel failed",
            "Mend the C++ error above",
        ) from error
    except ImportError as error:
        raise KernelMissing(
            "geovision._kernel", f"{error}; did you forget to build it?", _remedy()
        ) from error


def _remedy() -> str:
    root = Path(__file__).resolve().parent.parent
    if (root / "CMakeLists.txt").is_file():
        # Python found this checkout by the working directory, which hides a geovision installed elsewhere.
        return "This is a source checkout: run ./scripts/quickstart.sh, then use .venv/bin/python"
    return "Install it again: pip install --force-reinstall --no-deps geovision"
