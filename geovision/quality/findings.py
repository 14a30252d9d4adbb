"""What validation found: single findings, and the report that counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from geovision.quality.codes import CODES

__all__ = ["Finding", "Malformed", "ValidationReport"]


class Malformed(Exception):
    """Something that cannot be read further; `code` says why."""

    def __init__(self, code: int, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(detail)


class Finding(NamedTuple):
    """One fault at one place."""

    code: int
    id: str
    """The object, tile or row that has it; empty for the file as a whole."""
    detail: str = ""
    place: tuple[float, float, float] | None = None
    """Where to look, in the file's own coordinates."""
    file: str = ""
    """The file, where the report is about a folder."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        code = CODES[self.code]
        return {
            "code": self.code,
            "name": code.name,
            "severity": "warning" if code.warning else "error",
            "id": self.id,
            "detail": self.detail,
            "place": None if self.place is None else [round(value, 4) for value in self.place],
            **({"file": self.file} if self.file else {}),
        }


@dataclass
class ValidationReport:
    """Counts of everything, and the first findings of every code.

    Attributes:
        path: what was looked at.
        format: such as "CityJSONSeq".
        objects: city objects, features, programs or rows.
        primitives: solids and surfaces whose geometry was judged.
        invalid: objects with at least one error.
        counts: findings by code.
        findings: at most `limit` of each code, in the order of the file.
        ignored: codes that were asked to be left out.
        limit: how many findings of a code are kept; the counts are of all.
    """

    path: str
    format: str = ""
    objects: int = 0
    primitives: int = 0
    invalid: int = 0
    counts: Counter[int] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    ignored: Collection[int] = ()
    limit: int = 20

    def add(
        self,
        code: int,
        id: str = "",  # noqa: A002 - the word of the field
        detail: str = "",
        place: tuple[float, float, float] | None = None,
        file: str = "",
    ) -> bool:
        """Record a finding; True where it is an error."""
        if code in self.ignored:
            return False
        self.counts[code] += 1
        if self.counts[code] <= self.limit:
            self.findings.append(Finding(code, id, detail, place, file))
        return not CODES[code].warning

    @property
    def errors(self) -> int:
        """Findings that are errors."""
        return sum(count for code, count in self.counts.items() if not CODES[code].warning)

    @property
    def warnings(self) -> int:
        """Findings that are not."""
        return sum(self.counts.values()) - self.errors

    @property
    def ok(self) -> bool:
        """No errors; there may be warnings."""
        return self.errors == 0

    @property
    def codes(self) -> set[int]:
        """The codes that were found."""
        return set(self.counts)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "path": self.path,
            "format": self.format,
            "valid": self.ok,
            "objects": self.objects,
            "invalid_objects": self.invalid,
            "primitives": self.primitives,
            "errors": self.errors,
            "warnings": self.warnings,
            "codes": {
                str(code): {
                    "name": CODES[code].name,
                    "severity": "warning" if CODES[code].warning else "error",
                    "count": count,
                }
                for code, count in sorted(self.counts.items())
            },
            "findings": [finding.to_dict() for finding in self.findings],
        }
