#include "geovision/arrangement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace geovision {

namespace {

constexpr double near_edge = 0.75;  // a vertex this close to an edge (grid steps) becomes part of it
constexpr std::size_t brute_points = 48;
constexpr int max_rounds = 64;

std::uint32_t mix(std::int32_t x, std::int32_t y) {
    std::uint32_t h = std::uint32_t(x) * 0x9E3779B1u ^ (std::uint32_t(y) * 0x85EBCA77u + 0x165667B1u);
    h ^= h >> 15;
    return h * 0x2C1B3C6Du;
}

std::int32_t floor_div(std::int32_t a, std::int32_t b) {
    return std::int32_t(std::floor(double(a) / double(b)));
}

}  // namespace

void Noder::clear(double min_edge) {
    points.clear();
    segments.clear();
    edges.clear();
    merged = false;
    hashed_ = false;
    min_edge_ = min_edge;
    min2_ = std::int64_t(std::ceil(min_edge * min_edge));
}

void Noder::insert_hash(std::int32_t v) {
    const std::int32_t cell = std::int32_t(min_edge_) + 1;
    const Point p = points[std::size_t(v)];
    const std::uint32_t slot = mix(floor_div(p.x, cell), floor_div(p.y, cell)) & mask_;
    chain_.push_back(hash_[slot]);
    hash_[slot] = v;
}

void Noder::rebuild_hash() {
    std::uint32_t size = 256;
    while (size < points.size() * 4) size *= 2;
    mask_ = size - 1;
    hash_.assign(size, -1);
    chain_.clear();
    for (std::size_t i = 0; i < points.size(); ++i) insert_hash(std::int32_t(i));
    hashed_ = true;
}

std::int32_t Noder::find_near(Point p, std::int64_t* d2) const {
    std::int32_t best = -1;
    std::int64_t best2 = min2_;
    const auto look = [&](std::int32_t i) {
        const std::int64_t d = dist2(points[std::size_t(i)], p);
        if (d < best2 || (d == best2 && best >= 0 && i < best)) {
            best2 = d;
            best = i;
        }
    };
    if (!hashed_) {
        for (std::size_t i = 0; i < points.size(); ++i) look(std::int32_t(i));
    } else {
        const std::int32_t cell = std::int32_t(min_edge_) + 1;
        const std::int32_t cx = floor_div(p.x, cell), cy = floor_div(p.y, cell);
        for (std::int32_t dy = -1; dy <= 1; ++dy)
            for (std::int32_t dx = -1; dx <= 1; ++dx)
                for (std::int32_t i = hash_[mix(cx + dx, cy + dy) & mask_]; i >= 0; i = chain_[std::size_t(i)]) look(i);
    }
    *d2 = best2;
    return best;
}

std::int32_t Noder::vertex(double x, double y, bool allow_create, bool* moved) {
    const Point p = round_point(x, y);
    std::int64_t d2 = 0;
    const std::int32_t found = find_near(p, &d2);
    if (found >= 0) {
        if (d2 > 2) *moved = true;
        return found;
    }
    if (!allow_create) return -1;
    points.push_back(p);
    if (hashed_ && points.size() * 2 < std::size_t(mask_)) {
        insert_hash(std::int32_t(points.size()) - 1);
    } else if (points.size() > brute_points) {
        rebuild_hash();
    }
    return std::int32_t(points.size()) - 1;
}

void Noder::add(const Segment& s) {
    const std::int32_t u = vertex(s.a.x, s.a.y, true, &merged);
    const std::int32_t v = vertex(s.b.x, s.b.y, true, &merged);
    segments.push_back(s);
    if (u != v) edges.push_back({u, v, std::int32_t(segments.size()) - 1});
}

void Noder::apply_cuts() {
    std::sort(cuts_.begin(), cuts_.end(), [](const Cut& a, const Cut& b) {
        if (a.edge != b.edge) return a.edge < b.edge;
        return a.t != b.t ? a.t < b.t : a.vertex < b.vertex;
    });
    next_edges_.clear();
    std::size_t c = 0;
    for (std::size_t e = 0; e < edges.size(); ++e) {
        std::int32_t from = edges[e].u;
        for (; c < cuts_.size() && cuts_[c].edge == std::int32_t(e); ++c) {
            const std::int32_t to = cuts_[c].vertex;
            if (to != from && to != edges[e].v) {
                next_edges_.push_back({from, to, edges[e].segment});
                from = to;
            }
        }
        if (from != edges[e].v) next_edges_.push_back({from, edges[e].v, edges[e].segment});
    }
    edges.swap(next_edges_);
    cuts_.clear();
}

