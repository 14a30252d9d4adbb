// Guards: arcs that cross, and how much of a building its outline still holds.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "geovision/outline_shape.hpp"

namespace geovision {
namespace {

struct Piece {
    Point a, b;
    std::int64_t id_a, id_b;  // vertices: the same number only where they are the same vertex
    std::int32_t arc;
};

std::vector<Piece> pieces_of(const OutlineMap& map, const OutlineShape& shape) {
    std::vector<Piece> out;
    auto next = std::int64_t(shape.nodes.size());
    for (std::size_t a = 0; a < map.arcs.size(); ++a) {
        const OutlineArc& arc = map.arcs[a];
        const std::vector<Point>& chain = shape.chains[a];
        const std::int64_t base = next;
        next += std::int64_t(chain.size());
        const auto add = [&](Point p, Point q, std::int64_t ip, std::int64_t iq) {
            out.push_back({p, q, ip, iq, std::int32_t(a)});
        };
        const std::size_t n = chain.size();
        for (std::size_t k = 0; k + 1 < n; ++k)
            add(chain[k], chain[k + 1], base + std::int64_t(k), base + std::int64_t(k) + 1);
        if (arc.closed()) {
            if (n > 1) add(chain[n - 1], chain[0], base + std::int64_t(n) - 1, base);
            continue;
        }
        const Point p = shape.nodes[std::size_t(arc.from)], q = shape.nodes[std::size_t(arc.to)];
        if (n == 0) {
            add(p, q, arc.from, arc.to);
        } else {
            add(p, chain[0], arc.from, base);
            add(chain[n - 1], q, base + std::int64_t(n) - 1, arc.to);
        }
    }
    return out;
}

bool between(Point a, Point b, Point p) {
    return std::min(a.x, b.x) <= p.x && p.x <= std::max(a.x, b.x) && std::min(a.y, b.y) <= p.y &&
           p.y <= std::max(a.y, b.y);
}

bool meet(Point a, Point b, Point c, Point d) {
    const int s1 = sign(orient(a, b, c)), s2 = sign(orient(a, b, d));
    const int s3 = sign(orient(c, d, a)), s4 = sign(orient(c, d, b));
    if (s1 * s2 < 0 && s3 * s4 < 0) return true;
    return (s1 == 0 && between(a, b, c)) || (s2 == 0 && between(a, b, d)) || (s3 == 0 && between(c, d, a)) ||
           (s4 == 0 && between(c, d, b));
}

// Do two pieces share more than the vertex that they have in common, if they have one?
bool conflict(const Piece& s, const Piece& t) {
    const bool aa = s.id_a == t.id_a, ab = s.id_a == t.id_b, ba = s.id_b == t.id_a, bb = s.id_b == t.id_b;
    if (!(aa || ab || ba || bb)) return meet(s.a, s.b, t.a, t.b);
    if (int(aa) + int(ab) + int(ba) + int(bb) > 1) return true;
    const Point apex = aa || ab ? s.a : s.b;
    const Point u = aa || ab ? s.b : s.a, v = aa || ba ? t.b : t.a;
    if (orient(apex, u, v) != 0) return false;
    return (std::int64_t(u.x) - apex.x) * (std::int64_t(v.x) - apex.x) +
               (std::int64_t(u.y) - apex.y) * (std::int64_t(v.y) - apex.y) >
           0;
}

// The arcs at every junction must leave it in the order in which they were traced; otherwise a loop has
// turned inside out, which no crossing shows.
void find_turned_nodes(const OutlineMap& map, const OutlineShape& shape, std::vector<std::int32_t>& out) {
    struct Leaving {
        std::int32_t node, way, arc;
        Point along;
    };
    std::vector<Leaving> all;
    for (std::size_t a = 0; a < map.arcs.size(); ++a) {
        const OutlineArc& arc = map.arcs[a];
        if (arc.closed()) continue;
        const std::vector<Point>& chain = shape.chains[a];
        const Point p = shape.nodes[std::size_t(arc.from)], q = shape.nodes[std::size_t(arc.to)];
        const Point u = chain.empty() ? q : chain.front(), v = chain.empty() ? p : chain.back();
        all.push_back({arc.from, arc.first_way, std::int32_t(a), {u.x - p.x, u.y - p.y}});
        all.push_back({arc.to, (arc.last_way + 2) % 4, std::int32_t(a), {v.x - q.x, v.y - q.y}});
    }
    std::sort(all.begin(), all.end(), [](const Leaving& l, const Leaving& m) {
        return l.node != m.node ? l.node < m.node : l.way < m.way;
    });
    for (std::size_t i = 0, j = 0; i < all.size(); i = j) {
        while (j < all.size() && all[j].node == all[i].node) ++j;
        int turns = 0;
        for (std::size_t k = i; k < j; ++k)
            turns += !angle_less(all[k].along, all[k + 1 == j ? i : k + 1].along);
        if (turns == 1) continue;
        for (std::size_t k = i; k + 1 < j; ++k) out.insert(out.end(), {all[k].arc, all[k + 1].arc});
    }
}

}  // namespace

std::vector<std::int32_t> find_conflicts(const OutlineMap& map, const OutlineShape& shape) {
    std::vector<std::int32_t> out;
    std::vector<Piece> pieces = pieces_of(map, shape);
    for (const Piece& p : pieces)
        if (p.a == p.b) out.insert(out.end(), {p.arc, p.arc});
    for (std::size_t a = 0; a < map.arcs.size(); ++a)
        if (map.arcs[a].closed() && shape.chains[a].size() < 3)
            out.insert(out.end(), {std::int32_t(a), std::int32_t(a)});
    const auto left = [](const Piece& p) { return std::min(p.a.x, p.b.x); };
    std::sort(pieces.begin(), pieces.end(), [&](const Piece& p, const Piece& q) {
        return left(p) != left(q) ? left(p) < left(q) : p.id_a < q.id_a;
    });
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const Piece& p = pieces[i];
        const std::int32_t right = std::max(p.a.x, p.b.x);
        const std::int32_t low = std::min(p.a.y, p.b.y), high = std::max(p.a.y, p.b.y);
        for (std::size_t j = i + 1; j < pieces.size() && left(pieces[j]) <= right; ++j) {
            const Piece& q = pieces[j];
            if (std::min(q.a.y, q.b.y) > high || std::max(q.a.y, q.b.y) < low) continue;
            if (conflict(p, q)) out.insert(out.end(), {p.arc, q.arc});
        }
    }
    find_turned_nodes(map, shape, out);
    return out;
}

