"""Evidence in, the same evidence with proposed programs out: a roof network over many buildings at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geovision.errors import EnvironmentFault, InputError
from geovision.inverse.roof_points import offsets_of, roof_points
from geovision.model.evidence import Evidence
from geovision.vision.roofs.decode import DecodeOptions, proposals_of, said_of
from geovision.vision.roofs.frames import Frames, frames_of, owners
from geovision.vision.roofs.tokens import Outlines, Tokens, tokens_of
from geovision.vision.store import load_card, load_network

__all__ = ["LEAST_POINTS", "RoofProposer", "propose", "tokens_of_evidence"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

LEAST_POINTS = 12
"""Of a building; with fewer the network proposes nothing."""
MOST_POINTS = 1200
"""Of a building; of more every second, third ... is looked at."""
_BATCH = 128


class RoofProposer:
    """A roof network that is ready to run.

    Args:
        model: name or path of one.
        threads: 0 for all cores. The proposals do not depend on it.
    """

    def __init__(self, model: str | os.PathLike[str] = "roof-small", *, threads: int = 0) -> None:
        card = load_card(model)
        if card.kind != "roof":
            raise InputError(f"model {card.name}", f"is a {card.kind} network", "Name a roof network")
        self.name = card.name
        self.temperature = card.calibration.temperature
        self._session = _session(load_network(model, card), threads)
        self._outputs = [item.name for item in self._session.get_outputs()]

    def outputs(self, tokens: Tokens) -> dict[str, NDArray[np.float32]]:
        """What the network says of a batch."""
        arrays = tokens.arrays()
        found: list[dict[str, Any]] = []
        for first in range(0, len(tokens.mask), _BATCH):
            some = {name: values[first : first + _BATCH] for name, values in arrays.items()}
            found.append(dict(zip(self._outputs, self._session.run(self._outputs, some), strict=True)))
        return {name: np.concatenate([one[name] for one in found]) for name in self._outputs}

    def propose(self, evidence: Sequence[Evidence], options: DecodeOptions | None = None) -> list[Evidence]:
        """The evidence with proposals added to what it has; buildings with few points stay as they are."""
        if not evidence:
            return []
        options = options or DecodeOptions(temperature=self.temperature)
        frames, tokens, counts = tokens_of_evidence(evidence)
        outputs = self.outputs(tokens)
        out = list(evidence)
        for row in np.flatnonzero(counts >= LEAST_POINTS).tolist():
            said = said_of(outputs, frames, tokens.level, row, options.temperature)
            found = proposals_of(out[row], said, frames, row, options)
            out[row] = replace(out[row], proposals=(*out[row].proposals, *found))
        return out


def propose(
    evidence: Sequence[Evidence], model: str | os.PathLike[str] = "roof-small", *, threads: int = 0
) -> list[Evidence]:
    """The evidence with what a roof network proposes; `geovision.inverse` takes it from there.

    Args:
        evidence: one entry a building.
        model: name or path of a roof network.
        threads: 0 for all cores. The proposals do not depend on it.
    """
    return RoofProposer(model, threads=threads).propose(evidence)


def tokens_of_evidence(evidence: Sequence[Evidence]) -> tuple[Frames, Tokens, I64]:
    """Frames and tokens of buildings, and how many points of each are behind them."""
    batch = roof_points(evidence)
    shared = np.concatenate([item.edge_neighbour >= 0 for item in evidence])
    outlines = Outlines(batch.building_offsets, batch.vertex_offsets, batch.xy, shared)
    kept = _thinned(batch.point_offsets)
    owner = owners(batch.point_offsets)[kept]
    points = batch.points[kept]
    inside = _inside(outlines, points, owner)
    points, owner = points[inside], owner[inside]
    counts = np.bincount(owner, minlength=len(evidence))
    frames = frames_of(*outlines.shells())
    return frames, tokens_of(frames, outlines, points, offsets_of(counts.tolist())), counts


def _thinned(offsets: I64) -> I64:
    """Rows of points, every n-th of each building, so that none has more than MOST_POINTS."""
    sizes = np.diff(offsets)
    stride = np.maximum(1, -(-sizes // MOST_POINTS))
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
    return np.flatnonzero(place % np.repeat(stride, sizes) == 0)


def _inside(outlines: Outlines, points: F64, owner: I64) -> NDArray[np.bool_]:
    """Which points lie in their outline: an odd number of its walls is crossed on the way east."""
    first = outlines.vertex_offsets[outlines.ring_offsets[:-1]]
    last = outlines.vertex_offsets[outlines.ring_offsets[1:]]
    following = np.arange(1, len(outlines.xy) + 1)
    following[outlines.vertex_offsets[1:] - 1] = outlines.vertex_offsets[:-1]
    start, end = outlines.xy, outlines.xy[following]
    number = last - first
    odd = np.zeros(len(points), bool)
    # Wall by wall, for all buildings that have so many.
    for wall in range(int(number.max(initial=0))):
        some = np.flatnonzero(number[owner] > wall)
        edge = first[owner[some]] + wall
        (ax, ay), (bx, by), (x, y) = start[edge].T, end[edge].T, points[some, :2].T
        spans = (ay > y) != (by > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            across = ax + (y - ay) * (bx - ax) / (by - ay)
        odd[some] ^= spans & (x < across)
    return odd


def _session(network: bytes, threads: int) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise EnvironmentFault(
            "library onnxruntime", "is not installed", "pip install onnxruntime"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
