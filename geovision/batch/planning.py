"""From a configuration to a plan: tiles, what each depends on, what all will take, and whether it can run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geovision._version import __version__
from geovision.batch.config import BatchConfig
from geovision.batch.estimates import tile_bytes, tile_points, whole_estimate, work_of
from geovision.batch.found_parts import planned_scene
from geovision.batch.inputs import digest_of_footprints, write_footprint_parts
from geovision.batch.plan_file import Plan, content_hash, load_plan, save_plan
from geovision.batch.preflight import check_place
from geovision.batch.run_folder import RunFolder
from geovision.batch.scene_parts import TileInput, plain_spec, scene_facts, source_pieces, tile_inputs
from geovision.batch.source_files import fingerprint, mark_of
from geovision.errors import GeovisionError, InputError, OutputError
from geovision.formats.attributes import attribute_types
from geovision.procedural.grammar import AUTO, load_facade
from geovision.sources.height_system import compound_name, stated_heights
from geovision.sources.opening import open_spec
from geovision.sources.scene_file import (
    SceneSpec,
    expand_paths,
    load_scene_file,
    make_spec,
    relative_to,
    within,
)

if TYPE_CHECKING:
    from geovision.sources import Footprints, Scene

__all__ = ["PlanProgress", "open_config_scene", "plan"]


@dataclass(frozen=True)
class PlanProgress:
    """Where planning stands."""

    stage: str
    """reading, finding buildings, fingerprints, tiles."""
    done: int
    total: int


def plan(
    config: BatchConfig,
    out: str | Path,
    *,
    job: str = "build",
    progress: Callable[[PlanProgress], None] | None = None,
) -> Plan:
    """Make, or make anew, the plan of a run.

    Planning again after an input, the configuration or the version has changed keeps what is done: a tile is
    done again where something that decides its bytes has changed, and nowhere else.

    Args:
        config: from `load_config`.
        out: folder of the run; it is made.
        job: what is done with a tile.
        progress: called now and then.
    """
    report = progress or (lambda state: None)
    # Here and not where a configuration is read: the supervisor reads it too, and loads nothing native.
    if config.publish.facades not in ("", AUTO):
        load_facade(config.publish.facades)
    folder = RunFolder(Path(out))
    try:
        folder.inputs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"run {out}", f"cannot be made ({error.strerror})", "Check the rights") from error
    with folder.hold():
        report(PlanProgress("reading", 0, 0))
        scene, names = open_config_scene(config)
        with planned_scene(scene, config.detect, folder.inputs, report) as (grown, found):
            made = _plan(config, grown, names, found, folder, job, report)
        facts = check_place(folder, made)
        made = Plan(**{**vars(made), "facts": {**made.facts, **facts}})
        save_plan(folder.plan_path, made)
    return made


def open_config_scene(config: BatchConfig) -> tuple[Scene, list[str]]:
    """The scene of a configuration, and the files of its footprints."""
    if isinstance(config.scene, dict):
        spec = relative_to(make_spec(config.scene, "configuration, table scene"), Path.cwd())
        scene = open_spec(spec, threads=1)
    else:
        spec = relative_to(load_scene_file(config.scene), Path.cwd())
        with within(config.scene):
            scene = open_spec(spec, threads=1)
    return scene, _footprint_files(scene, spec)


def _footprint_files(scene: Scene, spec: SceneSpec) -> list[str]:
    """Also those that were recognised among sources without a role."""
    from geovision.sources.roles import VECTOR_SUFFIXES

    if not scene.has_footprints:
        return []
    if spec.footprints is not None:
        return [str(name) for name in spec.footprints.files]
    return [
        str(name)
        for name in expand_paths(spec.sources, VECTOR_SUFFIXES, "source")
        if Path(str(name)).suffix.lower() in VECTOR_SUFFIXES
    ][:1]


def _plan(
    config: BatchConfig,
    scene: Scene,
    names: list[str],
    found: Mapping[str, Any] | None,
    folder: RunFolder,
    job: str,
    report: Callable[[PlanProgress], None],
) -> Plan:
    footprints = scene.footprints
    pieces = source_pieces(scene, names)
    known = _known(folder)
    sources = []
    for number, piece in enumerate(pieces):
        report(PlanProgress("fingerprints", number, len(pieces)))
        sources.append({"role": piece.role, **fingerprint(piece.name, config.fingerprint, known)})
    crs = scene.crs.to_string()
    head: dict[str, Any] = {
        "spec": plain_spec(scene),
        "facts": scene_facts(scene),
        "found": found,
        "solid_crs": compound_name(crs, config.publish.heights or stated_heights(scene)),
        "types": attribute_types(footprints.attributes, footprints.ids),
        "network": _network(config),
    }
    same = content_hash([__version__, job, crs, _deciding(head), config.build.model_dump(mode="json")])
    tiles: dict[str, list[Any]] = {name: [] for name in ("column", "row", "buildings", "bytes", "digest")}
    touched: list[list[int]] = []
    read: list[float] = []

    def parts() -> Iterator[Footprints]:
        """The footprints of each tile, while the rest of it goes into columns: few are held at once."""
        for number, tile in enumerate(tile_inputs(scene, config.tile_m, pieces)):
            report(PlanProgress("tiles", number, 0))
            marks = [[pieces[i].role, mark_of(sources[i])] for i in tile.pieces]
            tiles["column"].append(tile.key.column)
            tiles["row"].append(tile.key.row)
            tiles["buildings"].append(tile.owned)
            tiles["bytes"].append(tile_bytes(tile.owned, config.build.formats))
            tiles["digest"].append(_digest(same, config, tile, marks))
            touched.append(list(tile.pieces))
            read.append(tile_points(tile, pieces))
            yield tile.footprints

    write_footprint_parts(folder.inputs / "footprints.arrow", parts(), footprints.crs)
    write_footprint_parts(folder.inputs / "all.arrow", [footprints], footprints.crs)
    head |= {"sources": sources, "touched": touched}
    return Plan(
        __version__,
        config,
        job,
        crs,
        head,
        tuple(sources),
        whole_estimate(tiles, work_of(scene), read, config.build.formats),
        tiles,
        scene.notes,
        tuple(str(problem) for problem in footprints.problems),
    )


def _digest(same: str, config: BatchConfig, tile: TileInput, marks: list[list[str]]) -> str:
    """Of all that decides the bytes of a tile."""
    where = [*tile.key, config.tile_m, tile.owned, *tile.area]
    return content_hash([same, where, digest_of_footprints(tile.footprints), marks])[:16]


def _deciding(head: Mapping[str, Any]) -> dict[str, Any]:
    """What of the head decides bytes: not where files lie, nor how much may be read of them."""
    spec = {
        name: {key: value for key, value in role.items() if key != "files"}
        for name, role in head["spec"].items()
        if isinstance(role, dict) and "files" in role and name not in ("image", "streets")
    }
    crs = {name: head["spec"][name] for name in ("crs", "target_crs")}
    found = head["found"]
    return {**head, "spec": {**spec, **crs}, "found": found}


def _network(config: BatchConfig) -> dict[str, str] | None:
    if not config.build.roofs:
        return None
    from geovision.batch.build_job import network_fact

    return network_fact(config.build.roofs)


def _known(folder: RunFolder) -> dict[str, Mapping[str, Any]]:
    """Fingerprints of an earlier plan; one that cannot be read knows nothing."""
    try:
        return {str(one["name"]): one for one in load_plan(folder.plan_path).sources}
    except (GeovisionError, InputError):
        return {}
