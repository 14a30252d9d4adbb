r"""The same OSM buildings through OSM2World, whose windows are geometry too, and through geovision.

    python benchmarks/bench_osm2world.py \
        --osm2world "java -jar OSM2World.jar convert --config {config} -i {osm} -o {glb}"

OSM2World (LGPL, Java 17) is on no package registry: get OSM2World-latest-bin.zip from osm2world.org, or build
it from github.com/tordanik/OSM2World with `mvn package`; older versions take the same arguments without
`convert`. It runs as a program of its own. Without it the row says so, and does not pass for a comparison.
Beside both runs osm2threejs (MIT, `pip install osm2threejs`), which makes plain walls.

Buildings are a generated town written as OSM ways with `building`, `building:levels`, `height` and
`roof:shape`. Ours are timed from these very ways in memory to the bytes of a GLB, on one thread; OSM2World as
it is called, Java's start and all, in CPU time. Closed are triangles of pieces in which every edge is used as
often one way as the other, corners put together to 0.1 mm.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import common
import geopandas
import numpy as np
import shapely
import trimesh
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geovision.formats.glb import glb_bytes
from geovision.formats.gltf_skin import SkinSettings
from geovision.model.kinds import RoofKind
from geovision.pipeline.dresser import FacadeDresser, Neighbourhood
from geovision.pipeline.generate import generate

CONFIG = "createTerrain = false\nimplicitWindowImplementation = FULL_GEOMETRY\nlod = 4\n"
CRS, AT = "EPSG:28992", (155_000.0, 463_000.0)
SHAPES = {
    RoofKind.FLAT: "flat",
    RoofKind.GABLED: "gabled",
    RoofKind.HIPPED: "hipped",
    RoofKind.PYRAMIDAL: "pyramidal",
}


def osm_buildings(count: int) -> dict[str, Any]:
    """A generated town as Overpass gives it: nodes, and closed ways with tags."""
    table = generate(count=count, seed=9)
    elements: list[dict[str, Any]] = []
    for row in range(len(table)):
        part = int(table.part_offsets[row])
        first, last = table.vertex_offsets[table.ring_offsets[part] : table.ring_offsets[part] + 2].tolist()
        ring = geopandas.points_from_xy(*(table.xy[first:last] + AT).T, crs=CRS).to_crs(4326)
        ids = [len(elements) + k + 1 for k in range(len(ring))]
        elements += [
            {"type": "node", "id": i, "lon": round(p.x, 8), "lat": round(p.y, 8)}
            for i, p in zip(ids, ring, strict=True)
        ]
        eave = float(table.eave[part])
        tags = {
            "building": "yes",
            "building:levels": str(max(1, round(eave / 2.9))),
            "height": f"{max(eave, float(np.nan_to_num(table.roof_params[part, 0]))):.1f}",
            "roof:shape": SHAPES.get(RoofKind(int(table.roof_kind[part])), "gabled"),
        }
        elements.append({"type": "way", "id": len(elements) + 1, "nodes": [*ids, ids[0]], "tags": tags})
    return {"elements": elements}


def write_osm(osm: dict[str, Any], path: Path) -> None:
    """The same as an .osm file."""
    lines = ['<osm version="0.6">']
    for one in osm["elements"]:
        if one["type"] == "node":
            lines.append(f'<node id="{one["id"]}" version="1" lat="{one["lat"]}" lon="{one["lon"]}"/>')
            continue
        nodes = "".join(f'<nd ref="{node}"/>' for node in one["nodes"])
        tags = "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in one["tags"].items())
        lines.append(f'<way id="{one["id"]}" version="1">{nodes}{tags}</way>')
    path.write_text("\n".join([*lines, "</osm>"]))


def ours(osm: dict[str, Any], form: Any) -> bytes:
    """From ways to a GLB."""
    nodes = {one["id"]: (one["lon"], one["lat"]) for one in osm["elements"] if one["type"] == "node"}
    ways = [one for one in osm["elements"] if one["type"] == "way"]
    frame = geopandas.GeoDataFrame(
        {"id": [f"way/{way['id']}" for way in ways]}
        | {key: [way["tags"][key] for way in ways] for key in ways[0]["tags"]},
        geometry=[shapely.Polygon([nodes[node] for node in way["nodes"]]) for way in ways],
        crs=4326,
    ).to_crs(CRS)
    table = generate(footprints=frame, seed=1)
    dresser = FacadeDresser("auto", form, Neighbourhood.of_programs([table]))
    base, walls, elements = dresser.instances(table)
    full = form == "full"
    solids = dresser.opened(table) if full else base
    return glb_bytes(
        solids,
        looks=dresser.looks(table, solids),
        skin=SkinSettings(size=16, uri="materials/"),
        facades=None if full else (base, walls, elements),
        compress=not full,
        threads=1,
    )


def osm2world(command: str, osm: dict[str, Any], folder: Path) -> tuple[bytes, float]:
    """Its GLB, and the CPU seconds of its process."""
    paths = {name: folder / f"town.{name}" for name in ("osm", "config", "glb")}
    write_osm(osm, paths["osm"])
    paths["config"].write_text(CONFIG)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(shlex.split(command.format(**paths)), check=True, stdout=sys.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return paths["glb"].read_bytes(), spent


def osm2threejs(osm: dict[str, Any], folder: Path) -> bytes:
    """Its GLB."""
    peer = importlib.import_module("osm2threejs")
    path = folder / "threejs.glb"
    peer.export_to_glb(peer.generate_3d_city(osm), str(path))
    return path.read_bytes()


def measured(data: bytes, seconds: float, count: int, folder: Path) -> dict[str, Any]:
    """Speed, size, and how much of a GLB is closed."""
    path = folder / "judged.glb"
    path.write_bytes(data)
    scene = trimesh.load(path, process=False, skip_materials=True)
    mesh = scene.to_geometry() if isinstance(scene, trimesh.Scene) else scene
    _, corner = np.unique(np.rint(mesh.vertices * 1e4).astype(np.int64), axis=0, return_inverse=True)
    faces = corner.reshape(-1)[mesh.faces]
    faces = faces[(faces != np.roll(faces, 1, axis=1)).all(axis=1)]
    n = int(faces.max()) + 1
    start, end = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
    _, piece = connected_components(coo_array((np.ones(len(start), np.int8), (start, end)), (n, n)))
    low, high = np.minimum(start, end), np.maximum(start, end)
    edges, row = np.unique(low * n + high, return_inverse=True)
    odd = np.bincount(row.reshape(-1), np.where(start < end, 1, -1)) != 0
    broken = np.isin(piece, np.unique(piece[edges[odd] // n]))
    return {
        "buildings/s": count / seconds,
        "kB a building": len(data) / count / 1000,
        "triangles a building": round(len(faces) / count),
        "closed": f"{1 - broken[faces[:, 0]].mean():.1%}",
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--osm2world", metavar="COMMAND", help="how it is called, with {config} {osm} {glb}")
    parser.add_argument("--buildings", type=int, default=1000)
    parser.add_argument("--no-record", action="store_true")
    given = parser.parse_args()
    osm = osm_buildings(given.buildings)
    count = sum(one["type"] == "way" for one in osm["elements"])
    result: dict[str, Any] = {"buildings": count}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def timed(label: str, run: Any) -> None:
            began = time.process_time()
            data = run()
            facts = measured(data, time.process_time() - began, count, folder)
            result.update({f"{label} {key}": value for key, value in facts.items()})

        ours(osm, "full")  # what is loaded once
        timed("geovision full", lambda: ours(osm, "full"))
        began = time.process_time()
        small = ours(osm, "instanced")
        result["geovision instanced buildings/s"] = count / (time.process_time() - began)
        result["geovision instanced kB a building"] = len(small) / count / 1000
        if given.osm2world:
            data, spent = osm2world(given.osm2world, osm, folder)
            facts = measured(data, spent, count, folder)
            result.update({f"OSM2World {key}": value for key, value in facts.items()})
        else:
            result["OSM2World"] = "NOT RUN (--osm2world says how it is called; see the script's head)"
        if importlib.util.find_spec("osm2threejs"):
            timed("osm2threejs", lambda: osm2threejs(osm, folder))
        else:
            result["osm2threejs"] = "NOT RUN (pip install osm2threejs)"
    passed = result["geovision full closed"] == "100.0%" and "OSM2World closed" in result
    bar = "all of ours closed, with OSM2World beside it"
    return common.report("OSM buildings", result, bar, passed=passed, record=not given.no_record)


if __name__ == "__main__":
    sys.exit(main())
