"""Scores on synthetic scenes with unseen seeds, where everything is known: roof kinds and heights too."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
from detect_areas import Looked, score
from numpy.typing import NDArray

from geovision.pipeline.synth import stream
from geovision.vision.data.tile import NO_KIND, tile_of_patch
from geovision.vision.infer import make_plan, predict_array
from geovision.vision.inputs import stack
from geovision.vision.relief import RELIEF, Relief
from geovision.vision.store import default_model, load_card

SEED = 987_654_321
"""No training stream has it."""
SIZE, CELL_M = 256, 0.3


def score_synthetic(
    model: str | None, groups: Sequence[str], *, scenes: int, style: str
) -> tuple[dict[str, Any], bool, str]:
    """IoU, boundary IoU, kinds and heights over patches, each of a scene of its own."""
    run, threshold, name = _runner(model)
    looked, kinds, heights, everywhere = [], [], [], []
    for patch in islice(stream(style=style, seed=SEED, size=SIZE, cell_m=CELL_M), scenes):
        tile = tile_of_patch(patch.cell_m, patch.image, patch.dsm, patch.dtm, patch.labels, patch.roads)
        given: dict[str, NDArray[Any]] = {}
        assert tile.image is not None
        assert tile.ndsm is not None
        if "rgb" in groups:
            given["rgb"] = tile.image[:3]
        if "nir" in groups:
            given["nir"] = tile.image[3:4]
        if "ndsm" in groups:
            given["ndsm"] = tile.ndsm
        outputs = run(stack(given))
        truth = tile.ids >= 0
        nothing = np.zeros(0, object)
        looked.append(
            Looked(
                str(patch.seed),
                CELL_M,
                outputs["probability"],
                truth,
                np.asarray(tile.known, bool),
                threshold,
                nothing,
                np.zeros(0),
                nothing,
            )
        )
        if "kind" in outputs and tile.kind is not None:
            kinds.append(_kinds(outputs["kind"], np.asarray(tile.kind), np.asarray(tile.ids)))
        if "height" in outputs and tile.height is not None:
            true = np.asarray(tile.height, np.float32)
            error = np.abs(outputs["height"][..., 0] - true)
            heights.append(error[truth & np.isfinite(true)])
            everywhere.append(error[np.isfinite(true)])
    result = {"place": f"{scenes} synthetic patches, style {style}, {'+'.join(groups)}", "weights": name}
    result |= score(looked, outlines=False)
    if kinds:
        right = np.concatenate(kinds)
        result |= {"kind_right": float(right.mean()), "roofs": len(right)}
    if heights and "ndsm" not in groups:
        result["height_mae_m"] = float(np.concatenate(heights).mean())
        result["height_mae_with_ground_m"] = float(np.concatenate(everywhere).mean())
    passed = result["iou"] >= 0.93 and result["boundary_iou_1m"] >= 0.80
    passed &= result.get("kind_right", 1.0) >= 0.95 and result.get("height_mae_m", 0.0) <= 1.0
    return result, passed, "IoU 0.93, boundary IoU 0.80, kinds 0.95, height MAE of images 1.0 m"


def _runner(model: str | None) -> tuple[Any, float, str]:
    if model == RELIEF:
        rules = Relief(CELL_M)

        def by_rules(x: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
            logit = rules.run(x[None])["building"][0, ..., 0]
            return {"probability": 1 / (1 + np.exp(-logit))}

        return by_rules, 0.5, RELIEF
    named = default_model() if model is None else model
    card, plan = load_card(named), make_plan(named)

    def by_network(x: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = dict(predict_array(x, named, plan=plan))
        return found | {"probability": card.calibration.probability(found["building"][..., 0])}

    return by_network, card.threshold, card.name


def _kinds(logits: NDArray[np.float32], kind: NDArray[np.uint8], ids: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Per building: whether most of its pixels are given the kind that most of them have."""
    said = logits[..., :NO_KIND].argmax(axis=-1)
    right = []
    for building in np.unique(ids[ids >= 0]).tolist():
        mask = (ids == building) & (kind != NO_KIND)
        if mask.sum() < 40:
            continue
        true = np.bincount(kind[mask]).argmax()
        right.append(np.bincount(said[mask]).argmax() == true)
    return np.array(right, bool)
