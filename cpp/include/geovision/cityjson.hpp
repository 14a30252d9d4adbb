// Solids as lines of CityJSONSeq: one CityJSONFeature a building, integer vertices on the kernel's own grid.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "geovision/types.hpp"

namespace geovision {

// The arrays of a batch of Solids with polygons; pointers stay the caller's. Shapes as in Solids.
struct CityJsonSolids {
    double grid = 0.001;
    std::int64_t buildings = 0;
    const double* origin = nullptr;
    const std::int64_t* vertex_offsets = nullptr;
    const std::int32_t* vertices = nullptr;
    const std::int64_t* face_offsets = nullptr;
    const std::uint8_t* face_label = nullptr;
    const std::int32_t* face_part = nullptr;
    const std::int32_t* face_surface = nullptr;
    const std::uint8_t* face_provenance = nullptr;
    const std::int32_t* face_solid = nullptr;
    const std::int64_t* face_ring_offsets = nullptr;
    const std::int64_t* ring_offsets = nullptr;
    const std::int32_t* ring_vertices = nullptr;
};

struct CityJsonOptions {
    std::array<double, 3> translate{0.0, 0.0, 0.0};  // whole metres: then no coordinate is rounded again
    std::string lod = "2.2";
    int threads = 1;                            // 0 for all cores
    const std::atomic<bool>* cancel = nullptr;  // may be null
};

// Appends a line a building to `out`. ids and attributes are finished JSON: a text in quotes, and an object.
// A building of one solid is a Building with a Solid; of several, a Building with a BuildingPart for each; of
// none, a Building without geometry. Solids that stand out of walls are a BuildingInstallation each. A roof
// facet is a semantic surface of its own; walls, ground and undersides are one for each part. Offsets and
// indices must be in range (precondition, the bindings check them). The bytes do not depend on the threads.
// Returns false when cancelled.
bool write_city_features(const CityJsonSolids& solids, const std::vector<std::string>& ids,
                         const std::vector<std::string>& attributes, const CityJsonOptions& options,
                         std::string& out);

}  // namespace geovision
