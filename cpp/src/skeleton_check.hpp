// Proof that a set of arcs is a roof. Internal.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/skeleton.hpp"
#include "skeleton_wavefront.hpp"

namespace geovision::skeleton {

struct Checker {
    // True if every face is closed, lies in its edge's plane within `tolerance` metres (in plan) and is
    // a simple, counter-clockwise polygon. Faces' boundaries cancel in pairs, so that then they
    // partition the polygon.
    bool sound(const std::vector<Edge>& edges, const std::vector<std::int32_t>& next, const Skeleton& s,
               double tolerance);

private:
    struct Bent {  // a side that runs backwards along its face's edge
        std::int32_t face, arc;
    };
    struct Sum {
        double gap;     // between the ends of the boundary, along some direction
        double lowest;  // height of an inner node
        std::int32_t first_side;
        std::int32_t foot;  // the arc that starts at the input vertex of this number
    };
    struct Side {
        std::int32_t arc, next;
    };
    bool apart(const Skeleton& s, const SkeletonArc& p, const SkeletonArc& q) const;
    bool simple(const std::vector<std::int32_t>& next, const Skeleton& s, const Bent& bent) const;

    std::vector<Sum> sums_;
    std::vector<Side> sides_;
    std::vector<Bent> bent_;
};

}  // namespace geovision::skeleton
