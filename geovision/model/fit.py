"""`Fit`: what the fitter says of a program: how sure, how good, what else it could be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geovision.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FIT_REASON", "Fit", "FitStatus", "FitTable"]

FAMILY = "geovision.fit"
VERSION = 2
SCHEMA = f"{FAMILY}/{VERSION}"
READABLE = tuple(f"{FAMILY}/{version}".encode() for version in range(1, VERSION + 1))
METADATA_KEY = b"geovision.fit"


class FitStatus(IntEnum):
    """Why a building is simpler than one with a fitted roof; OK where it has one."""

    OK = 0
    FEW_POINTS = 1
    HEIGHT_FROM_ATTRIBUTE = 2
    HEIGHT_ASSUMED = 3
    NO_SOLID = 4
    POOR = 5
    FAILED = 6


FIT_REASON: dict[FitStatus, str] = {
    FitStatus.OK: "",
    FitStatus.FEW_POINTS: "too few points lie on the roof to tell its shape: a block at their median height",
    FitStatus.HEIGHT_FROM_ATTRIBUTE: "nothing measured the roof: a block as high as an attribute states",
    FitStatus.HEIGHT_ASSUMED: "neither points nor attributes tell the height: a block of a usual one",
    FitStatus.NO_SOLID: "no roof that fits the points makes a valid solid: a block at their median height",
    FitStatus.POOR: "no roof explains six points in ten: "
    "one through the lowest of them, or a block at the level that most share",
    FitStatus.FAILED: "the building could not be fitted at all",
}


class Runner(NamedTuple):
    """A program that was not chosen."""

    kind: str
    nats: float


@dataclass(frozen=True)
class Fit:
    """How a program came about and how good it is. Lengths are metres.

    >>> fit = Fit("NL.1042", kind="gabled", status=FitStatus.OK, confidence=0.98)
    >>> fit.reason, fit.observed
    ('', True)
    """

    id: str
    """The building's id."""
    kind: str
    """Roof kinds of its parts, joined by +, the first part's first."""
    status: FitStatus = FitStatus.OK
    confidence: float = float("nan")
    """Probability that the kind is right."""
    nats: float = float("nan")
    """Score of the program: misfit, parameters and cells. Lower is better; only differences count."""
    runner_up: str = ""
    """Kind of the best program of another kind; empty where there was none."""
    margin: float = float("nan")
    """By how many nats it is worse than the chosen one."""
    alternatives: tuple[Runner, ...] = ()
    """Kinds that were looked at, best first, the chosen one among them."""
    points: int = 0
    """That may be roof, inside the footprint."""
    density: float = 0.0
    """Of them, per square metre."""
    coverage: float = 0.0
    """Share of the footprint that they cover, in squares of a metre."""
    within_0p2: float = float("nan")
    """Share of the points no further than 0.2 m from the model's surface."""
    within_0p1: float = float("nan")
    rmse: float = float("nan")
    """Root mean square of their distances, each at most 1 m."""
    nmad: float = float("nan")
    """1.4826 x their median: the scatter of what lies on the model, whatever else there is."""
    parameters: tuple[str, ...] = ()
    """Paths of what was fitted, as in "parts/0/roof/ridge_height"."""
    covariance: NDArray[np.float64] | None = None
    """[parameters, parameters], in the units of the program."""
    shift_x: float = 0.0
    """By how far points were found to lie east of the footprint; 0 where nothing shows a shift."""
    shift_y: float = 0.0
    """The same north."""
    rotation_deg: float = 0.0
    """By how much they are turned, counter-clockwise about the middle of the footprint's box; 0 likewise."""
    overhang: float = float("nan")
    """How far roofs reach beyond the footprint; below 0 where they end inside, NaN where no border shows."""
    shift_x_sigma: float = float("nan")
    """Standard deviations of these; NaN where no border of a roof shows."""
    shift_y_sigma: float = float("nan")
    rotation_sigma_deg: float = float("nan")
    overhang_sigma: float = float("nan")
    evidence: str = ""
    """Digest of the evidence."""
    locked: tuple[str, ...] = ()
    """Paths that were held."""
    notes: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why something simpler was returned, as a sentence; empty where nothing was."""
        return FIT_REASON[self.status]

    @property
    def observed(self) -> bool:
        """Whether points shaped the roof."""
        return self.status in (FitStatus.OK, FitStatus.POOR)

    def sigma(self, path: str) -> float:
        """Standard deviation of a fitted value; NaN where it was not fitted."""
        if path not in self.parameters or self.covariance is None:
            return float("nan")
        row = self.parameters.index(path)
        return float(np.sqrt(self.covariance[row, row]))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; NaN becomes None."""
        out: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "covariance":
                value = None if value is None else value.tolist()
            elif item.name == "status":
                value = FitStatus(value).name.lower()
            elif isinstance(value, float) and not np.isfinite(value):
                value = None
            elif isinstance(value, tuple):
                value = [list(entry) if isinstance(entry, tuple) else entry for entry in value]
            out[item.name] = value
        return out | {"reason": self.reason}


