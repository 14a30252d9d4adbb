// Steps 1 and 2 of noding: vertices that become one, edges that bend and cross.
#include "noding_group.hpp"

#include <algorithm>
#include <cmath>

namespace geovision {

namespace {

constexpr int max_splits = 64;  // bends and crossings within one round
constexpr int max_rounds = 12;
constexpr std::size_t max_growth = 256;  // edges after noding for one before

std::uint64_t point_key(Point p) { return (std::uint64_t(std::uint32_t(p.x)) << 32) | std::uint32_t(p.y); }

bool lower(Point a, Point b) { return a.x != b.x ? a.x < b.x : a.y < b.y; }

double distance2(Point p, Point a, Point b) {
    const double dx = double(b.x) - a.x, dy = double(b.y) - a.y, length2 = dx * dx + dy * dy;
    const double along = (double(p.x) - a.x) * dx + (double(p.y) - a.y) * dy;
    if (along <= 0) return double(dist2(p, a));
    if (along >= length2) return double(dist2(p, b));
    const double area = double(orient(a, b, p));
    return area * area / length2;
}

// Some points by square cells of a side that is no less than the radius of the searches.
class PointCells {
public:
    PointCells(const std::vector<Point>& points, double radius)
        : points_(points), cell_(std::max(1, std::int32_t(std::ceil(radius)))) {}

    void add(std::int32_t v) {
        const Point p = points_[std::size_t(v)];
        cells_[point_key({p.x / cell_, p.y / cell_})].push_back(v);
    }

    // Calls visit(vertex) for each that was added and is closer than the square root of `radius2`.
    template <class Visit>
    void within(Point p, double radius2, Visit visit) const {
        const std::int32_t cx = p.x / cell_, cy = p.y / cell_;
        for (std::int32_t y = cy - 1; y <= cy + 1; ++y) {
            for (std::int32_t x = cx - 1; x <= cx + 1; ++x) {
                const auto found = cells_.find(point_key({x, y}));
                if (found == cells_.end()) continue;
                for (const std::int32_t v : found->second)
                    if (double(dist2(points_[std::size_t(v)], p)) < radius2) visit(v);
            }
        }
    }

private:
    const std::vector<Point>& points_;
    std::int32_t cell_;
    std::unordered_map<std::uint64_t, std::vector<std::int32_t>> cells_;
};

// Rings start at their lowest vertex, holes and pieces come by falling area and then by that vertex.
void canonical(std::vector<FootprintPiece>& pieces) {
    for (auto& piece : pieces) {
        for (auto& ring : piece.rings)
            std::rotate(ring.begin(), std::min_element(ring.begin(), ring.end(), lower), ring.end());
        std::sort(piece.rings.begin() + 1, piece.rings.end(), [](const auto& a, const auto& b) {
            return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), lower);
        });
    }
}

}  // namespace

void EdgeCells::build(const std::vector<Edge>& edges, std::int32_t reach) {
    entries_.clear();
    first_.clear();
    double length = 0;
    for (const Edge& e : edges) length += norm(double(e.b.x) - e.a.x, double(e.b.y) - e.a.y);
    const double mean = edges.empty() ? 1 : length / double(edges.size());
    cell_ = std::int32_t(std::clamp(mean, 4.0 * reach, 1e8));
    for (std::size_t i = 0; i < edges.size(); ++i) {
        const Point a = edges[i].a, b = edges[i].b;
        const double dx = double(b.x) - a.x, dy = double(b.y) - a.y;
        const std::int32_t x0 = std::max(0, std::min(a.x, b.x) - reach), x1 = std::max(a.x, b.x) + reach;
        for (std::int32_t cx = x0 / cell_; cx <= x1 / cell_; ++cx) {
            // The part of the edge over this column of cells, as far as it reaches into it.
            double y0 = std::min(a.y, b.y), y1 = std::max(a.y, b.y);
            if (dx != 0) {
                const double left = (double(cx) * cell_ - reach - a.x) / dx,
                             right = ((double(cx) + 1) * cell_ + reach - a.x) / dx;
                const double t0 = std::clamp(std::min(left, right), 0.0, 1.0),
                             t1 = std::clamp(std::max(left, right), 0.0, 1.0);
                const double ya = a.y + t0 * dy, yb = a.y + t1 * dy;
                y0 = std::max(y0, std::min(ya, yb) - 1);
                y1 = std::min(y1, std::max(ya, yb) + 1);
            }
            const auto low = std::int32_t(std::max(0.0, y0 - reach)) / cell_;
            const auto high = std::int32_t(y1 + reach) / cell_;
            for (std::int32_t cy = low; cy <= high; ++cy) entries_.push_back({key(cx, cy), std::int32_t(i)});
        }
    }
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
        return a.key != b.key ? a.key < b.key : a.edge < b.edge;
    });
    for (std::size_t i = 0; i < entries_.size(); ++i)
        if (i == 0 || entries_[i].key != entries_[i - 1].key) first_.emplace(entries_[i].key, i);
}

