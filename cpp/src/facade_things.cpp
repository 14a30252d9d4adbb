// What stands out of walls: boxes, slabs that run round corners, borders, steps and railings.
#include <algorithm>
#include <cmath>

#include "facade_dresser.hpp"

namespace geovision {
namespace {

constexpr double loosened = 1;          // grid steps that a thing is smaller than asked for, on every side
constexpr double mitre_gap = 3;         // the same along a wall where two meet in a corner
constexpr double to_building = 3;       // grid steps from a thing to faces that are not its wall's
constexpr std::int32_t beyond = 1000;   // grid steps that a thing may reach beyond its wall
constexpr std::int32_t below = 3000;    // the same under its foot
constexpr std::int32_t to_corner = 10;  // grid steps from a corner within which slabs run round it
constexpr double widest_turn = 2.0944;  // 120 degrees: sharper corners are not mitred
constexpr double riser = 170;           // grid steps
constexpr std::int32_t most_steps = 40;
constexpr std::int32_t rail = 40, bar = 16, bar_gap = 120;
constexpr std::int32_t most_bars = 400;

// Where the ends of a railing begin: clear of shutters, sills and borders.
std::int32_t railing_from(double depth) { return std::min(120, std::int32_t(depth / 3)); }

}  // namespace

void Dresser::place_things(std::int64_t wall, const std::int64_t* elements, std::int64_t count) {
    const WallFrame f = frame(wall);
    Box3 reach;
    deferred_.clear();
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t e = elements[i];
        if (is_opening(kind(e))) continue;
        const Rect r = rect(e);
        const double far = 2.0 * e_.depth[std::size_t(e)] + 20;  // a mitre reaches on by less than its depth
        reach.add(bounds(prism(f, r.s0 - far, r.s1 + far, r.z0 - 20, r.z1 + 20, 0, far)));
        deferred_.push_back(e);
    }
    if (deferred_.empty()) return;
    const auto first = std::size_t(walls_.member_offsets[std::size_t(wall)]);
    reach.add(bounds(prism(f, 0, f.length, 0, walls_.height[std::size_t(wall)], -10, 10)));
    room_.look_at(reach, &walls_.members[first],
                  std::int32_t(walls_.member_offsets[std::size_t(wall) + 1]) - std::int32_t(first));
    const bool doubled = is_doubled(wall);
    // What belongs to another thing waits for it.
    const auto waits = [&](std::int64_t e) {
        const std::int32_t parent = e_.parent[std::size_t(e)];
        return parent >= 0 && !is_opening(kind(first_element_ + parent));
    };
    std::stable_partition(deferred_.begin(), deferred_.end(), [&](std::int64_t e) { return !waits(e); });
    for (const std::int64_t e : deferred_) set(e, doubled ? Outcome::no_room : place_thing(wall, e));
}

Outcome Dresser::place_thing(std::int64_t wall, std::int64_t e) {
    const Rect r = rect(e);
    const WallFrame f = frame(wall);
    if (!hosted(e)) return Outcome::no_host;
    if (r.s0 < -beyond || r.s1 > f.length + beyond || r.z0 < -below ||
        r.z1 > walls_.height[std::size_t(wall)] + beyond)
        return Outcome::outside;
    if (std::min(r.width(), r.height()) < least_size || e_.depth[std::size_t(e)] < least_size + off_wall)
        return Outcome::too_small;
    if (is_blocked(wall, r)) return Outcome::blocked;
    Thing thing{e, wall, {}};
    const Outcome shaped = shape(f, e, r, thing);
    if (shaped != Outcome::built) return shaped;
    for (const Prism& p : thing.prisms) {
        // Things that adjoin as they were asked for are twice loosened apart.
        Prism near = grown(p, 1.9 * loosened);
        near.z0 -= 1.9 * loosened, near.z1 += 1.9 * loosened;
        if (things_placed_.meets(near, grown(near, to_building), wall)) return Outcome::overlaps;
        Prism wide = p;  // towards the wall only so far that it stays off faces beside it in its plane
        wide.z0 -= to_building, wide.z1 += to_building;
        for (const std::size_t k : {0, 1, 2, 3}) {
            const double s = k == 0 || k == 3 ? -to_building : to_building,
                         out = k < 2 ? to_building : -off_wall / 2.0;
            wide.plan[k].x += s * f.dx + out * f.dy, wide.plan[k].y += s * f.dy - out * f.dx;
        }
        if (room_.meets_building(wide)) return Outcome::no_room;
    }
    for (const Prism& p : thing.prisms) things_placed_.add(p, wall);
    things_.push_back(std::move(thing));
    return Outcome::built;
}

