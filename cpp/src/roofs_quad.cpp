// Roofs on four corners as the lowest of their planes: hipped with a setback, half-hipped, side-hipped.
#include <algorithm>
#include <cmath>

#include "geovision/roofs.hpp"

namespace geovision::roof {

namespace {

constexpr double pi = 3.14159265358979323846;

struct Quad {
    Vec p[4];             // edges 0 and 2 are eaves, 1 and 3 the ends; counter-clockwise
    std::size_t edge[4];  // the shape's edge that starts at each corner
};

Vec outward(Vec a, Vec b) {
    const double length = norm(b.x - a.x, b.y - a.y);
    return {(b.y - a.y) / length, -(b.x - a.x) / length};
}

// Plane that is `height` over edge ab and rises by `slope` away from it, to the left.
Plane rising(Vec a, Vec b, double height, double slope) {
    const Vec n = outward(a, b);
    return {-slope * n.x, -slope * n.y, height + slope * (n.x * a.x + n.y * a.y)};
}

double distance_inside(Vec a, Vec b, Vec p) {
    const Vec n = outward(a, b);
    return n.x * (a.x - p.x) + n.y * (a.y - p.y);
}

bool find_quad(const RoofSpec& spec, const Shape& shape, Quad* quad) {
    std::size_t corner[5];
    if (shape.rings() != 1 || true_corners(shape, corner, 5) != 4) return false;
    Vec c[4];
    for (int i = 0; i < 4; ++i) c[i] = shape.points[corner[i]];
    for (int i = 0; i < 4; ++i) {
        const Vec a = c[i], b = c[(i + 1) % 4], d = c[(i + 2) % 4];
        if ((b.x - a.x) * (d.y - b.y) - (b.y - a.y) * (d.x - b.x) <= 0) return false;
    }
    int first = 0;
    if (spec.has(slot_azimuth)) {
        const double az = spec.slots[slot_azimuth] * pi / 180;
        double best = -2;
        for (int i = 0; i < 4; ++i) {
            const Vec n = outward(c[i], c[(i + 1) % 4]);
            const double along = n.x * std::sin(az) + n.y * std::cos(az);
            if (along > best + 1e-9) {
                best = along;
                first = i;
            }
        }
    } else {
        const auto length = [&](int i) { return norm(c[(i + 1) % 4].x - c[i].x, c[(i + 1) % 4].y - c[i].y); };
        first = length(1) + length(3) > length(0) + length(2) ? 1 : 0;
    }
    for (int i = 0; i < 4; ++i) {
        quad->p[i] = c[(first + i) % 4];
        quad->edge[i] = corner[(first + i) % 4];
    }
    return true;
}

// The quad's side that a piece lies on, -1 for a crease.
int side_of(const Quad& q, Vec a, Vec b) {
    for (int i = 0; i < 4; ++i) {
        const Vec p = q.p[i], r = q.p[(i + 1) % 4];
        if (std::abs(distance_inside(p, r, a)) < 0.1 && std::abs(distance_inside(p, r, b)) < 0.1) return i;
    }
    return -1;
}

// The point of the outline beside a point of the quad's side, from which it may lie up to a grid step off.
Vec on_outline(const Quad& q, const Shape& shape, int side, Vec p) {
    const std::size_t n = shape.points.size(), last = q.edge[(side + 1) % 4];
    const Vec a = q.p[side], b = q.p[(side + 1) % 4];
    const auto along = [&](Vec v) { return (b.x - a.x) * (v.x - a.x) + (b.y - a.y) * (v.y - a.y); };
    std::size_t edge = q.edge[side];
    while ((edge + 1) % n != last && along(shape.points[(edge + 1) % n]) < along(p)) edge = (edge + 1) % n;
    const Vec c = shape.points[edge], d = shape.points[(edge + 1) % n];
    const double t = (along(p) - along(c)) / (along(d) - along(c));
    return {c.x + t * (d.x - c.x), c.y + t * (d.y - c.y)};
}

// One face of the roof. Its border follows the outline through the vertices on the quad's sides, which are
// straight only to a grid step.
void draw_face(const Quad& q, const Shape& shape, const std::vector<Vec>& face, std::int32_t surface,
               std::int16_t layer, Drawing& drawing) {
    const std::size_t n = shape.points.size();
    for (std::size_t i = 0; i < face.size(); ++i) {
        Vec from = face[i], to = face[(i + 1) % face.size()];
        const int side = side_of(q, from, to);
        if (side < 0) {
            drawing.lines.push_back({drawing.point(from), drawing.point(to), surface, -1, layer, true, -1});
            continue;
        }
        if (n > 4) {
            from = on_outline(q, shape, side, from);
            to = on_outline(q, shape, side, to);
        }
        std::int32_t at = drawing.point(from);
        const std::int32_t end = drawing.point(to);
        if (n > 4) drawing.anchors.insert(drawing.anchors.end(), {at, end});  // creases end there too
        const auto ahead = [&](Vec a, Vec b) {
            return (to.x - from.x) * (b.x - a.x) + (to.y - from.y) * (b.y - a.y);
        };
        const std::size_t last = q.edge[(side + 1) % 4];
        std::size_t edge = q.edge[side];
        while ((edge + 1) % n != last && ahead(shape.points[(edge + 1) % n], from) >= 0)
            edge = (edge + 1) % n;
        for (; (edge + 1) % n != last && ahead(shape.points[(edge + 1) % n], to) > 0; edge = (edge + 1) % n) {
            const std::int32_t corner = shape.point((edge + 1) % n);
            drawing.lines.push_back({at, corner, surface, -1, layer, true, shape.point(edge)});
            at = corner;
        }
        drawing.lines.push_back({at, end, surface, -1, layer, true, shape.point(edge)});
    }
}

// The part of the convex polygon where `plane` is not above `other`.
void keep_below(const std::vector<Vec>& in, const Plane& plane, const Plane& other, std::vector<Vec>& out) {
    out.clear();
    for (std::size_t i = 0; i < in.size(); ++i) {
        const Vec a = in[i], b = in[(i + 1) % in.size()];
        const double da = other.at(a.x, a.y) - plane.at(a.x, a.y),
                     db = other.at(b.x, b.y) - plane.at(b.x, b.y);
        if (da >= 0) out.push_back(a);
        if ((da >= 0) != (db >= 0)) {
            const double t = da / (da - db);
            out.push_back({a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)});
        }
    }
}

double area_of(const std::vector<Vec>& p) {
    double sum = 0;
    for (std::size_t i = 2; i < p.size(); ++i)
        sum += (p[i - 1].x - p[0].x) * (p[i].y - p[0].y) - (p[i - 1].y - p[0].y) * (p[i].x - p[0].x);
    return sum / 2;
}

}  // namespace

