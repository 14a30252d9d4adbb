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
    for (const std::int32_t foot : {sums_[bent.face].foot, sums_[next[bent.face]].foot}) {
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
    sums_.assign(n, Sum{0.0, never, -1, -1});
    sides_.resize(2 * s.arcs.size());
    bent_.clear();
    const double phi_x = 0.6180339887, phi_y = 0.7320508076;  // no special direction
    const auto gap = [&](std::int32_t from, std::int32_t to) {
        return phi_x * (s.nodes[to].x - s.nodes[from].x) + phi_y * (s.nodes[to].y - s.nodes[from].y);
    };
    for (std::size_t i = 0; i < n; ++i) sums_[i].gap = gap(static_cast<std::int32_t>(i), next[i]);
    for (const SkeletonPiece& p : s.pieces) {
        if (p.face >= 0) sums_[p.face].gap += gap(p.a, p.b);
        sums_[p.edge].gap -= gap(p.a, p.b);
    }
    bool in_plane = true;
    const auto look = [&](std::int32_t face, std::int32_t i, const SkeletonNode& a, const SkeletonNode& b,
                          double sign, double low) {
        const Edge& e = edges[face];
        const double dx = b.x - a.x, dy = b.y - a.y;
        const double off_a = e.nx * a.x + e.ny * a.y - e.c - e.w * a.h;
        const double off_b = e.nx * b.x + e.ny * b.y - e.c - e.w * b.h;
        in_plane &= (std::fabs(off_a) <= tolerance) & (std::fabs(off_b) <= tolerance);
        if (sign * (e.ny * dx - e.nx * dy) > tolerance) bent_.push_back({face, i});
        Sum& sum = sums_[face];
        sum.gap += sign * (phi_x * dx + phi_y * dy);
        sum.lowest = std::min(sum.lowest, low);
        const std::int32_t side = 2 * i + (sign < 0);
        sides_[side] = {i, sum.first_side};
        sum.first_side = side;
    };
    const auto arcs = static_cast<std::int32_t>(s.arcs.size());
    for (std::int32_t i = 0; i < arcs; ++i) {
        const SkeletonArc& arc = s.arcs[i];
        const SkeletonNode &a = s.nodes[arc.a], &b = s.nodes[arc.b];
        if (static_cast<std::size_t>(arc.a) < n) sums_[arc.a].foot = i;
        const double low = std::min(a.h > 0 ? a.h : never, b.h);
        look(arc.left, i, a, b, 1.0, low);
        if (arc.right >= 0) look(arc.right, i, a, b, -1.0, low);
    }
    if (!in_plane) return false;
    const double slack = 1e-6 + 1e2 * tolerance;
    for (std::size_t i = 0; i < n; ++i) {
        if (!(std::fabs(sums_[i].gap) <= slack)) return false;
    }
    for (const Bent& bent : bent_) {
        if (!simple(next, s, bent)) return false;
    }
    return true;
}

}  // namespace geovision::skeleton
