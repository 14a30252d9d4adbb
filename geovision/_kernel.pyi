"""Types of the C++ kernel (cpp/bindings*.cpp).

The layout of the arrays is in cpp/include/geovision/types.hpp.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

class BuildInfo(TypedDict):
    version: str
    build_type: str
    compiler: str
    sanitizers: str
    cpp_standard: int

__version__: str

def build_info() -> BuildInfo: ...
def compile_solids(
    programs: Mapping[str, Any],
    lod: int = 22,
    threads: int = 0,
    grid: float = 0.001,
    min_edge: float = 0.01,
    polygons: bool = True,
) -> dict[str, Any]: ...
def evaluate_facades(
    walls: Mapping[str, Any],
    grammars: Sequence[tuple[Any, ...]],
    settings: Mapping[str, Any],
    threads: int = 0,
    solids: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], NDArray[np.uint32]]: ...
def find_walls(
    solids: Mapping[str, Any],
    around: Mapping[str, Any],
    near: float = 1.0,
    reach: float = 20.0,
    street_reach: float = 100.0,
    threads: int = 0,
) -> dict[str, Any]: ...
def open_walls(
    solids: Mapping[str, Any],
    walls: Mapping[str, Any],
    elements: Mapping[str, Any],
    lod: int = 32,
    threads: int = 0,
) -> dict[str, Any]: ...
def check_solids(
    solids: Mapping[str, Any],
    self_intersection: bool = False,
    min_edge: float = 0.01,
    planarity: float = 0.002,
    threads: int = 0,
) -> dict[str, NDArray[Any]]: ...
def check_polyhedra(
    vertices: ArrayLike,
    ring_vertices: ArrayLike,
    ring_offsets: ArrayLike,
    polygon_offsets: ArrayLike,
    shell_offsets: ArrayLike,
    primitive_offsets: ArrayLike,
    kind: ArrayLike,
    group: ArrayLike,
    grid: float,
    snap: float = 0.001,
    planarity: float = 0.01,
    normals_deg: float = 20.0,
    threads: int = 0,
) -> dict[str, NDArray[Any]]: ...
def decode_meshopt(data: bytes, count: int, stride: int, mode: str) -> bytes: ...
def triangles_cross(first: ArrayLike, second: ArrayLike) -> NDArray[np.bool_]: ...
def pack_glb(
    solids: Mapping[str, Any],
    tile_origin: Sequence[float],
    group_of_label: Sequence[int],
    columns: Sequence[bytes],
    header: Callable[[dict[str, Any]], str],
    threads: int = 0,
    frame: tuple[Sequence[float], float, int, ArrayLike] | None = None,
    compress: int | None = None,
    metre_groups: Sequence[int] = (),
    texture_m: float = 2.0,
    photo_groups: Sequence[int] = (),
) -> bytes: ...
def place_instances(
    solids: Mapping[str, Any],
    walls: Mapping[str, Any],
    elements: Mapping[str, Any],
    tile_origin: Sequence[float],
    threads: int = 0,
    frame: tuple[Sequence[float], float, int, ArrayLike] | None = None,
    compress: int | None = None,
) -> dict[str, Any]: ...
def encode_meshopt(data: bytes, stride: int, mode: str) -> bytes: ...
def city_features(
    solids: Mapping[str, Any],
    ids: Sequence[str],
    attributes: Sequence[str],
    translate: Sequence[float],
    lod: str = "2.2",
    threads: int = 0,
) -> bytes: ...
def node_footprints(
    ring_offsets: ArrayLike,
    vertex_offsets: ArrayLike,
    xy: ArrayLike,
    rank: ArrayLike,
    pairs: ArrayLike,
    snap: float,
) -> dict[str, Any]: ...
def search_roofs(
    arrays: Mapping[str, Any], options: Mapping[str, Any], threads: int = 0
) -> dict[str, Any]: ...
def refine_roofs(
    arrays: Mapping[str, Any], options: Mapping[str, Any], threads: int = 0
) -> dict[str, Any]: ...
def roof_residuals(
    arrays: Mapping[str, Any], theta: ArrayLike | None = None
) -> dict[str, NDArray[np.float64]]: ...
def decompose_ring(xy: ArrayLike, options: Mapping[str, Any] = ...) -> list[list[NDArray[np.float64]]]: ...
def rasterize_top(
    vertices: ArrayLike,
    triangles: ArrayLike,
    left: float,
    top: float,
    cell: float,
    width: int,
    height: int,
    threads: int = 0,
) -> tuple[NDArray[np.float32], NDArray[np.int32]]: ...
def render(
    vertices: ArrayLike, triangles: ArrayLike, colours: ArrayLike, settings: Mapping[str, Any]
) -> NDArray[np.uint8]: ...
def unpack_points(
    records: ArrayLike,
    point_format: int,
    scale: Sequence[float],
    offset: Sequence[float],
    drop_flags: int = 0,
    drop_classes: Sequence[int] = (),
) -> dict[str, Any]: ...
def gather_points(
    ring_offsets: ArrayLike,
    vertex_offsets: ArrayLike,
    xy: ArrayLike,
    xyz: ArrayLike,
    kind: ArrayLike | None = None,
    source: ArrayLike | None = None,
    wanted: ArrayLike | None = None,
    margin: float = 2.0,
    threads: int = 0,
) -> dict[str, NDArray[Any]]: ...
def roof_candidates(
    xyz: ArrayLike, kind: ArrayLike, ground: float, least: float, classed: float
) -> NDArray[np.bool_]: ...
def terrain_at(
    ground: ArrayLike, query: ArrayLike, reach: float = 20.0, threads: int = 0
) -> NDArray[np.float64]: ...
def draw_layers(
    scene: Mapping[str, Any],
    left: float,
    top: float,
    cell: float,
    width: int,
    height: int,
    layers: Sequence[str],
    see: int,
    edge_width: float = 0.0,
    threads: int = 0,
) -> dict[str, NDArray[Any]]: ...
def warp_raster(
    source: NDArray[Any],
    valid: NDArray[np.uint8] | None,
    corner: tuple[int, int],
    nodes: NDArray[np.float64],
    step: int,
    first: tuple[int, int],
    size: tuple[int, int],
    scale: tuple[float, float],
    nearest: bool,
    threads: int = 0,
) -> tuple[NDArray[Any], NDArray[np.uint8], int]: ...
def stack_groups(
    groups: Sequence[tuple[NDArray[Any], NDArray[np.bool_] | None, int, int]], out: NDArray[np.float32]
) -> None: ...
def scene_features(
    x: NDArray[np.float32], rules: Sequence[float], out: NDArray[np.float32], threads: int = 0
) -> None: ...
def to_bytes(values: NDArray[np.float32], table: NDArray[np.uint8], reach: float) -> NDArray[np.uint8]: ...
def sharpen_heights(
    heights: Sequence[NDArray[np.float64]],
    labels: Sequence[NDArray[np.int32]],
    spread: Sequence[float],
    fine: int = 1,
    noise: float = 0.1,
    threads: int = 0,
) -> list[NDArray[np.float64]]: ...
def simulate_dsm(
    height: ArrayLike,
    left: float,
    top: float,
    cell: float,
    settings: Mapping[str, Any],
    seed: int = 0,
    threads: int = 0,
) -> NDArray[np.float32]: ...
def simulate_lidar(
    scene: Mapping[str, Any],
    bounds: Sequence[float],
    settings: Mapping[str, Any],
    see: int,
    seed: int = 0,
    threads: int = 0,
) -> dict[str, NDArray[Any]]: ...
def filter_ground(
    xyz: ArrayLike,
    cell: float = 1.0,
    max_object: float = 36.0,
    slope: float = 0.3,
    step: float = 0.5,
    tolerance: float = 0.25,
) -> NDArray[np.uint8]: ...
def judge_points(
    offsets: ArrayLike,
    xyz: ArrayLike,
    kind: ArrayLike,
    above: ArrayLike,
    distance: ArrayLike,
    rival: ArrayLike,
    echo: ArrayLike,
    tolerance: ArrayLike,
    buildings_by_class: bool = False,
    threads: int = 0,
) -> NDArray[np.uint8]: ...
def plan_roofs(
    points: ArrayLike,
    point_offsets: ArrayLike,
    sigma: ArrayLike,
    xy: ArrayLike,
    vertex_offsets: ArrayLike,
    ring_offsets: ArrayLike,
    options: Mapping[str, float] = ...,
    threads: int = 0,
    share: ArrayLike = ...,
) -> dict[str, NDArray[Any]]: ...
def place_outlines(
    building_offsets: ArrayLike,
    vertex_offsets: ArrayLike,
    xy: ArrayLike,
    edge_neighbour: ArrayLike,
    point_offsets: ArrayLike,
    points: ArrayLike,
    kind: ArrayLike,
    ground: ArrayLike,
    cell: ArrayLike,
    options: Mapping[str, float] = ...,
    threads: int = 0,
) -> dict[str, NDArray[Any]]: ...
def point_distances(
    solids: Mapping[str, Any],
    points: ArrayLike,
    point_offsets: ArrayLike,
    point_origin: ArrayLike,
    which: ArrayLike,
    cap: float = 1.0,
    threads: int = 0,
) -> NDArray[np.float32]: ...
def score_solids(
    solids: Mapping[str, Any],
    points: ArrayLike,
    point_offsets: ArrayLike,
    point_origin: ArrayLike,
    point_sigma: ArrayLike,
    which: ArrayLike,
    sigma: ArrayLike,
    cap: float = 1.0,
    outlier_nats: float = 8.0,
    threads: int = 0,
) -> dict[str, NDArray[np.float64]]: ...
def plane_covariances(
    face_offsets: ArrayLike,
    ring_offsets: ArrayLike,
    vertex_offsets: ArrayLike,
    xy: ArrayLike,
    plane: ArrayLike,
    points: ArrayLike,
    point_offsets: ArrayLike,
    sigma: ArrayLike,
    threads: int = 0,
) -> dict[str, NDArray[Any]]: ...
def draw_ortho(
    scene: Mapping[str, Any],
    left: float,
    top: float,
    cell: float,
    width: int,
    height: int,
    settings: Mapping[str, Any],
    see: int,
    seed: int = 0,
    threads: int = 0,
) -> NDArray[np.uint8]: ...
def draw_finish(
    finish: int, metres: float, size: int, seed: int = 0, threads: int = 0
) -> dict[str, NDArray[np.float32]]: ...
def grid_points(
    xyz: ArrayLike,
    left: float,
    top: float,
    cell: float,
    width: int,
    height: int,
    percentile: float = 100.0,
    radius: float = 1.0,
    fill: float = 0.0,
    threads: int = 0,
) -> NDArray[np.float32]: ...

class OutlineStream:
    def __init__(
        self,
        *,
        columns: int,
        cell: float,
        binary: bool,
        boundary: bool,
        frame: bool,
        height: bool,
        threshold: float,
        boundary_threshold: float,
        min_area: float,
        min_hole: float,
        tolerance: float,
        min_iou: float,
        reach: float,
        level: int,
        threads: int,
    ) -> None: ...
    def add(
        self,
        building: NDArray[Any],
        boundary: NDArray[Any] | None,
        frame: NDArray[Any] | None,
        height: NDArray[Any] | None,
    ) -> dict[str, Any]: ...
    def finish(self) -> dict[str, Any]: ...
