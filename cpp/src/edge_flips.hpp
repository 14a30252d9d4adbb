// Triangles made rounder: Lawson's flips towards the Delaunay triangulation of a polygon. Internal.
//
// Slivers are harmless in a plane. In a face whose corners are rounded off their plane an edge that passes a
// corner closely may run through what adjoins there; a Delaunay edge does not pass corners closely.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/geom.hpp"

namespace geovision {

class EdgeFlips {
public:
    // `triangles` are counter-clockwise ids into `points` and fill a polygon; its border stays.
    void run(const std::vector<Point>& points, std::vector<std::int32_t>& triangles);

private:
    struct Side {
        std::int32_t low, high, half;
    };
    std::vector<Side> sides_;
    std::vector<std::int32_t> twin_, pending_;
};

}  // namespace geovision
