"""Building programs in, watertight labelled 3D content out.

The public API is what ``__all__`` lists. Names are loaded on first use, so that
``import geovision`` stays fast and needs neither GDAL nor pyarrow nor TensorFlow.

>>> import geovision
>>> roof = geovision.Gabled(ridge_height=8.0)
>>> part = geovision.Part(shell=[(0, 0), (12, 0), (12, 8), (0, 8)], eave_height=5.0, roof=roof)
>>> solid = geovision.mesh(geovision.Program(id="house", parts=[part]))[0]
>>> round(solid.volume, 6)
624.0
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from geovision._version import __version__

if TYPE_CHECKING:
    from geovision.errors import GeovisionError
    from geovision.formats import (
        read_programs,
        write_cityjsonseq,
        write_footprints,
        write_glb,
        write_mesh,
        write_programs,
    )
    from geovision.inverse import refit
    from geovision.mesh import Solid, Solids, mesh
    from geovision.model import Evidence, Fit, Gabled, Part, Program, ProgramTable
    from geovision.pipeline.build import build
    from geovision.pipeline.build_to import build_to
    from geovision.pipeline.detect import detect
    from geovision.pipeline.facades import dress
    from geovision.pipeline.fit import fit
    from geovision.pipeline.generate import generate
    from geovision.pipeline.synth import synth
    from geovision.quality.findings import ValidationReport
    from geovision.quality.validate import validate
    from geovision.sources import Raster, Scene, open_scene, prepare_footprints, read_footprints

__all__ = [
    "Evidence",
    "Fit",
    "Gabled",
    "GeovisionError",
    "Part",
    "Program",
    "ProgramTable",
    "Raster",
    "Scene",
    "Solid",
    "Solids",
    "ValidationReport",
    "__version__",
    "build",
    "build_to",
    "detect",
    "dress",
    "fit",
    "generate",
    "mesh",
    "open_scene",
    "prepare_footprints",
    "read_footprints",
    "read_programs",
    "refit",
    "synth",
    "validate",
    "write_cityjsonseq",
    "write_footprints",
    "write_glb",
    "write_mesh",
    "write_programs",
]

# Where each public name lives; the first use of a name imports its room.
_HOMES = {
    "Evidence": "geovision.model",
    "Fit": "geovision.model",
    "Gabled": "geovision.model",
    "GeovisionError": "geovision.errors",
    "Part": "geovision.model",
    "Program": "geovision.model",
    "ProgramTable": "geovision.model",
    "Raster": "geovision.sources",
    "Scene": "geovision.sources",
    "Solid": "geovision.mesh",
    "Solids": "geovision.mesh",
    "ValidationReport": "geovision.quality.findings",
    "build": "geovision.pipeline.build",
    "build_to": "geovision.pipeline.build_to",
    "detect": "geovision.pipeline.detect",
    "dress": "geovision.pipeline.facades",
    "fit": "geovision.pipeline.fit",
    "generate": "geovision.pipeline.generate",
    "mesh": "geovision.mesh",
    "open_scene": "geovision.sources",
    "prepare_footprints": "geovision.sources",
    "read_footprints": "geovision.sources",
    "read_programs": "geovision.formats",
    "refit": "geovision.inverse",
    "synth": "geovision.pipeline.synth",
    "validate": "geovision.quality.validate",
    "write_cityjsonseq": "geovision.formats",
    "write_footprints": "geovision.formats",
    "write_glb": "geovision.formats",
    "write_mesh": "geovision.formats",
    "write_programs": "geovision.formats",
}


def __getattr__(name: str) -> Any:
    if name == "_kernel":
        from geovision._native import load_kernel

        return load_kernel()
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'geovision' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
