"""USD: a stage with a prim per building, as .usdc, .usda or packed as .usdz; needs the extra `usd`.

The stage is z up and in metres. All buildings stand under one transform with the whole-metre origin, in
double precision, so a reader that applies transforms gets world coordinates back; their meshes are float32
in its frame. Faces are in subsets by label, each bound to a material of its own.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision._version import __version__
from geovision.errors import EnvironmentFault, UsageError
from geovision.formats.atomic import atomic_path
from geovision.formats.glb import Attributes, SolidsLike, local_origin
from geovision.formats.materials import LABEL_COLOURS, linear_rgb, material_name
from geovision.model.labels import Label

__all__ = ["USD_SUFFIXES", "check_usd", "write_usd"]

USD_SUFFIXES = (".usdz", ".usdc", ".usda")


def write_usd(
    path: str | os.PathLike[str],
    solids: SolidsLike,
    *,
    attributes: Attributes | None = None,
    crs: str | None = None,
    origin: Sequence[float] | None = None,
) -> None:
    """Write solids as one USD file, atomically.

    Args:
        path: the file to write; its suffix says which form.
        solids: the buildings.
        attributes: columns, one value a building; they become `userProperties` of the prims, and the id does.
        crs: the CRS of the solids' coordinates, kept in the stage's customLayerData.
        origin: world point that positions are relative to; by default a whole metre amid the buildings.

    Raises:
        UsageError: the suffix is none of USD's.
        EnvironmentFault: usd-core is not installed.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in USD_SUFFIXES:
        raise UsageError(str(target), "has no suffix of USD", f"Use {', '.join(USD_SUFFIXES)}")
    check_usd()
    arrays = solids.arrays()
    anchor = local_origin(arrays) if origin is None else [float(c) for c in origin]
    with atomic_path(target) as temporary:
        if suffix != ".usdz":
            _write_stage(temporary, solids, arrays, anchor, attributes or {}, crs)
            return
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            inner = Path(folder) / "buildings.usdc"
            _write_stage(inner, solids, arrays, anchor, attributes or {}, crs)
            _pack(inner, temporary)


def check_usd() -> None:
    """An `EnvironmentFault` with the remedy where usd-core is not installed."""
    try:
        importlib.import_module("pxr")
    except ImportError as error:
        remedy = "Install the extra: pip install 'geovision[usd]'"
        raise EnvironmentFault("USD", "needs usd-core, which is not installed", remedy) from error


def _write_stage(
    path: Path, solids: SolidsLike, arrays: Any, anchor: list[float], attributes: Attributes, crs: str | None
) -> None:
    from pxr import Gf, Usd, UsdGeom

    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    data: dict[str, Any] = {"generator": f"geovision {__version__}", "origin": Gf.Vec3d(*anchor)}
    stage.GetRootLayer().customLayerData = data | ({} if crs is None else {"crs": crs})
    root = UsdGeom.Xform.Define(stage, "/buildings")
    stage.SetDefaultPrim(root.GetPrim())
    root.AddTranslateOp().Set(Gf.Vec3d(*anchor))
    materials = _materials(stage, np.unique(arrays["face_label"]).tolist())
    for row, name in enumerate(solids.ids):
        found = {key: values[row] for key, values in attributes.items()}
        _building(stage, f"/buildings/b{row}", arrays, row, anchor, {"id": name, **found}, materials)
    stage.GetRootLayer().Save()


def _materials(stage: Any, labels: list[int]) -> dict[int, Any]:
    from pxr import Gf, Sdf, UsdShade

    made = {}
    for label in labels:
        path = f"/buildings/materials/{material_name(label)}"
        made[label] = material = UsdShade.Material.Define(stage, path)
        shader = UsdShade.Shader.Define(stage, f"{path}/surface")
        shader.CreateIdAttr("UsdPreviewSurface")
        colour = Gf.Vec3f(*linear_rgb(LABEL_COLOURS[Label(label)]))
        shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(colour)
        shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(0.9)
        material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    return made


def _building(
    stage: Any,
    path: str,
    arrays: Any,
    row: int,
    anchor: list[float],
    facts: dict[str, Any],
    materials: dict[int, Any],
) -> None:
    from pxr import UsdGeom, UsdShade, Vt

    mesh = UsdGeom.Mesh.Define(stage, path)
    points, triangles, labels = _one(arrays, row, anchor)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(triangles), 3, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(triangles.reshape(-1)))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    if len(points):
        mesh.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(np.stack([points.min(axis=0), points.max(axis=0)])))
    for label in np.unique(labels).tolist():
        faces = Vt.IntArray.FromNumpy(np.flatnonzero(labels == label).astype(np.int32))
        subset = UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).CreateMaterialBindSubset(
            material_name(label), faces
        )
        UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(materials[label])
    for name, value in facts.items():
        _property(mesh.GetPrim(), name, value)


def _one(
    arrays: Any, row: int, anchor: list[float]
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.uint8]]:
    """Points in the stage's frame, triangles and their labels."""
    first, last = arrays["vertex_offsets"][row : row + 2]
    shift = np.asarray(arrays["origin"]).reshape(-1, 3)[row] - anchor
    points = shift + float(arrays["grid"]) * np.asarray(arrays["vertices"]).reshape(-1, 3)[first:last]
    first, last = arrays["triangle_offsets"][row : row + 2]
    triangles = np.asarray(arrays["triangles"]).reshape(-1, 3)[first:last].astype(np.int32)
    faces = np.asarray(arrays["triangle_face"])[first:last] + arrays["face_offsets"][row]
    return points.astype(np.float32), triangles, np.asarray(arrays["face_label"])[faces]


def _property(prim: Any, name: str, value: Any) -> None:
    from pxr import Sdf, Tf

    if isinstance(value, np.generic):
        value = value.item()
    kinds = {bool: "Bool", int: "Int64", float: "Double", str: "String"}
    kind = kinds.get(type(value))
    # A gap is a property that is not there; numbers beyond 64 bits and what is nested are text.
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return
    if kind is None or (kind == "Int64" and not -(2**63) <= value < 2**63):
        kind, value = "String", str(value)
    key = f"userProperties:{Tf.MakeValidIdentifier(name)}"
    prim.CreateAttribute(key, getattr(Sdf.ValueTypeNames, kind), custom=True).Set(value)


def _pack(inner: Path, target: Path) -> None:
    """A .usdz is a ZIP without compression whose files begin at multiples of 64 bytes; no times in it."""
    import struct
    import zlib

    data, name = inner.read_bytes(), inner.name.encode()
    crc, size = zlib.crc32(data), len(data)
    gap = -(30 + len(name) + 4) % 64
    extra = struct.pack("<HH", 0x1986, gap) + bytes(gap)
    date = 33  # the first of January 1980
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 0, 0, date, crc, size, size, len(name), len(extra))
    central = struct.pack(
        "<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 0, 0, date, crc, size, size, len(name), 0, 0, 0, 0, 0, 0
    )
    start = len(local) + len(name) + len(extra) + size
    length = len(central) + len(name)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, length, start, 0)
    target.write_bytes(b"".join([local, name, extra, data, central, name, end]))
