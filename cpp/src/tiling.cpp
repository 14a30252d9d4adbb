#include "geovision/tiling.hpp"

#include <algorithm>
#include <cmath>

namespace geovision {

namespace {

constexpr double flat_enough = 1.5;         // as in solid.cpp
constexpr std::size_t most_corners = 1024;  // of an outline; above, the noder's sweeps are quicker

bool on_ground(const Surface& s) { return s.bottom.a == 0 && s.bottom.b == 0 && s.bottom.c == 0; }

// Have the closed segments ab and cd a point in common? Exact.
bool touch(Point a, Point b, Point c, Point d) {
    const int abc = sign(orient(a, b, c)), abd = sign(orient(a, b, d));
    const int cda = sign(orient(c, d, a)), cdb = sign(orient(c, d, b));
    if (abc * abd < 0 && cda * cdb < 0) return true;
    const auto between = [](Point p, Point q, Point r) {
        return std::min(p.x, q.x) <= r.x && r.x <= std::max(p.x, q.x) && std::min(p.y, q.y) <= r.y &&
               r.y <= std::max(p.y, q.y);
    };
    return (abc == 0 && between(a, b, c)) || (abd == 0 && between(a, b, d)) ||
           (cda == 0 && between(c, d, a)) || (cdb == 0 && between(c, d, b));
}

// Does the way a, b, c turn back on itself?
bool folds(Point a, Point b, Point c) {
    return orient(a, b, c) == 0 && (std::int64_t(b.x) - a.x) * (std::int64_t(c.x) - b.x) +
                                           (std::int64_t(b.y) - a.y) * (std::int64_t(c.y) - b.y) <=
                                       0;
}

}  // namespace

bool Tiling::run(const Drawing& drawing, double min_edge, std::int32_t z_shift, std::int32_t sources,
                 bool polygons, Solids& out) {
    if (!draw_halves(drawing, min_edge)) return false;
    sort_by_surface(drawing.surfaces.size());
    if (!find_heights(drawing, min_edge) || !tile(drawing) || !close_ground(drawing)) return false;
    write(drawing, z_shift, sources, polygons, out);
    return true;
}

// Lines between vertices on the grid.
bool Tiling::draw_halves(const Drawing& drawing, double min_edge) {
    if (drawing.layers.size() != 1) return false;
    for (const Surface& s : drawing.surfaces)
        if (s.rank != 0 || !on_ground(s)) return false;
    grid_.clear(min_edge);
    vertex_of_.assign(drawing.points.size(), -1);
    const auto vertex = [&](std::int32_t point) {
        std::int32_t& v = vertex_of_[std::size_t(point)];
        if (v < 0) v = grid_.anchor(drawing.points[std::size_t(point)]);
        return v;
    };
    for (const std::int32_t a : drawing.anchors) vertex(a);
    half_.resize(2 * drawing.lines.size());
    outline_.clear();
    borders_.clear();
    for (std::size_t l = 0; l < drawing.lines.size(); ++l) {
        const Line& line = drawing.lines[l];
        const std::int32_t u = vertex(line.a), v = vertex(line.b);
        const bool gone = u == v || line.left == line.right;
        half_[2 * l] = {u, gone ? -1 : line.left};
        half_[2 * l + 1] = {v, gone ? -1 : line.right};
        if (gone) continue;
        const bool eaves = line.source >= 0 && line.right < 0;
        if (line.left < 0 || !(eaves || (line.meets && line.source < 0))) return false;
        if (eaves)
            outline_.push_back(std::int32_t(2 * l));
        else if (line.right < 0)
            borders_.push_back(std::int32_t(l));
    }
    return !outline_.empty() && outline_.size() <= most_corners && pair_borders();
}

// Faces that were drawn one by one: each of their creases must be there once
// each way.
bool Tiling::pair_borders() {
    keys_.clear();
    for (const std::int32_t l : borders_) {
        const auto u = std::uint64_t(origin(2 * l)), v = std::uint64_t(origin(2 * l + 1));
        keys_.push_back(std::min(u, v) << 32 | std::max(u, v) << 1 | (u < v ? 1 : 0));
    }
    std::sort(keys_.begin(), keys_.end());
    for (std::size_t i = 0; i < keys_.size(); i += 2)
        if (i + 1 == keys_.size() || (keys_[i] & 1) != 0 || keys_[i + 1] != keys_[i] + 1) return false;
    return std::adjacent_find(keys_.begin(), keys_.end()) == keys_.end();
}

void Tiling::sort_by_surface(std::size_t surfaces) {
    begin_.assign(surfaces + 2, 0);
    for (const Half& h : half_) ++begin_[std::size_t(h.surface + 2)];
    begin_[1] = 0;  // where those were counted that bound no surface
    for (std::size_t s = 2; s < begin_.size(); ++s) begin_[s] += begin_[s - 1];
    by_surface_.resize(std::size_t(begin_.back()));
    // begin_[s + 1] moves from the surface's first half to its end.
    for (std::size_t h = 0; h < half_.size(); ++h)
        if (half_[h].surface >= 0)
            by_surface_[std::size_t(begin_[std::size_t(half_[h].surface) + 1]++)] = std::int32_t(h);
}

// One height a vertex, where the planes of its faces agree on it to less than
// the least edge.
bool Tiling::find_heights(const Drawing& drawing, double min_edge) {
    const std::size_t vertices = grid_.points.size();
    range_.assign(vertices, {max_coordinate, 0});
    z_.resize(by_surface_.size());
    for (std::size_t s = 0; s < drawing.surfaces.size(); ++s) {
        const Plane& plane = drawing.surfaces[s].top;
        for (std::int32_t k = begin_[s]; k < begin_[s + 1]; ++k) {
            const auto v = std::size_t(origin(by_surface_[std::size_t(k)]));
            const double z = plane.at(grid_.points[v]);
            z_[std::size_t(k)] = z;
            range_[v] = {std::min(range_[v].lo, z), std::max(range_[v].hi, z)};
        }
    }
    top_.resize(vertices);
    for (std::size_t v = 0; v < vertices; ++v) {
        const Range r = range_[v];
        if (!(r.hi >= r.lo && r.hi - r.lo < min_edge && r.lo >= 2 * min_edge && r.hi < max_coordinate))
            return false;
        top_[v] = to_grid((r.lo + r.hi) / 2);
    }
    return true;
}

// Joins the halves [first, last) end to end. False where a ring does not close
// or two meet at a vertex.
bool Tiling::chain(const std::int32_t* first, const std::int32_t* last) {
    for (const std::int32_t* h = first; h != last; ++h) {
        std::int32_t& leaving = leaving_[std::size_t(origin(*h))];
        if (leaving >= 0) return false;
        leaving = *h;
    }
    chain_.resize(std::size_t(last - first));
    ring_begin_.assign(1, 0);
    std::size_t count = 0;
    for (const std::int32_t* h = first; count < chain_.size(); ++h) {
        const std::int32_t start = origin(*h);
        if (leaving_[std::size_t(start)] < 0) continue;  // in a ring already
        for (std::int32_t v = start; count == std::size_t(ring_begin_.back()) || v != start;) {
            const std::int32_t half = leaving_[std::size_t(v)];
            if (half < 0) return false;
            leaving_[std::size_t(v)] = -1;
            chain_[count++] = half;
            v = origin(half ^ 1);
        }
        ring_begin_.push_back(std::int32_t(count));
    }
    return true;
}

std::int64_t Tiling::area2(std::int32_t begin, std::int32_t end) const {
    const Point o = at(chain_[std::size_t(begin)]);
    std::int64_t sum = 0;
    for (std::int32_t i = begin; i < end; ++i) {
        const std::int32_t h = chain_[std::size_t(i)];
        sum += orient(o, at(h), at(h ^ 1));
    }
    return sum;
}

// False unless exactly one ring is counter-clockwise.
bool Tiling::outer_ring_first() {
    if (ring_begin_.size() == 2) return true;  // a lone ring's triangles tell
    std::size_t outer = 0;
    for (std::size_t r = 0; r + 1 < ring_begin_.size(); ++r) {
        if (area2(ring_begin_[r], ring_begin_[r + 1]) <= 0) continue;
        if (outer > 0) return false;
        outer = r + 1;
    }
    if (outer <= 1) return outer == 1;
    swap_.assign(chain_.begin() + ring_begin_[outer - 1], chain_.begin() + ring_begin_[outer]);
    const auto size = std::int32_t(swap_.size());
    std::move_backward(chain_.begin(), chain_.begin() + ring_begin_[outer - 1],
                       chain_.begin() + ring_begin_[outer]);
    std::copy(swap_.begin(), swap_.end(), chain_.begin());
    for (std::size_t r = outer - 1; r > 0; --r) ring_begin_[r] = ring_begin_[r - 1] + size;
    return true;
}

bool Tiling::tile(const Drawing& drawing) {
    corners_.clear();
    ring_end_.clear();
    triangles_.clear();
    faces_.clear();
    leaving_.assign(grid_.points.size(), -1);
    for (std::size_t s = 0; s < drawing.surfaces.size(); ++s)
        if (begin_[s] < begin_[s + 1] && !tile_face(drawing.surfaces[s], s)) return false;
    return true;
}

bool Tiling::tile_face(const Surface& surface, std::size_t s) {
    const std::int32_t* halves = by_surface_.data();
    if (!chain(halves + begin_[s], halves + begin_[s + 1]) || !outer_ring_first()) return false;
    double off = 0;
    for (std::int32_t k = begin_[s]; k < begin_[s + 1]; ++k)
        off = std::max(off,
                       std::abs(z_[std::size_t(k)] - top_[std::size_t(origin(by_surface_[std::size_t(k)]))]));
    const Plane& top = surface.top;
    const bool flat = off * off <= flat_enough * flat_enough * (1 + top.a * top.a + top.b * top.b);
    if (!flat && !grid_.merged) return false;  // then nothing but a wrong drawing explains it
    const std::size_t from = corners_.size(), first = triangles_.size();
    for (const std::int32_t h : chain_) corners_.push_back(origin(h));
    const auto rings = std::int32_t(ring_begin_.size()) - 1;
    if (!triangulator_.run(grid_.points, corners_.data() + from, ring_begin_.data(), rings, triangles_))
        return false;
    const auto end_face = [&](std::size_t triangles) {
        faces_.push_back({std::int32_t(s), std::int32_t(triangles), std::int32_t(ring_end_.size())});
    };
    if (flat) {
        for (std::int32_t r = 1; r <= rings; ++r)
            ring_end_.push_back(std::int32_t(from) + ring_begin_[std::size_t(r)]);
        end_face(triangles_.size());
        return true;
    }
    corners_.resize(from);  // its triangles are faces of their own, planar by nature
    corners_.insert(corners_.end(), triangles_.begin() + std::ptrdiff_t(first), triangles_.end());
    for (std::size_t t = first + 3; t <= triangles_.size(); t += 3) {
        ring_end_.push_back(std::int32_t(from + t - first));
        end_face(t);
    }
    return true;
}

bool Tiling::close_ground(const Drawing& drawing) {
    if (!chain(outline_.data(), outline_.data() + outline_.size())) return false;
    if (ring_begin_.size() == 2 && area2(0, ring_begin_[1]) <= 0) return false;
    if (!outer_ring_first() || !outline_is_simple(drawing)) return false;
    below_.resize(grid_.points.size());
    ground_.clear();
    for (const std::int32_t h : chain_) {
        below_[std::size_t(origin(h))] = std::int32_t(grid_.points.size() + ground_.size());
        ground_.push_back(origin(h));
    }
    wall_ = chain_;
    wall_ring_ = ring_begin_;
    ground_triangles_.clear();
    return triangulator_.run(grid_.points, ground_.data(), ring_begin_.data(),
                             std::int32_t(ring_begin_.size()) - 1, ground_triangles_);
}

// No two edges of the chained rings meet but neighbours at their vertex.
bool Tiling::outline_is_simple(const Drawing& drawing) {
    const std::size_t n = chain_.size();
    // Rounding moves an edge by less than a step, so whole edges that were two apart do not meet.
    const bool apart = drawing.apart && !grid_.merged && n == drawing.anchors.size();
    boxes_.clear(apart ? 0 : n);
    for (std::size_t i = 0; i < n && !apart; ++i) boxes_.set(i, at(chain_[i]), at(chain_[i] ^ 1));
    for (std::size_t r = 0; r + 1 < ring_begin_.size(); ++r) {
        const auto begin = std::size_t(ring_begin_[r]), end = std::size_t(ring_begin_[r + 1]);
        if (end - begin < 3) return false;
        for (std::size_t i = begin; i < end; ++i) {
            const std::size_t after = i + 1 < end ? i + 1 : begin;
            const Point a = at(chain_[i]), b = at(chain_[i] ^ 1);
            if (folds(a, b, at(chain_[after] ^ 1))) return false;
            if (apart || boxes_.near(i) == 3) continue;  // itself and its neighbours
            for (std::size_t j = i + 1; j < n; ++j) {
                const bool neighbours = j == after || (i == begin && j + 1 == end);
                if (!neighbours && touch(a, b, at(chain_[j]), at(chain_[j] ^ 1))) return false;
            }
        }
    }
    return true;
}

}  // namespace geovision
