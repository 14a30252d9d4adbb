#include "geovision/arrangement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace geovision {

namespace {

constexpr double near_edge = 0.75;  // a vertex this close to an edge (grid steps) becomes part of it
constexpr double bend = 0.95;       // an outline is not bent further than this from where it was given
constexpr int max_rounds = 64;

// Ascending by `value`, then by index, in one word that sorts fast.
std::uint64_t sort_key(std::int32_t value, std::size_t index) {
    return (std::uint64_t(std::uint32_t(value) ^ 0x80000000u) << 32) | std::uint64_t(index);
}

std::size_t key_index(std::uint64_t key) { return std::size_t(key & 0xFFFFFFFFu); }

}  // namespace

void Noder::clear(double min_edge) {
    VertexGrid::clear(min_edge);
    segments.clear();
    edges.clear();
}

void Noder::add(const Segment& s, std::int32_t u, std::int32_t v) {
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

// An outline stays within a grid step of where it was given.
bool Noder::off_outline(const NodedEdge& e, Point p) const {
    const Segment& s = segments[std::size_t(e.segment)];
    if (s.source < 0) return false;
    const double ux = s.b.x - s.a.x, uy = s.b.y - s.a.y;
    const double area = ux * (p.y - s.a.y) - uy * (p.x - s.a.x);
    return area * area > bend * bend * (ux * ux + uy * uy);
}

void Noder::note_bend(const NodedEdge& e, Point p) {
    const Segment& s = segments[std::size_t(e.segment)];
    const double ux = s.b.x - s.a.x, uy = s.b.y - s.a.y;
    const double area = ux * (p.y - s.a.y) - uy * (p.x - s.a.x);
    merged = merged || (s.source >= 0 && area * area > near_edge * near_edge * (ux * ux + uy * uy));
}

// Vertices closer than `near_edge` to an edge's inside become part of it.
bool Noder::split_near() {
    // Points and edges by x, so that an edge looks only at points in its range.
    const std::size_t n = points.size();
    keys_.resize(n);
    for (std::size_t i = 0; i < n; ++i) keys_[i] = sort_key(points[i].x, i);
    std::sort(keys_.begin(), keys_.end());
    sorted_.resize(n);
    for (std::size_t i = 0; i < n; ++i) sorted_[i] = points[key_index(keys_[i])];
    std::size_t first = 0;
    for (const Box& box : boxes_) {
        while (sorted_[first].x < box.x0) ++first;  // an edge's own ends stop this
        for (std::size_t k = first; k < n && sorted_[k].x <= box.x1; ++k) {
            const std::int32_t y = sorted_[k].y;
            if ((y >= box.y0) & (y <= box.y1)) note_near(box.edge, std::int32_t(key_index(keys_[k])));
        }
    }
    if (cuts_.empty()) return false;
    apply_cuts();
    return true;
}

void Noder::note_near(std::int32_t edge, std::int32_t i) {
    const NodedEdge& e = edges[std::size_t(edge)];
    if (i == e.u || i == e.v) return;
    const Point a = points[std::size_t(e.u)], b = points[std::size_t(e.v)], p = points[std::size_t(i)];
    const double length2 = double(dist2(a, b)), area = double(orient(a, b, p));
    if (area * area > near_edge * near_edge * length2) return;
    if (area != 0 && off_outline(e, p)) return;
    const double along =
        (double(p.x) - a.x) * (double(b.x) - a.x) + (double(p.y) - a.y) * (double(b.y) - a.y);
    if (!(along > 0 && along < length2)) return;
    cuts_.push_back({edge, i, along / length2});
    note_bend(e, p);
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
    const auto vec = [&](std::int32_t v) {
        return Vec{double(points[std::size_t(v)].x), double(points[std::size_t(v)].y)};
    };
    Vec grid{};
    if (!meet(vec(e.u), vec(e.v), vec(f.u), vec(f.v), &grid)) grid = vec(e.u);
    const Segment& s = segments[std::size_t(e.segment)];
    const Segment& r = segments[std::size_t(f.segment)];
    Vec raw{};
    // The lines as given are better than their rounded pieces, unless they are nearly parallel.
    if (meet(s.a, s.b, r.a, r.b, &raw) && norm(raw.x - grid.x, raw.y - grid.y) < 3) return raw;
    return grid;
}

// Edges with their extents, by x.
void Noder::sort_boxes() {
    const std::size_t n = edges.size();
    keys_.resize(n);
    for (std::size_t i = 0; i < n; ++i)
        keys_[i] =
            sort_key(std::min(points[std::size_t(edges[i].u)].x, points[std::size_t(edges[i].v)].x), i);
    std::sort(keys_.begin(), keys_.end());
    boxes_.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
        const auto e = std::int32_t(key_index(keys_[i]));
        const Point a = points[std::size_t(edges[std::size_t(e)].u)],
                    b = points[std::size_t(edges[std::size_t(e)].v)];
        boxes_[i] = {std::min(a.x, b.x), std::max(a.x, b.x), std::min(a.y, b.y), std::max(a.y, b.y), e};
    }
}

bool Noder::split_crossings() {
    const std::size_t n = boxes_.size();
    crossings_.clear();
    for (std::size_t i = 0; i < n; ++i) {
        const Box p = boxes_[i];
        for (std::size_t j = i + 1; j < n && boxes_[j].x0 < p.x1; ++j) {
            const Box& q = boxes_[j];
            if ((q.y0 < p.y1) & (q.y1 > p.y0) & (q.x1 > p.x0)) note_crossing(p.edge, q.edge);
        }
    }
    if (cuts_.empty()) return false;
    apply_cuts();
    return true;
}

