"""One root for every error that geovision raises on purpose.

Each error names the *thing* (a building, a file, a library), the *problem* and the *remedy*, and knows
the exit code that a command ends with: 1 some failed, 2 usage, 3 environment, 75 stopped and resumable.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = [
    "Cancelled",
    "EnvironmentFault",
    "GeometryError",
    "GeovisionError",
    "InputError",
    "OutputError",
    "ProgramError",
    "UsageError",
    "redacted",
]

_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#'\"<>\\]*@")
_QUERY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s?#'\"<>\\]*\?)([^\s#'\"<>\\]+)")
_VALUE = re.compile(r"=[^&;)]*")


def redacted(text: str) -> str:
    """A text in which no URI shows a password or the values of its query, which may be a signature.

    Every error passes through here, and so does what commands print and write of the sources' names.

    >>> redacted("https://ann:secret@example.org/a.tif?X-Amz-Signature=0f3c&part=1 is cut off")
    'https://***@example.org/a.tif?X-Amz-Signature=***&part=*** is cut off'
    """
    if "://" not in text:
        return text
    text = _USERINFO.sub(r"\1***@", text)
    return _QUERY.sub(lambda found: found[1] + _VALUE.sub("=***", found[2]), text)


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text[-1] in ".!?" else text + "."


class GeovisionError(Exception):
    """The root. Catch this to catch everything that geovision refuses.

    >>> error = GeovisionError("tile 12_7", "has no buildings", "Check the footprint layer")
    >>> str(error)
    'tile 12_7: has no buildings. Check the footprint layer.'
    >>> error.exit_code
    1
    """

    exit_code: int = 1

    def __init__(self, thing: str, problem: str, remedy: str = "") -> None:
        self.thing = redacted(str(thing))
        self.problem = redacted(str(problem))
        self.remedy = redacted(str(remedy))
        super().__init__(f"{self.thing}: {_sentence(self.problem)} {_sentence(self.remedy)}".strip())

    def _arguments(self) -> tuple[Any, ...]:
        return (self.thing, self.problem, self.remedy)

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions pickle through their args, which hold the finished text; workers need the parts.
        return (type(self), self._arguments())


def short(value: object, limit: int = 80) -> str:
    """A value as one short line for an error message.

    >>> short(list(range(1000)), limit=20)
    '[0, 1, 2, 3, 4, 5...'
    """
    if isinstance(value, (list, tuple)) and len(value) > limit:
        value = value[:limit]
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


class ProgramError(GeovisionError):
    """A building program that cannot be.

    >>> error = ProgramError("NL.1042", "parts/0/roof/ridge_height", 3.0, "Give a height above 5.2",
    ...                      problem="the ridge is not above the eave (5.2)")
    >>> str(error)  # doctest: +ELLIPSIS
    "building 'NL.1042', parts/0/roof/ridge_height = 3.0: the ridge is not above the eave (5.2). Give..."
    """

    def __init__(
        self, building: str, field: str, value: object, remedy: str, *, problem: str = "is not allowed"
    ) -> None:
        self.building = str(building)
        self.field = str(field)
        self.value = value
        super().__init__(f"building {self.building!r}, {self.field} = {short(value)}", problem, remedy)

    def __reduce__(self) -> tuple[Any, ...]:
        # The value may be anything that a caller typed, so it travels as text.
        value = self.value if isinstance(self.value, (str, int, float, type(None))) else short(self.value)
        return (_program_error, (self.building, self.field, value, self.remedy, self.problem))


def _program_error(building: str, field: str, value: object, remedy: str, problem: str) -> ProgramError:
    return ProgramError(building, field, value, remedy, problem=problem)


class InputError(GeovisionError):
    """A file or an array that cannot be read as what it should be."""


class GeometryError(GeovisionError):
    """The kernel returned no solid; `status` is the code of `geovision.model.labels.Status`."""

    def __init__(self, thing: str, problem: str, remedy: str = "", status: int = 0) -> None:
        self.status = int(status)
        super().__init__(thing, problem, remedy)

    def _arguments(self) -> tuple[Any, ...]:
        return (self.thing, self.problem, self.remedy, self.status)


class UsageError(GeovisionError):
    """An option or an argument that does not exist, or does not go with another."""

    exit_code = 2


class OutputError(GeovisionError):
    """A result that cannot be written: no space, no permission, no such folder."""

    exit_code = 3


class EnvironmentFault(GeovisionError):
    """Something that geovision needs is missing on this machine or too old."""

    exit_code = 3


class Cancelled(GeovisionError):
    """The caller asked to stop; what is done stays done, and a second run goes on from there."""

    exit_code = 75

    def __init__(
        self, thing: str = "run", problem: str = "stopped on request", remedy: str = "Run it again to go on"
    ) -> None:
        super().__init__(thing, problem, remedy)