NodingStatus GroupNoder::run(FootprintGroup& group) {
    canonical(group.pieces);
    for (group.rounds = 1; group.rounds <= max_rounds; ++group.rounds) {
        load(group);
        merge_vertices();
        if (!node()) return NodingStatus::failed;
        build_map();
        FootprintGroup next;
        next.pieces = group.pieces;
        cover_faces(group);
        trace(next);
        canonical(next.pieces);
        const bool stable = same(group, next);
        group.pieces = std::move(next.pieces);
        if (stable) return NodingStatus::noded;
    }
    return NodingStatus::unstable;
}

bool GroupNoder::same(const FootprintGroup& a, const FootprintGroup& b) {
    if (a.pieces.size() != b.pieces.size()) return false;
    for (std::size_t i = 0; i < a.pieces.size(); ++i)
        if (a.pieces[i].footprint != b.pieces[i].footprint || a.pieces[i].rings != b.pieces[i].rings)
            return false;
    return true;
}

void GroupNoder::load(const FootprintGroup& group) {
    points_.clear();
    known_.clear();
    lowest_.clear();
    highest_.clear();
    count_.clear();
    edges_.clear();
    for (std::size_t p = 0; p < group.pieces.size(); ++p) {
        const auto piece = std::int32_t(p);
        for (const auto& ring : group.pieces[p].rings) {
            std::int32_t u = vertex(ring.back());
            for (const Point at : ring) {
                const std::int32_t v = vertex(at);
                // Rings of one piece may touch in a vertex, which still is one piece's.
                if (lowest_[std::size_t(v)] != piece && highest_[std::size_t(v)] != piece)
                    ++count_[std::size_t(v)];
                own(v, piece);
                if (u != v) edges_.push_back({u, v, piece});
                u = v;
            }
        }
    }
}

std::int32_t GroupNoder::vertex(Point p) {
    const auto [slot, added] = known_.emplace(point_key(p), std::int32_t(points_.size()));
    if (added) {
        points_.push_back(p);
        lowest_.push_back(-1);
        highest_.push_back(-1);
        count_.push_back(0);
    }
    return slot->second;
}

void GroupNoder::own(std::int32_t v, std::int32_t piece) {
    std::int32_t &low = lowest_[std::size_t(v)], &high = highest_[std::size_t(v)];
    low = low < 0 ? piece : std::min(low, piece);
    high = std::max(high, piece);
}

void GroupNoder::index_edges() {
    shapes_.clear();
    for (const Edge& e : edges_) shapes_.push_back({points_[std::size_t(e.u)], points_[std::size_t(e.v)]});
    cells_.build(shapes_, std::int32_t(std::ceil(snap_)) + 1);
}

// Vertices near another footprint become one with those within `snap_`, so that what is left of them lies
// at least that far apart.
void GroupNoder::merge_vertices() {
    index_edges();
    std::vector<std::int32_t> active;
    for (std::size_t v = 0; v < points_.size(); ++v) {
        bool near = lowest_[v] != highest_[v];
        if (!near) {
            cells_.at(points_[v], [&](std::int32_t e) {
                const auto& shape = shapes_[std::size_t(e)];
                near = near || (edges_[std::size_t(e)].piece != lowest_[v] &&
                                distance2(points_[v], shape.a, shape.b) < snap2_);
            });
        }
        if (near) active.push_back(std::int32_t(v));
    }
    active = anchor_order(active);
    PointCells anchors(points_, snap_);
    for (const std::int32_t v : active) {
        bool taken = false;
        anchors.within(points_[std::size_t(v)], snap2_, [&](std::int32_t) { taken = true; });
        if (!taken) anchors.add(v);
    }
    std::vector<std::int32_t> target(points_.size());
    for (std::size_t v = 0; v < points_.size(); ++v) target[v] = std::int32_t(v);
    for (const std::int32_t v : active) {
        const Point p = points_[std::size_t(v)];
        std::int64_t best = INT64_MAX;
        anchors.within(p, snap2_, [&](std::int32_t a) {
            const Point q = points_[std::size_t(a)];
            const std::int64_t d = dist2(p, q);
            const auto now = std::size_t(target[std::size_t(v)]);
            if (d < best || (d == best && lower(q, points_[now]))) {
                best = d;
                target[std::size_t(v)] = a;
            }
        });
    }
    std::fill(lowest_.begin(), lowest_.end(), -1);
    std::fill(highest_.begin(), highest_.end(), -1);
    next_edges_.clear();
    for (const Edge& e : edges_) {
        const std::int32_t u = target[std::size_t(e.u)], v = target[std::size_t(e.v)];
        if (u == v) continue;
        next_edges_.push_back({u, v, e.piece});
        own(u, e.piece);
        own(v, e.piece);
    }
    edges_.swap(next_edges_);
}

// Those first that others should move to.
std::vector<std::int32_t> GroupNoder::anchor_order(const std::vector<std::int32_t>& active) {
    PointCells all(points_, snap_);
    for (const std::int32_t v : active) all.add(v);
    std::vector<std::int32_t> crowd(points_.size(), 0);
    for (const std::int32_t v : active)
        all.within(points_[std::size_t(v)], snap2_, [&](std::int32_t) { ++crowd[std::size_t(v)]; });
    std::vector<std::int32_t> order = active;
    std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
        const auto i = std::size_t(a), j = std::size_t(b);
        if (count_[i] != count_[j]) return count_[i] > count_[j];
        if (crowd[i] != crowd[j]) return crowd[i] > crowd[j];
        return lower(points_[i], points_[j]);
    });
    return order;
}

