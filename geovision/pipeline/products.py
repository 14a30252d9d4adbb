"""The files that a folder of buildings can hold, written batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from geovision.formats.attributes import (
    PROGRAM,
    AttributeType,
    building_columns,
    column_types,
    facts_columns,
    fits_columns,
)
from geovision.formats.cityjson import cityjson_from_seq, open_cityjsonseq
from geovision.formats.geotables import open_geotable, write_flatgeobuf, write_geopackage
from geovision.formats.outlines import building_facts, building_outlines, roof_facets
from geovision.formats.parquet import open_parquet
from geovision.formats.programs import iter_programs
from geovision.formats.terrain_glb import TERRAIN, TerrainFiles, TerrainSink, write_terrain
from geovision.formats.tiles3d import write_3dtiles
from geovision.formats.tiles3d_place import Globe
from geovision.formats.tiles3d_terrain import TerrainTiles, write_joined_tileset
from geovision.formats.usd import write_usd
from geovision.mesh import Solids, mesh
from geovision.mesh.foundations import with_foundations
from geovision.model.fit import FitTable
from geovision.model.labels import Label
from geovision.model.table import ProgramTable
from geovision.pipeline.dressed_files import known_programs, write_dressed_glbs, write_dressed_seq
from geovision.pipeline.dresser import (
    FACADE_BASE,
    ROOF_COLOUR,
    FacadeDresser,
    Neighbourhood,
    with_roof_colours,
)
from geovision.pipeline.ground import Surroundings, terrain_of_programs
from geovision.pipeline.product_settings import FORMATS, ON_TERRAIN, ProductSettings
from geovision.pipeline.sinks import open_program_sink
from geovision.pipeline.timings import Timings
from geovision.pipeline.web_view import write_view
from geovision.quality.scene_page import scene_page_png

__all__ = ["FORMATS", "ProductSettings", "Products"]

_BUILDINGS = "buildings"
_PER_TILE, _PER_PHOTO = 2000, 500
"""Buildings of a leaf of 3D Tiles: fewer where one picture has to hold their roofs."""
_MESHES = ("glb", "obj", "ply", "stl", "usdz")
_DIGITS = 3
_FACET_TYPES: dict[str, AttributeType] = {
    "building": "text",
    "facet": "int",
    "surface": "int",
    "part": "int",
    "label": "text",
    "slope_deg": "float",
    "azimuth_deg": "float",
    "area": "float",
    "plan_area": "float",
}


class Products:
    """Writers of all wanted formats in one folder; used as a context, which closes the files.

    Args:
        folder: where the files go.
        settings: which, and how.
        timings: where the time is counted.
        around: what the buildings stand in; it must stay open until `finish` is done.
    """

    def __init__(
        self, folder: Path, settings: ProductSettings, timings: Timings, around: Surroundings | None = None
    ) -> None:
        self.folder = folder
        self.failures: list[str] = []
        """Buildings without a solid, with the reason."""
        self.notes: list[str] = []
        """What was assumed."""
        self._timings = timings
        self._around = around or Surroundings()
        dressed = settings.facades is not None
        self._coloured = dressed and self._around.photo is not None
        if self._coloured:
            settings = replace(settings, types={**settings.types, ROOF_COLOUR: "text"})
        self._settings = settings
        wanted = not dressed if settings.textures is None else settings.textures
        self._roof_photo = self._around.photo if wanted else None
        self._dressed = dressed
        self._formats = frozenset(settings.formats)
        self._tile: list[tuple[ProgramTable, dict[str, list[Any]]]] = []
        # With facades these are written when all buildings are known, from what the tables know of them.
        self._seq = bool(self._formats & {"cityjson", "cityjsonseq"})
        self._meshes = self._formats.intersection(_MESHES) - ({"glb"} if dressed else set())
        self._tables = bool(self._formats & {"parquet", "gpkg", "fgb", "3dtiles", "viewer"})
        self._tables |= dressed and bool(self._formats & {"glb", "cityjson", "cityjsonseq"})
        self._counts: list[tuple[str, int]] = []
        self._rows = 0

    def __enter__(self) -> Products:
        self._stack = ExitStack()
        with ExitStack() as stack:
            self._programs = stack.enter_context(open_program_sink(self.folder, "parquet"))
            fits = open_parquet(self.folder / "programs.fits.parquet", FitTable([]).to_arrow().schema)
            self._fits = stack.enter_context(fits)
            if self._seq and not self._dressed:
                path = self.folder / "buildings.city.jsonl"
                self._features = stack.enter_context(
                    open_cityjsonseq(
                        path,
                        crs=self._settings.crs_of_solids,
                        lod=self._settings.lod,
                        threads=self._settings.threads,
                    )
                )
            if self._tables:
                self._open_tables(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> bool | None:
        return self._stack.__exit__(*error)

    def _open_tables(self, stack: ExitStack) -> None:
        columns: dict[str, AttributeType] = {"id": "text", **column_types(self._settings.types, fits=True)}
        buildings = open_geotable(self.folder / "buildings.parquet", columns, crs=self._settings.crs)
        self._buildings = stack.enter_context(buildings)
        facets = open_geotable(self.folder / "roof_facets.parquet", _FACET_TYPES, crs=self._settings.crs)
        self._facets = stack.enter_context(facets)

    def add(self, table: ProgramTable, fits: FitTable, solids: Solids | None = None) -> None:
        """Write the buildings of a batch.

        Args:
            table: programs.
            fits: their fits.
            solids: theirs at level 2.2 with polygons, where they are at hand.
        """
        settings = self._settings
        if self._coloured and self._around.photo is not None:
            with self._timings.stage("colours"):
                seen = solids or mesh(table, lod="2.2", threads=settings.threads, on_error="record")
                table = with_roof_colours(table, seen, self._around.photo)
        self._programs(table)
        self._fits.write_table(fits.to_arrow())
        if solids is None or settings.lod != "2.2":
            with self._timings.stage("mesh"):
                solids = mesh(
                    table, lod=self._settings.lod, threads=self._settings.threads, on_error="record"
                )
        with self._timings.stage("columns"):
            own = building_columns(table, self._settings.types)
            columns = own | facts_columns(building_facts(solids)) | fits_columns(fits)
        self.failures += [f"building {one.id!r}: {one.message}" for one in solids.failures]
        if self._seq and not self._dressed:
            with self._timings.stage("cityjsonseq"):
                self._features.write(solids, columns | {PROGRAM: table.to_dicts()})
        if self._tables:
            with self._timings.stage("tables"):
                self._add_rows(solids, columns)
        if self._meshes:
            self._tile.append((table, columns))
        self._rows += len(table)

    def end_tile(self, name: str) -> None:
        """Write the mesh files of the batches since the last tile."""
        self._counts.append((name, self._rows))
        self._rows = 0
        if not self._settings.merged:
            self._write_meshes({kind: self.folder / kind / f"{name}.{kind}" for kind in _MESHES})

    def finish(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Write what needs all buildings; call it once the context is left.

        Args:
            progress: called with buildings put into tiles and in all.
        """
        settings = self._settings
        programs, features = self.folder / "programs.parquet", self.folder / "buildings.city.jsonl"
        tables = {name: self.folder / f"{name}.parquet" for name in ("buildings", "roof_facets")}
        dresser = self._finish_facades(programs, tables["buildings"], features) if self._dressed else None
        if settings.merged:
            self._write_meshes({kind: self.folder / f"buildings.{kind}" for kind in _MESHES})
        if "cityjson" in self._formats:
            with self._timings.stage("cityjson"):
                cityjson_from_seq(features, self.folder / "buildings.city.json")
            if "cityjsonseq" not in self._formats:
                features.unlink()
        with self._timings.stage("tables"):
            if "gpkg" in self._formats:
                write_geopackage(self.folder / "buildings.gpkg", tables)
            if "fgb" in self._formats:
                for name, source in tables.items():
                    write_flatgeobuf(self.folder / f"{name}.fgb", source)
        if "3dtiles" in self._formats:
            with self._timings.stage("3dtiles"):
                self._write_tiles(programs, tables["buildings"], dresser, progress)
        if settings.terrain and ON_TERRAIN & self._formats and self._around.scene is not None:
            with self._timings.stage("terrain"):
                self._write_terrain(programs)
        if "3dtiles" in self._formats:
            self._join_tiles()
        if "preview" in self._formats:
            with self._timings.stage("preview"):
                scene_page_png(
                    self.folder / "preview.png",
                    programs,
                    title=settings.title,
                    crs=settings.crs,
                    threads=settings.threads,
                )
        if "viewer" in self._formats:
            with self._timings.stage("viewer"):
                write_view(
                    self.folder / "index.html",
                    programs,
                    tables["buildings"],
                    title=settings.title,
                    crs=settings.crs,
                    scene=self._around.scene,
                    links={"report": "report.html"} if "report" in self._formats else {},
                    dresser=dresser,
                    threads=settings.threads,
                )
        if self._tables and "parquet" not in self._formats:
            for source in tables.values():
                source.unlink()

    def _finish_facades(self, programs: Path, columns: Path, features: Path) -> FacadeDresser:
        """Write what shows them beside 3D Tiles and the page, and say how many there are."""
        settings, around = self._settings, self._around
        with self._timings.stage("facades"):
            near = Neighbourhood.of_programs(
                iter_programs(programs), around.terrain, threads=settings.threads
            )
            streets = None if around.scene is None else around.scene.streets
            dresser = FacadeDresser(settings.facades, settings.lod3, near, around.terrain, streets)
            self.notes += [dresser.count(iter_programs(programs)), *dresser.notes]
        if self._seq:
            with self._timings.stage("cityjsonseq"):
                crs = settings.crs_of_solids
                write_dressed_seq(features, programs, columns, dresser, crs=crs, threads=settings.threads)
        if "glb" in self._formats:
            with self._timings.stage("meshes"):
                paths = [(self.folder / "glb" / f"{name}.glb", count) for name, count in self._counts]
                if settings.merged:
                    paths = [(self.folder / "buildings.glb", sum(count for _, count in self._counts))]
                write_dressed_glbs(
                    paths,
                    programs,
                    columns,
                    dresser,
                    photo=self._roof_photo,
                    crs=settings.crs,
                    threads=settings.threads,
                )
        return dresser

    def _write_tiles(
        self,
        programs: Path,
        columns: Path,
        dresser: FacadeDresser | None,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        summary = write_3dtiles(
            self.folder / "tiles" / _BUILDINGS,
            known_programs(programs, columns),
            crs=self._settings.crs_of_solids,
            geoid=self._settings.geoid,
            floor=None if self._around.terrain is None else self._around.terrain.lowest,
            photo=self._roof_photo,
            per_tile=_PER_TILE if self._roof_photo is None and dresser is None else _PER_PHOTO,
            dresser=dresser,
            lods=("1.1", "2.2" if dresser is None else FACADE_BASE),
            threads=self._settings.threads,
            progress=progress,
        )
        self.notes += [f"3D Tiles: {text}" for text in summary.warnings]

    def _write_terrain(self, programs: Path) -> None:
        settings, sinks = self._settings, list[TerrainSink]()
        if "3dtiles" in self._formats:
            globe = Globe(settings.crs_of_solids, settings.geoid)
            sinks.append(TerrainTiles(self.folder / "tiles" / TERRAIN, globe))
        if "glb" in self._formats:
            name = f"{TERRAIN}.glb" if settings.merged else f"glb/{TERRAIN}"
            sinks.append(TerrainFiles(self.folder / name, merged=settings.merged, crs=settings.crs))
        with ExitStack() as stack:
            terrain = self._around.terrain
            if terrain is None:
                terrain = stack.enter_context(terrain_of_programs(iter_programs(programs)))
            made = write_terrain(terrain, sinks, self._around.photo)
        if made and self._around.terrain is None:
            self.notes.append("terrain: the scene has no ground, so it is made of that under the buildings")

    def _join_tiles(self) -> None:
        folder = self.folder / "tiles"
        layers = {name: f"{name}/tileset.json" for name in (_BUILDINGS, TERRAIN)}
        there = {name: uri for name, uri in layers.items() if (folder / uri).is_file()}
        write_joined_tileset(folder, there, {"crs": self._settings.crs_of_solids})

    def _add_rows(self, solids: Solids, columns: Mapping[str, list[Any]]) -> None:
        self._buildings.write(building_outlines(solids), {"id": solids.ids, **columns})
        found = roof_facets(solids)
        ids = np.array(solids.ids, object)
        first = np.searchsorted(found.building, found.building)
        self._facets.write(
            found.geometry,
            {
                "building": ids[found.building],
                "facet": np.arange(len(found.building)) - first,
                "surface": found.surface,
                "part": found.part,
                "label": np.array([label.name.lower() for label in Label], object)[found.label],
                "slope_deg": found.slope_deg.round(_DIGITS),
                "azimuth_deg": found.azimuth_deg.round(_DIGITS),
                "area": found.area_m2.round(_DIGITS),
                "plan_area": found.plan_area_m2.round(_DIGITS),
            },
        )

    def _write_meshes(self, paths: Mapping[str, Path]) -> None:
        from geovision.formats.glb import write_glb
        from geovision.formats.meshes import write_mesh

        settings = self._settings
        batches, self._tile = self._tile, []
        if not batches:
            return
        with self._timings.stage("meshes"):
            table = ProgramTable.concat([table for table, _ in batches])
            columns = {name: [v for _, c in batches for v in c[name]] for name in batches[0][1]}
            solids = mesh(
                table,
                lod=self._settings.lod,
                threads=self._settings.threads,
                on_error="record",
                polygons=False,
            )
            floor = self._around.lowest(table)
            for kind in sorted(self._meshes):
                paths[kind].parent.mkdir(exist_ok=True)
                if kind == "glb":
                    write_glb(
                        paths[kind],
                        solids if floor is None else with_foundations(solids, floor),
                        attributes=columns,
                        crs=self._settings.crs,
                        photo=self._roof_photo,
                        threads=self._settings.threads,
                    )
                elif kind == "usdz":
                    write_usd(paths[kind], solids, attributes=columns, crs=settings.crs)
                else:
                    write_mesh(paths[kind], solids, crs=settings.crs)
