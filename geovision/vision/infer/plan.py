"""What runs a network and how: chosen by measurement once, then fixed, so that every worker does the same."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from geovision.errors import EnvironmentFault, InputError
from geovision.formats.atomic import atomic_write
from geovision.vision.card import ModelCard
from geovision.vision.infer.runtimes import Runner, available, open_runner, runtime_version
from geovision.vision.inputs import channels_of, validity_of
from geovision.vision.store import load_card, load_network

__all__ = ["HALO", "Plan", "Rate", "load_plan", "make_plan", "save_plan", "start"]

WINDOW = (1024, 1536)
"""Rows and columns of a window. Pixels of an overlap are calculated twice, which larger windows do less of:
at a halo of 32, 13 % at this size and 23 % at 512 x 2048. A network of three million parameters takes 1.3 GB
here."""
HALO = 16
FEATHER = 16
# Measured on this: long enough to fill the caches as a real window does.
_TRIAL = 512
# A faster runtime in a smaller number type is taken where probabilities stay within this.
_DRIFT = 0.02


class Rate(BaseModel):
    """How fast one runtime was when the plan was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runtime: str
    precision: str
    mpx_per_s: float
    drift: float = 0.0
    """Largest difference of a building's probability from float32, at the 99.9th percentile."""


class Plan(BaseModel):
    """All that decides the bytes that come out of a network, and how they were chosen."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    version: Literal["geovision.plan/1"] = "geovision.plan/1"
    model: str
    network_sha256: str
    runtime: Literal["onnxruntime", "openvino"]
    runtime_version: str
    precision: Literal["float32", "bfloat16"]
    window: tuple[int, int] = WINDOW
    """Rows and columns of a window, at most."""
    halo: int = Field(default=HALO, ge=0)
    """Pixels at a window's border whose result is not used where a neighbour has it."""
    feather: int = Field(default=FEATHER, ge=0)
    """Pixels over which neighbours fade into each other."""
    dihedral: Literal[1, 2, 4, 8] = 1
    """How many mirrored and turned copies of a window are averaged."""
    batch: int = Field(default=1, ge=1, le=1)
    """Windows that are run at once."""
    threads: int = Field(default=0, ge=0)
    """Of the network; 0 takes all cores."""
    rates: tuple[Rate, ...] = ()
    """What was measured; for information."""


def make_plan(
    model: str | os.PathLike[str],
    *,
    runtime: tuple[str, str] | None = None,
    window: tuple[int, int] = WINDOW,
    halo: int | None = None,
    feather: int = FEATHER,
    dihedral: Literal[1, 2, 4, 8] = 1,
    threads: int = 0,
) -> Plan:
    """Measure what this machine can run, and fix the fastest that is right.

    Args:
        model: name or path.
        runtime: runtime and precision, to fix them without measuring.
        window: rows and columns of a window, at most.
        halo: by default what the model's card says.
        feather: pixels over which neighbours fade into each other.
        dihedral: how many mirrored and turned copies of a window are averaged: 1, 2, 4 or 8.
        threads: of the network; 0 takes all cores.
    """
    card = load_card(model)
    network = load_network(model, card)
    rates = () if runtime is not None else _measure(network, threads, card)
    if runtime is None:
        good = [rate for rate in rates if rate.drift <= _DRIFT]
        best = max(good, key=lambda rate: rate.mpx_per_s)
        runtime = (best.runtime, best.precision)
    open_runner(network, *runtime, threads)
    return Plan.model_validate(
        {
            "model": card.name,
            "network_sha256": hashlib.sha256(network).hexdigest(),
            "runtime": runtime[0],
            "runtime_version": runtime_version(runtime[0]),
            "precision": runtime[1],
            "window": window,
            "halo": card.halo_px if halo is None else halo,
            "feather": feather,
            "dihedral": dihedral,
            "threads": threads,
            "rates": rates,
        }
    )


def _trial(card: ModelCard) -> NDArray[np.float32]:
    """An input with all that a network may look at; noise, so that no path is idle."""
    rng = np.random.default_rng(0)
    x = np.zeros((1, _TRIAL, _TRIAL, len(card.channels)), np.float32)
    for name, top in (("rgb", 255.0), ("ndsm", 12.0)):
        if name in card.groups:
            part = channels_of(name)
            shape = (_TRIAL // 16, _TRIAL // 16, part.stop - part.start)
            x[0, ..., part] = np.kron(rng.uniform(0, top, shape), np.ones((16, 16, 1)))
            x[..., validity_of(name)] = 1
    return x


def _measure(network: bytes, threads: int, card: ModelCard) -> tuple[Rate, ...]:
    x = _trial(card)
    plain: NDArray[np.float32] | None = None
    rates = []
    for runtime, precision in available():
        runner = open_runner(network, runtime, precision, threads)
        found, seconds = _timed(runner, x)
        plain = found if plain is None else plain
        drift = float(np.quantile(np.abs(found - plain), 0.999))
        rate = round(x[0, ..., 0].size / 1e6 / seconds, 3)
        rates.append(Rate(runtime=runtime, precision=precision, mpx_per_s=rate, drift=round(drift, 5)))
    if not rates:
        raise EnvironmentFault("runtimes", "none is installed", "pip install onnxruntime")
    return tuple(rates)


def _timed(runner: Runner, x: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Probabilities of the first output, and the better of two times after a first run."""
    runner.run(x)
    best = np.inf
    for _ in range(2):
        begin = time.perf_counter()
        outputs = runner.run(x)
        best = min(best, time.perf_counter() - begin)
    name = "building" if "building" in outputs else next(iter(outputs))
    scaled = np.clip(outputs[name], -30, 30)
    return np.asarray(1 / (1 + np.exp(-scaled)), np.float32), best


def start(plan: Plan, model: str | os.PathLike[str]) -> tuple[ModelCard, Runner]:
    """The network of a plan, ready to run, as the plan says and in no other way.

    Raises:
        EnvironmentFault: this machine cannot do what was planned.
        InputError: the model is another than the plan's.
    """
    card = load_card(model)
    network = load_network(model, card)
    if hashlib.sha256(network).hexdigest() != plan.network_sha256:
        raise InputError(
            f"model {card.name}", f"is not the one that was planned ({plan.model})", "Plan the run anew"
        )
    have = runtime_version(plan.runtime)
    if have != plan.runtime_version:
        raise EnvironmentFault(
            f"{plan.runtime} {have or '(not installed)'}",
            f"is not {plan.runtime_version}, which was planned: results would differ",
            "Install that version, or plan the run anew",
        )
    return card, open_runner(network, plan.runtime, plan.precision, plan.threads)


def save_plan(plan: Plan, path: str | os.PathLike[str]) -> None:
    """Write a plan as JSON, for other workers and for the record."""
    with atomic_write(path) as file:
        file.write(json.dumps(plan.model_dump(mode="json"), indent=1).encode() + b"\n")


def load_plan(path: str | os.PathLike[str]) -> Plan:
    """Read what `save_plan` wrote."""
    try:
        return Plan.model_validate_json(Path(path).read_bytes())
    except (OSError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"plan {path}", f"cannot be read ({first})", "Plan the run anew") from error
