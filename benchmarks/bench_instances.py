"""Buildings with facades as instances to compressed GLB bytes, tile by tile: speed on one thread, and size.

    python benchmarks/bench_instances.py

Timed is what makes the bytes: pieces placed, walls packed with materials, all of it compressed. Rules, walls
and meshes are there already; bench_facade_rules.py times rules. Pictures lie beside the tiles, once.
"""

from __future__ import annotations

import sys
import time

import common
import numpy as np

TILE = 500


def main() -> int:
    from geovision import _kernel
    from geovision.formats.glb import glb_bytes
    from geovision.formats.gltf_skin import SkinSettings, texture_files
    from geovision.mesh.looks import NO_FINISH
    from geovision.mesh.textures import Finish
    from geovision.pipeline.dresser import FacadeDresser, Neighbourhood
    from geovision.pipeline.generate import generate

    given = common.arguments(__doc__, buildings=4000, rounds=5)
    table = generate(count=given.buildings, seed=4)
    near = Neighbourhood.of_programs([table])
    skin = SkinSettings(size=256, uri="../materials/")
    tiles = []
    for first in range(0, len(table), TILE):
        part = table.slice(first, min(first + TILE, len(table)))
        dresser = FacadeDresser("auto", "instanced", near)
        base, walls, elements = dresser.instances(part)
        tiles.append((base, walls, elements, dresser.looks(part, base)))
    sizes, pieces, openings, seconds, kernel = [], 0, 0, [], []
    for _ in range(given.rounds):
        began = time.process_time()
        files = [
            glb_bytes(base, looks=looks, skin=skin, facades=(base, walls, elements), compress=True, threads=1)
            for base, walls, elements, looks in tiles
        ]
        seconds.append(time.process_time() - began)
        began = time.process_time()
        for base, walls, elements, _ in tiles:
            found = _kernel.place_instances(
                base.arrays(), walls.arrays(), elements.arrays(), tuple(base.origin[0]), 1, None, -8
            )
            pieces += found["count"]
        kernel.append(time.process_time() - began)
        sizes = [len(data) for data in files]
    pieces //= given.rounds
    openings = sum(int((elements.kind <= 3).sum()) for _, _, elements, _ in tiles)
    assert all(data[:4] == b"glTF" and b"EXT_mesh_gpu_instancing" in data for data in files)
    assert pieces > openings > 4 * len(table)
    shown = np.unique(np.concatenate([looks.finish for *_, looks in tiles])).tolist()
    finishes = [Finish(code) for code in shown if code != NO_FINISH]
    pictures = sum(map(len, texture_files(finishes, skin).values()))
    rate, bytes_each = len(table) / min(seconds), sum(sizes) / len(table)
    result = {
        "buildings": len(table),
        "buildings/s": round(rate),
        "of it placing": f"{min(kernel) / min(seconds):.0%}",
        "openings a building": round(openings / len(table), 1),
        "pieces a building": round(pieces / len(table), 1),
        "bytes a building": round(bytes_each),
        "pictures MB": round(pictures / 1e6, 2),
    }
    passed = rate >= 20_000 and bytes_each <= 4000
    bar = "20,000 buildings/s on one thread, 4 kB each"
    return common.report("facade instances", result, bar, passed=passed, record=given.record)


if __name__ == "__main__":
    sys.exit(main())
