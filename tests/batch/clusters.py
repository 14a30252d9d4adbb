"""Dask clusters for tests: real schedulers and workers, each a process on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Cluster", "dask_cluster", "local_cluster"]


class Cluster:
    """A scheduler, and workers that come and go."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "scheduler.json"
        self.workers: list[subprocess.Popen[bytes]] = []
        options = [
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--no-dashboard",
            "--scheduler-file",
            str(self._file),
        ]
        self.scheduler = self._spawn("dask_scheduler", *options)

    def _spawn(self, name: str, *options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{name}", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def address(self) -> str:
        """Of the scheduler."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(OSError, ValueError):
                return str(json.loads(self._file.read_text())["address"])
            time.sleep(0.05)
        raise TimeoutError("the scheduler does not start")

    def add_worker(self, threads: int = 1) -> subprocess.Popen[bytes]:
        """Start a worker without a nanny: what kills it is not put right by itself."""
        options = [self.address, "--nthreads", str(threads), "--no-nanny", "--no-dashboard"]
        self.workers.append(self._spawn("dask_worker", *options))
        return self.workers[-1]

    def close(self) -> None:
        """Kill all."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@contextlib.contextmanager
def dask_cluster(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """A scheduler with workers of one thread."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(folder)
    try:
        for _ in range(workers):
            cluster.add_worker()
        yield cluster
    finally:
        cluster.close()


def local_cluster() -> object:
    """What a cluster's factory of a user looks like."""
    from distributed import LocalCluster

    assert os.environ["GEOVISION_TEST_JOB"]
    return LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address="127.0.0.1:0")
