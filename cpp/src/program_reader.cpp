#include "program_reader.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace geovision {

Status ProgramReader::read(std::int64_t b, std::uint32_t* flags) {
    const std::int64_t first = p_.part_offsets[b], last = p_.part_offsets[b + 1];
    if (first == last) return Status::empty;
    if (!std::isfinite(p_.ground_z[b])) return Status::not_finite;
    double x0 = std::numeric_limits<double>::infinity(), y0 = x0, x1 = -x0, y1 = -x0;
    for (std::int64_t i = p_.vertex_offsets[p_.ring_offsets[first]];
         i < p_.vertex_offsets[p_.ring_offsets[last]]; ++i) {
        if (!std::isfinite(p_.xy[2 * i]) || !std::isfinite(p_.xy[2 * i + 1])) return Status::not_finite;
        x0 = std::min(x0, p_.xy[2 * i]), y0 = std::min(y0, p_.xy[2 * i + 1]);
        x1 = std::max(x1, p_.xy[2 * i]), y1 = std::max(y1, p_.xy[2 * i + 1]);
    }
    if (!(x1 >= x0)) return Status::too_few_points;
    if (steps(std::max(x1 - x0, y1 - y0)) > max_coordinate) return Status::too_large;
    origin[0] = std::floor(x0), origin[1] = std::floor(y0), origin[2] = std::floor(p_.ground_z[b]);
    z_shift = to_grid((steps(p_.ground_z[b] - origin[2])));
    const auto parts = std::size_t(last - first);
    if (shapes.size() < parts) shapes.resize(parts);
    specs.resize(parts);
    overhang.resize(parts);
    sources = 0;
    for (std::size_t k = 0; k < parts; ++k) {
        const std::int64_t part = first + std::int64_t(k);
        RoofSpec& spec = specs[k];
        if (p_.roof_kind[part] >= roof_kind_count) return Status::unknown_kind;
        spec.kind = RoofKind(p_.roof_kind[part]);
        spec.part = std::int32_t(k);
        spec.eave = steps(p_.eave[part]), spec.base = steps(p_.base[part]);
        if (!std::isfinite(spec.eave) || !std::isfinite(spec.base) || !std::isfinite(p_.overhang[part]))
            return Status::not_finite;
        overhang[k] = steps(p_.overhang[part]);
        if (spec.eave < spec.base || spec.eave > max_length || spec.base < -max_length ||
            !(overhang[k] >= 0 && overhang[k] <= max_length))
            return Status::bad_parameter;
        if (p_.roof_shift)
            spec.shift = {steps(p_.roof_shift[2 * part]), steps(p_.roof_shift[2 * part + 1])};
        else
            spec.shift = {0, 0};
        if (!std::isfinite(spec.shift.x) || !std::isfinite(spec.shift.y)) return Status::not_finite;
        // Faces of planes say themselves where they lie, and an onion stands on its walls.
        const bool placed = spec.kind == RoofKind::planar || spec.kind == RoofKind::onion;
        if (std::max(std::abs(spec.shift.x), std::abs(spec.shift.y)) > steps(most_roof_shift) ||
            (placed && spec.shifted()))
            return Status::bad_parameter;
        for (int s = 0; s < roof_slots; ++s) {
            const double value = p_.roof_params[part * roof_slots + s];
            if (std::isinf(value)) return Status::not_finite;
            const bool length = s == slot_ridge || s == slot_break || s == slot_inset || s == slot_rear_eave;
            spec.slots[s] = length ? steps(value) : value;
            if (length && std::abs(spec.slots[s]) > max_length) return Status::bad_parameter;
        }
        const Status status = read_part(part, shapes[k], flags);
        if (status != Status::ok) return status;
        shapes[k].first_source = sources;
        sources += std::int32_t(shapes[k].points.size());
    }
    return sources > 0 ? Status::ok : Status::zero_area;
}

