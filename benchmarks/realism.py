"""Statistics of real scenes beside those of synthetic ones: tables and plots in docs/realism.md.

    python benchmarks/realism.py            # prints; needs the real data in ../shared/data
    python benchmarks/realism.py --write    # also puts them into docs/realism.md and docs/img/realism.png

GEOVISION_SHARED names another place for the data. What is missing is left out.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import realism_stats as stats
import shapely
from numpy.typing import NDArray

from geovision.model.kinds import KIND_NAMES, RoofKind, SuperKind
from geovision.model.table import ProgramTable
from geovision.pipeline.synth import SynthScene, synth
from geovision.procedural.survey import outline

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("GEOVISION_SHARED", ROOT.parent / "shared")) / "data"
Rows = list[tuple[str, str, str]]

# Real cloud -> style and knobs of the scenes that stand beside it.
TWINS: dict[str, tuple[str, dict[str, Any]]] = {
    "ahn3_blocks": ("dutch_town", {"lidar.density": 10}),
    "delft": ("dutch_town", {"lidar.density": 7}),
    "dales_west": ("suburb", {"lidar.density": 26}),
}
CLOUDS = {
    "ahn3_blocks": ("ahn3_blocks/points.laz", "ahn3_blocks/footprints.gpkg"),
    "delft": ("delft/ahn3_cropped_1.laz", "delft/footprints.gpkg"),
    "dales_west": ("dales_west/points.laz", "dales_west/footprints.gpkg"),
}
SIDE_M = 260.0
START = "<!-- Below this line: written by benchmarks/realism.py --write -->"


def real_cloud(name: str) -> stats.Cloud:
    import geopandas as gpd
    import laspy

    points, footprints = CLOUDS[name]
    las = laspy.read(DATA / points)
    frame = gpd.read_file(DATA / footprints).explode()
    keep = np.asarray(las.classification) == 6
    return stats.Cloud(np.asarray(las.xyz)[keep], shapely.force_2d(frame.geometry.to_numpy())[:500])


def made_cloud(scene: SynthScene) -> stats.Cloud:
    assert scene.points is not None
    assert scene.footprints is not None
    keep = scene.points.classification == 6
    return stats.Cloud(scene.points.xyz[keep], scene.footprints.polygons())


def cloud_rows(real: stats.Cloud, made: stats.Cloud) -> Rows:
    def row(text: str, measure: Callable[[stats.Cloud], str]) -> tuple[str, str, str]:
        return text, measure(real), measure(made)

    def spread(values: NDArray[np.float64], digits: int) -> str:
        return " / ".join(f"{value:.{digits}f}" for value in stats.quantiles(values))

    residuals = {id(cloud): stats.plane_residuals(cloud) for cloud in (real, made)}
    return [
        row("points per m² of a building (p10 / p25 / median / p75 / p90)", lambda c: spread(_dense(c), 1)),
        row("its variation inside a building", lambda c: spread(stats.density_spread(c), 2)),
        row("residuals on planes: NMAD, m", lambda c: f"{stats.nmad(residuals[id(c)]):.3f}"),
        row(
            "residuals on planes: 95 % of their sizes below, m",
            lambda c: f"{np.quantile(np.abs(residuals[id(c)]), 0.95):.3f}",
        ),
        row("wall returns near outlines, share", lambda c: f"{stats.wall_share(c):.3f}"),
        row("footprint area, m²", lambda c: spread(shapely.area(c.polygons), 0)),
        row("corners of a footprint", lambda c: spread(_corners(c.polygons), 0)),
        row("area over that of the smallest rectangle", lambda c: spread(_boxy(c.polygons), 2)),
    ]


def _dense(cloud: stats.Cloud) -> NDArray[np.float64]:
    found = stats.densities(cloud)
    return found[found > 0.5]


def _corners(polygons: NDArray[np.object_]) -> NDArray[np.float64]:
    return np.asarray(shapely.get_num_coordinates(shapely.get_exterior_ring(polygons)) - 1, float)


def _boxy(polygons: NDArray[np.object_]) -> NDArray[np.float64]:
    boxes = shapely.oriented_envelope(polygons)
    return np.asarray(shapely.area(polygons) / shapely.area(boxes), float)


# The German roofs' own words for what KIND_NAMES calls otherwise.
_RID_KINDS = {"Gabled": "gabled", "Flat": "flat", "Hip": "hipped", "pyramid": "pyramidal", "Complex": "other"}


def roof_rows(scenes: list[SynthScene]) -> tuple[Rows, dict[str, Any]]:
    """Kinds, pitches, sizes and superstructures beside the labelled German roofs."""
    import geopandas as gpd

    path = DATA / "rid_roofs" / "RID_reviewed_25832.gpkg"
    roofs, segments = gpd.read_file(path, layer="roofs"), gpd.read_file(path, layer="segments")
    supers = gpd.read_file(path, layer="superstructures")
    kinds = roofs.roof_type.map(_RID_KINDS).dropna()
    tables = [scene.programs for scene in scenes]
    names, areas, pitches = [], [], []
    for scene, table in zip(scenes, tables, strict=True):
        main = table.part_offsets[:-1]
        for row in range(len(table)):
            kind = KIND_NAMES[RoofKind(int(table.roof_kind[main[row]]))]
            shared = kind if kind in _RID_KINDS.values() else "other"
            parts = range(main[row], table.part_offsets[row + 1])
            size = [_part_area(table, part) for part in parts]
            # A low extension does not make a gabled house a complex roof; a second wing of another kind does.
            large = [part for part, own in zip(parts, size, strict=True) if own > 0.3 * max(size)]
            names.append("other" if len(set(table.roof_kind[large].tolist())) > 1 else shared)
            areas.append(outline(table, row).area)
        pitches.append(_pitches(scene))
    pitch = np.concatenate(pitches)
    real_pitch = segments.slope.to_numpy(float)
    real_pitch = real_pitch[(real_pitch > 0) & (segments.area.to_numpy() > 4)]
    rows: Rows = [
        (
            f"roofs that are {kind}, share",
            f"{(kinds == kind).mean():.2f}",
            f"{np.mean(np.array(names) == kind):.2f}",
        )
        for kind in dict.fromkeys(_RID_KINDS.values())
    ]
    rows.append(
        (
            "pitch of sloping faces, degrees (p10 / p25 / median / p75 / p90)",
            " / ".join(f"{v:.0f}" for v in stats.quantiles(real_pitch)),
            " / ".join(f"{v:.0f}" for v in stats.quantiles(pitch)),
        )
    )
    rows.append(
        (
            "roof area in plan, m²",
            " / ".join(f"{v:.0f}" for v in stats.quantiles(roofs.area.to_numpy())),
            " / ".join(f"{v:.0f}" for v in stats.quantiles(np.array(areas))),
        )
    )
    kind_of = np.concatenate([table.super_kind for table in tables])
    count = sum(len(table) for table in tables)
    for text, real, codes in (
        ("chimneys per roof", "chimney", [SuperKind.CHIMNEY]),
        (
            "dormers per roof",
            "dormer",
            [SuperKind.DORMER_GABLE, SuperKind.DORMER_SHED, SuperKind.DORMER_FLAT],
        ),
    ):
        share = (supers["type"] == real).sum() / len(roofs)
        rows.append((text, f"{share:.2f}", f"{np.isin(kind_of, codes).sum() / count:.2f}"))
    curves = {
        "pitch": (real_pitch, pitch),
        "area": (roofs.area.to_numpy(), np.array(areas)),
    }
    return rows, curves


def _part_area(table: ProgramTable, part: int) -> float:
    first = table.vertex_offsets[table.ring_offsets[part] : table.ring_offsets[part] + 2]
    return float(shapely.Polygon(table.xy[first[0] : first[1]]).area)


def _pitches(scene: SynthScene) -> NDArray[np.float64]:
    """Pitch of the roof faces of main parts, one value a face of at least 4 m²."""
    found = []
    for solid in scene.solids:
        label = solid.face_labels
        corners = solid.local_vertices[solid.triangles]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
        face = solid.triangle_faces
        total = np.stack([np.bincount(face, normal[:, k], len(label)) for k in range(3)], axis=1)
        size = np.linalg.norm(total, axis=1)
        sloping = (label == 0) & (total[:, 2] > 4) & (size > total[:, 2] * 1.02)
        found.append(np.degrees(np.arccos(np.clip(total[sloping, 2] / size[sloping], -1, 1))))
    return np.concatenate(found)


def edge_curves(seed: int) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Median profiles across steps: real rasters and synthetic ones on the same cells."""
    import rasterio

    found = {}
    rasters = {"goteborg, 1 m": "goteborg/DSM_KRbig.tif", "lidarhd, 0.25 m": "pairs/lidarhd/dsm_0.25m.tif"}
    for name, path in rasters.items():
        if (DATA / path).is_file():
            with rasterio.open(DATA / path, driver="GTiff") as file:
                found[name] = stats.edge_profile(file.read(1), file.transform.a)
    for cell, style in ((1.0, "block_city"), (0.25, "mixed")):
        area = (0.0, 0.0, SIDE_M, SIDE_M)
        scene = synth(area, style=style, seed=seed, layers=("dsm",), dsm_cell_m=cell)
        assert scene.dsm is not None
        found[f"synthetic, {cell:g} m"] = stats.edge_profile(scene.dsm, cell)
    return found


