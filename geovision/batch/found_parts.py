"""Buildings that were found, because no footprints were given: kept with the run, for all who need them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geovision.batch.config import DetectConfig
from geovision.pipeline.found import Found, found_buildings
from geovision.sources import Scene, open_scene

if TYPE_CHECKING:
    from geovision.batch.planning import PlanProgress
    from geovision.pipeline.detect import Detected

__all__ = ["found_facts", "opened_found", "planned_scene"]


def opened_found(scene: Scene, facts: Mapping[str, Any] | None, inputs: Path) -> Found:
    """The scene as `found_buildings` gives it, from what was found when the run was planned.

    Args:
        scene: with its sources, and any footprints.
        facts: of the plan, about what was found; None where outlines were given.
        inputs: where inferred heights lie.
    """
    if facts is None:
        return Found(scene)
    from geovision.pipeline.detect import Detected

    detected = Detected(
        scene.footprints, facts["model"], tuple(facts["groups"]), facts["cell_m"], facts["threshold"]
    )
    if not facts["heights"]:
        return Found(scene, detected)
    sigma = open_scene(ndsm=str(inputs / "sigma.tif"), target_crs=scene.crs.to_wkt(), threads=1)
    return Found(scene, detected, sigma)


def found_facts(detected: Detected, *, heights: bool) -> dict[str, Any]:
    """What a plan says of it."""
    return {
        "model": detected.model,
        "groups": list(detected.groups),
        "cell_m": detected.cell_m,
        "threshold": detected.threshold,
        "heights": heights,
    }


@contextmanager
def planned_scene(
    scene: Scene, settings: DetectConfig, inputs: Path, report: Callable[[PlanProgress], None]
) -> Iterator[tuple[Scene, dict[str, Any] | None]]:
    """The scene with outlines, and what was found where none were given; files of it are kept in `inputs`.

    Args:
        scene: as opened.
        settings: how buildings are found.
        inputs: where estimated ground and inferred heights are kept.
        report: called now and then.
    """
    if scene.has_footprints:
        yield scene, None
        return
    from geovision.batch.planning import PlanProgress
    from geovision.pipeline.detect import DetectProgress, DetectSettings

    def looked(state: DetectProgress) -> None:
        report(PlanProgress("finding buildings", state.done, state.total))

    wanted = DetectSettings(
        model=settings.model or None,
        threshold=settings.threshold,
        min_area_m2=settings.min_area_m2,
        rows=settings.rows,
        threads=0,
    )
    with found_buildings(scene, wanted, progress=looked, keep=inputs) as found:
        assert found.detected is not None
        yield found.scene, found_facts(found.detected, heights=found.sigma is not None)
