// Shells: how polygons meet, and whether they cross.
#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

#include "check_sweep.hpp"
#include "polyhedra_core.hpp"

namespace geovision::polyhedra {
namespace {

struct Corner {
    std::int32_t origin, target, polygon;
    std::int32_t twin = -1;
};

// Half-edges of a shell's rings, paired; says what is wrong with how its polygons meet.
class ShellTopology {
public:
    ShellTopology(const Context& context, Body& body, std::int64_t first, std::int64_t last, bool closed)
        : c_(context), body_(body), first_(first), last_(last), closed_(closed) {}

    bool check() {
        collect();
        if (!pair()) return false;
        return check_components();
    }

private:
    void collect() {
        const PolyhedraView& v = c_.view;
        for (std::int64_t p = first_; p < last_; ++p) {
            for (std::int64_t r = v.polygon_offsets[p]; r < v.polygon_offsets[p + 1]; ++r) {
                const auto n = static_cast<std::int32_t>(v.ring_offsets[r + 1] - v.ring_offsets[r]);
                const std::int32_t* ring = body_.ring.data() + (v.ring_offsets[r] - body_.first_corner);
                for (std::int32_t i = 0; i < n; ++i) {
                    corners_.push_back({ring[i], ring[(i + 1) % n], static_cast<std::int32_t>(p - first_)});
                }
            }
        }
    }

    bool fail(std::int32_t what, const Corner& at, double value) {
        c_.add(body_, what, first_ + at.polygon, body_.sources[std::size_t(at.origin)], value);
        return false;
    }

    // Sides of one edge stand beside each other in the sorted order.
    bool pair() {
        std::vector<std::int32_t> order(corners_.size());
        std::iota(order.begin(), order.end(), 0);
        const auto key = [this](std::int32_t i) {
            const Corner& c = corners_[std::size_t(i)];
            return std::minmax(c.origin, c.target);
        };
        std::sort(order.begin(), order.end(), [&](std::int32_t i, std::int32_t j) {
            const auto a = key(i), b = key(j);
            return a != b ? a < b : i < j;
        });
        std::int64_t open = 0, many = 0, turned = 0;
        std::int32_t first_open = -1, first_many = -1, first_turned = -1;
        for (std::size_t i = 0; i < order.size();) {
            std::size_t j = i + 1;
            while (j < order.size() && key(order[j]) == key(order[i])) ++j;
            const std::int32_t h = order[i];
            Corner& a = corners_[std::size_t(h)];
            if (j - i > 2) {
                if (many++ == 0) first_many = h;
            } else if (j - i == 1) {
                if (closed_ && open++ == 0) first_open = h;
            } else {
                Corner& b = corners_[std::size_t(order[i + 1])];
                if (a.origin == b.origin && turned++ == 0) first_turned = order[i + 1];
                a.twin = order[i + 1];
                b.twin = h;
            }
            i = j;
        }
        const auto at = [this](std::int32_t h) -> const Corner& { return corners_[std::size_t(h)]; };
        if (many > 0) return fail(code::not_manifold, at(first_many), static_cast<double>(many));
        if (open > 0) return fail(code::not_closed, at(first_open), static_cast<double>(open));
        if (turned > 0) return fail(code::polygon_orientation, at(first_turned), static_cast<double>(turned));
        return true;
    }

    bool check_components() {
        const auto count = static_cast<std::size_t>(last_ - first_);
        std::vector<std::int32_t> part(count, -1), stack;
        std::vector<std::vector<std::int32_t>> neighbours(count);
        for (const Corner& c : corners_)
            if (c.twin >= 0)
                neighbours[std::size_t(c.polygon)].push_back(corners_[std::size_t(c.twin)].polygon);
        std::int32_t parts = 0;
        std::size_t second = 0;
        for (std::size_t p = 0; p < count; ++p) {
            if (part[p] >= 0) continue;
            if (++parts == 2) second = p;
            stack.assign(1, static_cast<std::int32_t>(p));
            part[p] = parts;
            while (!stack.empty()) {
                const std::int32_t q = stack.back();
                stack.pop_back();
                for (const std::int32_t n : neighbours[std::size_t(q)])
                    if (part[std::size_t(n)] < 0) part[std::size_t(n)] = parts, stack.push_back(n);
            }
        }
        if (parts <= 1) return true;
        for (const Corner& c : corners_)
            if (std::size_t(c.polygon) == second) return fail(code::several_components, c, parts);
        return true;
    }

    const Context& c_;
    Body& body_;
    std::int64_t first_, last_;
    bool closed_;
    std::vector<Corner> corners_;
};

// A vertex of a closed shell has one fan of triangles. Asked of triangles: a polygon whose hole touches its
// outer ring has two sectors at that place.
class Fans {
public:
    Fans(const Context& context, Body& body, std::size_t s)
        : c_(context),
          body_(body),
          from_(3 * body.shell_begin[s]),
          count_(3 * body.shell_begin[s + 1] - from_),
          corner_(body.triangles.data() + from_) {}

    bool check() {
        sort();
        std::vector<std::int32_t> around(body_.points.size(), 0);
        for (std::size_t h = 0; h < count_; ++h) ++around[std::size_t(corner_[h])];
        std::vector<char> seen(body_.points.size(), 0);
        for (std::size_t h = 0; h < count_; ++h) {
            const auto v = std::size_t(corner_[h]);
            if (seen[v]) continue;
            seen[v] = 1;
            std::size_t half = h;
            std::int32_t steps = 0;
            do {
                half = twin(turn(half, 2));
                ++steps;
            } while (half != h && half < count_ && steps <= around[v]);
            if (steps == around[v]) continue;
            c_.add(body_, code::not_manifold, body_.triangle_polygon[(from_ + h) / 3], body_.sources[v], 1.0);
            return false;
        }
        return true;
    }

private:
    using Key = std::tuple<std::int32_t, std::int32_t, std::int64_t>;

