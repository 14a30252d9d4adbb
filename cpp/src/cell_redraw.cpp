// Cells written back as a drawing: with overhangs, or with a touching corner pulled into its cell.
#include <algorithm>
#include <cmath>

#include "geovision/cells.hpp"

namespace geovision {

namespace {

constexpr double steepest_eave = 1;  // overhangs continue a roof down to this slope
constexpr double straight = 1.98;    // 1 + cos of a turn that may be rounding, in a piece of 1 cm
constexpr double least_lean = 0.35;  // cosine of the angle between a crease and the way out of its wall
constexpr double meeting = 30;       // grid steps between roofs that meet

}  // namespace

void Cells::redraw(Drawing& drawing) const {
    drawing.clear();
    drawing.surfaces = surfaces;
    drawing.flags = flags;
    drawing.add_layer();
    for (const Point p : noder_.points) drawing.points.push_back({double(p.x), double(p.y)});
    for (std::size_t e = 0; e < edges_.size(); ++e) {
        drawing.lines.push_back({edges_[e].u, edges_[e].v, surface_of_half(std::int32_t(2 * e)),
                                 surface_of_half(std::int32_t(2 * e + 1)), 0, meets_[e] != 0, source[e]});
    }
}

Vec Cells::pulled_point(std::int32_t half, double feature) const {
    const std::int32_t v = map.origin[std::size_t(half)], begin = map.out_begin[std::size_t(v)],
                       n = map.out_begin[std::size_t(v) + 1] - begin;
    std::int32_t i = 0;
    while (map.out[std::size_t(begin + i)] != half) ++i;
    const auto unit = [&](std::int32_t h) {
        const Point a = noder_.points[std::size_t(v)],
                    b = noder_.points[std::size_t(map.origin[std::size_t(h ^ 1)])];
        const double length = std::sqrt(double(dist2(a, b)));
        return Vec{(b.x - a.x) / length, (b.y - a.y) / length};
    };
    const Vec a = unit(half), b = unit(map.out[std::size_t(begin + (i + 1) % n)]);
    Vec m{a.x + b.x, a.y + b.y};
    double length = norm(m.x, m.y);
    if (length < 1e-6) {  // a straight angle: square to it, to the left of the first edge
        m = {-a.y, a.x};
        length = 1;
    }
    const Point p = noder_.points[std::size_t(v)];
    return {p.x + feature * m.x / length, p.y + feature * m.y / length};
}

// Can the corner between two half-edges of a cell move to `to` without leaving the cell?
bool Cells::holds(std::int32_t half, std::int32_t other, Vec to) const {
    const auto& points = noder_.points;
    const Point t = round_point(to.x, to.y);
    bool inside = map.face_of(half) == 0;  // the outside lies round all loops
    for (std::int32_t h = 0; h < map.halves(); ++h) {
        const Point p = points[std::size_t(map.origin[std::size_t(h)])],
                    q = points[std::size_t(map.origin[std::size_t(h ^ 1)])];
        if (map.face_of(h) != map.face_of(half) || (p.y > t.y) == (q.y > t.y)) continue;
        const double x = p.x + (double(t.y) - p.y) * (double(q.x) - p.x) / (double(q.y) - p.y);
        if (x > t.x) inside = !inside;
    }
    if (!inside) return false;
    for (const std::int32_t arm : {half, other}) {
        const Point end = points[std::size_t(map.origin[std::size_t(arm ^ 1)])];
        for (const MapEdge& e : map_edges_) {
            const Point p = points[std::size_t(e.u)], q = points[std::size_t(e.v)];
            if (proper_crossing(t, end, p, q)) return false;
            for (const Point r : {p, q})  // and no vertex is swept over
                if (r != end && orient(t, end, r) == 0 && dist2(t, r) + dist2(r, end) <= dist2(t, end))
                    return false;
        }
    }
    return true;
}

bool Cells::redraw_pulled(std::int32_t v, double feature, int attempt, Drawing& drawing) const {
    const std::int32_t begin = map.out_begin[std::size_t(v)], n = map.out_begin[std::size_t(v) + 1] - begin;
    // Candidates: sectors narrower than a half turn; empty ones first, then lower ones.
    struct Candidate {
        std::int32_t half;
        std::int64_t order;
    };
    std::vector<Candidate> candidates;
    for (std::int32_t i = 0; i < n; ++i) {
        const std::int32_t h = map.out[std::size_t(begin + i)], g = map.out[std::size_t(begin + (i + 1) % n)];
        const Point p = noder_.points[std::size_t(v)],
                    a = noder_.points[std::size_t(map.origin[std::size_t(h ^ 1)])],
                    b = noder_.points[std::size_t(map.origin[std::size_t(g ^ 1)])];
        if (orient(p, a, b) <= 0) continue;
        const bool outside = map.face_of(h) == 0;
        candidates.push_back({h, solid(h)  ? std::int64_t(top[std::size_t(h)]) - bottom[std::size_t(h)] + 2
                                 : outside ? 1
                                           : 0});
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.order < b.order; });
    const auto turn = [&](std::int32_t h) {
        std::int32_t i = 0;
        while (map.out[std::size_t(begin + i)] != h) ++i;
        return map.out[std::size_t(begin + (i + 1) % n)];
    };
    for (std::size_t k = 0; k < candidates.size();) {  // only cells that hold the pulled corner
        const std::int32_t h = candidates[k].half;
        if (holds(h, turn(h), pulled_point(h, feature)))
            ++k;
        else
            candidates.erase(candidates.begin() + std::ptrdiff_t(k));
    }
    if (candidates.empty()) return false;
    const std::int32_t half = candidates[std::size_t(attempt) % candidates.size()].half;
    const std::int32_t other = turn(half);
    const Vec to = pulled_point(half, feature);
    redraw(drawing);
    const std::int32_t moved = drawing.point(to);
    const auto move = [&](std::int32_t h) {
        Line& line = drawing.lines[std::size_t(h / 2)];
        (h % 2 == 0 ? line.a : line.b) = moved;
    };
    move(half);
    move(other);
    const std::int32_t left = surface_of_half(other), right = surface_of_half(half ^ 1);
    if (left != right) drawing.lines.push_back({v, moved, left, right, 0, false, -1});
    drawing.flags |= flag::separated;
    return true;
}