void Noder::order_by_x() {
    order_.resize(points.size());
    for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = std::int32_t(i);
    std::sort(order_.begin(), order_.end(), [&](std::int32_t a, std::int32_t b) {
        const Point p = points[std::size_t(a)], q = points[std::size_t(b)];
        return p.x != q.x ? p.x < q.x : p.y < q.y;
    });
}

// An outline may not be bent further than a grid step from where it was given.
bool Noder::off_outline(const NodedEdge& e, Point p) const {
    const Segment& s = segments[std::size_t(e.segment)];
    if (s.source < 0) return false;
    const double ux = s.b.x - s.a.x, uy = s.b.y - s.a.y;
    const double area = ux * (p.y - s.a.y) - uy * (p.x - s.a.x);
    return area * area > ux * ux + uy * uy;
}

// Vertices closer than `near_edge` to an edge's inside become part of it.
bool Noder::split_near() {
    const bool sorted = points.size() > brute_points;
    if (sorted) order_by_x();
    for (std::size_t e = 0; e < edges.size(); ++e) {
        const Point a = points[std::size_t(edges[e].u)], b = points[std::size_t(edges[e].v)];
        const std::int32_t x0 = std::min(a.x, b.x), x1 = std::max(a.x, b.x);
        const std::int32_t y0 = std::min(a.y, b.y), y1 = std::max(a.y, b.y);
        const double length2 = double(dist2(a, b));
        const auto look = [&](std::int32_t i) {
            const Point p = points[std::size_t(i)];
            if (p.y < y0 || p.y > y1 || p.x < x0 || p.x > x1) return;
            if (i == edges[e].u || i == edges[e].v) return;
            const double area = double(orient(a, b, p));
            if (area * area > near_edge * near_edge * length2) return;
            if (area != 0 && off_outline(edges[e], p)) return;
            const double along = (double(p.x) - a.x) * (double(b.x) - a.x) + (double(p.y) - a.y) * (double(b.y) - a.y);
            if (along > 0 && along < length2) cuts_.push_back({std::int32_t(e), i, along / length2});
        };
        if (!sorted) {
            for (std::size_t i = 0; i < points.size(); ++i) look(std::int32_t(i));
        } else {
            auto it = std::lower_bound(order_.begin(), order_.end(), x0,
                                       [&](std::int32_t i, std::int32_t x) { return points[std::size_t(i)].x < x; });
            for (; it != order_.end() && points[std::size_t(*it)].x <= x1; ++it) look(*it);
        }
    }
    if (cuts_.empty()) return false;
    apply_cuts();
    return true;
}

Vec Noder::crossing(const NodedEdge& e, const NodedEdge& f) const {
    const auto meet = [](Vec a, Vec b, Vec c, Vec d, Vec* out) {
        const double ux = b.x - a.x, uy = b.y - a.y, vx = d.x - c.x, vy = d.y - c.y;
        const double det = ux * vy - uy * vx;
        if (std::abs(det) < 1e-12 * (norm(ux, uy) * norm(vx, vy))) return false;
        const double t = ((c.x - a.x) * vy - (c.y - a.y) * vx) / det;
        *out = {a.x + t * ux, a.y + t * uy};
        return true;
    };
    const auto vec = [&](std::int32_t v) { return Vec{double(points[std::size_t(v)].x), double(points[std::size_t(v)].y)}; };
    Vec grid{};
    if (!meet(vec(e.u), vec(e.v), vec(f.u), vec(f.v), &grid)) grid = vec(e.u);
    const Segment& s = segments[std::size_t(e.segment)];
    const Segment& r = segments[std::size_t(f.segment)];
    Vec raw{};
    // The lines as given are better than their rounded pieces, unless they are nearly parallel.
    if (meet(s.a, s.b, r.a, r.b, &raw) && norm(raw.x - grid.x, raw.y - grid.y) < 3) return raw;
    return grid;
}

