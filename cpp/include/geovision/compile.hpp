// Programs to solids, in bulk: the kernel's front door.
#pragma once

#include <atomic>
#include <cstdint>

#include "geovision/types.hpp"

namespace geovision {

struct CompileOptions {
    int lod = 22;             // ten times the level of detail: 11, 12, 13, 22, 23
    double grid = 0.001;      // metres per grid step
    double min_edge = 0.01;   // metres; no published edge is shorter
    double thickness = 0.15;  // metres; of overhanging roofs, square to the roof
    bool polygons = true;     // also write polygon rings, not only triangles
    int threads = 0;          // 0: all cores
};

// Every building has a row in the result; one without a solid has a status that says why. Results do not
// depend on `threads`. Returns early, with status cancelled on what is left, once `cancel` is true.
Solids compile_solids(const Programs& programs, const CompileOptions& options,
                      const std::atomic<bool>& cancel);

}  // namespace geovision
