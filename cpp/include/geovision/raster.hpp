// Draws triangles seen from straight above: the highest surface in every cell, and whose it is.
//
// Everything orthographic is this one primitive: an oblique picture is the triangles turned so that the
// viewer looks down z, and a shadow map is the same for the sun (render.hpp).
#pragma once

#include <atomic>
#include <cstdint>

namespace geovision {

// Triangles of one indexed mesh, in any frame whose z points at the viewer. Pointers stay the caller's.
struct RasterMesh {
    std::int64_t vertices = 0;
    const double* xyz = nullptr;  // [vertices, 3]
    std::int64_t triangles = 0;
    const std::int32_t* triangle = nullptr;  // [triangles, 3]
};

// A grid of square cells whose row 0 is the northern one (largest y), as in images and GeoTIFFs.
struct RasterWindow {
    double left = 0.0;  // x of the western border
    double top = 0.0;   // y of the northern border
    double cell = 1.0;  // metres
    int width = 0;
    int height = 0;
};

// For every cell, the height and the index of the highest triangle that covers the cell's centre. A centre
// on an edge that two triangles share belongs to exactly one of them, so that meshes leave no gaps;
// of equal heights the lower index wins. Vertical triangles cover nothing.
//
// z: [height, width], NaN where nothing is; id: [height, width], -1 where nothing is.
// Corners are snapped to 1/256 cell for the question of what is covered (heights are not), and must lie
// within 2^20 cells of the window; triangles that reach farther are skipped. The result does not depend on
// the number of threads (0 for all cores).
// Throws std::invalid_argument for an index out of range, a window without cells or more than 2^31 of them,
// or a cell size that is not positive. Triangles with a corner that is not finite are skipped. Returns false
// when cancelled.
bool rasterize_top(const RasterMesh& mesh, const RasterWindow& window, float* z, std::int32_t* id,
                   int threads, const std::atomic<bool>* cancel = nullptr);

}  // namespace geovision
