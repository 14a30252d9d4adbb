"""Building in memory: measurements and footprints in, programs with their fits and solids out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from geovision.formats.attributes import attribute_types
from geovision.inverse.placement import Place
from geovision.mesh import Solids, mesh
from geovision.model.evidence import Evidence
from geovision.model.fit import FitTable
from geovision.model.kinds import RoofKind
from geovision.model.table import ProgramTable
from geovision.pipeline.build_to import BuildSummary, publish_buildings
from geovision.pipeline.fit import Fitted, fit
from geovision.pipeline.products import ProductSettings

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

    from geovision.sources import Footprints, PointBlock

__all__ = ["Built", "build"]


@dataclass(frozen=True)
class Built:
    """Buildings with all that is known of them, in one order."""

    programs: ProgramTable
    fits: FitTable
    solids: Solids
    """At level 2.2; `geovision.mesh(built.programs, lod=...)` makes others."""
    crs: str | None = None
    problems: list[str] = field(default_factory=list)
    """Footprints that could not be used, and buildings that could not be fitted, with the reason."""

    def __len__(self) -> int:
        return len(self.programs)

    def write(
        self,
        out: str | Path,
        *,
        formats: Sequence[str] = ("cityjsonseq", "parquet"),
        lod: str = "2.2",
        merged: bool = True,
        geoid: float | None = None,
        title: str = "Buildings",
        overwrite: bool = False,
        threads: int = 0,
    ) -> BuildSummary:
        """Publish the buildings as a folder, as `build_to` does; the arguments are the same."""
        settings = ProductSettings(
            tuple(dict.fromkeys(formats)),
            types=attribute_types(self.programs.attributes, self.programs.ids),
            crs=self.crs,
            lod=lod,
            merged=merged,
            geoid=geoid,
            title=title,
            threads=threads,
        )
        batch = Fitted(self.programs, self.fits, self.solids, self.problems)
        summary = BuildSummary(out=Path(out), crs=self.crs)
        return publish_buildings(
            [("all", [batch])], out, settings, summary, total=len(self), overwrite=overwrite
        )


def build(
    evidence: Evidence | Iterable[Evidence] | PointBlock | NDArray[Any],
    footprints: Footprints | GeoDataFrame | None = None,
    *,
    kinds: Collection[RoofKind | str] | None = None,
    place: Place = "footprints",
    roofs: str | Path | None = None,
    crs: str | None = None,
    on_error: Literal["raise", "record"] = "record",
    threads: int = 0,
) -> Built:
    """Fit every building, and make its solid.

    Args:
        evidence: one `Evidence` or many; or points, as an array [n, 3] or a `PointBlock` with classes.
        footprints: with points: a GeoDataFrame (its `id` column names the buildings) or `Footprints`, in the
            metric CRS of the points.
        kinds: roof kinds to choose from, such as ["flat", "gabled"]; all if left out.
        place: what keeps its place where points lie shifted against a footprint, as for `fit`.
        roofs: name or path of a roof network whose proposals are tried too.
        crs: CRS of the coordinates, which files state; by default that of the footprints.
        on_error: "record" lists what could not be used in `Built.problems`; "raise" stops at the first.
        threads: 0 for all cores. The result does not depend on it.

    >>> import geopandas, shapely
    >>> points = [(x / 2, y / 2, 8 - abs(y / 2 - 3)) for x in range(21) for y in range(13)]
    >>> houses = geopandas.GeoDataFrame({"id": ["1"]}, geometry=[shapely.box(0, 0, 10, 6)], crs="EPSG:28992")
    >>> built = build(points, houses)
    >>> built.fits[0].kind, built.solids[0].status.name, built.crs
    ('gabled', 'OK', 'EPSG:28992')
    """
    if footprints is not None and crs is None and footprints.crs is not None:
        crs = footprints.crs if isinstance(footprints.crs, str) else footprints.crs.to_string()
    options: dict[str, Any] = {"kinds": kinds, "place": place, "roofs": roofs}
    fitted = fit(evidence, footprints, on_error=on_error, threads=threads, **options)
    solids = fitted.solids
    if solids is None:
        solids = mesh(fitted.programs, threads=threads, on_error="record")
    return Built(fitted.programs, fitted.fits, solids, crs, fitted.problems)
