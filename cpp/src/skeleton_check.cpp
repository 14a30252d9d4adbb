#include "skeleton_check.hpp"

#include <algorithm>
#include <cmath>

namespace geovision::skeleton {

namespace {

double orient(const SkeletonNode& a, const SkeletonNode& b, const SkeletonNode& c) {
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

// Do the insides of segments ab and cd cross?
bool cross(const SkeletonNode& a, const SkeletonNode& b, const SkeletonNode& c, const SkeletonNode& d) {
    const double tiny = 1e-9;
    const double o1 = orient(a, b, c), o2 = orient(a, b, d);
    const double o3 = orient(c, d, a), o4 = orient(c, d, b);
    return (std::min(o1, o2) < -tiny) & (std::max(o1, o2) > tiny) & (std::min(o3, o4) < -tiny) &
           (std::max(o3, o4) > tiny);
}

}  // namespace

bool Checker::apart(const Skeleton& s, const SkeletonArc& p, const SkeletonArc& q) const {
    if ((p.a == q.a) | (p.a == q.b) | (p.b == q.a) | (p.b == q.b)) return true;
    return !cross(s.nodes[p.a], s.nodes[p.b], s.nodes[q.a], s.nodes[q.b]);
}

// A face without bent sides is simple: above its edge runs one chain, monotone along the edge. A bent
// side (at a reflex corner the face widens upwards) must not cross any other side of the face.
bool Checker::simple(const std::vector<std::int32_t>& next, const Skeleton& s, const Bent& bent) const {
    const SkeletonArc& arc = s.arcs[bent.arc];
    for (const std::int32_t foot : {foot_[bent.face], foot_[next[bent.face]]}) {
        if (foot >= 0 && !apart(s, arc, s.arcs[foot])) return false;
    }
    // Within a face height is distance from the edge: a side whose ends are higher cannot be in the way.
    const double top = std::max(s.nodes[arc.a].h, s.nodes[arc.b].h);
    if (sums_[bent.face].lowest >= top) return true;
    for (std::int32_t k = sums_[bent.face].first_side; k >= 0; k = sides_[k].next) {
        const SkeletonArc& other = s.arcs[sides_[k].arc];
        if (s.nodes[other.a].h >= top && s.nodes[other.b].h >= top) continue;
        if (!apart(s, arc, other)) return false;
    }
    return true;
}

bool Checker::sound(const std::vector<Edge>& edges, const std::vector<std::int32_t>& next, const Skeleton& s,
                    double tolerance) {
    const std::size_t n = edges.size();
    sums_.assign(n, Sum{0.0, 0.0, never, -1});
    sides_.resize(2 * s.arcs.size());
    bent_.clear();
    foot_.assign(n, -1);
    std::int32_t side = 0;
    const auto phi = [](const SkeletonNode& p) { return 0.6180339887 * p.x + 0.7320508076 * p.y; };
    const auto add = [&](std::int32_t face, const SkeletonNode& a, const SkeletonNode& b) {
        Sum& sum = sums_[face];
        sum.gap += phi(b) - phi(a);
        sum.area += a.x * b.y - a.y * b.x;
    };
    for (std::size_t i = 0; i < n; ++i) add(static_cast<std::int32_t>(i), s.nodes[i], s.nodes[next[i]]);
    for (const SkeletonPiece& p : s.pieces) {
        if (p.face >= 0) add(p.face, s.nodes[p.a], s.nodes[p.b]);
        add(p.edge, s.nodes[p.b], s.nodes[p.a]);
    }
    const auto arcs = static_cast<std::int32_t>(s.arcs.size());
    for (std::int32_t i = 0; i < arcs; ++i) {
        const SkeletonArc& arc = s.arcs[i];
        const SkeletonNode &a = s.nodes[arc.a], &b = s.nodes[arc.b];
        if (static_cast<std::size_t>(arc.a) < n) foot_[arc.a] = i;
        const double low = std::min(a.h > 0 ? a.h : never, b.h);
        for (int k = 0; k < 2; ++k) {
            const std::int32_t face = k == 0 ? arc.left : arc.right;
            if (face < 0) continue;
            const Edge& e = edges[face];
            const double off_a = e.nx * a.x + e.ny * a.y - e.c - e.w * a.h;
            const double off_b = e.nx * b.x + e.ny * b.y - e.c - e.w * b.h;
            if (!(std::fabs(off_a) <= tolerance && std::fabs(off_b) <= tolerance)) return false;
            const double run = e.ny * (b.x - a.x) - e.nx * (b.y - a.y);
            if ((k == 0 ? run : -run) > tolerance) bent_.push_back({face, i});
            sums_[face].lowest = std::min(sums_[face].lowest, low);
            sides_[side] = {i, sums_[face].first_side};
            sums_[face].first_side = side++;
            if (k == 0) {
                add(face, a, b);
            } else {
                add(face, b, a);
            }
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        const double slack = 1e-6 + 1e2 * tolerance;
        if (std::fabs(sums_[i].gap) > slack || sums_[i].area < -slack) return false;
    }
    for (const Bent& bent : bent_) {
        if (!simple(next, s, bent)) return false;
    }
    return true;
}

}  // namespace geovision::skeleton