Status draw_quad_kind(const RoofSpec& spec, const Shape& shape, RoofScratch& scratch, Drawing& drawing) {
    Quad outline;
    if (!find_quad(spec, shape, &outline)) return Status::not_a_quad;
    Quad q = outline;  // where the roof lies
    for (Vec& p : q.p) p = {p.x + spec.shift.x, p.y + spec.shift.y};
    const double eave = spec.eave, ridge = spec.slots[slot_ridge], setback = spec.slots[slot_inset];
    const double start = spec.kind == RoofKind::half_hipped ? spec.slots[slot_break] : eave;
    const Vec end1{(q.p[1].x + q.p[2].x) / 2, (q.p[1].y + q.p[2].y) / 2};
    const Vec end0{(q.p[3].x + q.p[0].x) / 2, (q.p[3].y + q.p[0].y) / 2};
    const Vec centre{(end0.x + end1.x) / 2, (end0.y + end1.y) / 2};
    const double length = norm(end1.x - end0.x, end1.y - end0.y);
    const bool one_end = spec.kind == RoofKind::side_hipped;
    if (!(ridge > eave) || !(start >= eave && start < ridge)) return Status::bad_parameter;
    if (!(setback > 0 && setback <= (one_end ? length : length / 2) * (1 + 1e-9)))
        return Status::bad_parameter;
    Plane planes[4];
    int count = 0;
    for (const int i : {0, 2}) {
        const Vec a = q.p[i], b = q.p[(i + 1) % 4];
        planes[count++] = rising(a, b, eave, (ridge - eave) / distance_inside(a, b, centre));
    }
    const int hip_end = spec.has(slot_count) && spec.slots[slot_count] > 0.5 ? 1 : 0;
    for (const int i : {1, 3}) {
        if (one_end && (i == 1) != (hip_end == 0)) continue;
        const Vec a = q.p[i], b = q.p[(i + 1) % 4];
        const Vec from = i == 1 ? end1 : end0, to = i == 1 ? end0 : end1;
        const double run = distance_inside(
            a, b, {from.x + (to.x - from.x) * setback / length, from.y + (to.y - from.y) * setback / length});
        if (!(run > 0)) return Status::bad_parameter;
        planes[count++] = rising(a, b, start, (ridge - start) / run);
    }
    const std::int16_t layer = drawing.add_layer();
    for (int i = 0; i < count; ++i) {
        scratch.poly.assign(outline.p, outline.p + 4);
        for (int j = 0; j < count; ++j) {
            if (j == i) continue;
            keep_below(scratch.poly, planes[i], planes[j], scratch.clipped);
            scratch.poly.swap(scratch.clipped);
        }
        if (scratch.poly.size() < 3 || area_of(scratch.poly) < 4) continue;
        const std::int32_t s =
            drawing.add_surface(planes[i], spec.base, spec.part, drawing.groups++, Label::roof);
        draw_face(outline, shape, scratch.poly, s, layer, drawing);
    }
    return Status::ok;
}

}  // namespace geovision::roof
