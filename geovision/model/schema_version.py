"""Name and version of the program's form, as written into every JSON, Arrow and Parquet output."""

from __future__ import annotations

from geovision.errors import ProgramError

FAMILY = "geovision.program"
VERSION = 1
SCHEMA = f"{FAMILY}/{VERSION}"


def check_schema(name: object, building: str = "(file)") -> None:
    """Refuse programs of another form, or of a version that this geovision does not know.

    >>> check_schema("geovision.program/1")
    """
    if name == SCHEMA:
        return
    family, _, version = str(name).partition("/")
    if family == FAMILY and version.isdecimal() and int(version) > VERSION:
        raise ProgramError(
            building,
            "schema",
            name,
            "Update geovision, or write the program with the older one",
            problem=f"it was written by a newer geovision; this one reads versions up to {VERSION}",
        )
    raise ProgramError(
        building, "schema", name, f'Write "schema": "{SCHEMA}"', problem="it is no building program"
    )
