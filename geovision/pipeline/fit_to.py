"""The streaming job behind `geovision fit`: files in, programs with their fits and a model file out."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from geovision.errors import UsageError
from geovision.formats.attributes import building_columns, fits_columns
from geovision.formats.cityjson import CityJSONSeqWriter, open_cityjsonseq
from geovision.formats.parquet import open_parquet
from geovision.inverse.placement import Place
from geovision.mesh import mesh
from geovision.model.fit import FitTable
from geovision.model.kinds import RoofKind
from geovision.model.table import ProgramTable
from geovision.pipeline.fit import Fitted, iter_fit
from geovision.pipeline.found import Found, found_buildings
from geovision.pipeline.tally import FitTally

if TYPE_CHECKING:
    from geovision.pipeline.detect import DetectSettings
    from geovision.sources import Scene

__all__ = ["FitProgress", "FitSummary", "fit_to", "fits_path"]

MODELS = (".city.jsonl",)


@dataclass(frozen=True)
class FitProgress:
    """Where the job stands."""

    done: int
    total: int
    failures: int


@dataclass
class FitSummary(FitTally):
    """What `fit_to` wrote."""

    out: Path = Path()
    seconds: float = 0.0
    files: tuple[str, ...] = ()
    crs: str | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "out": str(self.out),
            **self.counts(),
            "seconds": round(self.seconds, 3),
            "files": list(self.files),
            "crs": self.crs,
            "problems": self.problems,
            "notes": list(self.notes),
        }


def fit_to(
    scene: Scene,
    out: str | Path,
    *,
    models: str | Path | None = None,
    kinds: Collection[RoofKind | str] | None = None,
    place: Place = "both",
    find: DetectSettings | None = None,
    roofs: str | Path | None = None,
    lod: str = "2.2",
    on_error: Literal["raise", "record"] = "record",
    threads: int = 0,
    progress: Callable[[FitProgress], None] | None = None,
) -> FitSummary:
    """Fit every building of a scene; memory follows a tile, not the scene.

    Writes `out` (programs, .parquet), the fits beside it (see `fits_path`), and with `models` the solids as
    CityJSONSeq. Each file appears whole or not at all, and depends on the scene alone: not on `threads`.

    Args:
        scene: from `open_scene`, with footprints and with points, heights or both; buildings are found first
            where it has no footprints.
        out: .parquet file for the programs.
        models: .city.jsonl file for the solids.
        kinds: roof kinds to choose from; all if left out.
        place: "both", "footprints" or "points": what keeps its place where they lie shifted; see `fit`.
        find: how buildings are found where there are no footprints.
        roofs: name or path of a roof network whose proposals are tried too.
        lod: level of detail of the solids.
        on_error: "record" lists buildings that could not be fitted; "raise" stops at the first.
        threads: 0 for all cores.
        progress: called after each batch.
    """
    target = Path(out)
    if target.suffix.lower() not in (".parquet", ".pq"):
        raise UsageError(str(out), "is no Parquet file", "Give a name that ends in .parquet")
    if models is not None and not str(models).lower().endswith(MODELS):
        raise UsageError(str(models), "is no CityJSONSeq file", "Give a name that ends in .city.jsonl")
    started = time.monotonic()
    with found_buildings(scene, find) as found:
        summary = _fit_found(found, target, models, kinds, place, roofs, lod, on_error, threads, progress)
    summary.seconds = time.monotonic() - started
    written = [target, fits_path(target), *([] if models is None else [Path(models)])]
    summary.files = tuple(str(path) for path in written)
    return summary


def _fit_found(
    found: Found,
    target: Path,
    models: str | Path | None,
    kinds: Collection[RoofKind | str] | None,
    place: Place,
    roofs: str | Path | None,
    lod: str,
    on_error: Literal["raise", "record"],
    threads: int,
    progress: Callable[[FitProgress], None] | None,
) -> FitSummary:
    scene = found.scene
    crs = scene.crs.to_string()
    summary = FitSummary(out=target, crs=crs, notes=scene.notes)
    total = len(scene.footprints)
    summary.problems += [str(problem) for problem in scene.footprints.problems]
    if not (scene.can_read("dsm") or scene.can_read("ndsm")):
        summary.notes += ("neither points nor heights were given: attributes, or a guess, give the heights",)
    with ExitStack() as stack:
        writer = None if models is None else stack.enter_context(open_cityjsonseq(models, crs=crs, lod=lod))
        programs = stack.enter_context(open_parquet(target, ProgramTable.empty().to_arrow().schema))
        fits = stack.enter_context(open_parquet(fits_path(target), FitTable([]).to_arrow().schema))
        options: dict[str, Any] = {"kinds": kinds, "place": place, "roofs": roofs}
        batches = iter_fit(_evidence(found), on_error=on_error, threads=threads, **options)
        for fitted in found.marked(batches):
            programs.write_table(fitted.programs.to_arrow())
            fits.write_table(fitted.fits.to_arrow())
            if writer is not None:
                _write_models(writer, fitted, lod, threads)
            summary.add(fitted)
            if progress is not None:
                progress(FitProgress(summary.buildings, total, len(summary.problems)))
    return summary


def fits_path(programs: str | Path) -> Path:
    """Where the fits of a file of programs are kept.

    >>> fits_path("out/town.parquet").name
    'town.fits.parquet'
    """
    path = Path(programs)
    return path.with_name(f"{path.stem}.fits{path.suffix}")


def _evidence(found: Found) -> Iterator[Any]:
    for tile in found.scene.tiles():
        yield from found.evidence(tile)


def _write_models(writer: CityJSONSeqWriter, fitted: Fitted, lod: str, threads: int) -> None:
    solids = fitted.solids
    if solids is None or lod != "2.2":
        solids = mesh(fitted.programs, lod=lod, threads=threads, on_error="record")
    writer.write(solids, building_columns(fitted.programs) | fits_columns(list(fitted.fits)))
