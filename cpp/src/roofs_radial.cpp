// Roofs whose faces all look to one point in plan: pyramidal, cone, dome, onion.
#include <algorithm>
#include <cmath>

#include "geovision/roofs.hpp"

namespace geovision::roof {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr int most_bands = 24;
constexpr std::int16_t bulge_rank = -2;  // gives way to whatever else the building has there, as overhangs do

// Outline scaled about the apex: r = 1 is the footprint.
struct Ring {
    double r, z;
};

double inside_distance(Vec a, Vec b, Vec p) {
    const double length = norm(b.x - a.x, b.y - a.y);
    return ((b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x)) / length;
}

bool sees_all(const Shape& shape, Vec p, double margin) {
    for (std::size_t i = 0; i < shape.points.size(); ++i)
        if (inside_distance(shape.points[i], shape.points[shape.next(i, 0)], p) < margin) return false;
    return true;
}

// The area centroid where it sees every wall, else the middle of the region that does.
bool find_apex(const Shape& shape, RoofScratch& scratch, Vec* apex) {
    const std::size_t n = shape.points.size();
    const Vec o = shape.points[0];
    double sx = 0, sy = 0, sum = 0;
    for (std::size_t i = 1; i + 1 < n; ++i) {
        const Vec a{shape.points[i].x - o.x, shape.points[i].y - o.y},
            b{shape.points[i + 1].x - o.x, shape.points[i + 1].y - o.y};
        const double w = a.x * b.y - a.y * b.x;
        sx += w * (a.x + b.x);
        sy += w * (a.y + b.y);
        sum += w;
    }
    *apex = {o.x + sx / (3 * sum), o.y + sy / (3 * sum)};
    const double clear = 30;  // steps; keeps the faces from collapsing under rounding
    if (sees_all(shape, *apex, clear)) return true;
    std::vector<Vec>&poly = scratch.poly, &clipped = scratch.clipped;
    poly.assign(shape.points.begin(), shape.points.end());
    double x0 = 1e300, x1 = -1e300, y0 = 1e300, y1 = -1e300;
    for (const Vec p : poly) {
        x0 = std::min(x0, p.x), x1 = std::max(x1, p.x), y0 = std::min(y0, p.y), y1 = std::max(y1, p.y);
    }
    poly = {{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}};
    for (std::size_t i = 0; i < n && !poly.empty(); ++i) {
        const Vec a = shape.points[i], b = shape.points[shape.next(i, 0)];
        clipped.clear();
        for (std::size_t k = 0; k < poly.size(); ++k) {
            const Vec p = poly[k], q = poly[(k + 1) % poly.size()];
            const double dp = inside_distance(a, b, p) - clear, dq = inside_distance(a, b, q) - clear;
            if (dp >= 0) clipped.push_back(p);
            if ((dp >= 0) != (dq >= 0))
                clipped.push_back({p.x + (q.x - p.x) * dp / (dp - dq), p.y + (q.y - p.y) * dp / (dp - dq)});
        }
        poly.swap(clipped);
    }
    if (poly.size() < 3) return false;
    *apex = {0, 0};
    for (const Vec p : poly)
        *apex = {apex->x + p.x / double(poly.size()), apex->y + p.y / double(poly.size())};
    return sees_all(shape, *apex, clear / 2);
}

double least_reach(const Shape& shape, Vec p) {
    double least = 1e300;
    for (std::size_t i = 0; i < shape.points.size(); ++i)
        least = std::min(least, inside_distance(shape.points[i], shape.points[shape.next(i, 0)], p));
    return least;
}

// Plane over the face of edge ab between two rings, which both are level along that edge.
Plane band_plane(Vec a, Vec b, Vec apex, Ring outer, Ring inner) {
    const double length = norm(b.x - a.x, b.y - a.y), reach = inside_distance(a, b, apex);
    const Vec in{-(b.y - a.y) / length, (b.x - a.x) / length};
    const double slope = (inner.z - outer.z) / ((outer.r - inner.r) * reach);
    const double at = (1 - outer.r) * reach;  // where the outer ring runs, measured inward from the edge
    return {slope * in.x, slope * in.y, outer.z - slope * (in.x * a.x + in.y * a.y + at)};
}

double height_at(const Ring* rings, int n, double r) {
    for (int i = 0; i + 1 < n; ++i) {
        const double lo = std::min(rings[i].r, rings[i + 1].r), hi = std::max(rings[i].r, rings[i + 1].r);
        if (r >= lo && r <= hi && hi > lo) {
            const double t = (r - rings[i].r) / (rings[i + 1].r - rings[i].r);
            return rings[i].z + t * (rings[i + 1].z - rings[i].z);
        }
    }
    return rings[n - 1].z;
}

struct Sheets {
    Ring top[most_bands];  // from the outermost ring to the apex
    int tops = 0;
    Ring under[4];  // from the wall (r = 1) outward; only where the roof bulges
    int unders = 0;
};

void dome_sheets(double eave, double crown, double radius_m, Sheets& s) {
    const double step = 2 * std::acos(1 - std::min(0.02 / std::max(radius_m, 0.05), 0.3));
    const int n = std::clamp(int(std::ceil(pi / 2 / step)), 3, most_bands - 1);
    for (int i = 0; i <= n; ++i)
        s.top[s.tops++] = {i == n ? 0 : std::cos(pi / 2 * i / n),
                           eave + (crown - eave) * std::sin(pi / 2 * i / n)};
}

void onion_sheets(double eave, double tip, double bulge, Sheets& s) {
    const double h = tip - eave;
    static const double outline[][2] = {{1, .2},    {.93, .32}, {.76, .45}, {.5, .58},
                                        {.27, .68}, {.12, .8},  {0, 1}};
    for (const auto& p : outline) s.top[s.tops++] = {p[0] * (1 + bulge), eave + p[1] * h};
    s.under[s.unders++] = {1, eave};
    s.under[s.unders++] = {1 + 0.7 * bulge, eave + 0.07 * h};
    s.under[s.unders++] = {1 + bulge, eave + 0.2 * h};
}

void draw_sheets(const RoofSpec& spec, const Shape& shape, Vec apex, const Sheets& s, bool one_surface,
                 bool bulges, Drawing& drawing) {
    double radii[most_bands + 4];
    int n = 0;
    for (int i = 0; i < s.tops; ++i) radii[n++] = s.top[i].r;
    for (int i = 0; i < s.unders; ++i) radii[n++] = s.under[i].r;
    std::sort(radii, radii + n, [](double a, double b) { return a > b; });
    n = int(std::unique(radii, radii + n, [](double a, double b) { return std::abs(a - b) < 1e-9; }) - radii);
    const Vec by = spec.shift;
    const std::int16_t layer = spec.shifted() ? draw_under(spec, shape, drawing) : drawing.add_layer();
    if (one_surface) ++drawing.groups;
    for (std::size_t i = 0; i < shape.points.size(); ++i) {
        const Vec from = shape.points[i], to = shape.points[shape.next(i, 0)];
        const Vec a{from.x + by.x, from.y + by.y}, b{to.x + by.x, to.y + by.y};
        if (!one_surface) ++drawing.groups;
        const auto at = [&](Vec p, double r) {
            return Vec{apex.x + r * (p.x - apex.x), apex.y + r * (p.y - apex.y)};
        };
        for (int k = 0; k + 1 < n; ++k) {
            const bool bulge = s.unders > 0 && radii[k] > 1 + 1e-9;
            if (bulge && !bulges) continue;
            const Ring outer{radii[k], height_at(s.top, s.tops, radii[k])},
                inner{radii[k + 1], height_at(s.top, s.tops, radii[k + 1])};
            const std::int32_t id = drawing.add_surface(band_plane(a, b, apex, outer, inner), spec.base,
                                                        spec.part, drawing.groups - 1, Label::roof);
            if (bulge) {
                drawing.surfaces[std::size_t(id)].rank = bulge_rank;
                drawing.surfaces[std::size_t(id)].bottom =
                    band_plane(a, b, apex, {radii[k], height_at(s.under, s.unders, radii[k])},
                               {radii[k + 1], height_at(s.under, s.unders, radii[k + 1])});
            }
            const Vec quad[4] = {at(a, radii[k]), at(b, radii[k]), at(b, radii[k + 1]), at(a, radii[k + 1])};
            const std::size_t outline = drawing.lines.size();
            drawing.polygon(quad, radii[k + 1] > 1e-9 ? 4 : 3, id, layer);
            if (std::abs(radii[k] - 1) < 1e-9 && !spec.shifted())
                drawing.lines[outline].source = shape.point(i);
        }
    }
}

}  // namespace

Status draw_radial_kind(const RoofSpec& spec, const Shape& shape, double grid, RoofScratch& scratch,
                        Drawing& drawing) {
    Vec apex{};
    if (shape.rings() != 1 || !find_apex(shape, scratch, &apex)) return Status::not_star_shaped;
    const double top = spec.slots[slot_ridge];
    if (!(top > spec.eave)) return Status::bad_parameter;
    double radius = 0;
    for (const Vec p : shape.points) radius = std::max(radius, norm(p.x - apex.x, p.y - apex.y));
    Sheets sheets;
    bool one_surface = true;
    if (spec.kind == RoofKind::dome) {
        dome_sheets(spec.eave, top, radius * grid, sheets);
    } else if (spec.kind == RoofKind::onion) {
        const double bulge = spec.slots[slot_inset];
        if (!(bulge > 0 && bulge <= radius)) return Status::bad_parameter;
        onion_sheets(spec.eave, top, bulge / radius, sheets);
    } else {
        // A shifted one runs on until it covers the outline wherever that lies; a dome's rim is too steep to.
        const double r = 1 + norm(spec.shift.x, spec.shift.y) / least_reach(shape, apex);
        sheets.top[sheets.tops++] = {r, spec.eave - (r - 1) * (top - spec.eave)};
        sheets.top[sheets.tops++] = {0, top};
        one_surface = spec.kind == RoofKind::cone;
    }
    draw_sheets(spec, shape, {apex.x + spec.shift.x, apex.y + spec.shift.y}, sheets, one_surface,
                scratch.bulges, drawing);
    return Status::ok;
}

}  // namespace geovision::roof
