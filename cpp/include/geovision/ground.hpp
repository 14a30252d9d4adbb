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

struct GroundFilterOptions {
    double cell = 1.0;  // metres of the grid that the lowest points are taken on, 0.25 to 10
    double max_object =
        36.0;            // metres: what is wider than this and flat is taken for ground. At most 200 cells
    double slope = 0.3;  // rise over run that an object's edge has at least
    double step = 0.5;   // metres: what stands out by less is ground whatever its size
    double tolerance = 0.25;  // metres a ground point may lie off the surface through the lowest points
};

// Which of the points [n, 3] are ground: 1 for each that is.
//
// The lowest point of every cell forms a surface. It is opened morphologically with squares of growing size;
// where an opening takes off more than `slope` times its size, an object stood (Zhang et al. 2003; Pingel et
// al. 2013). An opening leaves an even slope as it is, so hillsides are ground. Single low points, such as
// echoes that bounced twice, are taken away first. A point is ground where it lies within `tolerance` of a
// plane through the remaining cells round it.
//
// Cells lie on multiples of `cell` in the CRS, and a point's answer depends on nothing farther from it than
// filter_reach(): not on order or tile. Points that are not finite are not ground. Throws
// std::invalid_argument for options out of range or a grid of over 2^28 cells.
std::vector<std::uint8_t> filter_ground(const double* xyz, std::int64_t count,
                                        const GroundFilterOptions& options);

// Metres from a point beyond which nothing matters to `filter_ground`.
double filter_reach(const GroundFilterOptions& options);

}  // namespace geovision
