#include "geovision/roofs.hpp"

#include <algorithm>
#include <cmath>

namespace geovision {

void Drawing::clear() {
    points.clear();
    anchors.clear();
    lines.clear();
    surfaces.clear();
    layers.clear();
    groups = 0;
    flags = 0;
    apart = false;
}

std::int32_t Drawing::add_surface(const Plane& top, double base, std::int32_t part, std::int32_t group,
                                  Label label) {
    Surface s;
    s.top = top;
    s.bottom = {0, 0, base};
    s.part = part;
    s.group = group;
    s.label = label;
    surfaces.push_back(s);
    return std::int32_t(surfaces.size()) - 1;
}

std::int16_t Drawing::add_layer(std::int16_t support) {
    layers.push_back({support});
    return std::int16_t(layers.size() - 1);
}

void Drawing::polygon(const Vec* p, std::size_t n, std::int32_t surface, std::int16_t layer) {
    const auto first = std::int32_t(points.size()), count = std::int32_t(n);
    points.insert(points.end(), p, p + n);
    for (std::int32_t i = 0; i < count; ++i)
        lines.push_back({first + i, first + (i + 1) % count, surface, -1, layer, true, -1});
}

void draw_block(const Shape& shape, std::int32_t surface, Drawing& drawing) {
    const std::int16_t layer = drawing.add_layer();
    for (std::size_t r = 0; r < shape.rings(); ++r) {
        for (std::size_t i = std::size_t(shape.ring_begin[r]); i < std::size_t(shape.ring_begin[r + 1]);
             ++i) {
            drawing.lines.push_back(
                {shape.point(i), shape.point(shape.next(i, r)), surface, -1, layer, false, shape.point(i)});
        }
    }
}

namespace {

Status draw_flat(const RoofSpec& spec, const Shape& shape, Drawing& drawing) {
    draw_block(shape,
               drawing.add_surface({0, 0, spec.eave}, spec.base, spec.part, drawing.groups++, Label::roof),
               drawing);
    return Status::ok;
}

Vec face_vertex(const PlanarFaces& f, std::int64_t i) {
    return {(f.xy[2 * i] - f.origin_x) / f.grid, (f.xy[2 * i + 1] - f.origin_y) / f.grid};
}

Plane face_plane(const PlanarFaces& f, std::int64_t k) {
    const Vec o = face_vertex(f, f.vertex_offsets[f.ring_offsets[k]]);
    const double* p = f.plane + 3 * k;
    return {p[0], p[1], p[2] / f.grid - p[0] * o.x - p[1] * o.y};
}

// Faces over a flat at the eave, which shows only where no face lies.
Status draw_planar(const RoofSpec& spec, const Shape& shape, const PlanarFaces& f, Drawing& drawing) {
    if (f.count == 0) return Status::bad_parameter;
    const std::int16_t layer = roof::draw_under(spec, shape, drawing);
    for (std::int64_t k = 0; k < f.count; ++k) {
        const double* p = f.plane + 3 * k;
        if (!std::isfinite(p[0]) || !std::isfinite(p[1]) || !std::isfinite(p[2])) return Status::not_finite;
        const std::int32_t s =
            drawing.add_surface(face_plane(f, k), spec.base, spec.part, drawing.groups++, Label::roof);
        for (std::int64_t r = f.ring_offsets[k]; r < f.ring_offsets[k + 1]; ++r) {
            const std::int64_t begin = f.vertex_offsets[r], end = f.vertex_offsets[r + 1];
            if (end - begin < 3) return Status::too_few_points;
            double area = 0;
            for (std::int64_t i = begin; i < end; ++i) {
                const Vec a = face_vertex(f, i), b = face_vertex(f, i + 1 < end ? i + 1 : begin);
                if (!std::isfinite(a.x) || !std::isfinite(a.y)) return Status::not_finite;
                area += a.x * b.y - a.y * b.x;
            }
            const bool forward = (area > 0) == (r == f.ring_offsets[k]);
            const auto first = std::int32_t(drawing.points.size()), count = std::int32_t(end - begin);
            for (std::int64_t i = begin; i < end; ++i) drawing.points.push_back(face_vertex(f, i));
            for (std::int32_t i = 0; i < count; ++i) {
                std::int32_t a = first + i, b = first + (i + 1) % count;
                if (!forward) std::swap(a, b);
                drawing.lines.push_back({a, b, s, -1, layer, false, -1});
            }
        }
    }
    return Status::ok;
}

}  // namespace

namespace {

Status draw_kind(const RoofSpec& spec, const Shape& shape, double grid, const PlanarFaces& faces,
                 RoofScratch& scratch, Drawing& drawing) {
    switch (spec.kind) {
        case RoofKind::flat:
            return draw_flat(spec, shape, drawing);
        case RoofKind::skillion:
        case RoofKind::gambrel:
        case RoofKind::saltbox:
        case RoofKind::butterfly:
        case RoofKind::sawtooth:
        case RoofKind::cross_gabled:
        case RoofKind::round:
            return roof::draw_profile_kind(spec, shape, grid, scratch, drawing);
        case RoofKind::gabled: {
            std::size_t corner[5];
            const bool wings =
                !spec.has(slot_azimuth) && (shape.rings() > 1 || roof::true_corners(shape, corner, 5) > 4);
            return wings ? roof::draw_skeleton_kind(spec, shape, grid, scratch, drawing)
                         : roof::draw_profile_kind(spec, shape, grid, scratch, drawing);
        }
        case RoofKind::hipped:
            return spec.has(slot_inset) ? roof::draw_quad_kind(spec, shape, scratch, drawing)
                                        : roof::draw_skeleton_kind(spec, shape, grid, scratch, drawing);
        case RoofKind::mansard:
            return roof::draw_skeleton_kind(spec, shape, grid, scratch, drawing);
        case RoofKind::half_hipped:
        case RoofKind::side_hipped:
            return roof::draw_quad_kind(spec, shape, scratch, drawing);
        case RoofKind::pyramidal:
        case RoofKind::dome:
        case RoofKind::cone:
        case RoofKind::onion:
            return roof::draw_radial_kind(spec, shape, grid, scratch, drawing);
        case RoofKind::planar:
            return draw_planar(spec, shape, faces, drawing);
    }
    return Status::unknown_kind;
}

// A shifted roof runs on below its eaves no further than half way down to the base; there it is level.
void draw_floor(const RoofSpec& spec, const Shape& shape, std::size_t first, Drawing& drawing) {
    double low = spec.eave;
    if (spec.kind == RoofKind::butterfly) low = spec.slots[slot_ridge];
    if (spec.has(slot_rear_eave)) low = std::min(low, spec.slots[slot_rear_eave]);
    const double floor = (spec.base + low) / 2;
    const auto dips = [&](const Surface& s) {
        return std::any_of(shape.points.begin(), shape.points.end(),
                           [&](Vec p) { return s.top.at(p.x, p.y) < floor; });
    };
    if (std::any_of(drawing.surfaces.begin() + std::ptrdiff_t(first), drawing.surfaces.end(), dips))
        draw_block(shape,
                   drawing.add_surface({0, 0, floor}, spec.base, spec.part, drawing.groups++, Label::roof),
                   drawing);
}

}  // namespace

Status draw_roof(const RoofSpec& spec, const Shape& shape, double grid, const PlanarFaces& faces,
                 RoofScratch& scratch, Drawing& drawing) {
    const std::size_t first = drawing.surfaces.size();
    const Status status = draw_kind(spec, shape, grid, faces, scratch, drawing);
    if (status == Status::ok && spec.shifted() && spec.kind != RoofKind::dome)
        draw_floor(spec, shape, first, drawing);
    return status;
}

double block_height(const RoofSpec& spec, const Shape& shape, const PlanarFaces& faces) {
    double top = spec.eave;
    if (spec.kind == RoofKind::flat) return top;
    if (spec.kind == RoofKind::planar) {
        double sum = 0;
        std::int64_t n = 0;
        for (std::int64_t k = 0; k < faces.count; ++k) {
            const Plane p = face_plane(faces, k);
            for (std::int64_t i = faces.vertex_offsets[faces.ring_offsets[k]];
                 i < faces.vertex_offsets[faces.ring_offsets[k] + 1]; ++i, ++n) {
                const Vec v = face_vertex(faces, i);
                sum += p.at(v.x, v.y);
            }
        }
        return n > 0 ? sum / double(n) : top;
    }
    if (spec.has(slot_ridge)) {
        top = spec.slots[slot_ridge];
    } else if (spec.has(slot_pitch)) {
        double around = 0;
        for (std::size_t r = 0; r < shape.rings(); ++r)
            for (std::size_t i = std::size_t(shape.ring_begin[r]); i < std::size_t(shape.ring_begin[r + 1]);
                 ++i) {
                const Vec a = shape.points[i], b = shape.points[shape.next(i, r)];
                around += norm(b.x - a.x, b.y - a.y);
            }
        top = spec.eave +
              std::tan(spec.slots[slot_pitch] * 3.14159265358979323846 / 180) * 2 * shape.area / around;
    }
    return std::max((spec.eave + top) / 2, (spec.base + spec.eave) / 2);
}

namespace roof {

std::int16_t draw_under(const RoofSpec& spec, const Shape& shape, Drawing& drawing) {
    draw_flat(spec, shape, drawing);
    drawing.surfaces.back().rank = -1;
    return drawing.add_layer(std::int16_t(drawing.layers.size() - 1));
}

// Corners that are not on the line of their neighbours (to one grid step); at most `most` are listed.
std::size_t true_corners(const Shape& shape, std::size_t* corner, std::size_t most) {
    const std::size_t n = std::size_t(shape.ring_begin[1]);
    std::size_t count = 0, anchor = n;
    for (std::size_t i = 0; i < n && anchor == n; ++i) {  // start from a corner that surely is one
        const Vec a = shape.points[(i + n - 1) % n], b = shape.points[i], c = shape.points[(i + 1) % n];
        const double length = norm(c.x - a.x, c.y - a.y);
        if (std::abs((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)) > 1.0 * length) anchor = i;
    }
    if (anchor == n) return 0;
    std::size_t last = anchor;
    for (std::size_t k = 0; k < n; ++k) {
        const std::size_t i = (anchor + k) % n, j = (i + 1) % n;
        const Vec a = shape.points[last], b = shape.points[i], c = shape.points[j];
        const double length = norm(c.x - a.x, c.y - a.y);
        const bool bends =
            k == 0 || std::abs((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)) > 1.0 * length;
        if (!bends) continue;
        if (count < most) corner[count] = i;
        ++count;
        last = i;
        if (count >= most) break;
    }
    return count;
}

void extent(const Shape& shape, Vec d, double* lo, double* hi) {
    *lo = 1e300;
    *hi = -1e300;
    for (std::int64_t i = 0; i < shape.ring_begin[1]; ++i) {
        const double t = shape.points[std::size_t(i)].x * d.x + shape.points[std::size_t(i)].y * d.y;
        *lo = std::min(*lo, t);
        *hi = std::max(*hi, t);
    }
}

// Outward normal of the edge along which the shape is narrowest.
Vec across_long_side(const Shape& shape) {
    Vec best{1, 0};
    double narrowest = 1e300;
    const std::size_t n = std::size_t(shape.ring_begin[1]);
    for (std::size_t i = 0; i < n; ++i) {
        const Vec a = shape.points[i], b = shape.points[(i + 1) % n];
        const double length = norm(b.x - a.x, b.y - a.y);
        if (length < 1) continue;
        const Vec normal{(b.y - a.y) / length, -(b.x - a.x) / length};
        double lo = 0, hi = 0;
        extent(shape, normal, &lo, &hi);
        if (hi - lo < narrowest * (1 - 1e-9)) {
            narrowest = hi - lo;
            best = normal;
        }
    }
    return best;
}

}  // namespace roof

}  // namespace geovision
