"""Where tiles are done: a protocol, and an implementation a file."""

from __future__ import annotations

from geovision.batch.executors.protocol import Executor, Outcome

__all__ = ["Executor", "Outcome"]
