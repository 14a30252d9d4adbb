"""What GDAL reads beside a raster file without being asked, judged before it does.

GDAL opens overviews and masks beside a file with whatever driver their content asks for, and follows names
of overview files that metadata state. Either way a raster that looks harmless could have any other file read,
or a server asked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from geovision.errors import InputError

__all__ = ["check_references", "check_sidecars"]

_MOST_XML_BYTES = 16 << 20
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_REFERENCES = {"OVERVIEWS": "OVERVIEW_FILE", "ProxyOverviewRequest": "FILENAME"}


def check_sidecars(path: Path) -> None:
    """Raise an `InputError` where a file beside a raster is not what its name promises, or names others.

    Overviews and masks must be TIFF, metadata plain XML, and none a link to somewhere else.
    """
    for place in (path, path.with_suffix("")):
        for suffix in (".ovr", ".OVR", ".msk", ".MSK", ".aux.xml"):
            beside = place.with_name(place.name + suffix)
            if beside.is_file() and beside != path:
                _check_sidecar(path, beside, suffix)


def _check_sidecar(path: Path, beside: Path, suffix: str) -> None:
    thing, remedy = f"raster {path}", f"Remove {beside.name}, or make it anew"
    if beside.is_symlink() and beside.resolve().parent != path.resolve().parent:
        raise InputError(thing, f"{beside.name} beside it links to another folder", remedy)
    try:
        size = beside.stat().st_size
        if suffix != ".aux.xml":
            with beside.open("rb") as file:
                if not file.read(4).startswith(_TIFF):
                    raise InputError(thing, f"{beside.name} beside it is no TIFF", remedy)
            return
        text = b"" if size > _MOST_XML_BYTES else beside.read_bytes()
    except OSError as error:
        raise InputError(thing, f"{beside.name} cannot be read ({error.strerror})", remedy) from error
    if size > _MOST_XML_BYTES:
        raise InputError(thing, f"{beside.name} beside it has {size:,} bytes", remedy)
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise InputError(thing, f"{beside.name} beside it declares entities", remedy)


def check_references(path: str, dataset: Any) -> None:
    """Raise an `InputError` where the metadata of an open raster name another file for GDAL to open.

    Metadata alone are looked at: GDAL opens what they name when overviews or masks are first asked for.
    """
    for space, key in _REFERENCES.items():
        named = dataset.tags(ns=space).get(key)
        if named is not None:
            raise InputError(
                f"raster {path}",
                f"its metadata name another file to read, {named[:100]!r}",
                "Write it anew without its metadata, or remove the .aux.xml beside it",
            )
