"""What the roof network is told off for: the cheapest way to match its parts with the true ones."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from geovision.vision.roofs.targets import PARTS, SIZES

__all__ = ["ORDERS", "roof_loss"]

ORDERS = np.array(list(itertools.permutations(range(PARTS))))
"""All ways to match parts with targets; few, so that all of them are tried."""

BOX_WEIGHT = 5.0
SIZE_WEIGHT = 0.5
DIRECTION_WEIGHT = 1.0
COUNT_WEIGHT = 1.0
SLOPE_WEIGHT = 2.0
LEAST_LOG_SIGMA = -4.0


def roof_loss(
    targets: Mapping[str, Any], weights: Mapping[str, Any], outputs: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """The loss, a mean over the batch, and what it is made of.

    Args:
        targets: present, kind, box, direction, sizes and count as in `Targets`; slopes of the cells.
        weights: of direction, sizes and slopes.
        outputs: of the network.
    """
    pairs = _pair_costs(targets, weights, outputs)
    orders = [sum(pairs[:, k, order[k]] for k in range(PARTS)) for order in ORDERS]
    match = ops.min(ops.stack(orders, axis=1), axis=1)
    count = _cross_entropy(outputs["count"], targets["count"])
    slopes = ops.abs(outputs["slopes"] - targets["slopes"]) * weights["slopes"]
    slope = ops.sum(slopes, axis=(1, 2)) / (ops.sum(weights["slopes"], axis=(1, 2)) + 1.0)
    found = {"match": ops.mean(match), "count": ops.mean(count), "slope": ops.mean(slope)}
    return found["match"] + COUNT_WEIGHT * found["count"] + SLOPE_WEIGHT * found["slope"], found


def _pair_costs(targets: Mapping[str, Any], weights: Mapping[str, Any], outputs: Mapping[str, Any]) -> Any:
    """[batch, parts, targets] what it costs to take a part for a target; absent ones cost their presence."""

    def mine(name: str) -> Any:
        return ops.expand_dims(outputs[name], 2)

    def theirs(name: str, of: Mapping[str, Any] = targets) -> Any:
        return ops.expand_dims(of[name], 1)

    there = theirs("present")
    logit = mine("present")[..., 0]
    presence = ops.softplus(logit) - logit * there
    logs = ops.log_softmax(outputs["kind"], axis=-1)
    hot = ops.one_hot(targets["kind"], logs.shape[-1], dtype=logs.dtype)
    kind = -ops.matmul(logs, ops.transpose(hot, (0, 2, 1)))
    box = ops.sum(ops.abs(mine("box") - theirs("box")), axis=-1)
    turn = ops.square(mine("direction") - theirs("direction")) * theirs("direction", weights)
    value, spread = mine("sizes")[..., :SIZES], ops.maximum(mine("sizes")[..., SIZES:], LEAST_LOG_SIGMA)
    error = ops.abs(value - theirs("sizes")) * ops.exp(-spread) + spread
    size = ops.sum(error * theirs("sizes", weights), axis=-1)
    parts = kind + BOX_WEIGHT * box + DIRECTION_WEIGHT * ops.sum(turn, axis=-1) + SIZE_WEIGHT * size
    return presence + there * parts


def _cross_entropy(logits: Any, labels: Any) -> Any:
    logs = ops.log_softmax(logits, axis=-1)
    return -ops.sum(logs * ops.one_hot(labels, logs.shape[-1], dtype=logs.dtype), axis=-1)
