"""Programs to solids: the thin front of the C++ kernel.

``geovision.mesh`` is the room and its verb at once: ``geovision.mesh(programs)`` calls `mesh.mesh`
(docs/decisions/0003-mesh-room-and-verb.md).
"""

import sys
from types import ModuleType
from typing import Any

from geovision.mesh.check import CheckReport, Fault, check
from geovision.mesh.compile import LODS, MIN_EDGE_M, mesh
from geovision.mesh.lod0 import Outline, lod0
from geovision.mesh.solids import Failure, Solid, Solids

__all__ = [
    "LODS",
    "MIN_EDGE_M",
    "CheckReport",
    "Failure",
    "Fault",
    "Outline",
    "Solid",
    "Solids",
    "check",
    "lod0",
    "mesh",
]


class _CallableRoom(ModuleType):
    # Importing a submodule binds it on its package, which would hide a function of the same name.
    def __call__(self, *args: Any, **kwargs: Any) -> Solids:
        return mesh(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableRoom
