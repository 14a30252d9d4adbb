// What stands on a roof: dormers, chimneys, boxes, parapets. Each is a layer of its own that shows where
// it is higher than the roof below.
#include <cmath>

#include "geovision/roofs.hpp"

namespace geovision {

namespace {

constexpr double radians = 3.14159265358979323846 / 180;

// Plane through three points given as plan position and height.
Plane through(Vec a, double za, Vec b, double zb, Vec c, double zc) {
    const double ux = b.x - a.x, uy = b.y - a.y, vx = c.x - a.x, vy = c.y - a.y, det = ux * vy - uy * vx;
    const double p = ((zb - za) * vy - (zc - za) * uy) / det, q = ((zc - za) * ux - (zb - za) * vx) / det;
    return {p, q, za - p * a.x - q * a.y};
}

Status draw_dormer(SuperKind kind, const double* s, const RoofSpec& host, std::int16_t support,
                   Drawing& drawing) {
    const double width = s[super_width], depth = s[super_depth], eave = s[super_eave];
    const double top = kind == SuperKind::dormer_flat ? eave : s[super_top];
    if (!(width > 0 && depth > 0 && eave > host.base && top >= eave)) return Status::bad_parameter;
    const double az = s[super_azimuth] * radians;
    const Vec out{std::sin(az), std::cos(az)},
        right{out.y, -out.x};  // seen from outside, looking at the front
    const auto at = [&](double across, double back) {
        return Vec{s[super_x] - right.x * across - out.x * back,
                   s[super_y] - right.y * across - out.y * back};
    };
    // Counter-clockwise from the front's left end (as seen from above, facing out).
    const Vec a = at(width / 2, 0), m = at(0, 0), b = at(-width / 2, 0), c = at(-width / 2, depth),
              r = at(0, depth), d = at(width / 2, depth);
    const std::int16_t layer = drawing.add_layer(support);
    const auto face = [&](std::initializer_list<Vec> ring, const Plane& plane) {
        const std::int32_t id =
            drawing.add_surface(plane, host.base, host.part, drawing.groups++, Label::dormer_roof);
        double area = 0;
        const Vec* p = ring.begin();
        for (std::size_t i = 0; i < ring.size(); ++i) {
            const Vec u = p[i], v = p[(i + 1) % ring.size()];
            area += (u.x - p[0].x) * (v.y - p[0].y) - (u.y - p[0].y) * (v.x - p[0].x);
        }
        if (area > 0) {
            drawing.polygon(p, ring.size(), id, layer);
        } else {
            std::vector<Vec> reversed(std::make_reverse_iterator(ring.end()),
                                      std::make_reverse_iterator(ring.begin()));
            drawing.polygon(reversed.data(), reversed.size(), id, layer);
        }
    };
    if (kind == SuperKind::dormer_gable) {
        face({a, m, r, d}, through(a, eave, m, top, d, eave));
        face({m, b, c, r}, through(m, top, b, eave, r, top));
    } else {
        face({a, b, c, d}, through(a, eave, b, eave, d, top));
    }
    return Status::ok;
}

Status draw_box(const double* s, const RoofSpec& host, std::int16_t support, Drawing& drawing) {
    if (!(s[super_width] > 0 && s[super_depth] > 0 && s[super_top] > host.base)) return Status::bad_parameter;
    const double az = s[super_azimuth] * radians;
    const Vec out{std::sin(az) * s[super_depth] / 2, std::cos(az) * s[super_depth] / 2};
    const Vec left{-std::cos(az) * s[super_width] / 2, std::sin(az) * s[super_width] / 2};
    const double x = s[super_x], y = s[super_y];
    const Vec ring[4] = {{x + out.x - left.x, y + out.y - left.y},
                         {x + out.x + left.x, y + out.y + left.y},
                         {x - out.x + left.x, y - out.y + left.y},
                         {x - out.x - left.x, y - out.y - left.y}};
    const std::int32_t id =
        drawing.add_surface({0, 0, s[super_top]}, host.base, host.part, drawing.groups++, Label::chimney);
    drawing.polygon(ring, 4, id, drawing.add_layer(support));
    return Status::ok;
}

}  // namespace

Status draw_superstructure(SuperKind kind, const double* slots, const RoofSpec& host_spec,
                           const Shape& host_shape, std::int16_t host, double grid, RoofScratch& scratch,
                           Drawing& drawing) {
    const int needed = kind == SuperKind::parapet       ? super_width
                       : kind == SuperKind::dormer_flat ? super_eave
                                                        : super_depth;
    for (int i = kind == SuperKind::parapet ? int(super_width) : int(super_x); i <= needed; ++i)
        if (!std::isfinite(slots[i])) return Status::not_finite;
    if (kind != SuperKind::dormer_flat && !std::isfinite(slots[super_top])) return Status::not_finite;
    switch (kind) {
        case SuperKind::dormer_gable:
        case SuperKind::dormer_shed:
        case SuperKind::dormer_flat:
            return draw_dormer(kind, slots, host_spec, host, drawing);
        case SuperKind::chimney:
        case SuperKind::box:
            return draw_box(slots, host_spec, host, drawing);
        case SuperKind::parapet:
            return roof::draw_parapet(host_spec, host_shape, slots[super_width], slots[super_top], grid, host,
                                      scratch, drawing);
    }
    return Status::unknown_kind;
}

}  // namespace geovision
