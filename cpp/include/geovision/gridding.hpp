// Rasters of heights from scattered points.
#pragma once

#include <atomic>
#include <cstdint>

#include "geovision/raster.hpp"

namespace geovision {

struct GridOptions {
    // Of the heights in a cell: 100 the highest, 50 the median, 0 the lowest. Negative: a mean of the points
    // round the middle of the cell instead, weighted by inverse squared distance.
    double percentile = 100.0;
    double radius = 1.0;  // metres, of that mean; at most 64 cells
    double fill = 0.0;  // metres; a cell without points takes the mean of the nearest cells within that far,
                        // weighted by inverse squared distance. At most 64 cells
    int threads = 1;    // 0 for all cores
    const std::atomic<bool>* cancel = nullptr;
};

// Heights [window.height, window.width] of points [count, 3]; NaN where nothing is near. Points outside the
// window count where they are near enough; those that are not finite do not. The order of the points and the
// number of threads cannot be seen in the result. Throws std::invalid_argument for a window without cells or
// with more than 2^31, a cell size that is not positive, and options out of range. False when cancelled.
bool grid_points(const double* xyz, std::int64_t count, const RasterWindow& window,
                 const GridOptions& options, float* z);

}  // namespace geovision
