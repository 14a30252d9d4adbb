"""The process in which files are read: `python -m tests.fuzz.child READER SEED`, numbers of inputs on stdin.

It says each number before it reads, and the outcome behind it, so that its death is blamed on one input.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from random import Random
from typing import Any

MOST_SECONDS = 10
MOST_BYTES = 2 << 30


def inputs_of(name: str, seed: int, number: int, made: list[Any]) -> Any:
    """The files of one input: the same for the same reader, seed and number."""
    from tests.fuzz.readers import READERS

    rng = Random(f"{name}/{seed}/{number}")
    return READERS[name].mutate(rng, rng.choice(made))


def made_seeds(name: str) -> list[Any]:
    """The valid files that a reader's inputs are made from."""
    from tests.fuzz.readers import READERS

    with tempfile.TemporaryDirectory() as folder:
        return list(READERS[name].seeds(Path(folder)))


def outcome(name: str, files: Any, folder: Path) -> dict[str, Any]:
    """What reading comes to: "read", "refused", or what was found wrong."""
    from geovision.errors import GeovisionError
    from tests.fuzz.readers import READERS, placed

    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        with placed(files, folder) as path:
            READERS[name].run(path)
        found = {"what": "read"}
    except GeovisionError as error:
        names = {part for file in files for part in (Path(file).name, Path(file).stem)} | {folder.name}
        named = any(part and part in str(error) for part in names)
        found = {"what": "refused" if named else "unnamed", "text": str(error)[:300]}
    except BaseException as error:
        line = traceback.extract_tb(error.__traceback__)
        ours = [f"{Path(f.filename).name}:{f.lineno}" for f in line if "/geovision/" in f.filename][-3:]
        found = {"what": "escaped", "text": f"{type(error).__name__}: {error}"[:300], "where": " ".join(ours)}
        if isinstance(error, KeyboardInterrupt):
            raise
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {**found, "seconds": round(time.process_time() - start, 3)}


def confine() -> None:
    """2 GB more than what is mapped already, no core files, and no file over 256 MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 << 20, 256 << 20))


def main() -> None:
    name, seed = sys.argv[1], int(sys.argv[2])
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    made = made_seeds(name)
    with tempfile.TemporaryDirectory() as folder:
        for files in made:  # everything is loaded before memory is counted, and whole files are read
            found = outcome(name, files, Path(folder) / "in")
            if found["what"] != "read":
                raise SystemExit(f"{name}: a whole file is not read: {found}")
        confine()
        answers.write("ready\n")
        answers.flush()
        for line in sys.stdin:
            answers.write(f"{line.strip()} ")
            answers.flush()
            found = outcome(name, inputs_of(name, seed, int(line), made), Path(folder) / "in")
            answers.write(json.dumps(found) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
