"""The command: `python -m tests.fuzz --seed 1 --inputs 20000 [--reader NAME] [--only NUMBER]`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.campaign import GOOD, tally
from tests.fuzz.child import inputs_of, made_seeds, outcome
from tests.fuzz.readers import READERS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="another seed, other inputs")
    parser.add_argument("--inputs", type=int, default=20_000, help="in all, shared among the readers")
    parser.add_argument("--first", type=int, default=0, help="number of the first input of each reader")
    parser.add_argument("--reader", action="append", choices=list(READERS), help="only this; may be repeated")
    parser.add_argument(
        "--only", type=int, help="this input of a reader alone, in this process; its files are kept"
    )
    parser.add_argument("--found", type=Path, help="a file of JSON lines for what was found")
    options = parser.parse_args()
    names = options.reader or list(READERS)
    if options.only is not None:
        return _one(names[0], options.seed, options.only)
    each = -(-options.inputs // len(names))
    total: Counter[str] = Counter()
    for name in names:
        start = time.monotonic()
        found = tally(name, options.seed, range(options.first, options.first + each))
        total += found.counts
        seconds = time.monotonic() - start
        print(f"{name:14} {dict(found.counts)} slowest {found.slowest:.1f} s, {seconds:.0f} s", flush=True)
        for item in found.found:
            print("   ", json.dumps(item)[:400], flush=True)
            if options.found:
                with options.found.open("a") as file:
                    file.write(json.dumps(item) + "\n")
    print(f"all            {dict(total)}: {sum(total.values()):,} inputs")
    return 0 if set(total) <= set(GOOD) else 1


def _one(name: str, seed: int, number: int) -> int:
    files = inputs_of(name, seed, number, made_seeds(name))
    kept = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-{number}-"))
    for file, data in files.items():
        (kept / file).parent.mkdir(parents=True, exist_ok=True)
        (kept / file).write_bytes(data)
    print(f"files in {kept}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        found = outcome(name, files, Path(folder) / "in")
    print(json.dumps(found, indent=1))
    return 0 if found["what"] in GOOD else 1


if __name__ == "__main__":
    sys.exit(main())
