// Arcs as sequences of straight lines: the regularising stage of outline.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/geom.hpp"
#include "geovision/outline_patch.hpp"

namespace geovision {

// Sums over points: enough to fit a line, and lines of several stretches add up.
struct OutlineMoments {
    double n = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0;
    void add(Vec p);
    OutlineMoments operator+(const OutlineMoments& o) const;
    OutlineMoments operator-(const OutlineMoments& o) const;
    Vec mean() const { return {x / n, y / n}; }
    // Sum of squared distances to the best line along the unit vector `u`, and to the best line of all.
    double misfit(Vec u) const;
    double misfit() const;
    Vec axis() const;  // unit vector along the best line
};

// A main direction of a building's walls in the patch's axes (y down), in [0, pi/2).
struct OutlineDirection {
    double angle = 0, weight = 0;
};
using OutlineDirections = std::vector<OutlineDirection>;

// Points [begin, end) of OutlinePaths::points: for an open arc from node to node, for a closed one from a far
// corner back to it.
struct OutlinePath {
    std::size_t begin = 0, end = 0;
    std::vector<std::int32_t> fine, coarse;  // break points within the path, ends included
};

struct OutlinePaths {
    std::vector<Vec> points;
    std::vector<OutlineMoments> sums;  // before each point, and one more after each path
    std::vector<OutlinePath> paths;    // one an arc
    OutlineMoments stretch(std::size_t path, std::int32_t first, std::int32_t last) const;
    const Vec& point(std::size_t path, std::int32_t k) const {
        return points[paths[path].begin + std::size_t(k)];
    }
};

// Closed arcs of `map` are turned so that they begin at a far corner. `tolerance` is in cells.
OutlinePaths make_paths(OutlineMap& map, double tolerance);

struct OutlineLine {
    std::int32_t first = 0, last = 0;  // points of the path
    Vec along;                         // unit vector
    bool fixed = false;                // keeps to a main direction
    OutlineMoments sums;               // of its inner points
    double price = 0;                  // what it costs to have it, in squared cells
};

// The cheapest lines for one path: squared distances in cells plus a price a line, higher for a line that
// keeps to none of the directions.
std::vector<OutlineLine> fit_lines(const OutlinePaths& paths, std::size_t path, bool closed,
                                   const OutlineDirections& directions, double price);

// Main directions of every building (index 0 is empty), agreed upon between neighbours.
std::vector<OutlineDirections> find_directions(const OutlinePatch& patch, const OutlineMap& map,
                                               const OutlinePaths& paths);

}  // namespace geovision
