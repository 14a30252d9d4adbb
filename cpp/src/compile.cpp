#include "geovision/compile.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <thread>

#include "geovision/boxes.hpp"
#include "geovision/cells.hpp"
#include "geovision/parallel.hpp"
#include "geovision/roofs.hpp"
#include "geovision/solid.hpp"
#include "geovision/tiling.hpp"

namespace geovision {

namespace {

constexpr int max_pulls = 400;              // a roof of several hundred fitted planes has dozens
constexpr double max_length = 1e8;          // grid steps: no height or roof dimension is over 100 km
constexpr std::size_t most_layers = 16000;  // parts and superstructures of one building

// One worker's memory, reused from building to building.
class Worker {
public:
    Worker(const Programs& programs, const CompileOptions& options) : p_(programs), o_(options) {
        out.grid = o_.grid;
        out.vertex_offsets.push_back(0);
        out.triangle_offsets.push_back(0);
        out.face_offsets.push_back(0);
        out.face_ring_offsets.push_back(0);
        out.ring_offsets.push_back(0);
    }
    void building(std::int64_t b, bool cancelled);
    void reserve(std::int64_t from, std::int64_t to);

    Solids out;

private:
    Status make(std::int64_t b, std::uint32_t* flags);
    Status read_parts(std::int64_t b, std::uint32_t* flags);
    Status read_part(std::int64_t part, Shape& shape, std::uint32_t* flags);
    Status check_rings(const Shape& shape, double depth);
    Status draw(std::int64_t b);
    Status draw_blocks(std::int64_t first, std::size_t parts, int lod);
    Status draw_supers(std::int64_t b);
    Status solve(bool overhangs);
    Status separate();
    Status extrude();
    void roll_back(std::size_t vertices, std::size_t triangles, std::size_t faces, std::size_t rings,
                   std::size_t ring_vertices);
    double steps(double metres) const { return metres / o_.grid; }
    PlanarFaces faces_of(std::int64_t part) const;