namespace {

// Strips whose extents are apart share a layer, so that layers count overlaps and not edges.
class StripLayers {
public:
    std::int16_t layer_for(const Vec* quad, Drawing& drawing) {
        Extent e{quad[0].x, quad[0].x, quad[0].y, quad[0].y};
        for (int i = 1; i < 4; ++i) {
            e.x0 = std::min(e.x0, quad[i].x), e.x1 = std::max(e.x1, quad[i].x);
            e.y0 = std::min(e.y0, quad[i].y), e.y1 = std::max(e.y1, quad[i].y);
        }
        for (Row& row : rows_) {
            const auto meets = [&](const Extent& o) {
                return o.x0 <= e.x1 && o.x1 >= e.x0 && o.y0 <= e.y1 && o.y1 >= e.y0;
            };
            if (std::any_of(row.strips.begin(), row.strips.end(), meets)) continue;
            row.strips.push_back(e);
            return row.layer;
        }
        rows_.push_back({drawing.add_layer(), {e}});
        return rows_.back().layer;
    }

private:
    struct Extent {
        double x0, x1, y0, y1;
    };
    struct Row {
        std::int16_t layer;
        std::vector<Extent> strips;
    };
    std::vector<Row> rows_;
};

}  // namespace

void Cells::draw_overhang(const double* overhang_of_part, double thickness, Drawing& drawing) const {
    StripLayers strips;
    for (std::int32_t h = 0; h < map.halves(); ++h) {
        if (!solid(h) || solid(h ^ 1)) continue;
        const Surface& s = surfaces[std::size_t(surface_of_half(h))];
        const double reach = overhang_of_part[s.part];
        const bool bulges = s.bottom.a != 0 || s.bottom.b != 0;
        if (!(reach > 0) || s.label != Label::roof || bulges) continue;
        // Mitred corners with the boundary half-edges before and after, on the outside.
        const auto outer_next = [&](std::int32_t g) {
            std::int32_t k = map.next[std::size_t(g)];
            while (solid(k ^ 1)) k = map.next[std::size_t(k ^ 1)];
            return k;
        };
        const auto outer_prev = [&](std::int32_t g) {
            // the boundary half-edge that ends where g starts: turn clockwise over solid cells
            std::int32_t k = g;
            while (true) {
                const std::int32_t v = map.origin[std::size_t(k)], begin = map.out_begin[std::size_t(v)],
                                   n = map.out_begin[std::size_t(v) + 1] - begin;
                std::int32_t i = 0;
                while (map.out[std::size_t(begin + i)] != k) ++i;
                k = map.out[std::size_t(begin + (i + 1) % n)];
                if (!solid(k)) return k ^ 1;
            }
        };
        const auto point = [&](std::int32_t v) {
            return Vec{double(noder_.points[std::size_t(v)].x), double(noder_.points[std::size_t(v)].y)};
        };
        const auto normal = [&](std::int32_t g) {
            const Vec a = point(map.origin[std::size_t(g)]), b = point(map.origin[std::size_t(g ^ 1)]);
            const double length = norm(b.x - a.x, b.y - a.y);
            return Vec{(b.y - a.y) / length, -(b.x - a.x) / length};
        };
        const auto mitre = [&](Vec p, Vec m, Vec n) {
            const double c = 1 + m.x * n.x + m.y * n.y;  // 1 + cos of the turn
            const double k = c > 0.3 ? reach / c : reach;
            return c > 0.3 ? Vec{p.x + k * (m.x + n.x), p.y + k * (m.y + n.y)}
                           : Vec{p.x + k * n.x, p.y + k * n.y};
        };
        const Vec a = point(map.origin[std::size_t(h)]), b = point(map.origin[std::size_t(h ^ 1)]),
                  n = normal(h);
        const auto square = [&](std::int32_t g, bool end) {
            return end ? mitre(point(map.origin[std::size_t(g ^ 1)]), normal(outer_next(g)), normal(g))
                       : mitre(point(map.origin[std::size_t(g)]), normal(outer_prev(g)), normal(g));
        };
        // Where two roofs meet in a straight wall, as those that lie off their outline do beside its
        // corners, the crease between them goes on, to the outer end of either strip at most. The first
        // half-edge ends at p, where the second begins.
        const auto crease = [&](Vec p, std::int32_t first, std::int32_t second, Vec otherwise) {
            const Vec m = normal(first), k = normal(second), out{m.x + k.x, m.y + k.y};
            const Plane &q = surfaces[std::size_t(surface_of_half(first))].top,
                        &r = surfaces[std::size_t(surface_of_half(second))].top;
            const Vec along{q.b - r.b, r.a - q.a};
            const double length = norm(along.x, along.y), way = along.x * out.x + along.y * out.y;
            if (1 + m.x * k.x + m.y * k.y < straight || length < 1e-6 ||
                std::abs(way) < least_lean * length * norm(out.x, out.y) ||
                std::abs(q.at(p.x, p.y) - r.at(p.x, p.y)) > meeting)
                return otherwise;
            const double step = reach * norm(out.x, out.y) / way;
            const Vec to{p.x + step * along.x, p.y + step * along.y}, begin = square(first, false),
                                                                      end = square(second, true);
            if ((to.y - begin.y) * m.x - (to.x - begin.x) * m.y <= 0) return begin;
            if ((end.y - to.y) * k.x - (end.x - to.x) * k.y <= 0) return end;
            return to;
        };
        const std::int32_t before = outer_prev(h), after = outer_next(h);
        const Vec first = square(h, false), last = square(h, true);
        const Vec quad[4] = {a, crease(a, before, h, first), crease(b, h, after, last), b};
        const double outer = (quad[2].x - quad[1].x) * (b.x - a.x) + (quad[2].y - quad[1].y) * (b.y - a.y);
        const bool pointed = quad[1].x == quad[2].x && quad[1].y == quad[2].y;
        if (outer <= 0 && !pointed) {
            drawing.flags |= flag::overhang_dropped;  // mitres of a narrow court cross
            continue;
        }
        const auto id = std::int32_t(drawing.surfaces.size());
        Surface strip = s;
        strip.rank = -2;
        const double drop = -(s.top.a * n.x + s.top.b * n.y) - steepest_eave;
        if (drop > 0) {  // a steep roof (a dome's rim) flares out instead of hanging down the wall
            strip.top.a += drop * n.x, strip.top.b += drop * n.y;
            strip.top.c -= drop * (n.x * a.x + n.y * a.y);
        }
        strip.bottom = strip.top;
        strip.bottom.c -= thickness * std::sqrt(1 + strip.top.a * strip.top.a + strip.top.b * strip.top.b);
        double lowest = 0;
        for (const Vec q : quad) lowest = std::min(lowest, strip.bottom.at(q.x, q.y));
        if (lowest < 0) {
            drawing.flags |= flag::overhang_dropped;
            continue;
        }
        drawing.surfaces.push_back(strip);
        const std::int16_t layer = strips.layer_for(quad, drawing);
        if (pointed) {
            const Vec corners[3] = {a, quad[1], b};
            drawing.polygon(corners, 3, id, layer);
        } else {
            drawing.polygon(quad, 4, id, layer);
        }
    }
}

}  // namespace geovision
