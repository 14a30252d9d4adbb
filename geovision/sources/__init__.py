"""Readers of geospatial sources; the only room beside the table formats that knows files of that kind."""

from __future__ import annotations

from geovision.sources.footprints import Footprints, Problem, read_footprints

__all__ = ["Footprints", "Problem", "read_footprints"]
