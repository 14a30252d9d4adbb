"""Looking at results: pictures now; metrics, validation and reports stand here too."""

from __future__ import annotations
