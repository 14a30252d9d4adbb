// Triangulation of polygons with many holes in one sweep: n log n, where cutting ears takes the square.
//
// The same contract as Triangulator (triangulate.hpp), but rings may not touch themselves or each other.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/geom.hpp"

namespace geovision {

class SweepTriangulator {
public:
    // As Triangulator::run: `ring` holds ids into `points`, three ids per triangle are appended. False, and
    // nothing appended, when the rings are not simple.
    bool run(const std::vector<Point>& points, const std::int32_t* ring, const std::int32_t* ring_begin,
             std::int32_t rings, std::vector<std::int32_t>& triangles);

private:
    // An edge that the sweep line crosses: its corners, left one first.
    struct Edge {
        std::int32_t left, right;
    };
    // The inside of the polygon between two edges. Its chain runs from the left end of `low` to that of
    // `high` and bulges to the right: nothing more can be cut from it. `last` is the corner met last.
    struct Gap {
        Edge low, high;
        std::int32_t head, tail, last;  // links
    };
    struct Link {
        std::int32_t corner, below, above;
    };

    Point at(std::int32_t corner) const { return points_[std::size_t(corner)]; }
    bool before(std::int32_t a, std::int32_t b) const {
        const Point p = at(a), q = at(b);
        return p.x != q.x ? p.x < q.x : p.y < q.y;
    }
    bool above(const Edge& e, std::int32_t corner) const {
        return orient(at(e.left), at(e.right), at(corner)) > 0;
    }
    std::size_t gap_of(std::int32_t corner) const;
    std::int32_t link(std::int32_t corner);
    bool cut(std::int32_t a, std::int32_t v, std::int32_t b);
    void to_top(Gap& gap, std::int32_t v);
    void to_bottom(Gap& gap, std::int32_t v);
    bool start(std::int32_t v);
    bool split(std::int32_t v);
    bool finish(std::int32_t v);
    bool merge(std::int32_t v);
    bool visit(std::int32_t v);

    std::vector<Point> points_;              // of the rings' corners, in ring order
    std::vector<std::int32_t> prev_, next_;  // corners before and after
    std::vector<std::int32_t> order_;
    std::vector<Gap> gaps_;
    std::vector<Link> links_;
    std::vector<std::int32_t> cut_;  // corners
};

}  // namespace geovision
