// A ring that has jumped over a wall near it crosses nothing; what lies beside it tells.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "geovision/outline_shape.hpp"

namespace geovision {
namespace {

std::int32_t root_of(std::vector<std::int32_t>& parent, std::int32_t a) {
    while (parent[std::size_t(a)] != a) {
        parent[std::size_t(a)] = parent[std::size_t(parent[std::size_t(a)])];
        a = parent[std::size_t(a)];
    }
    return a;
}

// The label west of the arc's westernmost border, and where that is.
struct West {
    std::int32_t x = std::numeric_limits<std::int32_t>::max(), label = 0;
};

West traced_west(const OutlineMap& map, const OutlineArc& arc) {
    West out;
    for (std::size_t k = arc.begin; k < arc.end; ++k) {
        const OutlineSample& s = map.samples[k];
        const double rise = s.y - s.corner.y;
        // Only along an upright border has the sample exactly this height.
        if (std::abs(rise) != 0.5 || s.corner.x >= out.x) continue;
        out = {s.corner.x, rise < 0 ? arc.left : arc.right};
    }
    return out;
}

template <class Visit>
void each_piece(const OutlineMap& map, const OutlineShape& shape, std::size_t arc, Visit visit) {
    const OutlineArc& a = map.arcs[arc];
    const std::vector<Point>& chain = shape.chains[arc];
    Point before = a.closed() ? chain.back() : shape.nodes[std::size_t(a.from)];
    for (const Point p : chain) {
        visit(before, p);
        before = p;
    }
    if (!a.closed()) visit(before, shape.nodes[std::size_t(a.to)]);
}

}  // namespace

OutlineNesting::OutlineNesting(const OutlineMap& map) : map_(map), part_(map.arcs.size()) {
    std::vector<std::int32_t> parent(map.nodes.size());
    std::iota(parent.begin(), parent.end(), 0);
    for (const OutlineArc& arc : map.arcs) {
        if (arc.closed()) continue;
        const std::int32_t a = root_of(parent, arc.from), b = root_of(parent, arc.to);
        parent[std::size_t(std::max(a, b))] = std::min(a, b);
    }
    std::vector<std::int32_t> number(map.nodes.size(), -1);
    std::vector<West> west;
    for (std::size_t k = 0; k < map.arcs.size(); ++k) {
        const OutlineArc& arc = map.arcs[k];
        std::int32_t part = std::int32_t(west.size());
        if (!arc.closed()) {
            std::int32_t& known = number[std::size_t(root_of(parent, arc.from))];
            if (known < 0) known = part;
            part = known;
        }
        if (std::size_t(part) == west.size()) west.emplace_back();
        part_[k] = part;
        const West found = traced_west(map, arc);
        if (found.x < west[std::size_t(part)].x) west[std::size_t(part)] = found;
    }
    for (const West& w : west) outside_.push_back(w.label);
}

std::int32_t OutlineNesting::label_west_of(const OutlineShape& shape, Point p, std::int32_t part) const {
    std::int32_t label = 0;
    double nearest = -std::numeric_limits<double>::infinity();
    for (std::size_t a = 0; a < map_.arcs.size(); ++a) {
        if (part_[a] == part) continue;
        each_piece(map_, shape, a, [&](Point u, Point v) {
            if ((u.y <= p.y) == (v.y <= p.y)) return;
            const double x = u.x + double(v.x - u.x) * (double(p.y - u.y) / double(v.y - u.y));
            if (x >= p.x || x <= nearest) return;
            nearest = x;
            label = v.y > u.y ? map_.arcs[a].left : map_.arcs[a].right;
        });
    }
    return label;
}

std::vector<std::vector<std::int32_t>> OutlineNesting::misplaced(const OutlineShape& shape) const {
    std::vector<std::vector<std::int32_t>> out;
    if (outside_.size() < 2) return out;
    std::vector<Point> first(outside_.size(), {std::numeric_limits<std::int32_t>::max(), 0});
    for (std::size_t a = 0; a < map_.arcs.size(); ++a) {
        each_piece(map_, shape, a, [&](Point u, Point v) {
            Point& west = first[std::size_t(part_[a])];
            for (const Point p : {u, v})
                if (p.x < west.x || (p.x == west.x && p.y < west.y)) west = p;
        });
    }
    for (std::size_t part = 0; part < outside_.size(); ++part) {
        if (label_west_of(shape, first[part], std::int32_t(part)) == outside_[part]) continue;
        out.emplace_back();
        for (std::size_t a = 0; a < part_.size(); ++a)
            if (part_[a] == std::int32_t(part)) out.back().push_back(std::int32_t(a));
    }
    return out;
}

}  // namespace geovision
