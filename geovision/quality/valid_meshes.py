"""Validation of GLB, OBJ, PLY and STL."""

from __future__ import annotations

import re
from array import array
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.bounded import check_size, read_bytes, read_lines
from geovision.formats.describe import MOST_MESH_BYTES
from geovision.formats.terrain_glb import TERRAIN
from geovision.quality.findings import Malformed, ValidationReport
from geovision.quality.gltf import Glb, Mesh
from geovision.quality.polyhedra import GeometryRules
from geovision.quality.triangles import TriangleMesh, check_triangles

__all__ = ["MESH_CHECKERS", "check_glb_meshes", "checked_features"]

_ORIGIN = re.compile(r"origin (-?[\d.]+) (-?[\d.]+) (-?[\d.]+)")
_CRS = re.compile(r"crs (\S+)")


def check_glb(path: Path, report: ValidationReport, rules: GeometryRules, progress: Any) -> None:
    """A GLB file: structure, every building's solid, features and their table."""
    report.format = "GLB"
    try:
        glb = Glb(read_bytes(path, MOST_MESH_BYTES, str(path), "Give it in tiles"))
        if not _has_crs(glb):
            report.add(823)
        report.objects = glb.table_rows or 0
        faulty = check_glb_meshes(glb, report, rules)
    except Malformed as fault:
        report.add(fault.code, "", fault.detail)
        faulty = {""}
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        report.add(802, "", f"{type(error).__name__}: {error}")
        faulty = {""}
    report.invalid = len(faulty)
    progress(path.stat().st_size)


def _has_crs(glb: Glb) -> bool:
    extras = [item.get("extras") for item in (glb.json, glb.json.get("asset", {})) if isinstance(item, dict)]
    extras += [item.get("extras") for item in glb.json.get("scenes", []) if isinstance(item, dict)]
    return any(isinstance(item, dict) and "crs" in item for item in extras)


def check_glb_meshes(glb: Glb, report: ValidationReport, rules: GeometryRules, file: str = "") -> set[str]:
    """Judge the solids of a GLB; returns the names of those with errors."""
    if glb.is_terrain:
        return _check_ground(glb, report, file)
    names = checked_features(glb, report, file)
    faulty: set[str] = set()
    for mesh in glb.meshes():
        features = np.zeros(len(mesh.triangles), np.int64)
        if mesh.features is not None and len(mesh.triangles):
            corners = mesh.features[mesh.triangles]
            if (corners != corners[:, :1]).any():
                report.add(865, "", "a triangle belongs to two features", file=file)
                return {""}
            features = corners[:, 0]
            if int(features.max()) >= len(names) or int(features.min()) < 0:
                wrong = f"feature {int(features.max())} of {len(names)} rows"
                report.add(865, "", wrong, file=file)
                return {""}
        elif not names:
            names = ["mesh"]
        place = _place(mesh)
        made = TriangleMesh(
            mesh.positions * place[1], mesh.triangles, features, names, place[0], exact=not glb.quantized
        )
        faulty |= check_triangles(made, report, rules, file)
    return faulty


def _check_ground(glb: Glb, report: ValidationReport, file: str) -> set[str]:
    """Ground has a rim and no inside: its places must be numbers, and its indices were checked on reading."""
    good = all(np.isfinite(mesh.positions).all() for mesh in glb.meshes())
    return set() if good or not report.add(811, TERRAIN, "a vertex", file=file) else {TERRAIN}


def checked_features(glb: Glb, report: ValidationReport, file: str = "") -> list[str]:
    """A name for each row of the property table, its id where it has one."""
    rows = glb.table_rows
    if rows is None:
        return []
    ids = glb.ids()
    if ids is None:
        return [f"feature {row}" for row in range(rows)]
    if len(set(ids)) != len(ids):
        seen: set[str] = set()
        for name in ids:
            if name in seen:
                report.add(831, name, file=file)
            seen.add(name)
    return ids


def _place(mesh: Mesh) -> tuple[tuple[float, float, float], float]:
    """World place of a mesh's zero, and the metres of its unit; rotations do not matter to a solid."""
    scale = float(np.cbrt(abs(np.linalg.det(mesh.matrix[:3, :3]))))
    x, y, z = mesh.matrix[:3, 3].tolist()
    return (x, -z, y), scale