std::vector<Point> ring_points(const OutlineMap& map, const OutlineShape& shape, const OutlineRing& ring) {
    std::vector<Point> out;
    for (const std::int32_t half : ring.arcs) {
        const auto a = std::size_t(half / 2);
        const OutlineArc& arc = map.arcs[a];
        const std::vector<Point>& chain = shape.chains[a];
        const bool back = half % 2 != 0;
        if (!arc.closed()) out.push_back(shape.nodes[std::size_t(back ? arc.to : arc.from)]);
        if (back)
            out.insert(out.end(), chain.rbegin(), chain.rend());
        else
            out.insert(out.end(), chain.begin(), chain.end());
    }
    return out;
}

std::int64_t doubled_area(const std::vector<Point>& ring) {
    std::int64_t sum = 0;
    for (std::size_t k = 1; k + 1 < ring.size(); ++k) sum -= orient(ring[0], ring[k], ring[k + 1]);
    return sum;
}

double cell_iou(const OutlinePatch& patch, std::int32_t building, std::int64_t building_cells,
                const std::vector<std::vector<Point>>& rings) {
    struct Crossing {
        std::int32_t row;
        double x;
    };
    std::vector<Crossing> crossings;
    for (const auto& ring : rings) {
        for (std::size_t k = 0; k < ring.size(); ++k) {
            Point a = ring[k], b = ring[k + 1 == ring.size() ? 0 : k + 1];
            if (a.y > b.y) std::swap(a, b);
            const double slope = b.y == a.y ? 0 : double(b.x - a.x) / double(b.y - a.y);
            const auto first = std::int32_t(std::ceil(a.y / outline_grid - 0.5));
            const auto last = std::int32_t(std::ceil(b.y / outline_grid - 0.5));
            for (std::int32_t y = std::max(first, 0); y < std::min(last, patch.height); ++y)
                crossings.push_back({y, (a.x + slope * ((y + 0.5) * outline_grid - a.y)) / outline_grid});
        }
    }
    std::sort(crossings.begin(), crossings.end(), [](const Crossing& a, const Crossing& b) {
        return a.row != b.row ? a.row < b.row : a.x < b.x;
    });
    std::int64_t both = 0, drawn = 0;
    for (std::size_t k = 0; k + 1 < crossings.size(); k += 2) {
        const auto from = std::int32_t(std::ceil(std::max(crossings[k].x, 0.0) - 0.5));
        const auto to = std::min(std::int32_t(std::ceil(crossings[k + 1].x - 0.5)), patch.width);
        const std::int32_t* row = &patch.label[patch.at(0, crossings[k].row)];
        for (std::int32_t x = from; x < to; ++x) both += row[x] == building;
        drawn += std::max(to - from, 0);
    }
    const std::int64_t any = drawn + building_cells - both;
    return any > 0 ? double(both) / double(any) : 0;
}

}  // namespace geovision
