"""Programs to CityJSONSeq on disk as `geovision build` writes it: how fast on one core, how large.

The town of `bench_tiles3d.py`: meshing with polygons, what is measured on the solids, six attributes and the
whole program in every building. The first features are read back and compared.
"""

from __future__ import annotations

import gzip
import json
import tempfile
import time
from pathlib import Path

import common
from bench_tiles3d import town

from geovision.formats.attributes import PROGRAM, attribute_types, building_columns, facts_columns
from geovision.formats.cityjson import open_cityjsonseq
from geovision.formats.outlines import building_facts
from geovision.formats.programs import read_programs
from geovision.mesh import mesh
from geovision.model.table import ProgramTable


def write(path: Path, tables: list[ProgramTable], *, programs: bool) -> None:
    types = attribute_types([row for table in tables for row in table.attributes])
    with open_cityjsonseq(path, crs="EPSG:28992", threads=1) as writer:
        for table in tables:
            solids = mesh(table, threads=1)
            columns = building_columns(table, types) | facts_columns(building_facts(solids))
            writer.write(solids, columns | ({PROGRAM: table.to_dicts()} if programs else {}))


def check(path: Path, tables: list[ProgramTable]) -> None:
    count = sum(map(len, tables))
    with path.open(encoding="utf-8") as file:
        header = json.loads(next(file))
        assert header["type"] == "CityJSON"
        first = json.loads(next(file))
        assert 2 + sum(1 for _ in file) == count + 1
    assert first["id"] == tables[0].ids[0]
    with tempfile.TemporaryDirectory() as name:
        few = Path(name) / "few.city.jsonl"
        with path.open(encoding="utf-8") as file:
            few.write_text("".join(next(file) for _ in range(51)), encoding="utf-8")
        assert read_programs(few).to_programs() == tables[0].slice(0, 50).to_programs()


def main() -> int:
    options = common.arguments(__doc__ or "", count=50_000, rounds=3)
    tables = list(town(options.count))
    result: dict[str, object] = {"buildings": options.count}
    rates = {}
    for programs in (True, False):
        seconds = []
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as name:
                path = Path(name) / "town.city.jsonl"
                start = time.process_time()
                write(path, tables, programs=programs)
                seconds.append(time.process_time() - start)
                if programs and len(seconds) == 1:
                    check(path, tables)
                    data = path.read_bytes()
                    result["bytes a building"] = round(len(data) / options.count)
                    result["gz"] = round(len(gzip.compress(data, 6)) / options.count)
        rates[programs] = options.count / min(seconds)
    result["per CPU s"] = rates[True]
    result["without programs per CPU s"] = rates[False]
    bar = "at least 10,000 buildings/s and core, meshing and programs included"
    return common.report("CityJSONSeq", result, bar, passed=rates[True] >= 10_000, record=options.record)


if __name__ == "__main__":
    raise SystemExit(main())
