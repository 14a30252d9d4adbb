// The bare earth: its height at a place, from scattered ground points.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace geovision {

struct TerrainOptions {
    double reach = 20.0;  // metres; farther from every ground point the terrain is not known. At most 200
    int threads = 1;      // 0 for all cores
    const std::atomic<bool>* cancel = nullptr;
};

// Height of the terrain at each query [m, 2] from ground points [n, 3]; NaN where none is in reach.
//
// Ground points are averaged in cells of 1 m whose corners are whole metres of the CRS, in integers, so
// that neither order nor tile can be seen. A plane is fitted to the nearest cells, weighted by distance and
// drawn to the level, and kept between the heights that it was fitted to, so that it does not run away
// under a large building. Points that are not finite are skipped; their coordinates must lie within 1e9.
std::vector<double> terrain_at(const double* ground, std::int64_t ground_count, const double* query,
                               std::int64_t query_count, const TerrainOptions& options);

}  // namespace geovision
