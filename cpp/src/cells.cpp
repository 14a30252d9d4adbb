#include "geovision/cells.hpp"

#include <algorithm>
#include <cmath>

namespace geovision {

namespace {

constexpr int max_rounds = 4;

// Rounding a crease to the grid leaves the planes this far apart at its vertices.
double rounding_tolerance(const Plane& difference) { return 2 + 1.5 * norm(difference.a, difference.b); }

Plane operator-(const Plane& p, const Plane& q) { return {p.a - q.a, p.b - q.b, p.c - q.c}; }

bool same_plane(const Plane& p, const Plane& q) { return p.a == q.a && p.b == q.b && p.c == q.c; }

}  // namespace

Status Cells::overlay(const Drawing& drawing, double min_edge) {
    min_edge_ = min_edge;
    surfaces = drawing.surfaces;
    flags = drawing.flags;
    support_.clear();
    for (const Layer& l : drawing.layers) support_.push_back(l.support);
    raised_ = false;
    for (const Surface& s : surfaces)
        raised_ = raised_ || s.bottom.a != 0 || s.bottom.b != 0 || s.bottom.c != 0;
    noder_.clear(min_edge);
    vertex_of_.assign(drawing.points.size(), -1);
    const auto vertex = [&](std::int32_t point) {
        std::int32_t& v = vertex_of_[std::size_t(point)];
        if (v < 0) v = noder_.anchor(drawing.points[std::size_t(point)]);
        return v;
    };
    for (const std::int32_t a : drawing.anchors) vertex(a);
    for (const Line& l : drawing.lines) {
        const std::int32_t u = vertex(l.a), v = vertex(l.b);
        noder_.add({drawing.points[std::size_t(l.a)], drawing.points[std::size_t(l.b)], l.left, l.right,
                    l.layer, l.meets, l.source},
                   u, v);
    }
    const std::size_t layers = drawing.layers.size();
    continuous_ = layers == 1 && !raised_;
    for (const Line& l : drawing.lines) continuous_ = continuous_ && (l.meets || l.right < 0);
    for (int round = 0;; ++round) {
        if (!noder_.node()) return Status::not_converged;
        collect_edges();
        map.build(noder_.points, map_edges_);
        label_faces(layers);
        cuts_.clear();
        choose_cells(layers, round < max_rounds);
        for (const Segment& s : cuts_) noder_.add(s);
        const bool split = !continuous_ && round < max_rounds && split_steps();
        if (cuts_.empty() && !split) break;
    }
    if (dissolve()) map.build(noder_.points, map_edges_);
    if (map.faces() < 2) return Status::empty;
    // Faces again carry the surface of any edge beside them.
    cell.assign(std::size_t(map.faces()), -1);
    source.resize(edges_.size());
    meets_.resize(edges_.size());
    for (std::size_t e = 0; e < edges_.size(); ++e) {
        const EdgeLabel& l = labels_[std::size_t(edges_[e].label_begin)];
        cell[std::size_t(map.face_of(std::int32_t(2 * e)))] = l.left;
        cell[std::size_t(map.face_of(std::int32_t(2 * e + 1)))] = l.right;
        meets_[e] = edge_meets(edges_[e], l.left, l.right);
        source[e] = -1;
        for (std::int32_t k = edges_[e].begin; k < edges_[e].end; ++k)
            source[e] = std::max(
                source[e],
                noder_.segments[std::size_t(noder_.edges[std::size_t(order_[std::size_t(k)])].segment)]
                    .source);
    }
    cell[0] = -1;
    spread_cells();
    if (noder_.merged) flags |= flag::merged_edges;
    bool any = false;
    for (const std::int32_t s : cell) any = any || s >= 0;
    return any ? Status::ok : Status::empty;
}

// Per half-edge, what the loops after this ask for all the time.
void Cells::spread_cells() {
    half_surface_.resize(std::size_t(map.halves()));
    for (std::int32_t h = 0; h < map.halves(); ++h)
        half_surface_[std::size_t(h)] = cell[std::size_t(map.face_of(h))];
}

void Cells::face_range(std::int32_t face, const Plane& difference, double* lo, double* hi,
                       double* sum) const {
    *lo = 1e300, *hi = -1e300, *sum = 0;
    const std::int32_t first =
        map.loop_first[std::size_t(map.face_loops[std::size_t(map.face_loops_begin[std::size_t(face)])])];
    std::int32_t h = first;
    do {
        const double d = difference.at(noder_.points[std::size_t(map.origin[std::size_t(h)])]);
        *lo = std::min(*lo, d), *hi = std::max(*hi, d), *sum += d;
        h = map.next[std::size_t(h)];
    } while (h != first);
}

// The grid point beside `p` that is nearest to the edge as it was given and as it was rounded: an outline
// takes no vertex that would bend it, and a cut that ends short of it would cut nothing.
Vec Cells::on_edge(std::int32_t edge, Vec p) const {
    const Edge& e = edges_[std::size_t(edge)];
    const NodedEdge& piece = noder_.edges[std::size_t(order_[std::size_t(e.begin)])];
    const Segment& given = noder_.segments[std::size_t(piece.segment)];
    if (given.source < 0) return p;
    const Point u = noder_.points[std::size_t(e.u)], v = noder_.points[std::size_t(e.v)];
    const auto off = [](Vec a, Vec b, Vec q) {
        return std::abs((b.x - a.x) * (q.y - a.y) - (b.y - a.y) * (q.x - a.x)) / norm(b.x - a.x, b.y - a.y);
    };
    Vec best = p;
    double least = 1e300;
    for (int k = 0; k < 4; ++k) {
        const Vec q{std::floor(p.x) + k % 2, std::floor(p.y) + k / 2};
        const double far = std::max(off(given.a, given.b, q),
                                    off({double(u.x), double(u.y)}, {double(v.x), double(v.y)}, q));
        if (far < least) least = far, best = q;
    }
    return best;
}

// Adds the line where `difference` is zero, as far as it runs inside the face. False where it does not cross.
bool Cells::cut_face(std::int32_t face, const Plane& difference, double tolerance, std::int32_t left,
                     std::int32_t right) {
    double lo = 0, hi = 0, sum = 0;
    face_range(face, difference, &lo, &hi, &sum);
    if (lo > -tolerance || hi < tolerance) return false;
    struct Hit {
        double along;
        Vec at;
    };
    thread_local std::vector<Hit> hits;
    hits.clear();
    for (std::int32_t k = map.face_loops_begin[std::size_t(face)];
         k < map.face_loops_begin[std::size_t(face) + 1]; ++k) {
        const std::int32_t first = map.loop_first[std::size_t(map.face_loops[std::size_t(k)])];
        std::int32_t h = first;
        do {
            const Point a = noder_.points[std::size_t(map.origin[std::size_t(h)])],
                        b = noder_.points[std::size_t(map.origin[std::size_t(h ^ 1)])];
            const double da = difference.at(a), db = difference.at(b);
            if ((da >= 0) != (db >= 0)) {
                const double t = da / (da - db);
                const Vec p = on_edge(h / 2, {a.x + t * (double(b.x) - a.x), a.y + t * (double(b.y) - a.y)});
                hits.push_back({-difference.b * p.x + difference.a * p.y, p});
            }
            h = map.next[std::size_t(h)];
        } while (h != first);
    }
    std::sort(hits.begin(), hits.end(), [](const Hit& p, const Hit& q) { return p.along < q.along; });
    for (std::size_t i = 0; i + 1 < hits.size(); i += 2)
        cuts_.push_back({hits[i].at, hits[i + 1].at, left, right, -1, true, -1});
    return true;
}

void Cells::choose_cells(std::size_t layers, bool may_cut) {
    cell.assign(std::size_t(map.faces()), -1);
    face_bottom_.assign(std::size_t(map.faces()), -1);
    for (std::int32_t f = 1; f < map.faces(); ++f) choose_cell(f, layers, may_cut);
}

void Cells::choose_cell(std::int32_t face, std::size_t layers, bool may_cut) {
    const std::int32_t* label = face_label_.data() + std::size_t(face) * layers;
    std::int32_t& best = cell[std::size_t(face)];
    std::int16_t rank = -32768;
    const auto counts = [&](std::size_t l) {
        return label[l] >= 0 && (support_[l] < 0 || label[support_[l]] >= 0);
    };
    for (std::size_t l = 0; l < layers; ++l)
        if (counts(l)) rank = std::max(rank, surfaces[std::size_t(label[l])].rank);
    for (std::size_t l = 0; l < layers; ++l) {
        if (!counts(l)) continue;
        const Surface& s = surfaces[std::size_t(label[l])];
        if (s.rank != rank || best == label[l]) continue;
        if (best < 0) {
            best = label[l];
            continue;
        }
        const Plane difference = s.top - surfaces[std::size_t(best)].top;
        if (may_cut) cut_face(face, difference, rounding_tolerance(difference), label[l], best);
        double lo = 0, hi = 0, sum = 0;
        face_range(face, difference, &lo, &hi, &sum);
        if (sum > 0) best = label[l];
    }
    if (best < 0) return;
    face_bottom_[std::size_t(face)] = best;
    for (std::size_t l = 0; raised_ && l < layers; ++l) {
        if (!counts(l) || label[l] == best) continue;
        const Surface &s = surfaces[std::size_t(label[l])], &b = surfaces[std::size_t(best)];
        double lo = 0, hi = 0, lower = 0, gap = 0;
        face_range(face, s.bottom - surfaces[std::size_t(face_bottom_[std::size_t(face)])].bottom, &lo, &hi,
                   &lower);
        if (lower >= 0) continue;
        face_range(face, b.bottom - s.top, &lo, &hi, &gap);
        if (gap > 0) {  // daylight between them: a cell holds one storey, and the one that stands below wins
            best = label[l];
            flags |= flag::overhang_dropped;
        }
        face_bottom_[std::size_t(face)] = label[l];
    }
    const Plane thickness =
        surfaces[std::size_t(best)].top - surfaces[std::size_t(face_bottom_[std::size_t(face)])].bottom;
    double lo = 0, hi = 0, sum = 0;
    face_range(face, thickness, &lo, &hi, &sum);
    if (may_cut && lo < 0) cut_face(face, thickness, rounding_tolerance(thickness), best, -1);
    if (hi < min_edge_ || sum <= 0) {
        best = -1;
        flags |= flag::cells_removed;
    }
}

// Where two cells change places as the higher one along their common edge, a vertex is needed.
bool Cells::split_steps() {
    bool split = false;
    thread_local std::vector<std::pair<Vec, MapEdge>> splits;
    splits.clear();
    for (std::size_t e = 0; e < edges_.size(); ++e) {
        const std::int32_t l = cell[std::size_t(map.face_of(std::int32_t(2 * e)))],
                           r = cell[std::size_t(map.face_of(std::int32_t(2 * e + 1)))];
        if (l < 0 || r < 0 || l == r) continue;
        const Surface &s = surfaces[std::size_t(l)], &t = surfaces[std::size_t(r)];
        const Point u = noder_.points[std::size_t(edges_[e].u)], v = noder_.points[std::size_t(edges_[e].v)];
        for (int k = 0; k < (raised_ ? 4 : 1); ++k) {
            const Plane difference = (k < 2 ? s.top : s.bottom) - (k % 2 == 0 ? t.top : t.bottom);
            const double du = difference.at(u), dv = difference.at(v),
                         tolerance = rounding_tolerance(difference);
            if (std::min(du, dv) > -tolerance || std::max(du, dv) < tolerance) continue;
            const double x = du / (du - dv);
            splits.push_back(
                {{u.x + x * (double(v.x) - u.x), u.y + x * (double(v.y) - u.y)}, {edges_[e].u, edges_[e].v}});
            break;
        }
    }
    for (const auto& [at, e] : splits) split = noder_.split_edges(e.u, e.v, at) || split;
    return split;
}

// Drops edges with the same cell on both sides; leaves one label per edge, its surfaces left and right.
bool Cells::dissolve() {
    std::size_t kept = 0;
    const std::size_t before = edges_.size();
    for (std::size_t f = 0; f < cell.size();
         ++f) {  // a cell with a lower neighbour's bottom is a surface of its own
        if (cell[f] < 0 || face_bottom_[f] == cell[f]) continue;
        const Plane bottom = surfaces[std::size_t(face_bottom_[f])].bottom;
        if (same_plane(bottom, surfaces[std::size_t(cell[f])].bottom)) continue;
        Surface copy = surfaces[std::size_t(cell[f])];
        copy.bottom = bottom;
        surfaces.push_back(copy);
        cell[f] = std::int32_t(surfaces.size()) - 1;
    }
    for (std::size_t e = 0; e < before; ++e) {
        const std::int32_t l = cell[std::size_t(map.face_of(std::int32_t(2 * e)))],
                           r = cell[std::size_t(map.face_of(std::int32_t(2 * e + 1)))];
        if (l == r) continue;
        Edge edge = edges_[e];
        labels_[kept] = {0, l, r};  // kept <= label_begin of every edge still to come
        edge.label_begin = std::int32_t(kept);
        edge.label_end = edge.label_begin + 1;
        edges_[kept] = edge;
        map_edges_[kept] = {edge.u, edge.v};
        ++kept;
    }
    edges_.resize(kept);
    map_edges_.resize(kept);
    return kept != before;
}

bool Cells::edge_meets(const Edge& e, std::int32_t left, std::int32_t right) const {
    // Either one crease between the two surfaces, or the borders of both, drawn as polygons of one roof.
    std::int16_t left_layer = -2, right_layer = -3;
    for (std::int32_t k = e.begin; k < e.end; ++k) {
        const NodedEdge& piece = noder_.edges[std::size_t(order_[std::size_t(k)])];
        const Segment& s = noder_.segments[std::size_t(piece.segment)];
        if (!s.meets) continue;
        if ((s.left == left && s.right == right) || (s.left == right && s.right == left)) return true;
        if (s.right >= 0) continue;
        if (s.left == left) left_layer = s.layer;
        if (s.left == right) right_layer = s.layer;
    }
    if (left_layer == right_layer) return true;
    if (left < 0 || right < 0) return false;
    const Plane d = surfaces[std::size_t(left)].top - surfaces[std::size_t(right)].top;
    return std::abs(d.at(noder_.points[std::size_t(e.u)])) < min_edge_ &&
           std::abs(d.at(noder_.points[std::size_t(e.v)])) < min_edge_;
}

double Cells::surface_z(std::int32_t surface, Point p, bool top_side) const {
    const Surface& s = surfaces[std::size_t(surface)];
    // Planes may be as steep as they like, heights must fit the grid.
    if (top_side) return std::clamp(s.top.at(p), -max_coordinate, max_coordinate);
    // A sloping underside that was cut short may run under the ground beyond its own strip.
    return s.bottom.a != 0 || s.bottom.b != 0 ? std::clamp(s.bottom.at(p), 0.0, max_coordinate) : s.bottom.c;
}

}  // namespace geovision
