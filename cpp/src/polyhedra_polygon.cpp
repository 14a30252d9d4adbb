// Rings and polygons: points, planes, crossings, holes.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "check_plane.hpp"
#include "polyhedra_core.hpp"

namespace geovision::polyhedra {
namespace {

// A corner's rounding, 0.87 steps, tilts a triangle of less than this altitude by 20 degrees on its own.
constexpr double least_altitude = 5.0;
// Seen from above a polygon must have an area that rounding does not make: the sine of 6 degrees.
constexpr double least_rise = 0.1;

Point flatten(const GridPoint& p, int drop, bool turned) {
    const std::int32_t c[3] = {p.x, p.y, p.z};
    const std::int32_t u = c[(drop + 1) % 3], v = c[(drop + 2) % 3];
    return turned ? Point{v, u} : Point{u, v};
}

bool less(Point a, Point b) { return a.x != b.x ? a.x < b.x : a.y < b.y; }

bool on_segment(Point a, Point b, Point q) {
    return orient(a, b, q) == 0 && std::min(a.x, b.x) <= q.x && q.x <= std::max(a.x, b.x) &&
           std::min(a.y, b.y) <= q.y && q.y <= std::max(a.y, b.y);
}

std::int64_t along(Point origin, Point a, Point b) {
    return (std::int64_t{a.x} - origin.x) * (std::int64_t{b.x} - origin.x) +
           (std::int64_t{a.y} - origin.y) * (std::int64_t{b.y} - origin.y);
}

// Both on one line and sharing more than a point.
bool overlap(Point a, Point b, Point c, Point d) {
    if (orient(a, b, c) != 0 || orient(a, b, d) != 0) return false;
    if (less(b, a)) std::swap(a, b);
    if (less(d, c)) std::swap(c, d);
    const Point low = less(a, c) ? c : a, high = less(b, d) ? b : d;
    return less(low, high);
}

std::array<double, 3> to_double(const GridPoint& p) { return {double(p.x), double(p.y), double(p.z)}; }

std::int32_t root(std::vector<std::int32_t>& parent, std::int32_t i) {
    while (parent[std::size_t(i)] != i)
        i = parent[std::size_t(i)] = parent[std::size_t(parent[std::size_t(i)])];
    return i;
}

}  // namespace

bool PolygonChecker::fail(std::int32_t what, std::int32_t at, double value) {
    if (silent_) return false;
    const std::int64_t vertex = at < 0 ? -1 : body_->sources[std::size_t(ids_[std::size_t(at)])];
    c_.add(*body_, what, polygon_, vertex, value);
    return false;
}

void PolygonChecker::begin(Body& body, std::int64_t polygon) {
    body_ = &body;
    polygon_ = polygon;
    ids_.clear();
    begin_.assign(1, 0);
    const PolyhedraView& v = c_.view;
    for (std::int64_t r = v.polygon_offsets[polygon]; r < v.polygon_offsets[polygon + 1]; ++r) {
        for (std::int64_t i = v.ring_offsets[r]; i < v.ring_offsets[r + 1]; ++i)
            ids_.push_back(body.ring[std::size_t(i - body.first_corner)]);
        begin_.push_back(static_cast<std::int32_t>(ids_.size()));
    }
}

bool PolygonChecker::check(Body& body, std::int64_t polygon) {
    begin(body, polygon);
    if (rings() == 0) return fail(code::too_few_points, -1);
    if (!check_points() || !check_plane()) return false;
    int axes[3] = {0, 1, 2};
    const auto facing = [this](int k) { return std::fabs(normal_[std::size_t(k)]); };
    std::sort(axes, axes + 3, [&](int k, int l) { return facing(k) > facing(l); });
    // A ring is only as flat as its roundings: what one view shows as crossing is none where another view,
    // not much more slanted, does not.
    silent_ = true;
    int view = axes[0];
    const bool sliver = is_sliver();
    for (const int k : axes) {
        if (k != view && facing(k) < least_rise && !sliver) continue;
        project(k);
        if (k != view && outline_area() == 0) continue;
        if (!check_duplicates() || !check_sides() || !check_holes() || !check_connected()) continue;
        view = k;
        break;
    }
    silent_ = false;
    project(view);
    const std::size_t from = body.triangles.size();
    return check_duplicates() && check_sides() && check_holes() && check_connected() && cut() &&
           check_fold(from);
}

std::vector<std::vector<std::int32_t>> PolygonChecker::cuts(Body& body, std::int64_t polygon) {
    begin(body, polygon);
    std::vector<std::vector<std::int32_t>> out;
    silent_ = true;
    check_plane();
    const std::size_t end = body.triangles.size();
    for (int turn = 0; turn < 2; ++turn) {
        for (const int view : {widest_axis(), 2}) {
            if (std::fabs(normal_[std::size_t(view)]) < least_rise) continue;
            project(view);
            if (!check_sides() || !cut()) continue;
            out.emplace_back(body.triangles.begin() + static_cast<std::ptrdiff_t>(end), body.triangles.end());
            body.triangles.resize(end);
            body.triangle_polygon.resize(end / 3);
        }
        std::rotate(ids_.begin(), ids_.begin() + 1, ids_.begin() + begin_[1]);
    }
    silent_ = false;
    return out;
}

// Narrower than what roundings leave of its plane: none of the views is worth more than another.
bool PolygonChecker::is_sliver() const {
    const auto step = [](const std::array<double, 3>& a, const std::array<double, 3>& b) {
        return std::array<double, 3>{b[0] - a[0], b[1] - a[1], b[2] - a[2]};
    };
    const auto square = [](const std::array<double, 3>& v) {
        return v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
    };
    const auto farthest = [&](const std::array<double, 3>& from) {
        return *std::max_element(cloud_.begin(), cloud_.end(), [&](const auto& a, const auto& b) {
            return square(step(from, a)) < square(step(from, b));
        });
    };
    const std::array<double, 3> one = farthest(cloud_.front()), other = farthest(one),
                                line = step(one, other);
    const double length = square(line);
    return std::all_of(cloud_.begin(), cloud_.end(), [&](const auto& p) {
        const std::array<double, 3> v = step(one, p);
        const double along = (v[0] * line[0] + v[1] * line[1] + v[2] * line[2]) / length;
        const std::array<double, 3> off{v[0] - along * line[0], v[1] - along * line[1],
                                        v[2] - along * line[2]};
        return square(off) < least_altitude * least_altitude;
    });
}

int PolygonChecker::widest_axis() const {
    int widest = 0;
    for (int k = 1; k < 3; ++k)
        if (std::fabs(normal_[std::size_t(k)]) > std::fabs(normal_[std::size_t(widest)])) widest = k;
    return widest;
}

bool PolygonChecker::check_points() {
    for (std::int32_t r = 0; r < rings(); ++r) {
        const std::int32_t from = begin_[std::size_t(r)], to = begin_[std::size_t(r) + 1];
        if (to - from < 3) return fail(code::too_few_points, to > from ? from : -1, to - from);
        for (std::int32_t i = from; i < to; ++i) {
            if (ids_[std::size_t(i)] == ids_[std::size_t(i + 1 < to ? i + 1 : from)])
                return fail(code::repeated_point, i);
        }
    }
    return true;
}

bool PolygonChecker::check_plane() {
    cloud_.clear();
    for (const std::int32_t id : ids_) cloud_.push_back(to_double(body_->points[std::size_t(id)]));
    const FittedPlane plane = fit_plane(cloud_);
    normal_ = plane.normal;
    double worst = 0.0;
    std::size_t where = 0;
    for (std::size_t i = 0; i < cloud_.size(); ++i) {
        const double off = plane.distance(cloud_[i]) * c_.view.grid;
        if (off > worst) worst = off, where = i;
    }
    body_->deviation = std::max(body_->deviation, worst);
    return worst <= c_.options.planarity || fail(code::not_planar, static_cast<std::int32_t>(where), worst);
}

// Twice the area of the outer ring in this view.
Wide PolygonChecker::outline_area() const {
    Wide sum = 0;
    for (std::int32_t i = 1; i + 1 < begin_[1]; ++i)
        sum += orient(flat_[0], flat_[std::size_t(i)], flat_[std::size_t(i) + 1]);
    return sum;
}

// Looks along an axis, so that the outer ring runs counter-clockwise.
void PolygonChecker::project(int drop) {
    drop_ = drop;
    const auto lay = [this](bool turned) {
        flat_.clear();
        for (const std::int32_t id : ids_)
            flat_.push_back(flatten(body_->points[std::size_t(id)], drop_, turned));
    };
    lay(false);
    const bool turned = outline_area() < 0;
    if (turned) lay(true);
    if ((normal_[std::size_t(drop_)] < 0) != turned)
        for (double& n : normal_) n = -n;
}

bool PolygonChecker::check_sides() {
    sides_.clear();
    touches_.clear();
    for (std::int32_t r = 0; r < rings(); ++r) {
        const std::int32_t from = begin_[std::size_t(r)], to = begin_[std::size_t(r) + 1];
        for (std::int32_t i = from; i < to; ++i) {
            const std::int32_t j = i + 1 < to ? i + 1 : from;
            sides_.push_back({flat_[std::size_t(i)], flat_[std::size_t(j)], i, j, r, i});
        }
    }
    std::sort(sides_.begin(), sides_.end(), [](const Side& s, const Side& t) {
        const std::int32_t x = std::min(s.a.x, s.b.x), y = std::min(t.a.x, t.b.x);
        return x != y ? x < y : s.at < t.at;
    });
    for (std::size_t i = 0; i < sides_.size(); ++i) {
        const Side& s = sides_[i];
        const std::int32_t reach = std::max(s.a.x, s.b.x);
        const auto [low, high] = std::minmax(s.a.y, s.b.y);
        for (std::size_t j = i + 1; j < sides_.size(); ++j) {
            const Side& t = sides_[j];
            if (std::min(t.a.x, t.b.x) > reach) break;
            if (std::min(t.a.y, t.b.y) > high || std::max(t.a.y, t.b.y) < low) continue;
            if (!meet(s, t)) return false;
        }
    }
    return true;
}

// False where two sides meet as no sides of a valid polygon do.
bool PolygonChecker::meet(const Side& s, const Side& t) {
    if (s.ring == t.ring && (s.to == t.from || t.to == s.from)) {
        // Neighbours; of a ring of two both ends are shared, and then they overlap.
        if (overlap(s.a, s.b, t.a, t.b)) return fail(code::ring_crosses_itself, s.from);
        return true;
    }
    const std::int32_t what = s.ring == t.ring ? code::ring_crosses_itself : code::rings_cross;
    if (proper_crossing(s.a, s.b, t.a, t.b) || overlap(s.a, s.b, t.a, t.b)) return fail(what, s.from);
    for (const auto& [place, on] : {std::pair{s.a, on_segment(t.a, t.b, s.a)},
                                    {s.b, on_segment(t.a, t.b, s.b)},
                                    {t.a, on_segment(s.a, s.b, t.a)},
                                    {t.b, on_segment(s.a, s.b, t.b)}}) {
        if (!on) continue;
        if (s.ring == t.ring) return fail(what, s.from);
        touches_.push_back({s.ring, place});
        touches_.push_back({t.ring, place});
    }
    return true;
}

bool PolygonChecker::same_ring(std::int32_t r, std::int32_t q) const {
    const auto first = ids_.begin();
    std::vector<std::int32_t> a(first + begin_[std::size_t(r)], first + begin_[std::size_t(r) + 1]);
    std::vector<std::int32_t> b(first + begin_[std::size_t(q)], first + begin_[std::size_t(q) + 1]);
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    return a == b;
}

bool PolygonChecker::check_duplicates() {
    for (std::int32_t r = 1; r < rings(); ++r)
        for (std::int32_t q = 0; q < r; ++q)
            if (same_ring(r, q)) return fail(code::duplicated_rings, begin_[std::size_t(r)]);
    return true;
}

// 1 inside, 0 on the ring, -1 outside; coordinates are doubled, so that middles of sides are exact.
int PolygonChecker::place_in(std::int32_t r, std::int64_t x, std::int64_t y) const {
    const std::int32_t from = begin_[std::size_t(r)], to = begin_[std::size_t(r) + 1];
    bool inside = false;
    for (std::int32_t i = from; i < to; ++i) {
        const Point p = flat_[std::size_t(i)], q = flat_[std::size_t(i + 1 < to ? i + 1 : from)];
        const std::int64_t ax = 2 * std::int64_t{p.x}, ay = 2 * std::int64_t{p.y};
        const std::int64_t bx = 2 * std::int64_t{q.x}, by = 2 * std::int64_t{q.y};
        const Wide side = Wide{bx - ax} * (y - ay) - Wide{by - ay} * (x - ax);
        if (side == 0 && std::min(ax, bx) <= x && x <= std::max(ax, bx) && std::min(ay, by) <= y &&
            y <= std::max(ay, by))
            return 0;
        if ((ay > y) != (by > y) && (side > 0) == (by > ay)) inside = !inside;
    }
    return inside ? 1 : -1;
}

// 1 where the inner ring lies in the outer one, -1 where it lies out of it, 0 for both at once.
int PolygonChecker::holds(std::int32_t outer, std::int32_t inner) const {
    const std::int32_t from = begin_[std::size_t(inner)], to = begin_[std::size_t(inner) + 1];
    bool in = false, out = false;
    for (std::int32_t i = from; i < to; ++i) {
        const Point p = flat_[std::size_t(i)], q = flat_[std::size_t(i + 1 < to ? i + 1 : from)];
        for (const int where : {place_in(outer, 2 * std::int64_t{p.x}, 2 * std::int64_t{p.y}),
                                place_in(outer, std::int64_t{p.x} + q.x, std::int64_t{p.y} + q.y)}) {
            in = in || where > 0;
            out = out || where < 0;
        }
    }
    return in && out ? 0 : out ? -1 : 1;
}

bool PolygonChecker::check_holes() {
    for (std::int32_t r = 1; r < rings(); ++r) {
        const std::int32_t at = begin_[std::size_t(r)];
        const int inside = holds(0, r);
        if (inside <= 0) return fail(inside < 0 ? code::hole_outside : code::rings_cross, at);
        for (std::int32_t q = 1; q < rings(); ++q) {
            if (q == r) continue;
            const int nested = holds(q, r);
            if (nested >= 0) return fail(nested > 0 ? code::holes_nested : code::rings_cross, at);
        }
        Wide sum = 0;
        for (std::int32_t i = at + 1; i + 1 < begin_[std::size_t(r) + 1]; ++i)
            sum += orient(flat_[std::size_t(at)], flat_[std::size_t(i)], flat_[std::size_t(i) + 1]);
        if (sum >= 0) return fail(sum > 0 ? code::hole_orientation : code::ring_crosses_itself, at);
    }
    return true;
}

// Rings and the places where they touch are a graph: a cycle in it encloses a part of the interior.
bool PolygonChecker::check_connected() {
    const auto before = [](const Touch& a, const Touch& b) {
        return a.place != b.place ? less(a.place, b.place) : a.ring < b.ring;
    };
    std::sort(touches_.begin(), touches_.end(), before);
    touches_.erase(
        std::unique(touches_.begin(), touches_.end(),
                    [](const Touch& a, const Touch& b) { return a.ring == b.ring && a.place == b.place; }),
        touches_.end());
    std::vector<std::int32_t> parent(static_cast<std::size_t>(rings()) + touches_.size());
    std::iota(parent.begin(), parent.end(), 0);
    std::int32_t node = rings() - 1;
    for (std::size_t i = 0; i < touches_.size(); ++i) {
        if (i == 0 || touches_[i].place != touches_[i - 1].place) ++node;
        const std::int32_t a = root(parent, touches_[i].ring), b = root(parent, node);
        if (a == b) return fail(code::interior_disconnected, begin_[std::size_t(touches_[i].ring)]);
        parent[std::size_t(a)] = b;
    }
    return true;
}

// Corners of the polygon's rings, with those of one ring that lie on a side of another put into that side:
// the triangulator wants rings that touch at corners.
void PolygonChecker::add_touches() {
    noded_.clear();
    noded_begin_.assign(1, 0);
    std::vector<std::pair<std::int64_t, std::int32_t>> on;
    for (std::int32_t r = 0; r < rings(); ++r) {
        const std::int32_t from = begin_[std::size_t(r)], to = begin_[std::size_t(r) + 1];
        for (std::int32_t i = from; i < to; ++i) {
            noded_.push_back(i);
            const Point a = flat_[std::size_t(i)], b = flat_[std::size_t(i + 1 < to ? i + 1 : from)];
            on.clear();
            for (const Touch& touch : touches_) {
                if (touch.ring != r || touch.place == a || touch.place == b || !on_segment(a, b, touch.place))
                    continue;
                const auto at = std::find(flat_.begin(), flat_.end(), touch.place) - flat_.begin();
                on.emplace_back(along(a, b, touch.place), static_cast<std::int32_t>(at));
            }
            std::sort(on.begin(), on.end());
            for (const auto& [_, corner] : on) noded_.push_back(corner);
        }
        noded_begin_.push_back(static_cast<std::int32_t>(noded_.size()));
    }
}

bool PolygonChecker::cut() {
    std::vector<std::int32_t>& out = body_->triangles;
    const std::size_t before = out.size();
    if (ids_.size() == 3) {
        out.insert(out.end(), ids_.begin(), ids_.end());
    } else {
        add_touches();
        unique_ = ids_;
        std::sort(unique_.begin(), unique_.end());
        unique_.erase(std::unique(unique_.begin(), unique_.end()), unique_.end());
        local_.clear();
        std::vector<Point> places(unique_.size());
        for (const std::int32_t i : noded_) {
            const std::int32_t id = ids_[std::size_t(i)];
            const auto at = std::lower_bound(unique_.begin(), unique_.end(), id) - unique_.begin();
            local_.push_back(static_cast<std::int32_t>(at));
            places[std::size_t(at)] = flat_[std::size_t(i)];
        }
        cut_.clear();
        if (!triangulator_.run(places, local_.data(), noded_begin_.data(), rings(), cut_))
            return fail(code::ring_crosses_itself, 0);
        for (const std::int32_t id : cut_) out.push_back(unique_[std::size_t(id)]);
    }
    body_->triangle_polygon.insert(body_->triangle_polygon.end(), (out.size() - before) / 3, polygon_);
    return true;
}

bool PolygonChecker::check_fold(std::size_t from) {
    const std::vector<std::int32_t>& t = body_->triangles;
    const double least = std::cos(c_.options.normals_deg * 3.14159265358979323846 / 180.0);
    for (std::size_t i = from; i < t.size(); i += 3) {
        const auto a = to_double(body_->points[std::size_t(t[i])]),
                   b = to_double(body_->points[std::size_t(t[i + 1])]),
                   p = to_double(body_->points[std::size_t(t[i + 2])]);
        double u[3], v[3], w[3], n[3], longest = 0.0, twice = 0.0, dot = 0.0;
        for (std::size_t k = 0; k < 3; ++k) u[k] = b[k] - a[k], v[k] = p[k] - a[k], w[k] = p[k] - b[k];
        for (const auto* e : {u, v, w}) longest = std::max(longest, e[0] * e[0] + e[1] * e[1] + e[2] * e[2]);
        for (std::size_t k = 0; k < 3; ++k) {
            const std::size_t l = (k + 1) % 3, m = (k + 2) % 3;
            n[k] = u[l] * v[m] - u[m] * v[l];
            twice += n[k] * n[k];
            dot += n[k] * normal_[k];
        }
        twice = std::sqrt(twice);
        if (twice <= least_altitude * std::sqrt(longest) || dot >= least * twice) continue;
        const double tilt = std::acos(std::clamp(dot / twice, -1.0, 1.0)) * 180.0 / 3.14159265358979323846;
        c_.add(*body_, code::folded, polygon_, body_->sources[std::size_t(t[i])], tilt);
        return false;
    }
    return true;
}

}  // namespace geovision::polyhedra