// What a thing fills; the prisms are what is drawn for all but steps, borders and railings.
Outcome Dresser::shape(const WallFrame& f, std::int64_t e, const Rect& r, Thing& thing) const {
    const double depth = e_.depth[std::size_t(e)], c = loosened;
    const double z0 = r.z0 + c, z1 = r.z1 - c;
    const auto box = [&](double s0, double s1, double low, double high, double from, double to) {
        thing.prisms.push_back(prism(f, s0 + c, s1 - c, low, high, from, to));
    };
    switch (kind(e)) {
        case ElementKind::frame: {
            const std::int32_t parent = e_.parent[std::size_t(e)];
            const std::int32_t width = design(e).frame;
            Rect in{r.s0 + width, r.s1 - width, r.z0 + width, r.z1 - width};
            if (parent >= 0) in = rect(first_element_ + parent);
            const bool open = in.z0 - r.z0 < least_size;  // no border below
            if (in.s0 - r.s0 < least_size || r.s1 - in.s1 < least_size || r.z1 - in.z1 < least_size ||
                in.width() < least_size || in.height() < least_size)
                return Outcome::too_small;
            box(r.s0, in.s0, z0, z1, off_wall, depth);
            box(in.s1, r.s1, z0, z1, off_wall, depth);
            box(in.s0, in.s1, in.z1 + c, z1, off_wall, depth);
            if (!open) box(in.s0, in.s1, z0, in.z0 - c, off_wall, depth);
            return Outcome::built;
        }
        case ElementKind::railing: {
            if (depth < 3 * rail || r.width() < 4 * rail || r.height() < 4 * rail) return Outcome::too_small;
            box(r.s0, r.s0 + rail, z0, z1, railing_from(depth) - 2, depth);
            box(r.s1 - rail, r.s1, z0, z1, railing_from(depth) - 2, depth);
            box(r.s0 + rail, r.s1 - rail, z0, z1, depth - rail, depth);
            return Outcome::built;
        }
        case ElementKind::cornice:
        case ElementKind::band: {
            const bool left = r.s0 <= to_corner, right = r.s1 >= f.length - to_corner;
            const double ml = left ? mitre(thing.wall, r, false) : 0,
                         mr = right ? mitre(thing.wall, r, true) : 0;
            const double s0 = ml != 0 ? mitre_gap : r.s0 + c, s1 = mr != 0 ? f.length - mitre_gap : r.s1 - c;
            const auto corner = [&](double s, double m, double out) { return f.at(s + m * out, out); };
            if (s1 - s0 + (mr + ml) * depth < least_size || s1 - s0 + (mr + ml) * off_wall < least_size)
                return Outcome::too_small;
            thing.prisms.push_back({{corner(s0, -ml, depth), corner(s1, mr, depth), corner(s1, mr, off_wall),
                                     corner(s0, -ml, off_wall)},
                                    f.z + z0,
                                    f.z + z1});
            return Outcome::built;
        }
        default:
            box(r.s0, r.s1, z0, z1, off_wall, depth);
            return Outcome::built;
    }
}

