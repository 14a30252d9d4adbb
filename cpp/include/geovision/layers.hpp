// Rasters of what is highest at every cell's centre: height, whose it is, what it is, which way it faces.
#pragma once

#include <atomic>
#include <cstdint>

#include "geovision/scene.hpp"

namespace geovision {

// What to draw into: [height, width] each, null to leave out. Where nothing is: NaN, -1, 255 or 0.
struct LayersOut {
    float* height = nullptr;  // world: the frame's origin is added
    std::int32_t* building = nullptr;
    std::int16_t* part = nullptr;
    std::uint8_t* roof_kind = nullptr;
    std::int32_t* surface = nullptr;
    std::uint8_t* label = nullptr;
    std::uint8_t* material = nullptr;
    std::int8_t* normal = nullptr;  // [height, width, 3], 127 times the unit normal
    float* slope = nullptr;         // degrees
    std::uint8_t* edge = nullptr;   // EdgeKind
};

struct LayersOptions {
    std::uint32_t seen = ~0u;  // see:: bits
    double edge_width = 0.0;   // metres; lines are never thinner than a cell
    int threads = 0;           // 0 for all cores; the result does not depend on it
    const std::atomic<bool>* cancel = nullptr;
};

// A cell's values are those of the surface that its centre sees from above, which for triangles is decided as
// in rasterize_top. A cell carries an edge if its centre lies within half the width of the line in plan and
// nothing hides the line there; of several the nearest wins, then the lower kind. Triangles, polygons and
// trees whose place is not finite are skipped. Throws where rasterize_top does. Returns false when cancelled.
bool draw_layers(const SceneMesh& scene, const RasterWindow& window, const LayersOptions& options,
                 const LayersOut& out);

}  // namespace geovision
