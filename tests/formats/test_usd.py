"""USD, read back by usd-core: places, triangles, materials, attributes, and the same bytes every time."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geovision
from geovision.errors import EnvironmentFault, UsageError
from geovision.formats.usd import USD_SUFFIXES, write_usd
from geovision.mesh import Solids, mesh
from geovision.model.labels import Label

pxr = pytest.importorskip("pxr", reason="usd-core is not installed: pip install 'geovision[usd]'")


@pytest.fixture(scope="module")
def town() -> Solids:
    return mesh(geovision.generate(area=(155_000, 463_000, 200, 150), seed=5), polygons=False)


def opened(path: Path) -> Any:
    from pxr import Usd

    return Usd.Stage.Open(str(path))


@pytest.mark.parametrize("suffix", USD_SUFFIXES)
def test_every_building_reads_back(town: Solids, tmp_path: Path, suffix: str) -> None:
    from pxr import UsdGeom, UsdShade

    count = len(town)
    columns: dict[str, Any] = {
        "storeys": np.arange(count),
        "use, today": ["Käfig 🏠"] * count,
        "gap": [None, 1.5] * (count // 2) + [2.5] * (count % 2),
        "listed": [True] * count,
        "nested": [{"a": [1]}] * count,
    }
    path = tmp_path / f"town{suffix}"
    write_usd(path, town, attributes=columns, crs="EPSG:28992")
    stage = opened(path)
    assert UsdGeom.GetStageUpAxis(stage) == "Z"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    assert stage.GetRootLayer().customLayerData["crs"] == "EPSG:28992"
    meshes = [prim for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)]
    assert len(meshes) == count
    for row, (prim, solid) in enumerate(zip(meshes, town, strict=True)):
        one = UsdGeom.Mesh(prim)
        matrix = np.array(UsdGeom.XformCache().GetLocalToWorldTransform(prim))
        points = (
            np.array(one.GetPointsAttr().Get(), np.float64).reshape(-1, 3) @ matrix[:3, :3] + matrix[3, :3]
        )
        np.testing.assert_allclose(points, solid.vertices, atol=1e-3)
        indices = np.array(one.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)
        assert np.array_equal(indices, solid.triangles)
        assert UsdGeom.Mesh.ValidateTopology(
            one.GetFaceVertexIndicesAttr().Get(), one.GetFaceVertexCountsAttr().Get(), len(points)
        )[0]
        labels = np.full(len(indices), 255)
        for subset in UsdShade.MaterialBindingAPI(prim).GetMaterialBindSubsets():
            material = UsdShade.MaterialBindingAPI(subset.GetPrim()).ComputeBoundMaterial()[0]
            name = material.GetPrim().GetName()
            labels[np.array(subset.GetIndicesAttr().Get())] = Label[name.upper()]
        assert np.array_equal(labels, solid.triangle_labels)
        facts = {key: prim.GetAttribute(f"userProperties:{key}").Get() for key in ("id", "storeys", "listed")}
        assert facts == {"id": town.ids[row], "storeys": row, "listed": True}
        assert prim.GetAttribute("userProperties:use__today").Get() == "Käfig 🏠"
        assert prim.GetAttribute("userProperties:gap").Get() == columns["gap"][row]
        assert prim.GetAttribute("userProperties:nested").Get() == "{'a': [1]}"


def test_usdz_is_aligned_and_has_no_times(town: Solids, tmp_path: Path) -> None:
    from pxr import Sdf

    for name in ("a", "b"):
        write_usd(tmp_path / f"{name}.usdz", town)
    assert (tmp_path / "a.usdz").read_bytes() == (tmp_path / "b.usdz").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.usdz") as archive:
        (info,) = archive.infolist()
        assert archive.testzip() is None
        assert info.compress_type == zipfile.ZIP_STORED
        head = info.header_offset
        data = (tmp_path / "a.usdz").read_bytes()
        start = head + 30 + int.from_bytes(data[head + 26 : head + 28], "little")
        start += int.from_bytes(data[head + 28 : head + 30], "little")
        assert start % 64 == 0
    found = Sdf.ZipFile.Open(str(tmp_path / "a.usdz"))
    assert found.GetFileNames() == ["buildings.usdc"]
    assert found.GetFileInfo("buildings.usdc").dataOffset % 64 == 0


def test_what_cannot_be(town: Solids, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no suffix of USD"):
        write_usd(tmp_path / "a.obj", town)
    write_usd(tmp_path / "none.usdz", town.take([]))
    assert opened(tmp_path / "none.usdz").GetDefaultPrim().GetName() == "buildings"
    monkeypatch.setitem(__import__("sys").modules, "pxr", None)
    with pytest.raises(EnvironmentFault, match=r"geovision\[usd\]"):
        write_usd(tmp_path / "a.usdz", town)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["none.usdz"]
