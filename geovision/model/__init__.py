"""Programs: their schema, JSON and Arrow forms, and the codes that the kernel shares.

Names are loaded on first use: `labels`, `kinds` and `table` need no pydantic.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geovision.model.canonical_form import canonical
    from geovision.model.evidence import Evidence, ImagePatch, PointKind, PointSource, Proposal
    from geovision.model.facade import Edit, Facade
    from geovision.model.fit import Fit, FitStatus, FitTable
    from geovision.model.kinds import RoofKind, SuperKind
    from geovision.model.labels import STATUS_TEXT, Label, Provenance, Status, StatusFlag
    from geovision.model.program import Part, Program
    from geovision.model.roofs import (
        Butterfly,
        Cone,
        CrossGabled,
        Dome,
        Face,
        Flat,
        Gabled,
        Gambrel,
        HalfHipped,
        Hipped,
        Mansard,
        Onion,
        Planar,
        Pyramidal,
        Roof,
        Round,
        Saltbox,
        Sawtooth,
        SideHipped,
        Skillion,
    )
    from geovision.model.superstructures import (
        Box,
        Chimney,
        DormerFlat,
        DormerGable,
        DormerShed,
        Parapet,
        Superstructure,
    )
    from geovision.model.table import ProgramTable

__all__ = [
    "STATUS_TEXT",
    "Box",
    "Butterfly",
    "Chimney",
    "Cone",
    "CrossGabled",
    "Dome",
    "DormerFlat",
    "DormerGable",
    "DormerShed",
    "Edit",
    "Evidence",
    "Facade",
    "Face",
    "Fit",
    "FitStatus",
    "FitTable",
    "Flat",
    "Gabled",
    "Gambrel",
    "HalfHipped",
    "Hipped",
    "ImagePatch",
    "Label",
    "Mansard",
    "Onion",
    "Parapet",
    "Part",
    "Planar",
    "PointKind",
    "PointSource",
    "Program",
    "ProgramTable",
    "Proposal",
    "Provenance",
    "Pyramidal",
    "Roof",
    "RoofKind",
    "Round",
    "Saltbox",
    "Sawtooth",
    "SideHipped",
    "Skillion",
    "Status",
    "StatusFlag",
    "SuperKind",
    "Superstructure",
    "canonical",
]

_HOMES = {
    "canonical": "canonical_form",
    "Part": "program",
    "Program": "program",
    "ProgramTable": "table",
    **dict.fromkeys(("Evidence", "ImagePatch", "PointKind", "PointSource", "Proposal"), "evidence"),
    **dict.fromkeys(("Edit", "Facade"), "facade"),
    **dict.fromkeys(("Fit", "FitStatus", "FitTable"), "fit"),
    **dict.fromkeys(("RoofKind", "SuperKind"), "kinds"),
    **dict.fromkeys(("STATUS_TEXT", "Label", "Provenance", "Status", "StatusFlag"), "labels"),
    **dict.fromkeys(
        ("Box", "Chimney", "DormerFlat", "DormerGable", "DormerShed", "Parapet", "Superstructure"),
        "superstructures",
    ),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'geovision.model' has no attribute {name!r}")
    # What has no other home is a roof.
    value = getattr(importlib.import_module(f"geovision.model.{_HOMES.get(name, 'roofs')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
