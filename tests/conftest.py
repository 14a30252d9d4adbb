"""Runs before any test: makes sure that what is tested is this checkout with a kernel that loads."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent

# A red run must be repeatable, so the default run is fixed; campaigns explore by command.
hypothesis.settings.register_profile("default", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=2000, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("GEOVISION_HYPOTHESIS", "default"))

# A shell that starts a job in the background lets it ignore Ctrl-C, and so do all processes that it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Stop at once, with the remedy, where the tests would test something else than this checkout.

    `python -m pytest` in the root puts the source folder first on sys.path: a geovision that was installed
    without --editable is then hidden, and the sources alone have no compiled kernel.
    """
    import geovision
    from geovision._native import KernelMissing, load_kernel

    here = Path(geovision.__file__).resolve().parent
    if here != ROOT / "geovision":
        pytest.exit(
            f"the tests are in {ROOT}, but geovision is imported from {here}. "
            "Install this checkout editable: ./scripts/test.sh does it.",
            returncode=3,
        )
    try:
        load_kernel()
    except KernelMissing as error:
        pytest.exit(f"{error} (./scripts/test.sh sets everything up)", returncode=3)
