"""Pictures inside other files."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

__all__ = ["jpeg"]

_QUALITY = 85


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """A picture [height, width, 3] as JPEG: the one kind that every glTF reader takes and that is small."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
