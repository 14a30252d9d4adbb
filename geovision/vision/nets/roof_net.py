"""RoofNet: tokens of one building in, a small set of roof parts out.

A transformer encoder mixes the tokens of heights and walls; a decoder asks them for the parts. Input and
output are described in `geovision.vision.roofs`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import keras
from keras import layers, ops

from geovision.vision.nets.attention import TransformerBlock
from geovision.vision.nets.layers import RmsNorm, Tensor
from geovision.vision.roofs.targets import KINDS, PARTS, SIZES
from geovision.vision.roofs.tokens import CELL_FEATURES, CELLS, EDGE_FEATURES, EDGES, QUARTERS, WHOLE_FEATURES

__all__ = ["OUTPUTS", "RoofNetConfig", "roof_net"]

OUTPUTS: dict[str, tuple[int, ...]] = {
    "present": (PARTS, 1),
    "kind": (PARTS, KINDS),
    "box": (PARTS, 4),
    "direction": (PARTS, 4),
    "sizes": (PARTS, 2 * SIZES),
    "count": (PARTS,),
    "slopes": (CELLS, 2 * QUARTERS),
}
"""Names of the outputs, and the shape of each per building. Sizes are values, then logarithms of their sigma;
slopes, of every quarter of a cell along both axes of the frame, are there to learn from."""


@dataclass(frozen=True)
class RoofNetConfig:
    """How large the network is."""

    width: int = 48
    encoder: int = 3
    decoder: int = 2
    heads: int = 4
    expand: int = 2

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for a card."""
        return asdict(self)


@keras.saving.register_keras_serializable("geovision")
class PartQueries(layers.Layer):
    """One learned query for each part, moved by what is known of the whole building."""

    def __init__(self, count: int, width: int, **options: Any) -> None:
        super().__init__(**options)
        self.count, self.width = count, width

    def build(self, _shape: Any) -> None:
        """The queries."""
        start = keras.initializers.RandomNormal(stddev=0.5)
        self.queries = self.add_weight(shape=(self.count, self.width), initializer=start, name="queries")

    def call(self, whole: Tensor) -> Tensor:
        """[batch, width] to [batch, count, width]."""
        return ops.expand_dims(whole, 1) + ops.expand_dims(self.queries, 0)

    def compute_output_shape(self, shape: Any) -> Any:
        """A query for each part."""
        return (shape[0], self.count, self.width)

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "count": self.count, "width": self.width}


def roof_net(config: RoofNetConfig | None = None) -> Any:
    """The network: inputs cells, edges, whole and mask (`Tokens.arrays`), outputs as in `OUTPUTS`."""
    config = config or RoofNetConfig()
    width, heads, expand = config.width, config.heads, config.expand
    inputs = {
        "cells": keras.Input((CELLS, CELL_FEATURES), name="cells"),
        "edges": keras.Input((EDGES, EDGE_FEATURES), name="edges"),
        "whole": keras.Input((WHOLE_FEATURES,), name="whole"),
        "mask": keras.Input((CELLS + EDGES,), name="mask"),
    }
    own = _embed(inputs["whole"], width, "whole")
    both = [_embed(inputs[name], width, name) for name in ("cells", "edges")]
    tokens = layers.Concatenate(axis=1, name="tokens")(both)
    tokens = layers.Add(name="placed")([tokens, layers.Reshape((1, width), name="own")(own)])
    there = inputs["mask"]
    for number in range(config.encoder):
        block = TransformerBlock(width, heads, expand=expand, name=f"encoder{number}")
        tokens = block(tokens, valid=there)
    tokens = RmsNorm(name="seen")(tokens)
    parts = PartQueries(PARTS, width, name="queries")(own)
    for number in range(config.decoder):
        block = TransformerBlock(width, heads, width, expand=expand, name=f"decoder{number}")
        parts = block(parts, context=tokens, context_valid=there)
    parts = RmsNorm(name="asked")(parts)
    outputs = {
        name: layers.Dense(shape[-1], name=name)(parts)
        for name, shape in OUTPUTS.items()
        if name not in ("count", "slopes")
    }
    outputs["count"] = layers.Dense(PARTS, name="count")(layers.Flatten(name="together")(parts))
    outputs["slopes"] = layers.Dense(2 * QUARTERS, name="slopes")(tokens[:, :CELLS])
    return keras.Model(inputs, outputs, name="roof_net")


def _embed(x: Tensor, width: int, name: str) -> Tensor:
    x = layers.Dense(width, activation="relu", name=f"{name}_in")(x)
    return layers.Dense(width, name=f"{name}_out")(x)