    static std::size_t turn(std::size_t h, std::size_t by) { return h - h % 3 + (h + by) % 3; }
    std::int64_t polygon(std::size_t h) const { return body_.triangle_polygon[(from_ + h) / 3]; }
    Key key(std::size_t h) const { return {corner_[h], corner_[turn(h, 1)], polygon(h)}; }

    void sort() {
        order_.resize(count_);
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        std::sort(order_.begin(), order_.end(),
                  [this](std::size_t g, std::size_t h) { return key(g) < key(h); });
    }

    std::size_t find(const Key& wanted) const {
        const auto at = std::lower_bound(order_.begin(), order_.end(), wanted,
                                         [this](std::size_t g, const Key& k) { return key(g) < k; });
        return at != order_.end() && key(*at) == wanted ? *at : count_;
    }

    // The other side of an edge: of a cut, in the same polygon; of a ring's edge, in another one, where it is
    // no cut either. Two polygons may be cut along one line.
    std::size_t twin(std::size_t h) const {
        const std::int32_t from = corner_[h], to = corner_[turn(h, 1)];
        if (const std::size_t own = find({to, from, polygon(h)}); own < count_) return own;
        auto at = std::lower_bound(order_.begin(), order_.end(), Key{to, from, 0},
                                   [this](std::size_t g, const Key& k) { return key(g) < k; });
        for (; at != order_.end() && corner_[*at] == to && corner_[turn(*at, 1)] == from; ++at)
            if (find({from, to, polygon(*at)}) == count_) return *at;
        return count_;
    }

    const Context& c_;
    Body& body_;
    std::size_t from_, count_;
    const std::int32_t* corner_;
    std::vector<std::size_t> order_;
};

using PolygonPair = std::pair<std::int64_t, std::int64_t>;

std::vector<PolygonPair> crossing_polygons(const Triangles& shell) {
    const Body& body = shell.body;
    std::vector<PolygonPair> found;
    for_near_triangles(
        &body.points[0].x, shell.at(shell.begin), static_cast<std::int32_t>(shell.end - shell.begin),
        [&](std::int32_t i, std::int32_t j) {
            const std::size_t a = shell.begin + std::size_t(i), b = shell.begin + std::size_t(j);
            const auto [first, second] = std::minmax(body.triangle_polygon[a], body.triangle_polygon[b]);
            if (first == second) return;
            GridPoint p[3], q[3];
            shell.corners(a, p);
            shell.corners(b, q);
            if (triangles_cross(p, q)) found.emplace_back(first, second);
        });
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

bool cuts_cross(const Body& body, const std::vector<std::int32_t>& a, const std::vector<std::int32_t>& b) {
    const auto place = [&](std::int32_t v) { return body.points[std::size_t(v)]; };
    for (std::size_t i = 0; i < a.size(); i += 3) {
        const GridPoint p[3] = {place(a[i]), place(a[i + 1]), place(a[i + 2])};
        for (std::size_t j = 0; j < b.size(); j += 3) {
            const GridPoint q[3] = {place(b[j]), place(b[j + 1]), place(b[j + 2])};
            if (triangles_cross(p, q)) return true;
        }
    }
    return false;
}

// Polygons cross where they do so however they are cut: else it is a matter of roundings.
void check_crossings(const Context& context, Body& body, std::size_t s) {
    PolygonChecker cutter(context);
    std::int64_t count = 0, polygon = -1;
    for (const auto& [first, second] : crossing_polygons(shell_of(body, s))) {
        const auto mine = cutter.cuts(body, first), others = cutter.cuts(body, second);
        const bool always = std::all_of(mine.begin(), mine.end(), [&](const auto& a) {
            return std::all_of(others.begin(), others.end(),
                               [&](const auto& b) { return cuts_cross(body, a, b); });
        });
        if (always && count++ == 0) polygon = second;
    }
    if (count == 0) return;
    const std::int64_t ring = context.view.polygon_offsets[polygon];
    context.add(body, code::shell_crosses_itself, polygon,
                context.view.ring_vertices[context.view.ring_offsets[ring]], static_cast<double>(count));
}

}  // namespace

void check_shells(const Context& context, Body& body) {
    const PolyhedraView& v = context.view;
    const bool solid = PrimitiveKind(v.kind[body.primitive]) == PrimitiveKind::solid;
    const std::int64_t from = v.primitive_offsets[body.primitive],
                       to = v.primitive_offsets[body.primitive + 1];
    for (std::int64_t s = from; s < to; ++s) {
        const std::int64_t first = v.shell_offsets[s], last = v.shell_offsets[s + 1];
        if (solid && last - first < 4) {
            context.add(body, code::too_few_polygons, last > first ? first : -1, -1,
                        static_cast<double>(last - first));
            continue;
        }
        const auto own = std::size_t(s - from);
        if (!ShellTopology(context, body, first, last, solid).check()) continue;
        if (!solid || Fans(context, body, own).check()) check_crossings(context, body, own);
    }
    if (solid && body.sound) check_solid(context, body);
}

}  // namespace geovision::polyhedra