bool Noder::split_crossings() {
    struct Box {
        std::int32_t x0, x1, y0, y1, edge;
    };
    thread_local std::vector<Box> boxes;
    boxes.clear();
    for (std::size_t i = 0; i < edges.size(); ++i) {
        const Point a = points[std::size_t(edges[i].u)], b = points[std::size_t(edges[i].v)];
        boxes.push_back({std::min(a.x, b.x), std::max(a.x, b.x), std::min(a.y, b.y), std::max(a.y, b.y), std::int32_t(i)});
    }
    if (boxes.size() > 12) std::sort(boxes.begin(), boxes.end(), [](const Box& a, const Box& b) { return a.x0 != b.x0 ? a.x0 < b.x0 : a.edge < b.edge; });
    const bool sorted = boxes.size() > 12;
    const std::size_t n = boxes.size();
    for (std::size_t i = 0; i < n; ++i) {
        const Box& p = boxes[i];
        for (std::size_t j = i + 1; j < n; ++j) {
            const Box& q = boxes[j];
            if (q.x0 >= p.x1) {
                if (sorted) break;
                continue;
            }
            if (q.y0 >= p.y1 || q.y1 <= p.y0 || q.x1 <= p.x0) continue;
            const NodedEdge &e = edges[std::size_t(p.edge)], &f = edges[std::size_t(q.edge)];
            if (e.u == f.u || e.u == f.v || e.v == f.u || e.v == f.v) continue;
            const Point a = points[std::size_t(e.u)], b = points[std::size_t(e.v)];
            const Point c = points[std::size_t(f.u)], d = points[std::size_t(f.v)];
            if (!proper_crossing(a, b, c, d)) continue;
            const Vec at = crossing(e, f);
            bool near = false;
            const std::size_t before = points.size();
            const std::int32_t v = vertex(at.x, at.y, true, &near);
            merged = merged || (points.size() == before && points[std::size_t(v)] != round_point(at.x, at.y));
            const auto place = [&](Point s, Point t) {
                const Point m = points[std::size_t(v)];
                const double dx = double(t.x) - s.x, dy = double(t.y) - s.y;
                return ((double(m.x) - s.x) * dx + (double(m.y) - s.y) * dy) / (dx * dx + dy * dy);
            };
            cuts_.push_back({p.edge, v, place(a, b)});
            cuts_.push_back({q.edge, v, place(c, d)});
        }
    }
    if (cuts_.empty()) return false;
    apply_cuts();
    return true;
}

bool Noder::node() {
    for (int round = 0; round < max_rounds; ++round) {
        const bool near = split_near();
        const bool crossed = split_crossings();
        if (!near && !crossed) return true;
    }
    return false;
}

bool Noder::split_edges(std::int32_t u, std::int32_t v, Vec at) {
    const Point p = round_point(at.x, at.y);
    std::int64_t d2 = 0;
    if (find_near(p, &d2) >= 0) return false;
    bool moved = false;
    const std::int32_t w = vertex(at.x, at.y, true, &moved);
    for (std::size_t e = 0; e < edges.size(); ++e) {
        if ((edges[e].u == u && edges[e].v == v) || (edges[e].u == v && edges[e].v == u))
            cuts_.push_back({std::int32_t(e), w, 0.5});
    }
    apply_cuts();
    return true;
}

// ---------------------------------------------------------------------------------------------------

void PlanarMap::build(const std::vector<Point>& points, const std::vector<MapEdge>& edges) {
    const std::size_t halves = edges.size() * 2;
    origin.resize(halves);
    next.resize(halves);
    out.resize(halves);
    out_begin.assign(points.size() + 1, 0);
    for (std::size_t e = 0; e < edges.size(); ++e) {
        origin[2 * e] = edges[e].u;
        origin[2 * e + 1] = edges[e].v;
        ++out_begin[std::size_t(edges[e].u) + 1];
        ++out_begin[std::size_t(edges[e].v) + 1];
    }
    for (std::size_t i = 1; i < out_begin.size(); ++i) out_begin[i] += out_begin[i - 1];
    position_.assign(out_begin.begin(), out_begin.end());
    for (std::size_t h = 0; h < halves; ++h) out[std::size_t(position_[std::size_t(origin[h])]++)] = std::int32_t(h);
    sort_out(points);
    trace_loops(points);
    nest_loops(points);
}

