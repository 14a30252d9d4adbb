"""What is written of buildings, and what that takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from geovision.errors import UsageError
from geovision.formats.attributes import AttributeType
from geovision.formats.tiles3d_place import Globe
from geovision.formats.usd import check_usd
from geovision.procedural.grammar import AUTO, load_facade

__all__ = ["FORMATS", "ON_TERRAIN", "ProductSettings"]

FORMATS: dict[str, str] = {
    "3dtiles": "tiles/tileset.json: 3D Tiles 1.1, buildings and terrain",
    "viewer": "index.html: buildings, ground and points in one page, without a server",
    "preview": "preview.png: the scene from above",
    "report": "report.html: how the run went",
    "cityjson": "buildings.city.json: one CityJSON 2.0 document",
    "cityjsonseq": "buildings.city.jsonl: CityJSON 2.0 features, one a line",
    "parquet": "buildings.parquet, roof_facets.parquet: GeoParquet",
    "gpkg": "buildings.gpkg: both as layers of a GeoPackage",
    "fgb": "buildings.fgb, roof_facets.fgb: FlatGeobuf",
    "glb": "glb/*.glb, glb/terrain/*.glb: a binary glTF for each tile",
    "obj": "obj/*.obj",
    "ply": "ply/*.ply",
    "stl": "stl/*.stl",
    "usdz": "usdz/*.usdz: USD, with the extra geovision[usd]",
}
"""Formats by name, with what they write. Programs and fits are written always."""
ON_TERRAIN = frozenset({"3dtiles", "glb"})
"""Formats that show the ground."""
_DRESSED = frozenset({"cityjson", "cityjsonseq", "viewer"})
"""Formats that show facades too."""


@dataclass(frozen=True)
class ProductSettings:
    """What is written."""

    formats: tuple[str, ...]
    """Names from `FORMATS`."""
    types: Mapping[str, AttributeType]
    """Of the buildings' own attributes, over all batches."""
    crs: str | None = None
    """Of the coordinates."""
    solid_crs: str | None = None
    """The same with the height system, where it is known; for CityJSON and 3D Tiles."""
    lod: str = "2.2"
    merged: bool = False
    """One mesh file for all buildings instead of one a tile."""
    geoid: float | None = None
    """Height of the geoid above the ellipsoid, for 3D Tiles; by default PROJ's, where it has the grid."""
    terrain: bool = True
    """Terrain in 3D Tiles and GLB, where the buildings have a scene; walls go down to it there, and wherever
    they have facades."""
    textures: bool | None = None
    """Roofs from the photo in 3D Tiles and GLB, where the scene has one; None leaves roofs their materials
    where there are facades."""
    facades: str | None = None
    """Style of buildings that name none, or "auto": facades and materials in 3D Tiles, GLB and CityJSON, with
    the colours of roofs that the photo shows. None leaves walls plain."""
    lod3: Literal["instanced", "full"] = "instanced"
    """How 3D Tiles and GLB have facades. CityJSON has them as geometry."""
    title: str = "Buildings"
    threads: int = 0

    @property
    def crs_of_solids(self) -> str | None:
        """With the height system where it is known."""
        return self.solid_crs or self.crs

    @property
    def needs_terrain(self) -> bool:
        """Whether a format shows it, or walls that stand on it."""
        return self.terrain and bool(self._with_surroundings.intersection(self.formats))

    @property
    def needs_photo(self) -> bool:
        """Whether a format shows it, on the ground or on roofs."""
        shown = self.terrain or self.textures is not False or self.facades is not None
        return shown and bool(self._with_surroundings.intersection(self.formats))

    @property
    def _with_surroundings(self) -> frozenset[str]:
        """Formats that show more of a scene than its buildings."""
        return ON_TERRAIN if self.facades is None else ON_TERRAIN | _DRESSED

    def check(self) -> None:
        """Refuse what could not be written, before any work is done."""
        for name in self.formats:
            if name not in FORMATS:
                raise UsageError(f"format {name!r}", "is not known", f"Use some of {', '.join(FORMATS)}")
        if "usdz" in self.formats:
            check_usd()
        if self.facades not in (None, AUTO):
            load_facade(self.facades)
        if "3dtiles" in self.formats:
            if self.crs is None:
                raise UsageError(
                    "3D Tiles", "need a CRS: they stand on the globe", "Give one, or another format"
                )
            Globe(self.crs_of_solids, self.geoid)
