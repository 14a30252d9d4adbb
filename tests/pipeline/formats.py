"""The formats that this machine can write: USD needs a library that is an extra."""

from __future__ import annotations

from importlib.util import find_spec

from geovision.pipeline.products import FORMATS

AVAILABLE = [name for name in FORMATS if name != "usdz" or find_spec("pxr") is not None]
