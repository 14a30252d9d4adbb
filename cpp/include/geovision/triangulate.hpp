// Triangulation of polygons with holes on the integer grid, using exactly the vertices given.
//
// Precondition: rings do not cross (they may touch at vertices), the outer ring is counter-clockwise,
// holes are clockwise, and the polygon has area. Every triangle has positive area and none spans a
// vertex: a vertex on the inside of an edge is a corner of the triangles beside it.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/geom.hpp"

namespace geovision {

class Triangulator {
public:
    // `ring` holds vertex ids into `points`, ring r spans [ring_begin[r], ring_begin[r + 1]).
    // Appends three ids per triangle to `triangles`. False, and nothing appended, when the precondition does
    // not hold.
    bool run(const std::vector<Point>& points, const std::int32_t* ring, const std::int32_t* ring_begin,
             std::int32_t rings, std::vector<std::int32_t>& triangles);

private:
    bool fan(const std::int32_t* ring, std::int32_t n, std::vector<std::int32_t>& triangles) const;
    bool bridge(const std::int32_t* ring, const std::int32_t* ring_begin, std::int32_t rings);
    std::int32_t touching_node(const std::int32_t* ring, std::int32_t begin, std::int32_t end,
                               std::int32_t k) const;
    std::int32_t nearest_visible(const std::int32_t* ring, const std::int32_t* ring_begin, std::int32_t rings,
                                 std::int32_t r, std::int32_t k);
    void join(std::int32_t node, const std::int32_t* ring, std::int32_t begin, std::int32_t end,
              std::int32_t k);
    bool visible(std::int32_t node, std::int32_t id, const std::int32_t* ring, const std::int32_t* ring_begin,
                 std::int32_t rings) const;
    bool clip(std::vector<std::int32_t>& triangles);
    bool is_ear(std::int32_t b) const;
    bool convex(std::int32_t b) const;
    void narrowed(std::int32_t node);
    Point at(std::int32_t node) const { return (*points_)[std::size_t(ids_[std::size_t(node)])]; }

    const std::vector<Point>* points_ = nullptr;
    std::vector<std::int32_t> ids_;          // vertex id per node of the merged ring
    std::vector<std::int32_t> prev_, next_;  // linked ring
    struct Reflex {
        std::int32_t x, y, node;
    };
    std::vector<Reflex> reflex_;           // nodes that are not convex
    std::vector<std::int32_t> reflex_at_;  // per node: its place there, -1 for convex ones
    std::vector<std::int32_t> scratch_, order_, pending_;
};

}  // namespace geovision
