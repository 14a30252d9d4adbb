"""The card of a model: what its numbers are, what it was trained on, how good it is and where that ends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from geovision.errors import InputError
from geovision.vision.inputs import CHANNELS, GROUPS, MULTIPLE

__all__ = [
    "FAMILY",
    "VERSION",
    "ArrayCard",
    "Calibration",
    "DataCard",
    "FileCard",
    "MetricCard",
    "ModelCard",
    "array_card",
    "hash_of",
    "parse_card",
]

FAMILY = "geovision.model"
VERSION = 1
SCHEMA = f"{FAMILY}/{VERSION}"

Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ArrayCard(_Plain):
    """One array as it is stored."""

    shape: tuple[Annotated[int, Field(ge=0)], ...]
    dtype: Literal["float16", "float32"]
    sha256: Sha256
    """Of the values, row by row, little endian."""


class FileCard(_Plain):
    """A file beside the card."""

    bytes: int = Field(ge=0)
    sha256: Sha256


class DataCard(_Plain):
    """Something that the model was trained on."""

    name: str
    kind: Literal["synthetic", "real"]
    sha256: str = ""
    """Of the files, or of the configuration that synthetic scenes were drawn from."""
    items: int = 0
    """Patches, tiles or buildings."""
    licence: str = ""
    note: str = ""


class MetricCard(_Plain):
    """One figure on one area that the model never saw."""

    area: str
    metric: str
    value: Number
    low: Number | None = None
    """Lower end of the 95 % confidence interval."""
    high: Number | None = None
    items: int = 0
    """Tiles or buildings that it rests on."""
    note: str = ""


class Calibration(_Plain):
    """From the network's logit of "building" to a probability that means what it says.

    >>> float(Calibration(temperature=2.0).probability(np.array([0.0]))[0])
    0.5
    """

    temperature: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """The logit is divided by it."""
    raw: tuple[Share, ...] = ()
    """Ascending probabilities, and ..."""
    true: tuple[Share, ...] = ()
    """... what share of such pixels is building (isotonic); between them it is interpolated."""

    def model_post_init(self, _context: Any) -> None:
        """The table must be one."""
        if len(self.raw) != len(self.true) or len(self.raw) == 1:
            raise ValueError("raw and true have two numbers or more, one for one")
        if any(b <= a for a, b in zip(self.raw, self.raw[1:], strict=False)):
            raise ValueError("raw ascends")
        if any(b < a for a, b in zip(self.true, self.true[1:], strict=False)):
            raise ValueError("true does not descend")

    def probability(self, logit: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Calibrated probabilities of logits of any shape."""
        scaled = np.clip(np.asarray(logit, np.float32) / np.float32(self.temperature), -30, 30)
        out = np.float32(1) / (np.float32(1) + np.exp(-scaled))
        if self.raw:
            out = np.interp(out, self.raw, self.true)
        return np.asarray(out, np.float32)


class ModelCard(_Plain):
    """What stands beside the arrays of a model. The three parts below `files` are filled when it is saved."""

    version: str = SCHEMA
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    kind: Literal["scene", "roof"]
    network: dict[str, Any]
    """Configuration from which the same network is built again."""
    groups: tuple[str, ...] = tuple(GROUPS)
    """Input groups that it was trained with, each of which may be left out."""
    channels: tuple[str, ...] = CHANNELS
    """Channels of the input in their order."""
    multiple: int = Field(default=MULTIPLE, ge=1)
    """Rows and columns of the input are multiples of this."""
    halo_px: int = Field(default=16, ge=0)
    """Pixels at the border of a window whose result lacks context."""
    gsd_m: float = Field(default=0.3, gt=0, allow_inf_nan=False)
    """Size of a pixel that it works at where the input leaves a choice."""
    gsd_range_m: tuple[float, float] = (0.25, 0.5)
    """Sizes of a pixel that it takes without resampling."""
    normalisation: dict[str, tuple[Number, Number]] = {}
    """Mean and deviation of a channel, as the first layer of the network has them (for information)."""
    outputs: dict[str, Annotated[int, Field(ge=1)]] = {}
    """Channels of each output."""
    threshold: Share = 0.5
    """Calibrated probability from which a pixel is taken for a building: the published threshold."""
    calibration: Calibration = Calibration()
    data: tuple[DataCard, ...] = ()
    metrics: tuple[MetricCard, ...] = ()
    limits: tuple[str, ...] = ()
    """Sentences: where it is known to fail, and what it was never shown."""
    licence: str = "Apache-2.0"
    seed: int = 0
    commit: str = ""
    """Of the source that it was trained with."""
    training_s: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    trained_on: str = ""
    """Machine, backend and precision."""
    trained_at: str = ""
    """Day, as 2026-01-31."""
    arrays: dict[str, ArrayCard] = {}
    files: dict[str, FileCard] = {}

    @property
    def parameters(self) -> int:
        """How many numbers the arrays hold."""
        return sum(int(np.prod(item.shape, dtype=np.int64)) for item in self.arrays.values())

    def text(self) -> str:
        """The card as JSON, the same for the same card."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def parse_card(text: str | bytes, thing: str) -> ModelCard:
    """Read a card; `thing` names it in errors."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            thing, f"is no JSON ({_first(error)})", "Fetch it again, or save the model again"
        ) from error
    if not isinstance(found, Mapping):
        raise InputError(thing, "is no card of a model", "Give the NAME.json beside NAME.npz")
    _check_version(found.get("version"), thing)
    try:
        return ModelCard.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(map(str, first["loc"])) or "(whole)"
        raise InputError(
            thing, f"{where}: {first['msg']}", "Fetch it again, or save the model again"
        ) from error


def _check_version(version: object, thing: str) -> None:
    if version == SCHEMA:
        return
    family, _, number = str(version).partition("/")
    if family == FAMILY and number.isdecimal():
        raise InputError(
            thing,
            f"has format {version}; this geovision reads {SCHEMA}",
            "Update geovision" if int(number) > VERSION else "Save the model again with this geovision",
        )
    raise InputError(thing, "is no card of a model", f'A card says "version": "{SCHEMA}"')


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def hash_of(values: NDArray[Any]) -> str:
    """SHA-256 of an array's bytes, row by row, little endian."""
    plain = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return hashlib.sha256(plain.tobytes()).hexdigest()


def array_card(values: NDArray[Any]) -> ArrayCard:
    """What the card says of an array."""
    return ArrayCard.model_validate(
        {"shape": values.shape, "dtype": values.dtype.name, "sha256": hash_of(values)}
    )
