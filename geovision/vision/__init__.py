"""Seeing: networks that find buildings and propose roofs, their training, inference and polygons.

Importing this package needs NumPy alone; Keras is imported by `vision.nets` and `vision.train` only.
"""

from geovision.vision.inputs import CHANNELS, GROUPS, stack

__all__ = ["CHANNELS", "GROUPS", "stack"]
