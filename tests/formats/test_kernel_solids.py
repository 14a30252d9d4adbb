"""What the kernel makes, through the writers: every triangle comes back with its label and its volume."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import trimesh

import geovision
from geovision.formats.glb import glb_bytes
from geovision.formats.materials import material_name
from geovision.formats.meshes import write_mesh
from geovision.mesh import Solids
from geovision.model import Chimney, DormerGable, Flat, Hipped, Mansard, Parapet
from tests.helpers_glb import parse_glb

AT = np.array([2_600_000.0, 1_200_000.0])
ELL = [(0, 0), (14, 0), (14, 6), (6, 6), (6, 15), (0, 15)]
RECT = [(0, 0), (12, 0), (12, 8), (0, 8)]


def _part(shell: list[tuple[int, int]], roof: object, shift: tuple[float, float]) -> geovision.Part:
    moved = (np.array(shell) + AT + shift).tolist()
    return geovision.Part.model_validate({"shell": moved, "eave_height": 5.0, "roof": roof, "overhang": 0.4})


def _on(x: float, y: float) -> dict[str, float]:
    return {"x": AT[0] + x, "y": AT[1] + y, "azimuth_deg": 180.0}


@pytest.fixture(scope="module")
def solids() -> Solids:
    dormer = DormerGable(part=0, **_on(6, 1), width=2, depth=3, eave_height=6.2, ridge_height=7)
    chimney = Chimney(part=0, **_on(3, 5.5), width=0.6, depth=0.6, top_height=9)
    houses = [
        geovision.Program(
            id="dormer",
            ground_z=512.3,
            parts=[_part(RECT, geovision.Gabled(ridge_height=8.0), (0, 0))],
            superstructures=[dormer, chimney],
        ),
        geovision.Program(id="ell", ground_z=513.0, parts=[_part(ELL, Hipped(pitch_deg=40), (40, 3))]),
        geovision.Program(
            id="mansard",
            parts=[_part(RECT, Mansard(ridge_height=8.5, break_height=7.5, break_inset=1.2), (0, 40))],
        ),
        geovision.Program(
            id="parapet",
            parts=[_part(ELL, Flat(), (50, 50))],
            superstructures=[Parapet(part=0, thickness=0.3, top_height=6.0)],
        ),
    ]
    made = geovision.mesh(houses, lod="2.2")
    assert not made.failures
    return made


def test_glb_has_every_triangle_label_and_volume(solids: Solids) -> None:
    glb = parse_glb(glb_bytes(solids))
    corners, features = glb.world_triangles()
    volumes = np.zeros(len(solids))
    centre = np.array([*AT, 500.0])
    a, b, c = (corners - centre).transpose(1, 0, 2)
    np.add.at(volumes, features, np.einsum("ij,ij->i", a, np.cross(b, c)) / 6)
    # Half a float32 step on every vertex, over a surface of some hundred square metres.
    np.testing.assert_allclose(volumes, [solids[i].volume for i in range(len(solids))], atol=0.02)
    labels = np.concatenate([solids[i].triangle_labels for i in range(len(solids))])
    counts = {
        material_name(int(k)): int(n) for k, n in zip(*np.unique(labels, return_counts=True), strict=True)
    }
    written = {
        glb.json["materials"][p["material"]]["name"]: len(glb.accessor(p["indices"])) // 3
        for p in glb.primitives
    }
    assert written == counts
    assert {"roof", "wall", "ground", "dormer_roof", "chimney", "parapet"} <= set(written)


def test_glb_is_closed_for_trimesh(solids: Solids) -> None:
    scene = trimesh.load_scene(io.BytesIO(glb_bytes(solids, place=False)), file_type="glb")
    mesh = scene.to_mesh()
    mesh.merge_vertices(merge_norm=True, merge_tex=True)
    assert mesh.is_volume
    assert mesh.volume == pytest.approx(sum(s.volume for s in solids), rel=1e-5)


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".stl"])
def test_other_formats_are_closed_for_trimesh(solids: Solids, tmp_path: Path, suffix: str) -> None:
    write_mesh(tmp_path / f"city{suffix}", solids)
    mesh = trimesh.load_scene(tmp_path / f"city{suffix}").to_mesh()
    mesh.merge_vertices(merge_norm=True, merge_tex=True)
    assert mesh.is_volume
    assert mesh.volume == pytest.approx(sum(s.volume for s in solids), rel=1e-5)
