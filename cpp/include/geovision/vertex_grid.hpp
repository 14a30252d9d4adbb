// Plan vertices on the grid that keep a minimum distance: who comes near an older one becomes that one.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/geom.hpp"

namespace geovision {

class VertexGrid {
public:
    // Distances are in grid steps.
    void clear(double min_distance);
    // The vertex at p: the nearest one within the minimum distance (the older of two as near), else a new
    // one.
    std::int32_t anchor(Vec p);
    // The nearest vertex within the minimum distance, -1 for none.
    std::int32_t find_near(Point p) const;

    std::vector<Point> points;
    bool merged = false;  // some vertices were merged or moved by more than rounding

    static constexpr double rounding = 0.75;  // grid steps: rounding alone moves a point less

private:
    void insert(std::int32_t v);
    void grow();

    std::int64_t min2_ = 100;
    std::int32_t reach_ = 10;
    std::vector<std::int32_t> hash_, chain_;
    std::uint32_t mask_ = 127;
};

}  // namespace geovision