void PlanarMap::sort_out(const std::vector<Point>& points) {
    for (std::size_t v = 0; v + 1 < out_begin.size(); ++v) {
        const auto begin = out.begin() + out_begin[v], end = out.begin() + out_begin[v + 1];
        const auto n = end - begin;
        if (n > 2) {
            const Point o = points[v];
            const auto direction = [&](std::int32_t h) {
                const Point p = points[std::size_t(origin[std::size_t(twin(h))])];
                return Point{p.x - o.x, p.y - o.y};
            };
            std::sort(begin, end, [&](std::int32_t g, std::int32_t h) { return angle_less(direction(g), direction(h)); });
        }
        // The left face continues with the half-edge clockwise of the way it came.
        for (auto i = 0; i < n; ++i) next[std::size_t(twin(*(begin + i)))] = *(begin + (i + n - 1) % n);
    }
}

void PlanarMap::trace_loops(const std::vector<Point>& points) {
    loop_of.assign(origin.size(), -1);
    loop_first.clear();
    loop_area2.clear();
    for (std::size_t start = 0; start < origin.size(); ++start) {
        if (loop_of[start] >= 0) continue;
        const auto id = std::int32_t(loop_first.size());
        const Point o = points[std::size_t(origin[start])];
        std::int64_t area2 = 0;
        std::size_t h = start;
        do {
            loop_of[h] = id;
            const Point p = points[std::size_t(origin[h])], q = points[std::size_t(origin[h ^ 1])];
            area2 += orient(o, p, q);
            h = std::size_t(next[h]);
        } while (h != start);
        loop_first.push_back(std::int32_t(start));
        loop_area2.push_back(area2);
    }
}

bool PlanarMap::loop_contains(const std::vector<Point>& points, std::int32_t loop, Vec p) const {
    bool inside = false;
    const std::int32_t first = loop_first[std::size_t(loop)];
    std::int32_t h = first;
    do {
        const Point a = points[std::size_t(origin[std::size_t(h)])], b = points[std::size_t(origin[std::size_t(twin(h))])];
        if ((a.y > p.y) != (b.y > p.y)) {
            const double x = a.x + (p.y - a.y) * (double(b.x) - a.x) / (double(b.y) - a.y);
            if (x > p.x) inside = !inside;
        }
        h = next[std::size_t(h)];
    } while (h != first);
    return inside;
}

void PlanarMap::nest_loops(const std::vector<Point>& points) {
    const std::size_t loops = loop_first.size();
    loop_face.assign(loops, 0);
    std::int32_t faces = 1;
    std::size_t negative = 0;
    for (std::size_t l = 0; l < loops; ++l) {
        if (loop_area2[l] > 0) loop_face[l] = faces++;
        else ++negative;
    }
    if (negative > 1) {
        for (std::size_t l = 0; l < loops; ++l) {
            if (loop_area2[l] > 0) continue;
            // Half a step beside the middle of an edge, on the loop's own (left) side, is off every vertex.
            const std::int32_t h = loop_first[l];
            std::int32_t low = h, g = h;
            do {  // the lowest vertex: just below it lies the face that surrounds the loop
                const Point p = points[std::size_t(origin[std::size_t(g)])], q = points[std::size_t(origin[std::size_t(low)])];
                if (p.y < q.y || (p.y == q.y && p.x < q.x)) low = g;
                g = next[std::size_t(g)];
            } while (g != h);
            const Point o = points[std::size_t(origin[std::size_t(low)])];
            std::int64_t best = std::numeric_limits<std::int64_t>::max();
            for (std::size_t k = 0; k < loops; ++k) {
                if (loop_area2[k] <= 0 || loop_area2[k] >= best) continue;
                if (loop_contains(points, std::int32_t(k), {double(o.x), double(o.y) - 1e-3})) {
                    best = loop_area2[k];
                    loop_face[l] = loop_face[k];
                }
            }
        }
    }
    face_loops_begin.assign(std::size_t(faces) + 1, 0);
    for (std::size_t l = 0; l < loops; ++l) ++face_loops_begin[std::size_t(loop_face[l]) + 1];
    for (std::size_t f = 1; f < face_loops_begin.size(); ++f) face_loops_begin[f] += face_loops_begin[f - 1];
    face_loops.resize(loops);
    position_.assign(face_loops_begin.begin(), face_loops_begin.end());
    for (int pass = 0; pass < 2; ++pass) {
        for (std::size_t l = 0; l < loops; ++l) {
            if ((loop_area2[l] > 0) == (pass == 0)) face_loops[std::size_t(position_[std::size_t(loop_face[l])]++)] = std::int32_t(l);
        }
    }
}

}  // namespace geovision
