#include "geovision/vertex_grid.hpp"

#include <cmath>

namespace geovision {

namespace {

constexpr int cell_bits = 8;  // vertices are looked up in cells of 256 steps

std::uint32_t mix(std::int32_t x, std::int32_t y) {
    const std::uint32_t h = std::uint32_t(x) * 0x9E3779B1u ^ (std::uint32_t(y) * 0x85EBCA77u + 0x165667B1u);
    return h ^ (h >> 15);
}

}  // namespace

void VertexGrid::clear(double min_distance) {
    points.clear();
    merged = false;
    min2_ = std::int64_t(std::ceil(min_distance * min_distance));
    reach_ = std::int32_t(std::ceil(min_distance));
    chain_.clear();
    mask_ = 127;
    hash_.assign(mask_ + 1, -1);
}

void VertexGrid::insert(std::int32_t v) {
    const Point p = points[std::size_t(v)];
    std::int32_t& slot = hash_[mix(p.x >> cell_bits, p.y >> cell_bits) & mask_];
    chain_.push_back(slot);
    slot = v;
}

void VertexGrid::grow() {
    mask_ = 4 * mask_ + 3;
    hash_.assign(mask_ + 1, -1);
    chain_.clear();
    for (std::size_t i = 0; i < points.size(); ++i) insert(std::int32_t(i));
}

std::int32_t VertexGrid::find_near(Point p) const {
    std::int32_t best = -1;
    std::int64_t best2 = min2_;
    const auto look = [&](std::int32_t cx, std::int32_t cy) {
        for (std::int32_t i = hash_[mix(cx, cy) & mask_]; i >= 0; i = chain_[std::size_t(i)]) {
            const std::int64_t d = dist2(points[std::size_t(i)], p);
            if (d < best2 || (d == best2 && best >= 0 && i < best)) best2 = d, best = i;
        }
    };
    const std::int32_t x0 = (p.x - reach_) >> cell_bits, x1 = (p.x + reach_) >> cell_bits;
    const std::int32_t y0 = (p.y - reach_) >> cell_bits, y1 = (p.y + reach_) >> cell_bits;
    if (x0 == x1 && y0 == y1) {  // nine in ten
        look(x0, y0);
        return best;
    }
    for (std::int32_t cy = y0; cy <= y1; ++cy)
        for (std::int32_t cx = x0; cx <= x1; ++cx) look(cx, cy);
    return best;
}

std::int32_t VertexGrid::anchor(Vec at) {
    const Point p = round_point(at.x, at.y);
    const std::int32_t found = find_near(p);
    if (found >= 0) {
        const Point q = points[std::size_t(found)];
        const double dx = q.x - at.x, dy = q.y - at.y;
        merged = merged || dx * dx + dy * dy > rounding * rounding;
        return found;
    }
    points.push_back(p);
    insert(std::int32_t(points.size()) - 1);
    if (points.size() > mask_) grow();
    return std::int32_t(points.size()) - 1;
}

}  // namespace geovision