    const Programs& p_;
    CompileOptions o_;
    double origin_[3] = {0, 0, 0};
    double nearest_ = 10;  // vertices closer than this, in grid steps, are merged
    std::int32_t z_shift_ = 0, sources_ = 0;
    std::vector<Shape> shapes_;
    std::vector<RoofSpec> specs_;
    std::vector<std::int16_t> host_layer_;
    std::vector<double> overhang_;
    Drawing drawing_, redrawn_;
    RoofScratch scratch_;
    Cells cells_;
    Extruder extruder_;
    Tiling tiling_;
    Boxes boxes_;
};

void Worker::building(std::int64_t b, bool cancelled) {
    const std::size_t v = out.vertices.size(), t = out.triangles.size(), f = out.face_label.size();
    const std::size_t r = out.ring_offsets.size(), rv = out.ring_vertices.size();
    std::uint32_t flags = 0;
    origin_[0] = origin_[1] = origin_[2] = 0;
    const Status status = cancelled ? Status::cancelled : make(b, &flags);
    if (status != Status::ok) roll_back(v, t, f, r, rv);
    out.origin.insert(out.origin.end(), origin_, origin_ + 3);
    out.vertex_offsets.push_back(std::int64_t(out.vertices.size() / 3));
    out.triangle_offsets.push_back(std::int64_t(out.triangles.size() / 3));
    out.face_offsets.push_back(std::int64_t(out.face_label.size()));
    out.status.push_back(std::uint8_t(status));
    out.flags.push_back(flags);
}

// Room for about as much as hipped roofs give, so that the arrays are seldom moved while they grow.
void Worker::reserve(std::int64_t from, std::int64_t to) {
    const auto n = std::size_t(to - from);
    const auto vertices_before = [&](std::int64_t b) {
        return p_.vertex_offsets[p_.ring_offsets[p_.part_offsets[b]]];
    };
    const auto corners = std::size_t(vertices_before(to) - vertices_before(from));
    out.origin.reserve(3 * n);
    for (auto* offsets : {&out.vertex_offsets, &out.triangle_offsets, &out.face_offsets})
        offsets->reserve(n + 1);
    out.status.reserve(n);
    out.flags.reserve(n);
    out.vertices.reserve(3 * 4 * corners);
    out.triangles.reserve(3 * 7 * corners);
    out.triangle_face.reserve(7 * corners);
    for (auto* column : {&out.face_part, &out.face_surface, &out.face_solid}) column->reserve(4 * corners);
    for (auto* column : {&out.face_label, &out.face_provenance}) column->reserve(4 * corners);
    if (!o_.polygons) return;
    out.face_ring_offsets.reserve(4 * corners + 1);
    out.ring_offsets.reserve(4 * corners + 1);
    out.ring_vertices.reserve(16 * corners);
}

void Worker::roll_back(std::size_t vertices, std::size_t triangles, std::size_t faces, std::size_t rings,
                       std::size_t ring_vertices) {
    out.vertices.resize(vertices);
    out.triangles.resize(triangles);
    out.triangle_face.resize(triangles / 3);
    out.face_label.resize(faces);
    out.face_part.resize(faces);
    out.face_surface.resize(faces);
    out.face_provenance.resize(faces);
    out.face_solid.resize(faces);
    if (o_.polygons) out.face_ring_offsets.resize(faces + 1);
    out.ring_offsets.resize(rings);
    out.ring_vertices.resize(ring_vertices);
}

Status Worker::make(std::int64_t b, std::uint32_t* flags) {
    Status status = read_parts(b, flags);
    if (status != Status::ok) return status;
    status = draw(b);
    *flags |= drawing_.flags;
    if (status != Status::ok) return status;
    const bool overhangs =
        o_.lod == 23 && std::any_of(overhang_.begin(), overhang_.end(), [](double o) { return o > 0; });
    drawing_.flags = *flags;
    nearest_ = steps(o_.min_edge);
    if (!overhangs && tiling_.run(drawing_, nearest_, z_shift_, sources_, o_.polygons, out)) {
        if (tiling_.merged()) *flags |= flag::merged_edges;
        return Status::ok;
    }
    status = solve(overhangs);
    // Once more without what reaches beyond the walls; then also with every part down on the ground; then
    // with slivers up to four times the minimum edge closed.
    for (const std::uint32_t given_up : {flag::overhang_dropped, flag::roof_simplified, flag::merged_edges}) {
        if (status != Status::not_manifold && status != Status::not_converged) break;
        *flags |= given_up;
        if (given_up == flag::roof_simplified)
            for (RoofSpec& spec : specs_) spec.base = 0;
        if (given_up == flag::merged_edges) nearest_ *= 4;
        scratch_.bulges = false;
        draw(b);
        scratch_.bulges = true;
        drawing_.flags |= *flags;
        status = solve(false);
    }
    if (status == Status::not_manifold || status == Status::not_converged) {  // and last, one block
        *flags |= flag::roof_simplified;
        drawing_.surfaces.clear(), drawing_.lines.clear(), drawing_.layers.clear();
        draw_blocks(p_.part_offsets[b], specs_.size(), 12);
        drawing_.flags |= *flags;
        status = solve(false);
    }
    *flags |= cells_.flags;
    if (status != Status::ok) return status;
    if (extruder_.solids() == 0) return Status::empty;
    if (extruder_.solids() > 1) *flags |= flag::several_solids;
    return Status::ok;
}

Status Worker::read_parts(std::int64_t b, std::uint32_t* flags) {
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
    origin_[0] = std::floor(x0), origin_[1] = std::floor(y0), origin_[2] = std::floor(p_.ground_z[b]);
    z_shift_ = to_grid((steps(p_.ground_z[b] - origin_[2])));
    const auto parts = std::size_t(last - first);
    if (shapes_.size() < parts) shapes_.resize(parts);
    specs_.resize(parts);
    overhang_.resize(parts);
    sources_ = 0;
    for (std::size_t k = 0; k < parts; ++k) {
        const std::int64_t part = first + std::int64_t(k);
        RoofSpec& spec = specs_[k];
        if (p_.roof_kind[part] >= roof_kind_count) return Status::unknown_kind;
        spec.kind = RoofKind(p_.roof_kind[part]);
        spec.part = std::int32_t(k);
        spec.eave = steps(p_.eave[part]), spec.base = steps(p_.base[part]);
        if (!std::isfinite(spec.eave) || !std::isfinite(spec.base) || !std::isfinite(p_.overhang[part]))
            return Status::not_finite;
        overhang_[k] = steps(p_.overhang[part]);
        if (spec.eave < spec.base || spec.eave > max_length || spec.base < -max_length ||
            !(overhang_[k] >= 0 && overhang_[k] <= max_length))
            return Status::bad_parameter;
        for (int s = 0; s < roof_slots; ++s) {
            const double value = p_.roof_params[part * roof_slots + s];
            if (std::isinf(value)) return Status::not_finite;
            const bool length = s == slot_ridge || s == slot_break || s == slot_inset || s == slot_rear_eave;
            spec.slots[s] = length ? steps(value) : value;
            if (length && std::abs(spec.slots[s]) > max_length) return Status::bad_parameter;
        }
        const Status status = read_part(part, shapes_[k], flags);
        if (status != Status::ok) return status;
        shapes_[k].first_source = sources_;
        sources_ += std::int32_t(shapes_[k].points.size());
    }
    return sources_ > 0 ? Status::ok : Status::zero_area;
}

// Rings in grid steps, oriented, without vertices closer than the minimum edge.
Status Worker::read_part(std::int64_t part, Shape& shape, std::uint32_t* flags) {
    shape.points.clear();
    shape.pitch.clear();
    shape.ring_begin.assign(1, 0);
    shape.area = 0;
    const double nearest = steps(o_.min_edge);
    for (std::int64_t r = p_.ring_offsets[part]; r < p_.ring_offsets[part + 1]; ++r) {
        const std::int64_t begin = p_.vertex_offsets[r], end = p_.vertex_offsets[r + 1];
        const bool shell = r == p_.ring_offsets[part];
        if (end - begin < 3) return Status::too_few_points;
        const std::size_t from = shape.points.size();
        double area = 0;
        const auto at = [&](std::int64_t i) {
            return Vec{steps(p_.xy[2 * i] - origin_[0]), steps(p_.xy[2 * i + 1] - origin_[1])};
        };
        for (std::int64_t i = begin; i < end; ++i) {
            const Vec a = at(i), b = at(i + 1 < end ? i + 1 : begin);
            area += (a.x * b.y - a.y * b.x) / 2;
        }
        const bool forward = (area > 0) == shell;
        for (std::int64_t k = 0; k < end - begin; ++k) {
            const std::int64_t i = forward ? begin + k : end - 1 - k;
            const Vec v = at(i);
            // Edge attributes belong to the edge that leaves the vertex in the caller's order.
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

// Crossings deeper than `depth` (a grid step; more where vertices were merged) are errors of the caller;
// shallower ones are rounded away later.
Status Worker::check_rings(const Shape& shape, double depth) {
    const auto& p = shape.points;
    // Do c and d lie further than `depth` from the line ab, on either side of it?
    const auto parts = [&](Vec a, Vec b, Vec c, Vec d) {
        const double ux = b.x - a.x, uy = b.y - a.y;
        const double s = ux * (c.y - a.y) - uy * (c.x - a.x), t = ux * (d.y - a.y) - uy * (d.x - a.x);
        if (s * t >= 0) return false;
        const double least = depth * norm(ux, uy);
        return std::abs(s) > least && std::abs(t) > least;
    };
    boxes_.clear(p.size());
    for (std::size_t r = 0; r < shape.rings(); ++r) {
        for (std::size_t i = std::size_t(shape.ring_begin[r]); i < std::size_t(shape.ring_begin[r + 1]);
             ++i) {
            const Vec a = p[i], b = p[shape.next(i, r)];
            boxes_.set(i, round_point(a.x, a.y), round_point(b.x, b.y), 1);  // rounded outwards
        }
    }
    for (std::size_t r = 0; r < shape.rings(); ++r) {
        for (std::size_t i = std::size_t(shape.ring_begin[r]); i < std::size_t(shape.ring_begin[r + 1]);
             ++i) {
            if (boxes_.near(i) == 3) continue;  // itself and its neighbours
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

PlanarFaces Worker::faces_of(std::int64_t part) const {
    PlanarFaces f;
    f.grid = o_.grid, f.origin_x = origin_[0], f.origin_y = origin_[1];
    if (!p_.face_offsets) return f;
    f.count = p_.face_offsets[part + 1] - p_.face_offsets[part];
    f.ring_offsets = p_.face_ring_offsets + p_.face_offsets[part];
    f.vertex_offsets = p_.face_vertex_offsets;
    f.xy = p_.face_xy;
    f.plane = p_.face_plane + 3 * p_.face_offsets[part];
    return f;
}

Status Worker::draw(std::int64_t b) {
    const std::int64_t first = p_.part_offsets[b];
    const auto parts = std::size_t(p_.part_offsets[b + 1] - first);
    drawing_.clear();
    host_layer_.resize(parts);
    for (std::size_t k = 0; k < parts; ++k)
        drawing_.points.insert(drawing_.points.end(), shapes_[k].points.begin(), shapes_[k].points.end());
    for (std::int32_t i = 0; i < sources_; ++i) drawing_.anchors.push_back(i);
    if (o_.lod < 20) return draw_blocks(first, parts, o_.lod);
    for (std::size_t k = 0; k < parts; ++k) {
        host_layer_[k] = std::int16_t(drawing_.layers.size());
        if (drawing_.layers.size() > most_layers) return Status::too_large;
        if (shapes_[k].points.empty()) continue;
        const PlanarFaces faces = faces_of(first + std::int64_t(k));
        const Drawing::Mark before = drawing_.mark();
        Status status = draw_roof(specs_[k], shapes_[k], o_.grid, faces, scratch_, drawing_);
        if (status == Status::skeleton_failed) {
            // Outlines that touch themselves, and the worst of needles, carry no skeleton but still a block.
            drawing_.rewind(before);
            RoofSpec flat = specs_[k];
            flat.kind = RoofKind::flat;
            flat.eave = block_height(specs_[k], shapes_[k], faces);
            drawing_.flags |= flag::roof_simplified;
            status = draw_roof(flat, shapes_[k], o_.grid, faces, scratch_, drawing_);
        }
        if (status != Status::ok) return status;
    }
    return draw_supers(b);
}

// 1.1: the larger parts as one block; 1.2: all parts as one block; 1.3: a block per part.
Status Worker::draw_blocks(std::int64_t first, std::size_t parts, int lod) {
    double largest = 0, sum = 0, area = 0, base = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < parts; ++k) largest = std::max(largest, shapes_[k].area);
    const double small = steps(1) * steps(1) * 10;  // parts under 10 m2 are left out of LoD 1.1
    const auto kept = [&](std::size_t k) {
        return !shapes_[k].points.empty() && (lod > 11 || shapes_[k].area >= std::min(small, largest));
    };
    for (std::size_t k = 0; k < parts; ++k) {
        if (!kept(k)) continue;
        sum += shapes_[k].area * block_height(specs_[k], shapes_[k], faces_of(first + std::int64_t(k)));
        area += shapes_[k].area;
        base = std::min(base, specs_[k].base);
    }
    std::int32_t surface = -1;
    for (std::size_t k = 0; k < parts; ++k) {
        if (!kept(k)) continue;
        if (surface < 0 || lod == 13) {
            const double height = lod == 13
                                      ? block_height(specs_[k], shapes_[k], faces_of(first + std::int64_t(k)))
                                      : sum / area;
            surface = drawing_.add_surface({0, 0, height}, lod == 13 ? specs_[k].base : base, std::int32_t(k),
                                           drawing_.groups++, Label::roof);
        }
        draw_block(shapes_[k], surface, drawing_);
    }
    return Status::ok;
}

Status Worker::draw_supers(std::int64_t b) {
    const std::int64_t first = p_.super_offsets[b], last = p_.super_offsets[b + 1];
    for (std::int64_t s = first; s < last; ++s) {
        if (p_.super_kind[s] >= super_kind_count) return Status::unknown_kind;
        if (drawing_.layers.size() > most_layers) return Status::too_large;
        const std::int32_t host = p_.super_part[s];
        if (host < 0 || std::size_t(host) >= specs_.size()) return Status::bad_parameter;
        if (shapes_[std::size_t(host)].points.empty()) {
            drawing_.flags |= flag::super_dropped;
            continue;
        }
        double slots[super_slots];
        for (int i = 0; i < super_slots; ++i) {
            const double value = p_.super_params[s * super_slots + i];
            slots[i] = i == super_azimuth ? value
                       : i == super_x     ? steps(value - origin_[0])
                       : i == super_y     ? steps(value - origin_[1])
                                          : steps(value);
            if (i < super_width && SuperKind(p_.super_kind[s]) == SuperKind::parapet)
                continue;  // has no place
            const double most = i == super_x || i == super_y ? max_coordinate : max_length;
            if (std::isinf(value) || (i != super_azimuth && std::abs(slots[i]) > most))
                return Status::bad_parameter;
        }
        const Drawing::Mark before = drawing_.mark();
        const Status status = draw_superstructure(
            SuperKind(p_.super_kind[s]), slots, specs_[std::size_t(host)], shapes_[std::size_t(host)],
            host_layer_[std::size_t(host)], o_.grid, scratch_, drawing_);
        if (status == Status::skeleton_failed) {  // a parapet on an outline that touches itself
            drawing_.rewind(before);
            drawing_.flags |= flag::super_dropped;
            continue;
        }
        if (status != Status::ok) return status;
    }
    return Status::ok;
}

// From the drawing to faces in `out`.
Status Worker::solve(bool overhangs) {
    Status status = cells_.overlay(drawing_, nearest_);
    if (overhangs && status == Status::ok) {
        cells_.redraw(redrawn_);
        cells_.draw_overhang(overhang_.data(), steps(o_.thickness), redrawn_);
        status = cells_.overlay(redrawn_, nearest_);
    }
    if (status == Status::ok) status = cells_.heights();
    if (status == Status::ok) status = separate();
    return status == Status::ok ? extrude() : status;
}

// Raised cells (bulges, overhangs, parts on stilts) may hang by a point, which only the finished surface
// shows.
Status Worker::extrude() {
    const std::size_t v = out.vertices.size(), t = out.triangles.size(), f = out.face_label.size();
    const std::size_t r = out.ring_offsets.size(), rv = out.ring_vertices.size();
    for (int i = 0; i < max_pulls; ++i) {
        const bool closed = extruder_.run(cells_, z_shift_, drawing_.groups, sources_, o_.polygons, out);
        const std::int32_t pinch = closed && !cells_.stepless() ? extruder_.find_pinch(out) : -1;
        if (closed && pinch < 0) return Status::ok;
        roll_back(v, t, f, r, rv);
        if (!closed) return Status::not_manifold;
        if (!cells_.relieve(pinch)) {
            if (!cells_.flatten(pinch)) return Status::not_manifold;
            continue;
        }
        Status status = cells_.heights();
        if (status == Status::ok) status = separate();
        if (status != Status::ok) return status;
    }
    return Status::not_manifold;
}

// Corners that touch are pulled apart one at a time.
Status Worker::separate() {
    std::int32_t last = -1;
    int attempt = 0;
    for (int i = 0; i < max_pulls; ++i) {
        const std::int32_t v = cells_.find_touch();
        if (v < 0) return Status::ok;
        attempt = v == last ? attempt + 1 : 0;
        last = v;
        if (!cells_.redraw_pulled(v, 2 * nearest_, attempt, redrawn_)) {
            if (!cells_.flatten(v)) return Status::not_manifold;
            continue;
        }
        Status status = cells_.overlay(redrawn_, nearest_);
        if (status == Status::ok) status = cells_.heights();
        if (status != Status::ok) return status;
    }
    return cells_.find_touch() < 0 ? Status::ok : Status::not_manifold;
}

template <class T>
void append(Column<T>& to, const Column<T>& from) {
    to.insert(to.end(), from.begin(), from.end());
}

void append_offsets(Column<std::int64_t>& to, const Column<std::int64_t>& from) {
    const std::int64_t shift = to.back();
    for (std::size_t i = 1; i < from.size(); ++i) to.push_back(from[i] + shift);
}

// Appends all columns of `from`, several columns at a time.
void append_solids(Solids& to, const Solids& from, int threads) {
    const std::function<void()> columns[] = {
        [&] { append(to.vertices, from.vertices); },
        [&] { append(to.triangles, from.triangles); },
        [&] { append(to.triangle_face, from.triangle_face); },
        [&] { append(to.ring_vertices, from.ring_vertices); },
        [&] { append_offsets(to.ring_offsets, from.ring_offsets); },
        [&] { append_offsets(to.face_ring_offsets, from.face_ring_offsets); },
        [&] { append(to.face_part, from.face_part); },
        [&] { append(to.face_surface, from.face_surface); },
        [&] { append(to.face_solid, from.face_solid); },
        [&] { append(to.face_label, from.face_label); },
        [&] { append(to.face_provenance, from.face_provenance); },
        [&] { append_offsets(to.vertex_offsets, from.vertex_offsets); },
        [&] { append_offsets(to.triangle_offsets, from.triangle_offsets); },
        [&] { append_offsets(to.face_offsets, from.face_offsets); },
        [&] { append(to.origin, from.origin); },
        [&] { append(to.status, from.status); },
        [&] { append(to.flags, from.flags); },
    };
    const auto copy = [&] { return [&](std::int64_t i) { columns[i](); }; };
    parallel_blocks(std::int64_t(std::size(columns)), threads, nullptr, copy);
}

}  // namespace

Solids compile_solids(const Programs& programs, const CompileOptions& options,
                      const std::atomic<bool>& cancel) {
    const int cores =
        options.threads > 0 ? options.threads : int(std::max(1u, std::thread::hardware_concurrency()));
    const auto workers =
        std::size_t(std::max<std::int64_t>(1, std::min<std::int64_t>(cores, programs.buildings / 64)));
    std::vector<Worker> pool;
    pool.reserve(workers);
    const auto share = [&](std::size_t w) {
        return programs.buildings * std::int64_t(w) / std::int64_t(workers);
    };
    for (std::size_t w = 0; w < workers; ++w) {
        pool.emplace_back(programs, options);
        pool.back().reserve(share(w),
                            w == 0 ? programs.buildings : share(w + 1));  // the others join the first
    }
    const auto work = [&](std::size_t w) {
        for (std::int64_t b = share(w); b < share(w + 1); ++b)
            pool[w].building(b, cancel.load(std::memory_order_relaxed));
    };
    std::vector<std::thread> threads;
    for (std::size_t w = 1; w < workers; ++w) threads.emplace_back(work, w);
    work(0);
    for (std::thread& t : threads) t.join();
    Solids result = std::move(pool[0].out);
    for (std::size_t w = 1; w < workers; ++w) append_solids(result, pool[w].out, int(workers));
    return result;
}

}  // namespace geovision