def check_obj(path: Path, report: ValidationReport, rules: GeometryRules, progress: Any) -> None:
    """A Wavefront file; every object ("o" or "g") is a building, the file one where it has none."""
    report.format = "OBJ"
    check_size(path, MOST_MESH_BYTES, str(path), "Give it in tiles")
    # Arrays, not lists of tuples: they take no more than the text.
    vertices, triangles, owner = array("d"), array("q"), array("q")
    names: list[str] = []
    crs, done, wrong = False, 0, 0
    with path.open("rb") as file:
        for number, raw in enumerate(read_lines(file, str(path)), start=1):
            done += len(raw)
            line = raw.decode("utf-8", "replace").split()
            if not line:
                continue
            try:
                if line[0] == "v":
                    x, y, z = map(float, line[1:4])
                    vertices.extend((x, y, z))
                elif line[0] == "f":
                    ring = [_obj_index(word, len(vertices) // 3) for word in line[1:]]
                    for k in range(1, len(ring) - 1):
                        triangles.extend((ring[0], ring[k], ring[k + 1]))
                        owner.append(max(len(names) - 1, 0))
                elif line[0] == "o" or (line[0] == "g" and len(line) > 1):
                    names.append(" ".join(line[1:]) or f"object {len(names)}")
                elif line[0] == "#":
                    crs = crs or "crs" in line
            except (ValueError, IndexError):
                report.add(803 if line[0] == "f" else 802, f"line {number}", " ".join(line)[:60])
                wrong += 1
            if number % 65_536 == 0:
                progress(done)
    if not crs:
        report.add(823)
    if not triangles:
        report.add(902, "", "no faces")
        return
    names = names or [path.stem]
    report.objects = len(set(owner))
    mesh = TriangleMesh(
        np.array(vertices, np.float64).reshape(-1, 3),
        np.array(triangles, np.int64).reshape(-1, 3),
        np.array(owner, np.int64),
        names,
    )
    report.invalid = len(check_triangles(mesh, report, rules)) + bool(wrong)
    progress(done)


def _obj_index(word: str, count: int) -> int:
    index = int(word.split("/", maxsplit=1)[0])
    at = index - 1 if index > 0 else count + index
    if index == 0 or not 0 <= at < count:
        raise IndexError(word)
    return at


def check_with_trimesh(path: Path, report: ValidationReport, rules: GeometryRules, progress: Any) -> None:
    """PLY and STL; PLY files of ours say which building a face belongs to."""
    import trimesh

    report.format = path.suffix[1:].upper()
    check_size(path, MOST_MESH_BYTES, str(path), "Give it in tiles")
    try:
        mesh = trimesh.load_mesh(path, process=False)
        vertices = np.asarray(mesh.vertices, np.float64)
        faces = np.asarray(mesh.faces, np.int64)
    except Exception as error:  # its readers raise whatever they stumble over
        report.add(901, "", f"{error}")
        return
    with path.open("rb") as file:
        head = file.read(1024).decode("latin-1")
    if not _CRS.search(head):
        report.add(823)
    if not len(faces):
        report.add(902, "", "no faces")
        return
    if faces.min() < 0 or faces.max() >= len(vertices):
        report.add(803, "", f"vertex {int(faces.max())} of {len(vertices)}")
        return
    # By rank: a file may say that its only building is number two thousand million.
    numbers, building = np.unique(_ply_buildings(mesh, len(faces)), return_inverse=True)
    names = [f"building {number}" for number in numbers.tolist()]
    report.objects = len(names)
    at = _ORIGIN.search(head)
    x, y, z = map(float, at.groups()) if at else (0.0, 0.0, 0.0)
    # Without numbers of buildings solids that touch cannot be told apart: only what meets what is judged.
    exact = "building" in getattr(mesh, "face_attributes", {}) or _ply_numbers(mesh) is not None
    made = TriangleMesh(vertices, faces, building.astype(np.int64), names, (x, y, z), exact=exact)
    report.invalid = len(check_triangles(made, report, rules))
    progress(path.stat().st_size)


def _ply_numbers(mesh: Any) -> NDArray[np.int64] | None:
    raw = getattr(mesh, "metadata", {}).get("_ply_raw", {}).get("face", {}).get("data")
    names = getattr(getattr(raw, "dtype", None), "names", None) or ()
    return np.asarray(raw["building"], np.int64).reshape(-1) if "building" in names else None


def _ply_buildings(mesh: Any, count: int) -> NDArray[np.int64]:
    found = _ply_numbers(mesh)
    if found is not None and len(found) == count and (not count or found.min() >= 0):
        return found
    return np.zeros(count, np.int64)


MESH_CHECKERS = {
    ".glb": check_glb,
    ".obj": check_obj,
    ".ply": check_with_trimesh,
    ".stl": check_with_trimesh,
}