// How far a slab runs on beyond the end of its wall for each step that it stands out: the tangent of half
// the turn to the wall that goes on there; below zero in inner corners, zero where there is none.
double Dresser::mitre(std::int64_t wall, const Rect& r, bool right) const {
    const WallFrame f = frame(wall);
    const Vec end = right ? f.at(f.length, 0) : Vec{double(f.x), double(f.y)};
    const double z = f.z + (r.z0 + r.z1) / 2.0;
    for (std::int64_t w = walls_.building_offsets[std::size_t(b_)];
         w < walls_.building_offsets[std::size_t(b_) + 1]; ++w) {
        if (w == wall || Label(walls_.label[std::size_t(w)]) != Label::wall) continue;
        const WallFrame g = frame(w);
        const Vec start = right ? Vec{double(g.x), double(g.y)} : g.at(g.length, 0);
        if (norm(start.x - end.x, start.y - end.y) > 2 || z < g.z ||
            z > double(g.z) + walls_.height[std::size_t(w)])
            continue;
        const double turn = std::atan2(f.dx * g.dy - f.dy * g.dx, f.dx * g.dx + f.dy * g.dy);
        const double outward = right ? turn : -turn;  // a left turn goes round an outer corner
        return std::abs(outward) > widest_turn ? 0 : std::tan(outward / 2);
    }
    return 0;
}

bool Dresser::write_thing(const BuildingView& view, const Thing& thing) {
    if (thing.wall < 0) return write_on_face(view, thing);
    const WallFrame f = frame(thing.wall);
    FaceStyle s =
        style(thing.element, Label::installation, walls_.part[std::size_t(thing.wall)], writer_.new_solid());
    switch (kind(thing.element)) {
        case ElementKind::frame:
            return write_border(f, thing, s);
        case ElementKind::steps:
            return write_steps(f, thing, s);
        case ElementKind::railing:
            return write_railing(f, thing, s);
        default: {
            const Prism& p = thing.prisms[0];
            plan_.clear();
            for (const Vec& v : p.plan) plan_.push_back(round_point(v.x, v.y));
            return writer_.prism(plan_, to_grid(p.z0), to_grid(p.z1), s);
        }
    }
}

// A plate with a hole, or open below.
bool Dresser::write_border(const WallFrame& f, const Thing& thing, FaceStyle style) {
    const std::int64_t e = thing.element;
    const Rect r = rect(e);
    const std::int32_t depth = e_.depth[std::size_t(e)], parent = e_.parent[std::size_t(e)],
                       width = design(e).frame;
    const Rect in = parent >= 0 ? rect(first_element_ + parent)
                                : Rect{r.s0 + width, r.s1 - width, r.z0 + width, r.z1 - width};
    const bool open = thing.prisms.size() == 3;
    const std::int32_t z0 = r.z0 + 1, z1 = r.z1 - 1, s0 = r.s0 + 1, s1 = r.s1 - 1, i0 = in.s0 - 1,
                       i1 = in.s1 + 1, top = in.z1 + 1, foot = in.z0 - 1;
    std::vector<Point> corners{{s0, z0}, {s1, z0}, {s1, z1}, {s0, z1}};
    if (open)
        corners = {{s0, z0}, {i0, z0}, {i0, top}, {i1, top}, {i1, z0}, {s1, z0}, {s1, z1}, {s0, z1}};
    else
        corners.insert(corners.end(), {{i0, foot}, {i0, top}, {i1, top}, {i1, foot}});
    const std::vector<std::int32_t> ends =
        open ? std::vector<std::int32_t>{0, 8} : std::vector<std::int32_t>{0, 4, 8};
    std::vector<std::int32_t> rear, front;
    for (const Point p : corners) rear.push_back(writer_.vertex(f.on_grid(p.x, off_wall), f.z + p.y));
    for (const Point p : corners) front.push_back(writer_.vertex(f.on_grid(p.x, depth), f.z + p.y));
    style.surface = writer_.new_surface();
    if (!writer_.polygon(front, ends, Drawing::upright(f.dx, f.dy), style)) return false;
    std::vector<std::int32_t> turned;
    for (std::size_t k = 0; k + 1 < ends.size(); ++k)
        for (std::int32_t i = ends[k + 1]; i-- > ends[k];) turned.push_back(rear[std::size_t(i)]);
    style.surface = writer_.new_surface();
    if (!writer_.polygon(turned, ends, Drawing::upright(-f.dx, -f.dy), style)) return false;
    for (std::size_t k = 0; k + 1 < ends.size(); ++k)
        for (std::int32_t i = ends[k]; i < ends[k + 1]; ++i) {
            const auto a = std::size_t(i), c = std::size_t(i + 1 < ends[k + 1] ? i + 1 : ends[k]);
            style.surface = writer_.new_surface();
            writer_.quad(rear[a], rear[c], front[c], front[a], style);
        }
    return true;
}