// Rings in grid steps, oriented, without vertices closer than the minimum edge.
Status ProgramReader::read_part(std::int64_t part, Shape& shape, std::uint32_t* flags) {
    shape.points.clear();
    shape.pitch.clear();
    shape.ring_begin.assign(1, 0);
    shape.area = 0;
    const double nearest = steps(min_edge_);
    for (std::int64_t r = p_.ring_offsets[part]; r < p_.ring_offsets[part + 1]; ++r) {
        const std::int64_t begin = p_.vertex_offsets[r], end = p_.vertex_offsets[r + 1];
        const bool shell = r == p_.ring_offsets[part];
        if (end - begin < 3) return Status::too_few_points;
        const std::size_t from = shape.points.size();
        double area = 0;
        const auto at = [&](std::int64_t i) {
            return Vec{steps(p_.xy[2 * i] - origin[0]), steps(p_.xy[2 * i + 1] - origin[1])};
        };
        for (std::int64_t i = begin; i < end; ++i) {
            const Vec a = at(i), b = at(i + 1 < end ? i + 1 : begin);
            area += (a.x * b.y - a.y * b.x) / 2;
        }
        const bool forward = (area > 0) == shell;
        for (std::int64_t k = 0; k < end - begin; ++k) {
            const std::int64_t i = forward ? begin + k : end - 1 - k;
            const Vec v = at(i);
            // Edge attributes belong to the edge that leaves the vertex in the
            // caller's order.
            const std::int64_t edge = forward ? i : (i > begin ? i - 1 : end - 1);
            const double pitch =
                p_.edge_pitch ? p_.edge_pitch[edge] : std::numeric_limits<double>::quiet_NaN();
            if (shape.points.size() > from) {
                const Vec& last = shape.points.back();
                if (norm(v.x - last.x, v.y - last.y) < nearest) {
                    shape.pitch.back() = pitch;
                    if (v.x != last.x || v.y != last.y) *flags |= flag::merged_edges;
                    continue;
                }
            }
            shape.points.push_back(v);
            shape.pitch.push_back(pitch);
        }
        while (shape.points.size() > from + 1 &&
               norm(shape.points.back().x - shape.points[from].x,
                    shape.points.back().y - shape.points[from].y) < nearest) {
            if (shape.points.back().x != shape.points[from].x ||
                shape.points.back().y != shape.points[from].y)
                *flags |= flag::merged_edges;
            shape.pitch.pop_back();
            shape.points.pop_back();
        }
        if (shape.points.size() < from + 3) {
            if (shell) break;
            shape.points.resize(from);  // a hole smaller than the minimum edge
            shape.pitch.resize(from);
            *flags |= flag::merged_edges;
            continue;
        }
        shape.ring_begin.push_back(std::int64_t(shape.points.size()));
        shape.area += shell ? std::abs(area) : -std::abs(area);
    }
    if (shape.rings() == 0 ||
        !(shape.area > nearest * nearest)) {  // nothing that edges of the minimum length can bound
        shape.points.clear();
        *flags |= flag::cells_removed;
        return Status::ok;
    }
    return check_rings(shape, *flags & flag::merged_edges ? 1.5 * nearest : 1);
}

// Crossings deeper than `depth` (a grid step; more where vertices were merged)
// are errors of the caller; shallower ones are rounded away later.
Status ProgramReader::check_rings(const Shape& shape, double depth) {
    const auto& p = shape.points;
    // Do c and d lie further than `depth` from the line ab, on either side of it?
    const auto parts = [&](Vec a, Vec b, Vec c, Vec d) {
        const double ux = b.x - a.x, uy = b.y - a.y;
        const double s = ux * (c.y - a.y) - uy * (c.x - a.x), t = ux * (d.y - a.y) - uy * (d.x - a.x);
        if (s * t >= 0) return false;
        const double least = depth * norm(ux, uy);
        return std::abs(s) > least && std::abs(t) > least;
    };
    apart = true;
    boxes_.clear(p.size());
    for (std::size_t r = 0; r < shape.rings(); ++r) {
        for (std::size_t i = std::size_t(shape.ring_begin[r]); i < std::size_t(shape.ring_begin[r + 1]);
             ++i) {
            const Vec a = p[i], b = p[shape.next(i, r)];
            boxes_.set(i, round_point(a.x, a.y), round_point(b.x, b.y),
                       1);  // rounded outwards
        }
    }
    for (std::size_t r = 0; r < shape.rings(); ++r) {
        for (std::size_t i = std::size_t(shape.ring_begin[r]); i < std::size_t(shape.ring_begin[r + 1]);
             ++i) {
            if (boxes_.near(i) == 3) continue;  // itself and its neighbours
            apart = false;
            const Vec a = p[i], b = p[shape.next(i, r)];
            const double x0 = std::min(a.x, b.x), x1 = std::max(a.x, b.x), y0 = std::min(a.y, b.y),
                         y1 = std::max(a.y, b.y);
            std::size_t ring = r;
            for (std::size_t j = i + 2; j < p.size(); ++j) {
                while (j >= std::size_t(shape.ring_begin[ring + 1])) ++ring;
                const Vec c = p[j], d = p[shape.next(j, ring)];
                if (std::max(c.x, d.x) <= x0 || std::min(c.x, d.x) >= x1 || std::max(c.y, d.y) <= y0 ||
                    std::min(c.y, d.y) >= y1)
                    continue;
                if (parts(a, b, c, d) && parts(c, d, a, b)) return Status::self_crossing;
            }
        }
    }
    const auto inside = [&](std::size_t ring, Vec q) {
        bool in = false;
        for (std::size_t i = std::size_t(shape.ring_begin[ring]); i < std::size_t(shape.ring_begin[ring + 1]);
             ++i) {
            const Vec a = p[i], b = p[shape.next(i, ring)];
            if ((a.y > q.y) != (b.y > q.y) && a.x + (q.y - a.y) * (b.x - a.x) / (b.y - a.y) > q.x) in = !in;
        }
        return in;
    };
    for (std::size_t r = 1; r < shape.rings(); ++r) {
        // Middles of edges: corners may rest on another ring.
        std::size_t out_of_shell = 0, in_hole = 0, edges = 0;
        for (std::size_t i = std::size_t(shape.ring_begin[r]); i < std::size_t(shape.ring_begin[r + 1]);
             ++i, ++edges) {
            const Vec a = p[i], b = p[shape.next(i, r)], m{(a.x + b.x) / 2, (a.y + b.y) / 2};
            out_of_shell += !inside(0, m);
            for (std::size_t s = 1; s < shape.rings(); ++s) in_hole += s != r && inside(s, m);
        }
        if (2 * out_of_shell > edges || 2 * in_hole > edges) return Status::hole_outside;
    }
    return Status::ok;
}

}  // namespace geovision
