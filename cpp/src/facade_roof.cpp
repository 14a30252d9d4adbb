// What stands on roofs and chimneys.
#include <algorithm>
#include <cmath>

#include "facade_dresser.hpp"
#include "geovision/scene.hpp"

namespace geovision {
namespace {

constexpr std::int32_t off_roof = 5;     // grid steps: roofs leave their planes by more than walls
constexpr std::int32_t to_edge = 50;     // from a roof window to the border of its face
constexpr std::int32_t least_rise = 40;  // of a roof window
constexpr std::int32_t pane_below = 20;  // from its top to its pane
constexpr std::size_t most_cap_corners = 16;
constexpr double straight = 2;  // grid steps
constexpr std::uint8_t glass_colour[3] = {62, 76, 88};

double dot(const double* a, const double* b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

}  // namespace

// The frame of a face: origin at its lowest corner, s level, t up the face, n out of it.
bool Dresser::roof_frame(const BuildingView& view, std::int32_t face, RoofFrame& f) const {
    const auto begin = std::size_t(solids_.ring_offsets[std::size_t(view.ring_begin(face))]),
               end = std::size_t(solids_.ring_offsets[std::size_t(view.ring_begin(face)) + 1]);
    double n[3] = {0, 0, 0};
    std::size_t lowest = begin;
    for (std::size_t i = begin; i < end; ++i) {
        const std::int32_t *p = view.vertex(solids_.ring_vertices[i]),
                           *q = view.vertex(solids_.ring_vertices[i + 1 < end ? i + 1 : begin]),
                           *o = view.vertex(solids_.ring_vertices[begin]);
        double u[3], v[3];
        for (int k = 0; k < 3; ++k) u[k] = double(p[k]) - o[k], v[k] = double(q[k]) - o[k];
        for (int k = 0; k < 3; ++k) n[k] += u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3];
        if (p[2] < view.z(solids_.ring_vertices[lowest])) lowest = i;
    }
    const double length = std::sqrt(dot(n, n));
    if (!(length > 0) || n[2] <= 0.1 * length) return false;
    for (int k = 0; k < 3; ++k) {
        f.n[k] = n[k] / length;
        f.origin[k] = view.vertex(solids_.ring_vertices[lowest])[k];
    }
    const double level = norm(f.n[0], f.n[1]);
    if (level > 1e-3) {
        f.s[0] = -f.n[1] / level, f.s[1] = f.n[0] / level;
    } else {
        const std::int32_t *p = view.vertex(solids_.ring_vertices[begin]),
                           *q = view.vertex(solids_.ring_vertices[begin + 1]);
        const double x = double(q[0]) - p[0], y = double(q[1]) - p[1], l = norm(x, y);
        if (!(l > 0)) return false;
        f.s[0] = x / l, f.s[1] = y / l;
    }
    f.s[2] = 0;
    for (int k = 0; k < 3; ++k)
        f.t[k] = f.n[(k + 1) % 3] * f.s[(k + 2) % 3] - f.n[(k + 2) % 3] * f.s[(k + 1) % 3];
    return true;
}

void Dresser::place_on_face(const BuildingView& view, std::int64_t e) {
    const std::int32_t face = -1 - e_.wall[std::size_t(e)];
    if (!hosted(e))
        set(e, Outcome::no_host);
    else
        set(e, kind(e) == ElementKind::roof_window ? place_roof_window(view, e, face)
                                                   : place_cap(view, e, face));
}

Outcome Dresser::place_roof_window(const BuildingView& view, std::int64_t e, std::int32_t face) {
    RoofFrame f;
    const Label label = view.label(face);
    if ((label != Label::roof && label != Label::dormer_roof) || !roof_frame(view, face, f))
        return Outcome::bad_value;
    const Rect r = rect(e);
    const std::int32_t rise = e_.depth[std::size_t(e)], width = std::max(design(e).frame, 2 * least_size);
    if (rise < least_rise || r.width() < 3 * width || r.height() < 3 * width) return Outcome::too_small;
    const double s0 = r.s0 - to_edge, s1 = r.s1 + to_edge, t0 = r.z0 - to_edge, t1 = r.z1 + to_edge;
    bool in = false;
    for (std::int64_t ring = view.ring_begin(face); ring < view.ring_begin(face + 1); ++ring) {
        const auto from = std::size_t(solids_.ring_offsets[std::size_t(ring)]),
                   to = std::size_t(solids_.ring_offsets[std::size_t(ring) + 1]);
        for (std::size_t i = from; i < to; ++i) {
            double p[2], q[2];
            const auto flat = [&](std::size_t at, double* out) {
                const std::int32_t* v = view.vertex(solids_.ring_vertices[at]);
                const double d[3] = {v[0] - f.origin[0], v[1] - f.origin[1], v[2] - f.origin[2]};
                out[0] = dot(d, f.s), out[1] = dot(d, f.t);
            };
            flat(i, p), flat(i + 1 < to ? i + 1 : from, q);
            if (segment_enters(p[0], p[1], q[0], q[1], s0, s1, t0, t1)) return Outcome::outside;
            const double ms = (s0 + s1) / 2, mt = (t0 + t1) / 2;
            if ((p[1] > mt) != (q[1] > mt) && p[0] + (mt - p[1]) * (q[0] - p[0]) / (q[1] - p[1]) > ms)
                in = !in;
        }
    }
    if (!in) return Outcome::outside;
    // An upright box round it, seen along s.
    const auto at = [&](double s, double t, double n, int k) {
        return f.origin[k] + f.s[k] * s + f.t[k] * t + f.n[k] * n;
    };
    Prism p{{}, at(0, r.z0, off_roof, 2), at(0, r.z1, rise, 2)};
    const Vec foot[4] = {{r.s0 + 0.0, r.z0 + 0.0},
                         {r.s1 + 0.0, r.z0 + 0.0},
                         {r.s1 + 0.0, r.z1 + 0.0},
                         {r.s0 + 0.0, r.z1 + 0.0}};
    for (std::size_t c = 0; c < 4; ++c) {
        const double n = c < 2 ? rise : off_roof;  // its top leans down the slope against its foot
        p.plan[c] = {at(foot[c].x, foot[c].y, n, 0), at(foot[c].x, foot[c].y, n, 1)};
    }
    room_.look_at(bounds(p), &face, 1);
    if (room_.meets_building(p)) return Outcome::no_room;
    if (things_placed_.meets(p, grown(p, off_roof), -1)) return Outcome::overlaps;
    things_placed_.add(grown(p, off_roof), -1);
    things_.push_back({e, -1, {p}});
    return Outcome::built;
}

// The outline of a convex level face, moved outward. False where it is none.
bool Dresser::cap_outline(const BuildingView& view, std::int32_t face, std::int32_t reach,
                          std::vector<Point>& plan) const {
    const std::int64_t r = view.ring_begin(face);
    const auto begin = std::size_t(solids_.ring_offsets[std::size_t(r)]),
               n = std::size_t(solids_.ring_offsets[std::size_t(r) + 1]) - begin;
    if (view.ring_begin(face + 1) != r + 1 || n > most_cap_corners) return false;
    const auto corner = [&](std::size_t i) { return view.plan(solids_.ring_vertices[begin + i % n]); };
    plan.clear();
    for (std::size_t i = 0; i < n; ++i) {
        const Point p = corner(i + n - 1), q = corner(i), s = corner(i + 1);
        if (view.z(solids_.ring_vertices[begin + i]) != view.z(solids_.ring_vertices[begin])) return false;
        const double ux = double(q.x) - p.x, uy = double(q.y) - p.y, vx = double(s.x) - q.x,
                     vy = double(s.y) - q.y, lu = norm(ux, uy), lv = norm(vx, vy);
        const double turn = (ux * vy - uy * vx) / (lu * lv), facing = (ux * vx + uy * vy) / (lu * lv);
        // How far the corner stands out of the line between its neighbours: where a ridge meets a side, it is
        // off by what rounding makes of it.
        const double off = turn * lu * lv / norm(double(s.x) - p.x, double(s.y) - p.y);
        if (!(off > -straight) || facing < -0.5) return false;
        if (off < straight) continue;
        const double m = std::tan(std::atan2(turn, facing) / 2);
        plan.push_back(
            round_point(q.x + reach * (uy / lu + m * ux / lu), q.y + reach * (-ux / lu + m * uy / lu)));
    }
    return plan.size() >= 3;
}

Outcome Dresser::place_cap(const BuildingView& view, std::int64_t e, std::int32_t face) {
    const std::int32_t reach = e_.depth[std::size_t(e)], thick = rect(e).height();
    if (view.label(face) != Label::chimney) return Outcome::bad_value;
    if (thick < least_size) return Outcome::too_small;
    if (reach > 1000 || !cap_outline(view, face, reach, plan_)) return Outcome::outside;
    const std::int32_t z =
        view.z(solids_.ring_vertices[std::size_t(solids_.ring_offsets[std::size_t(view.ring_begin(face))])]);
    // The box round it, which is it for most chimneys.
    Box3 box;
    for (const Point p : plan_) box.add(p.x, p.y, z);
    const Prism p{{Vec{box.low[0], box.low[1]}, Vec{box.high[0], box.low[1]}, Vec{box.high[0], box.high[1]},
                   Vec{box.low[0], box.high[1]}},
                  double(z + off_wall),
                  double(z + off_wall + thick)};
    RoofFrame f;
    if (!roof_frame(view, face, f)) return Outcome::bad_value;
    room_.look_at(bounds(p), &face, 1);
    if (room_.meets_building(p)) return Outcome::no_room;
    if (things_placed_.meets(p, grown(p, off_roof), -1)) return Outcome::overlaps;
    things_placed_.add(grown(p, off_roof), -1);
    things_.push_back({e, -1, {p}});
    return Outcome::built;
}

bool Dresser::write_on_face(const BuildingView& view, const Thing& thing) {
    const std::int32_t face = -1 - e_.wall[std::size_t(thing.element)];
    if (kind(thing.element) == ElementKind::roof_window) return write_roof_window(view, thing, face);
    const std::int32_t part = solids_.face_part[std::size_t(view.first_face + face)];
    cap_outline(view, face, e_.depth[std::size_t(thing.element)], plan_);
    const Prism& p = thing.prisms[0];
    return writer_.prism(plan_, to_grid(p.z0), to_grid(p.z1),
                         style(thing.element, Label::installation, part, writer_.new_solid()));
}

// A shallow box, its top a frame with a pane in it.
bool Dresser::write_roof_window(const BuildingView& view, const Thing& thing, std::int32_t face) {
    RoofFrame f;
    if (!roof_frame(view, face, f)) return false;
    const std::int64_t e = thing.element;
    const Rect r = rect(e);
    const std::int32_t rise = e_.depth[std::size_t(e)], w = std::max(design(e).frame, 2 * least_size);
    const auto corners = [&](const Rect& of, double n, std::int32_t* out) {
        const std::int32_t s[4] = {of.s0, of.s1, of.s1, of.s0}, t[4] = {of.z0, of.z0, of.z1, of.z1};
        for (int k = 0; k < 4; ++k) {
            double p[3];
            for (int i = 0; i < 3; ++i) p[i] = f.origin[i] + f.s[i] * s[k] + f.t[i] * t[k] + f.n[i] * n;
            out[k] = writer_.vertex(round_point(p[0], p[1]), to_grid(p[2]));
        }
    };
    std::int32_t foot[4], top[4], rim[4], pane[4];
    const Rect in{r.s0 + w, r.s1 - w, r.z0 + w, r.z1 - w};
    corners(r, off_roof, foot), corners(r, rise, top), corners(in, rise, rim),
        corners(in, rise - pane_below, pane);
    const std::int32_t part = solids_.face_part[std::size_t(view.first_face + face)];
    FaceStyle s = style(e, Label::frame, part, writer_.new_solid());
    s.surface = writer_.new_surface();
    loop_.assign({top[0], top[1], top[2], top[3], rim[0], rim[3], rim[2], rim[1]});
    if (!writer_.polygon(loop_, {0, 4, 8}, Drawing::facing(f.n[0], f.n[1], f.n[2]), s)) return false;
    reveals(rim, pane, true, s);
    for (int k = 0; k < 4; ++k) {
        s.surface = writer_.new_surface();
        writer_.quad(foot[k], foot[(k + 1) % 4], top[(k + 1) % 4], top[k], s);
    }
    s.surface = writer_.new_surface();
    writer_.quad(foot[3], foot[2], foot[1], foot[0], s);
    s.label = Label::window, s.surface = writer_.new_surface();
    if (design(e).glass) s.material = std::uint8_t(Material::glass), s.colour = glass_colour;
    writer_.quad(pane[0], pane[1], pane[2], pane[3], s);
    return true;
}

}  // namespace geovision
