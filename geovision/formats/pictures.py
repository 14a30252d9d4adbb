"""Pictures as bytes, for other files to hold or to be files of their own."""

from __future__ import annotations

import io
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["PictureKind", "encode_picture", "jpeg"]

PictureKind = Literal["png", "webp", "jpeg"]

_QUALITY = 85
_OPTIONS: dict[PictureKind, dict[str, Any]] = {
    "png": {"optimize": False},
    # The slowest search: textures are drawn once and loaded often.
    "webp": {"quality": 80, "method": 6},
    "jpeg": {"quality": _QUALITY},
}


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """A picture [height, width, 3] as JPEG: the one kind that every glTF reader takes and that is small."""
    return encode_picture(pixels, "jpeg")


def encode_picture(pixels: NDArray[np.uint8], kind: PictureKind) -> bytes:
    """A picture [height, width, 3] of 8 bits.

    >>> encode_picture(np.zeros((4, 4, 3), np.uint8), "png")[1:4]
    b'PNG'
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind.upper(), **_OPTIONS[kind])
    return buffer.getvalue()
