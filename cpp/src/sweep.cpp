// After Hertel and Mehlhorn, "Fast triangulation of the plane with respect to simple polygons" (1985).
#include "geovision/sweep.hpp"

#include <algorithm>

namespace geovision {

bool SweepTriangulator::run(const std::vector<Point>& points, const std::int32_t* ring,
                            const std::int32_t* ring_begin, std::int32_t rings,
                            std::vector<std::int32_t>& triangles) {
    const std::int32_t n = ring_begin[rings];
    points_.resize(std::size_t(n)), prev_.resize(std::size_t(n)), next_.resize(std::size_t(n));
    order_.resize(std::size_t(n));
    gaps_.clear(), links_.clear(), cut_.clear();
    for (std::int32_t r = 0; r < rings; ++r) {
        const std::int32_t begin = ring_begin[r], end = ring_begin[r + 1];
        if (end - begin < 3) return false;
        for (std::int32_t i = begin; i < end; ++i) {
            points_[std::size_t(i)] = points[std::size_t(ring[i])];
            prev_[std::size_t(i)] = i > begin ? i - 1 : end - 1;
            next_[std::size_t(i)] = i + 1 < end ? i + 1 : begin;
            order_[std::size_t(i)] = i;
        }
    }
    std::sort(order_.begin(), order_.end(), [&](std::int32_t a, std::int32_t b) { return before(a, b); });
    for (std::size_t i = 1; i < order_.size(); ++i)
        if (at(order_[i - 1]) == at(order_[i])) return false;
    for (const std::int32_t v : order_)
        if (!visit(v)) return false;
    if (!gaps_.empty() || std::int32_t(cut_.size()) != 3 * (n + 2 * (rings - 1) - 2)) return false;
    for (const std::int32_t corner : cut_) triangles.push_back(ring[corner]);
    return true;
}

bool SweepTriangulator::visit(std::int32_t v) {
    const std::int32_t p = prev_[std::size_t(v)], n = next_[std::size_t(v)];
    const bool comes = before(p, v), goes = before(v, n);
    if (comes == goes) {
        const std::size_t g = gap_of(v);
        if (g == gaps_.size()) return false;
        Gap& gap = gaps_[g];
        if (comes) {  // the edge below the inside runs on
            if (gap.low.right != v) return false;
            to_bottom(gap, v);
            gap.low = {v, n};
        } else {
            if (gap.high.right != v) return false;
            to_top(gap, v);
            gap.high = {v, p};
        }
        return true;
    }
    const std::int64_t turn = orient(at(p), at(v), at(n));
    if (turn == 0) return false;
    if (goes) return turn > 0 ? start(v) : split(v);
    return turn > 0 ? finish(v) : merge(v);
}

// The lowest gap whose upper edge is not below the corner.
std::size_t SweepTriangulator::gap_of(std::int32_t corner) const {
    const auto found = std::partition_point(gaps_.begin(), gaps_.end(),
                                            [&](const Gap& gap) { return above(gap.high, corner); });
    return std::size_t(found - gaps_.begin());
}

std::int32_t SweepTriangulator::link(std::int32_t corner) {
    links_.push_back({corner, -1, -1});
    return std::int32_t(links_.size()) - 1;
}

// Cuts the triangle between v and the chain's corners a, below, and b, above it, where there is one.
bool SweepTriangulator::cut(std::int32_t a, std::int32_t v, std::int32_t b) {
    if (orient(at(a), at(v), at(b)) <= 0) return false;
    cut_.insert(cut_.end(), {a, v, b});
    return true;
}

void SweepTriangulator::to_top(Gap& gap, std::int32_t v) {
    std::int32_t top = gap.tail;
    while (links_[std::size_t(top)].below >= 0) {
        const std::int32_t under = links_[std::size_t(top)].below;
        if (!cut(links_[std::size_t(under)].corner, v, links_[std::size_t(top)].corner)) break;
        top = under;
    }
    const std::int32_t fresh = link(v);
    links_[std::size_t(fresh)].below = top;
    links_[std::size_t(top)].above = fresh;
    if (links_[std::size_t(top)].below < 0) gap.head = top;
    gap.tail = gap.last = fresh;
}

void SweepTriangulator::to_bottom(Gap& gap, std::int32_t v) {
    std::int32_t bottom = gap.head;
    while (links_[std::size_t(bottom)].above >= 0) {
        const std::int32_t over = links_[std::size_t(bottom)].above;
        if (!cut(links_[std::size_t(bottom)].corner, v, links_[std::size_t(over)].corner)) break;
        bottom = over;
    }
    const std::int32_t fresh = link(v);
    links_[std::size_t(fresh)].above = bottom;
    links_[std::size_t(bottom)].below = fresh;
    if (links_[std::size_t(bottom)].above < 0) gap.tail = bottom;
    gap.head = gap.last = fresh;
}

bool SweepTriangulator::start(std::int32_t v) {
    const std::size_t g = gap_of(v);
    const std::int32_t only = link(v);
    const Gap gap{{v, next_[std::size_t(v)]}, {v, prev_[std::size_t(v)]}, only, only, only};
    gaps_.insert(gaps_.begin() + std::ptrdiff_t(g), gap);
    return true;
}

// A corner inside a gap, from which two edges run on: it sees the corner met last, and what lies beside.
bool SweepTriangulator::split(std::int32_t v) {
    const std::size_t g = gap_of(v);
    if (g == gaps_.size() || !above(gaps_[g].low, v)) return false;
    Gap low = gaps_[g], high = gaps_[g];
    std::int32_t up = high.last, down = low.last;
    while (links_[std::size_t(up)].above >= 0) {
        const std::int32_t over = links_[std::size_t(up)].above;
        if (!cut(links_[std::size_t(up)].corner, v, links_[std::size_t(over)].corner)) break;
        up = over;
    }
    while (links_[std::size_t(down)].below >= 0) {
        const std::int32_t under = links_[std::size_t(down)].below;
        if (!cut(links_[std::size_t(under)].corner, v, links_[std::size_t(down)].corner)) break;
        down = under;
    }
    if (up == down) {  // the corner ends one chain and begins the other
        const std::int32_t twin = link(links_[std::size_t(up)].corner);
        links_[std::size_t(twin)].above = links_[std::size_t(up)].above;
        if (links_[std::size_t(twin)].above >= 0)
            links_[std::size_t(links_[std::size_t(twin)].above)].below = twin;
        else
            high.tail = twin;
        up = twin;
    }
    const std::int32_t first = link(v), second = link(v);
    links_[std::size_t(down)].above = first, links_[std::size_t(first)].below = down;
    links_[std::size_t(up)].below = second, links_[std::size_t(second)].above = up;
    low.high = {v, prev_[std::size_t(v)]}, low.tail = low.last = first;
    high.low = {v, next_[std::size_t(v)]}, high.head = high.last = second;
    gaps_[g] = low;
    gaps_.insert(gaps_.begin() + std::ptrdiff_t(g) + 1, high);
    return true;
}

bool SweepTriangulator::finish(std::int32_t v) {
    const std::size_t g = gap_of(v);
    if (g == gaps_.size() || gaps_[g].low.right != v || gaps_[g].high.right != v) return false;
    for (std::int32_t i = gaps_[g].head; links_[std::size_t(i)].above >= 0; i = links_[std::size_t(i)].above)
        if (!cut(links_[std::size_t(i)].corner, v, links_[std::size_t(links_[std::size_t(i)].above)].corner))
            return false;
    gaps_.erase(gaps_.begin() + std::ptrdiff_t(g));
    return true;
}

bool SweepTriangulator::merge(std::int32_t v) {
    const std::size_t g = gap_of(v);
    if (g + 1 >= gaps_.size() || gaps_[g].high.right != v || gaps_[g + 1].low.right != v) return false;
    Gap &low = gaps_[g], &high = gaps_[g + 1];
    to_top(low, v);
    to_bottom(high, v);
    const std::int32_t twin = high.head, over = links_[std::size_t(twin)].above;
    links_[std::size_t(low.tail)].above = over;
    links_[std::size_t(over)].below = low.tail;
    low.tail = high.tail;
    low.high = high.high;
    gaps_.erase(gaps_.begin() + std::ptrdiff_t(g) + 1);
    return true;
}

}  // namespace geovision