// Steps that rise towards the wall, a slab each.
bool Dresser::write_steps(const WallFrame& f, const Thing& thing, FaceStyle style) {
    const std::int64_t e = thing.element;
    const Rect r = rect(e);
    const std::int32_t depth = e_.depth[std::size_t(e)] - off_wall, rise = r.height() - 2;
    const std::int32_t most = std::min({rise / least_size, depth / least_size, most_steps});
    const std::int32_t n = std::clamp(std::int32_t(rise / riser + 0.5), 1, std::max(1, most));
    for (std::int32_t k = 0; k < n; ++k) {
        const auto at = [&](std::int32_t length, std::int32_t i) {
            return std::int32_t(std::int64_t(length) * i / n);
        };
        const double out = off_wall + at(depth, n - k);
        plan_ = {f.on_grid(r.s0 + 1, out), f.on_grid(r.s1 - 1, out), f.on_grid(r.s1 - 1, off_wall),
                 f.on_grid(r.s0 + 1, off_wall)};
        if (k > 0) style.solid = writer_.new_solid();
        const std::int32_t low = f.z + r.z0 + 1 + at(rise, k) + (k > 0 ? 2 : 0);
        if (!writer_.prism(plan_, low, f.z + r.z0 + 1 + at(rise, k + 1), style)) return false;
    }
    return true;
}

// A rail on bars; a pane or a sheet round the balcony where there is a design.
bool Dresser::write_railing(const WallFrame& f, const Thing& thing, FaceStyle style) {
    const std::int64_t e = thing.element;
    const Rect r = rect(e);
    const std::int32_t depth = e_.depth[std::size_t(e)];
    const bool bars = e_.design[std::size_t(e)] < 0;
    const std::int32_t s0 = r.s0 + 1, s1 = r.s1 - 1, z0 = f.z + r.z0 + 1, z1 = f.z + r.z1 - 1;
    const std::int32_t from = railing_from(depth);
    const auto round_three_sides = [&](std::int32_t thick, std::int32_t low, std::int32_t high) {
        plan_.clear();
        for (const Point p :
             {Point{s0, from}, Point{s0, depth}, Point{s1, depth}, Point{s1, from}, Point{s1 - thick, from},
              Point{s1 - thick, depth - thick}, Point{s0 + thick, depth - thick}, Point{s0 + thick, from}})
            plan_.push_back(f.on_grid(p.x, p.y));
        return writer_.prism(plan_, low, high, style);
    };
    if (!bars) return round_three_sides(rail - 2, z0, z1);
    if (!round_three_sides(rail - 2, z1 - rail, z1)) return false;
    const auto post = [&](std::int32_t s, std::int32_t out) {
        style.solid = writer_.new_solid();
        plan_.clear();
        for (const Point p :
             {Point{s, out}, Point{s + bar, out}, Point{s + bar, out - bar}, Point{s, out - bar}})
            plan_.push_back(f.on_grid(p.x, p.y));
        return writer_.prism(plan_, z0, z1 - rail - 2, style);
    };
    const std::int32_t inset = (rail - bar) / 2;
    const auto spread = [&](std::int32_t from, std::int32_t to, auto place) {
        const std::int32_t n = std::clamp((to - from) / bar_gap, 1, most_bars);
        for (std::int32_t i = 0; i <= n; ++i) place(from + std::int32_t(std::int64_t(to - from) * i / n));
    };
    bool good = true;
    spread(s0 + inset, s1 - inset - bar, [&](std::int32_t s) { good = post(s, depth - inset) && good; });
    if (depth < 4 * bar_gap) return good;  // the ends are short enough without
    for (const std::int32_t s : {s0 + inset, s1 - inset - bar})
        spread(from + bar + inset, depth - bar_gap, [&](std::int32_t out) { good = post(s, out) && good; });
    return good;
}

}  // namespace geovision