// Edges that coincide are cut alike, or what lies between them would turn over.
std::int32_t Noder::crossing_vertex(const NodedEdge& e, const NodedEdge& f) {
    std::array<std::int32_t, 2> p{std::min(e.u, e.v), std::max(e.u, e.v)},
        q{std::min(f.u, f.v), std::max(f.u, f.v)};
    if (q < p) std::swap(p, q);
    const auto [known, fresh] = crossings_.try_emplace({p[0], p[1], q[0], q[1]}, -1);
    if (fresh) known->second = anchor(crossing(e, f));
    return known->second;
}

void Noder::note_crossing(std::int32_t i, std::int32_t j) {
    const NodedEdge &e = edges[std::size_t(i)], &f = edges[std::size_t(j)];
    if (e.u == f.u || e.u == f.v || e.v == f.u || e.v == f.v) return;
    const Point a = points[std::size_t(e.u)], b = points[std::size_t(e.v)];
    const Point c = points[std::size_t(f.u)], d = points[std::size_t(f.v)];
    if (!proper_crossing(a, b, c, d)) return;
    const std::int32_t v = crossing_vertex(e, f);
    const auto place = [&](Point s, Point t) {
        const Point m = points[std::size_t(v)];
        const double dx = double(t.x) - s.x, dy = double(t.y) - s.y;
        return ((double(m.x) - s.x) * dx + (double(m.y) - s.y) * dy) / (dx * dx + dy * dy);
    };
    note_bend(e, points[std::size_t(v)]);
    note_bend(f, points[std::size_t(v)]);
    cuts_.push_back({i, v, place(a, b)});
    cuts_.push_back({j, v, place(c, d)});
}

bool Noder::node() {
    for (int round = 0; round < max_rounds; ++round) {
        sort_boxes();
        const bool near = split_near();
        if (near) sort_boxes();
        if (!split_crossings() && !near) return true;
    }
    return false;
}

bool Noder::split_edges(std::int32_t u, std::int32_t v, Vec at) {
    const Point p = round_point(at.x, at.y);
    if (find_near(p) >= 0) return false;
    const std::int32_t w = anchor(at);
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
    for (std::size_t h = 0; h < halves; ++h)
        out[std::size_t(position_[std::size_t(origin[h])]++)] = std::int32_t(h);
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
            std::sort(begin, end,
                      [&](std::int32_t g, std::int32_t h) { return angle_less(direction(g), direction(h)); });
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
        const Point a = points[std::size_t(origin[std::size_t(h)])],
                    b = points[std::size_t(origin[std::size_t(twin(h))])];
        if ((a.y > p.y) != (b.y > p.y)) {
            const double x = a.x + (p.y - a.y) * (double(b.x) - a.x) / (double(b.y) - a.y);
            if (x > p.x) inside = !inside;
        }
        h = next[std::size_t(h)];
    } while (h != first);
    return inside;
}

void PlanarMap::bound_loops(const std::vector<Point>& points) {
    boxes_.clear();
    for (const std::int32_t first : loop_first) {
        Point p = points[std::size_t(origin[std::size_t(first)])];
        LoopBox box{p.x, p.x, p.y, p.y};
        for (std::int32_t h = next[std::size_t(first)]; h != first; h = next[std::size_t(h)]) {
            p = points[std::size_t(origin[std::size_t(h)])];
            box.x0 = std::min(box.x0, p.x), box.x1 = std::max(box.x1, p.x);
            box.y0 = std::min(box.y0, p.y), box.y1 = std::max(box.y1, p.y);
        }
        boxes_.push_back(box);
    }
}

void PlanarMap::nest_loops(const std::vector<Point>& points) {
    const std::size_t loops = loop_first.size();
    loop_face.assign(loops, 0);
    std::int32_t faces = 1;
    std::size_t negative = 0;
    for (std::size_t l = 0; l < loops; ++l) {
        if (loop_area2[l] > 0)
            loop_face[l] = faces++;
        else
            ++negative;
    }
    if (negative > 1) {
        bound_loops(points);
        for (std::size_t l = 0; l < loops; ++l) {
            if (loop_area2[l] > 0) continue;
            // Half a step beside the middle of an edge, on the loop's own (left) side, is off every vertex.
            const std::int32_t h = loop_first[l];
            std::int32_t low = h, g = h;
            do {  // the lowest vertex: just below it lies the face that surrounds the loop
                const Point p = points[std::size_t(origin[std::size_t(g)])],
                            q = points[std::size_t(origin[std::size_t(low)])];
                if (p.y < q.y || (p.y == q.y && p.x < q.x)) low = g;
                g = next[std::size_t(g)];
            } while (g != h);
            const Point o = points[std::size_t(origin[std::size_t(low)])];
            std::int64_t best = std::numeric_limits<std::int64_t>::max();
            for (std::size_t k = 0; k < loops; ++k) {
                if (loop_area2[k] <= 0 || loop_area2[k] >= best) continue;
                const LoopBox& box = boxes_[k];
                if (o.x < box.x0 || o.x > box.x1 || o.y <= box.y0 || o.y > box.y1) continue;
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
            if ((loop_area2[l] > 0) == (pass == 0))
                face_loops[std::size_t(position_[std::size_t(loop_face[l])]++)] = std::int32_t(l);
        }
    }
}

}  // namespace geovision