bool GroupNoder::node() {
    const std::size_t most = max_growth * edges_.size() + 1000;
    for (int i = 0; i < max_splits && edges_.size() < most; ++i) {
        index_edges();
        const bool near = split_near();
        if (near) index_edges();
        if (!split_crossings() && !near) return true;
    }
    return false;
}

bool GroupNoder::near(std::int32_t v, const Edge& e) const {
    if (v == e.u || v == e.v) return false;
    const Point a = points_[std::size_t(e.u)], b = points_[std::size_t(e.v)], p = points_[std::size_t(v)];
    const double length2 = double(dist2(a, b)), area = double(orient(a, b, p));
    const double along =
        (double(p.x) - a.x) * (double(b.x) - a.x) + (double(p.y) - a.y) * (double(b.y) - a.y);
    if (!(along > 0 && along < length2)) return false;
    if (area == 0) return true;
    // Half of snap2_: a reach of snap / sqrt(2). Were it longer, an edge bent to w could have its old end so
    // near that it is bent back, and so on for ever. Corners next to an end merge with it in the next round.
    return foreign(v, e.piece) && area * area < 0.5 * snap2_ * length2 && double(dist2(a, p)) >= snap2_ &&
           double(dist2(b, p)) >= snap2_;
}

bool GroupNoder::split_near() {
    for (std::size_t v = 0; v < points_.size(); ++v) {
        if (lowest_[v] < 0) continue;  // nobody's any more
        const auto vertex = std::int32_t(v);
        cells_.at(points_[v], [&](std::int32_t i) {
            const Edge& e = edges_[std::size_t(i)];
            if (!near(vertex, e)) return;
            const Point a = points_[std::size_t(e.u)], b = points_[std::size_t(e.v)], p = points_[v];
            cuts_.push_back(
                {i, vertex,
                 (double(p.x) - a.x) * (double(b.x) - a.x) + (double(p.y) - a.y) * (double(b.y) - a.y)});
        });
    }
    if (cuts_.empty()) return false;
    apply_cuts();
    return true;
}

bool GroupNoder::split_crossings() {
    cells_.pairs([&](std::int32_t i, std::int32_t j) { note_crossing(i, j); });
    if (cuts_.empty()) return false;
    apply_cuts();
    return true;
}

void GroupNoder::note_crossing(std::int32_t i, std::int32_t j) {
    const Edge &e = edges_[std::size_t(i)], &f = edges_[std::size_t(j)];
    if (e.u == f.u || e.u == f.v || e.v == f.u || e.v == f.v) return;
    const auto &s = shapes_[std::size_t(i)], &r = shapes_[std::size_t(j)];
    if (std::max(s.a.x, s.b.x) < std::min(r.a.x, r.b.x) || std::max(r.a.x, r.b.x) < std::min(s.a.x, s.b.x) ||
        std::max(s.a.y, s.b.y) < std::min(r.a.y, r.b.y) || std::max(r.a.y, r.b.y) < std::min(s.a.y, s.b.y))
        return;
    if (!proper_crossing(s.a, s.b, r.a, r.b)) return;
    const double c = double(orient(r.a, r.b, s.a)), d = double(orient(r.a, r.b, s.b)), t = c / (c - d);
    const double dx = double(s.b.x) - s.a.x, dy = double(s.b.y) - s.a.y;
    const std::int32_t v = vertex(round_point(s.a.x + t * dx, s.a.y + t * dy));
    const Point p = points_[std::size_t(v)];
    const auto along = [&](Point a, Point b) {
        return (double(p.x) - a.x) * (double(b.x) - a.x) + (double(p.y) - a.y) * (double(b.y) - a.y);
    };
    cuts_.push_back({i, v, along(s.a, s.b)});
    cuts_.push_back({j, v, along(r.a, r.b)});
}

void GroupNoder::apply_cuts() {
    std::sort(cuts_.begin(), cuts_.end(), [&](const Cut& a, const Cut& b) {
        if (a.edge != b.edge) return a.edge < b.edge;
        if (a.t != b.t) return a.t < b.t;
        return lower(points_[std::size_t(a.vertex)], points_[std::size_t(b.vertex)]);
    });
    next_edges_.clear();
    std::size_t c = 0;
    for (std::size_t i = 0; i < edges_.size(); ++i) {
        const Edge e = edges_[i];
        std::int32_t from = e.u;
        for (; c < cuts_.size() && cuts_[c].edge == std::int32_t(i); ++c) {
            const std::int32_t to = cuts_[c].vertex;
            if (to == from || to == e.v) continue;
            next_edges_.push_back({from, to, e.piece});
            own(to, e.piece);
            from = to;
        }
        if (from != e.v) next_edges_.push_back({from, e.v, e.piece});
    }
    edges_.swap(next_edges_);
    cuts_.clear();
}

}  // namespace geovision