_PLACEMENT = ("shift_x", "shift_y", "rotation_deg", "overhang")
_PLACEMENT_SIGMA = ("shift_x_sigma", "shift_y_sigma", "rotation_sigma_deg", "overhang_sigma")
_NUMBERS = (
    *("confidence", "nats", "margin", "density", "coverage", "within_0p2", "within_0p1", "rmse", "nmad"),
    *_PLACEMENT,
    *_PLACEMENT_SIGMA,
)


class FitTable(Sequence[Fit]):
    """The fits of many buildings, in the order of their programs."""

    def __init__(self, fits: Sequence[Fit]) -> None:
        self._fits = list(fits)
        self._rows = {fit.id: row for row, fit in enumerate(self._fits)}

    def __len__(self) -> int:
        return len(self._fits)

    def __iter__(self) -> Iterator[Fit]:
        return iter(self._fits)

    def __getitem__(self, index: Any) -> Any:
        return FitTable(self._fits[index]) if isinstance(index, slice) else self._fits[index]

    def of(self, building: str) -> Fit:
        """The fit of a building."""
        if building not in self._rows:
            raise InputError(f"building {building!r}", "has no fit here", "Use one of the ids of the table")
        return self._fits[self._rows[building]]

    def column(self, name: str) -> list[Any]:
        """One field of all."""
        return [getattr(fit, name) for fit in self._fits]

    def summary(self) -> dict[str, Any]:
        """Counts by status and kind, and means of the statistics over the buildings that have them."""

        def mean(name: str) -> float | None:
            values = np.array(self.column(name), float)
            values = values[np.isfinite(values)]
            return round(float(values.mean()), 4) if len(values) else None

        def counts(values: Sequence[str]) -> dict[str, int]:
            names = sorted(set(values), key=lambda name: (-values.count(name), name))
            return {name: values.count(name) for name in names}

        return {
            "buildings": len(self),
            "status": counts([fit.status.name.lower() for fit in self]),
            "kinds": counts([fit.kind if "+" not in fit.kind else "several parts" for fit in self]),
            **{name: mean(name) for name in ("within_0p2", "rmse", "nmad", "confidence")},
        }

    def to_arrow(self) -> pa.Table:
        """One row a building; the schema version is in the metadata."""
        import pyarrow as pa

        columns: dict[str, Any] = {
            "id": pa.array(self.column("id"), pa.string()),
            "kind": pa.array(self.column("kind"), pa.string()),
            "status": pa.array([fit.status.name.lower() for fit in self], pa.string()),
            "reason": pa.array(self.column("reason"), pa.string()),
            "runner_up": pa.array(self.column("runner_up"), pa.string()),
            "points": pa.array(self.column("points"), pa.int64()),
        }
        for name in _NUMBERS:
            columns[name] = pa.array(np.array(self.column(name), np.float64), from_pandas=True)
        for name in ("parameters", "locked", "notes"):
            columns[name] = pa.array([list(value) for value in self.column(name)], pa.list_(pa.string()))
        columns["covariance"] = pa.array(
            [None if fit.covariance is None else fit.covariance.ravel() for fit in self],
            pa.list_(pa.float64()),
        )
        columns["alternatives"] = pa.array(
            [json.dumps([list(entry) for entry in fit.alternatives]) for fit in self], pa.string()
        )
        columns["evidence"] = pa.array(self.column("evidence"), pa.string())
        return pa.table(columns).replace_schema_metadata({METADATA_KEY: SCHEMA.encode()})

    @classmethod
    def from_arrow(cls, table: pa.Table) -> FitTable:
        """The inverse of `to_arrow`."""
        found = (table.schema.metadata or {}).get(METADATA_KEY)
        if found not in READABLE:
            problem = f"is no table of fits that this version reads ({found!r}, expected {SCHEMA})"
            raise InputError("table", problem, "Write it with this geovision, or update it")
        return cls([_fit_of(row) for row in table.to_pylist()])


def _fit_of(row: Mapping[str, Any]) -> Fit:
    size = len(row["parameters"])
    flat = row["covariance"]
    # What a table of an older version lacks keeps its default.
    numbers = {name: float("nan") if row[name] is None else row[name] for name in _NUMBERS if name in row}
    return Fit(
        id=row["id"],
        kind=row["kind"],
        status=FitStatus[row["status"].upper()],
        runner_up=row["runner_up"],
        alternatives=tuple(Runner(*entry) for entry in json.loads(row["alternatives"])),
        points=row["points"],
        parameters=tuple(row["parameters"]),
        covariance=None if flat is None else np.array(flat).reshape(size, size),
        evidence=row["evidence"],
        locked=tuple(row["locked"]),
        notes=tuple(row["notes"]),
        **numbers,
    )
