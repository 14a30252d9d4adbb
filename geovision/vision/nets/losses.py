"""Losses of the scene network: one weighted mean per output, all finite for empty masks.

Every label has a weight per pixel (0 where it is not known): real tiles label buildings, walls and directions
only, synthetic scenes label everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from keras import ops
from pydantic import BaseModel, ConfigDict, NonNegativeFloat

from geovision.vision.nets.layers import Tensor

__all__ = ["SceneLossConfig", "scene_loss"]


class SceneLossConfig(BaseModel):
    """How much each part counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    building: NonNegativeFloat = 1.0
    dice: NonNegativeFloat = 1.0
    boundary: NonNegativeFloat = 0.5
    frame: NonNegativeFloat = 0.3
    height: NonNegativeFloat = 0.2
    normal: NonNegativeFloat = 0.3
    kind: NonNegativeFloat = 0.1
    building_positive: NonNegativeFloat = 1.5
    boundary_positive: NonNegativeFloat = 4.0


def scene_loss(
    targets: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    outputs: Mapping[str, Tensor],
    config: SceneLossConfig | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum of all parts, and the parts by name before their weight.

    Args:
        targets: building and boundary 0/1 [B, H, W, 1], frame [B, H, W, 2], height in metres [B, H, W, 1],
            normal [B, H, W, 3], kind as integers [B, H, W, 1]. A name that is missing is not trained.
        weights: by the same names, [B, H, W, 1]; 0 leaves a pixel out.
        outputs: of the network.
        config: how much each part counts.
    """
    config = config or SceneLossConfig()
    parts: dict[str, Tensor] = {}
    for name, target in targets.items():
        weight = ops.cast(weights[name], "float32")
        output = ops.cast(outputs[name], "float32")
        if name == "building":
            parts["building"] = weighted_bce(target, weight, output, config.building_positive)
            parts["dice"] = soft_dice(target, weight, output)
        elif name == "boundary":
            parts["boundary"] = weighted_bce(target, weight, output, config.boundary_positive)
        else:
            parts[name] = weighted_mean(_PER_PIXEL[name](target, output), weight)
    total = sum((getattr(config, name) * part for name, part in parts.items()), ops.zeros(()))
    return total, parts


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Sum of values times weight over the sum of weights; 0 where no pixel counts."""
    return ops.sum(values * weight) / ops.maximum(ops.sum(weight), 1.0)


def weighted_bce(target: Tensor, weight: Tensor, logit: Tensor, positive: float) -> Tensor:
    """Binary cross-entropy; pixels of class 1 count `positive` times."""
    target = ops.cast(target, "float32")
    value = ops.relu(logit) - logit * target + ops.log1p(ops.exp(-ops.abs(logit)))
    return weighted_mean(value, weight * (1 + (positive - 1) * target))


def soft_dice(target: Tensor, weight: Tensor, logit: Tensor) -> Tensor:
    """1 - overlap of probabilities and labels, per image; images without buildings do not count."""
    target = ops.cast(target, "float32")
    share = ops.sigmoid(logit)
    axes = (1, 2, 3)
    both = ops.sum(weight * share * target, axis=axes)
    labelled = ops.sum(weight * target, axis=axes)
    size = ops.sum(weight * share, axis=axes) + labelled
    counts = ops.cast(labelled > 0, "float32")
    return ops.sum(counts * (1 - 2 * both / ops.maximum(size, 1.0))) / ops.maximum(ops.sum(counts), 1.0)


def _frame(target: Tensor, output: Tensor) -> Tensor:
    return ops.sum(ops.square(output - ops.cast(target, "float32")), axis=-1, keepdims=True)


def _height(target: Tensor, output: Tensor) -> Tensor:
    """Laplace: its mean is a median, and a tower off by 30 m weighs no more than it should."""
    log_sigma = ops.clip(output[..., 1:], -8, 8)
    error = ops.abs(output[..., :1] - ops.cast(target, "float32"))
    return error * ops.exp(-log_sigma) + log_sigma


def _normal(target: Tensor, output: Tensor) -> Tensor:
    return 1 - ops.sum(output * ops.cast(target, "float32"), axis=-1, keepdims=True)


def _kind(target: Tensor, output: Tensor) -> Tensor:
    log_total = ops.logsumexp(output, axis=-1, keepdims=True)
    chosen = ops.one_hot(ops.cast(target[..., 0], "int32"), output.shape[-1], dtype="float32")
    return log_total - ops.sum(output * chosen, axis=-1, keepdims=True)


_PER_PIXEL: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "frame": _frame,
    "height": _height,
    "normal": _normal,
    "kind": _kind,
}
