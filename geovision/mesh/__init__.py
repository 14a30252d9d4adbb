"""Programs to solids: the thin front of the C++ kernel.

``geovision.mesh`` is the room and its verb at once: ``geovision.mesh(programs)`` calls `mesh.mesh`
(docs/decisions/0003-mesh-room-and-verb.md).
"""

import sys
from types import ModuleType
from typing import Any

from geovision.mesh.check import CheckReport, Fault, check
from geovision.mesh.compile import LODS, MIN_EDGE_M, mesh
from geovision.mesh.dsm_sensor import DsmSensor, simulate_dsm
from geovision.mesh.elements import OPENINGS, ElementKind, Elements
from geovision.mesh.facades import FACADE_LODS, OUTCOME_TEXT, Opened, Outcome, open_walls
from geovision.mesh.layers import LAYERS, EdgeKind, draw_layers
from geovision.mesh.lidar_sensor import LidarPoints, LidarSensor, simulate_lidar
from geovision.mesh.lod0 import Outline, lod0
from geovision.mesh.looks import FaceLooks, face_looks
from geovision.mesh.materials import Material, SceneLabel
from geovision.mesh.ortho import Camera, Light, draw_ortho
from geovision.mesh.scene_mesh import Cover, SceneMesh, Terrain, Trees, Triangles, build_scene_mesh
from geovision.mesh.scene_parts import Paint, building_triangles, car_triangles
from geovision.mesh.solids import Failure, Solid, Solids
from geovision.mesh.textures import Finish, Texture, draw_texture, finish_of
from geovision.mesh.walls import Side, Surroundings, Walls, find_walls
from geovision.mesh.window import Window

__all__ = [
    "FACADE_LODS",
    "LAYERS",
    "LODS",
    "MIN_EDGE_M",
    "OPENINGS",
    "OUTCOME_TEXT",
    "Camera",
    "CheckReport",
    "Cover",
    "DsmSensor",
    "EdgeKind",
    "ElementKind",
    "Elements",
    "FaceLooks",
    "Failure",
    "Fault",
    "Finish",
    "LidarPoints",
    "LidarSensor",
    "Light",
    "Material",
    "Opened",
    "Outcome",
    "Outline",
    "Paint",
    "SceneLabel",
    "SceneMesh",
    "Side",
    "Solid",
    "Solids",
    "Surroundings",
    "Terrain",
    "Texture",
    "Trees",
    "Triangles",
    "Walls",
    "Window",
    "build_scene_mesh",
    "building_triangles",
    "car_triangles",
    "check",
    "draw_layers",
    "draw_ortho",
    "draw_texture",
    "face_looks",
    "find_walls",
    "finish_of",
    "lod0",
    "mesh",
    "open_walls",
    "simulate_dsm",
    "simulate_lidar",
]


class _CallableRoom(ModuleType):
    # Importing a submodule binds it on its package, which would hide a function of the same name.
    def __call__(self, *args: Any, **kwargs: Any) -> Solids:
        return mesh(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableRoom
