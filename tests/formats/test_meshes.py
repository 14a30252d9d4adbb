from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import trimesh

import geovision
from geovision.errors import UsageError
from geovision.formats.meshes import write_mesh
from tests.helpers_solids import village, world_vertices

ORIGIN = (2_600_020.0, 1_200_022.0, 540.0)


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".stl"])
def test_readers_get_the_same_solids(tmp_path: Path, suffix: str) -> None:
    solids = village(8, at=(2_600_000.0, 1_200_000.0, 540.0))
    path = tmp_path / f"city{suffix}"
    write_mesh(path, solids, crs="EPSG:2056")
    mesh = trimesh.load_scene(path).to_mesh()
    mesh.merge_vertices(merge_norm=True, merge_tex=True)
    assert mesh.is_volume
    assert len(mesh.faces) == len(solids.data["triangles"])
    head = path.read_bytes()[:200].decode("ascii", "replace")
    place = re.search(r"origin (\S+) (\S+) (\S+) crs EPSG:2056", head)
    assert place is not None
    origin = np.array([float(c) for c in place.groups()])
    world = np.concatenate([world_vertices(solids, b) for b in range(8)])
    expected = [world.min(axis=0), world.max(axis=0)]
    np.testing.assert_allclose(mesh.bounds + origin, expected, atol=5e-4, rtol=0)


def test_obj_names_buildings_and_materials(tmp_path: Path) -> None:
    solids = village(3)
    solids.ids[1] = "a b\nv 0 0 0"
    write_mesh(tmp_path / "city.obj", solids, origin=(0, 0, 0))
    lines = (tmp_path / "city.obj").read_text().splitlines()
    assert [line for line in lines if line.startswith("o ")] == ["o b0", "o a_b_v_0_0_0", "o b2"]
    assert lines.count("usemtl roof") == 3
    # In text, world coordinates are exact.
    assert "v 155000.0000 463000.0000 3.0000" in lines
    materials = re.findall(r"newmtl (\w+)", (tmp_path / "city.mtl").read_text())
    assert materials == ["roof", "wall", "ground"]


def test_ply_carries_labels_and_buildings(tmp_path: Path) -> None:
    solids = village(4)
    write_mesh(tmp_path / "city.ply", solids)
    mesh = trimesh.load_mesh(tmp_path / "city.ply", process=False)
    raw = mesh.metadata["_ply_raw"]["face"]["data"]
    assert np.unique(raw["building"]).tolist() == [0, 1, 2, 3]
    assert np.unique(raw["label"]).tolist() == [0, 1, 3]


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.glb, \.obj, \.ply or \.stl"):
        write_mesh(tmp_path / "city.fbx", village(1))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply", ".stl"])
def test_no_buildings_make_an_empty_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"empty{suffix}"
    write_mesh(path, geovision.mesh([]))
    assert path.stat().st_size > 50