def table_text(title: str, rows: Rows) -> str:
    lines = [f"### {title}", "", "| statistic | real | synthetic |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {text} | {real} | {made} |" for text, real, made in rows)]) + "\n"


def draw(curves: dict[str, Any], edges: dict[str, Any], folder: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), dpi=80)
    for axis, (name, bins, label) in zip(
        axes,
        (
            ("pitch", np.arange(5, 75, 2.5), "pitch, degrees"),
            ("area", np.arange(0, 500, 20), "roof area, m²"),
        ),
        strict=False,
    ):
        if name in curves:
            for values, text in zip(curves[name], ("rid_roofs", "synthetic"), strict=True):
                axis.hist(values, bins, density=True, histtype="step", label=text)
        axis.set_xlabel(label)
        axis.set_yticks([])
        axis.legend(fontsize=8)
    for name, (steps, profile) in edges.items():
        axes[2].plot(steps, profile, label=name, linestyle="--" if "synthetic" in name else "-")
    axes[2].set_xlabel("metres across a wall")
    axes[2].set_ylabel("share of the step")
    axes[2].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(folder / "realism.png", metadata={"Software": None})


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write docs/realism.md and its plot")
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    if not DATA.is_dir():
        print(f"no real data at {DATA}; set GEOVISION_SHARED", file=sys.stderr)
        return 3
    parts = []
    area = (0.0, 0.0, SIDE_M, SIDE_M)
    for name, (style, knobs) in TWINS.items():
        changes = {**knobs, "every_kind": False}
        scene = synth(area, style=style, seed=options.seed, changes=changes)
        parts.append(table_text(f"{name} and style {style}", cloud_rows(real_cloud(name), made_cloud(scene))))
        print(parts[-1], flush=True)
    scenes = [
        synth(area, style="mixed", seed=options.seed + n, changes={"every_kind": False}, layers=())
        for n in range(4)
    ]
    rows, curves = roof_rows(scenes)
    parts.append(table_text("rid_roofs and style mixed", rows))
    edges = edge_curves(options.seed)
    width = [(f"edge of a DSM: {name}", stats.edge_width(*curve)) for name, curve in edges.items()]
    lines = ["### Edges of height rasters", "", "| raster | from 0.8 to 0.2 of the step, m |", "|---|---|"]
    parts.append("\n".join([*lines, *(f"| {text} | {value:.2f} |" for text, value in width)]) + "\n")
    print("\n".join(parts[-2:]))
    if options.write:
        page = ROOT / "docs" / "realism.md"
        before = page.read_text(encoding="utf-8").partition(START)[0]
        page.write_text(f"{before}{START}\n\n" + "\n".join(parts), encoding="utf-8")
        draw(curves, edges, ROOT / "docs" / "img")
    return 0


if __name__ == "__main__":
    sys.exit(main())
