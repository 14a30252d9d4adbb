#include "geovision/compile.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <thread>

#include "geovision/cells.hpp"
#include "geovision/parallel.hpp"
#include "geovision/roofs.hpp"
#include "geovision/solid.hpp"
#include "geovision/tiling.hpp"
#include "program_reader.hpp"
#include "solids_join.hpp"

namespace geovision {

namespace {

constexpr int max_pulls = 400;  // a roof of several hundred fitted planes has dozens
// A pulled corner moves this many times the least edge: with rounding, and where it is merged as well, it
// stays within three times.
constexpr double pull = 1.8;
constexpr std::int64_t block_size = 64;     // buildings that a thread takes at a time
constexpr std::size_t most_layers = 16000;  // parts and superstructures of one building

// One worker's memory, reused from building to building.
class Worker {
public:
    Worker(const Programs& programs, const CompileOptions& options)
        : p_(programs), o_(options), reader_(programs, options.grid, options.min_edge) {
        out.grid = o_.grid;
        out.vertex_offsets.push_back(0);
        out.triangle_offsets.push_back(0);
        out.face_offsets.push_back(0);
        out.face_ring_offsets.push_back(0);
        out.ring_offsets.push_back(0);
    }
    void building(std::int64_t b, bool cancelled);
    void reserve(std::int64_t workers);

    Solids out;

private:
    Status make(std::int64_t b, std::uint32_t* flags);
    Status draw(std::int64_t b);
    Status draw_blocks(std::int64_t first, std::size_t parts, int lod);
    Status draw_supers(std::int64_t b);
    Status solve(bool overhangs);
    Status separate();
    Status extrude();
    void roll_back(std::size_t vertices, std::size_t triangles, std::size_t faces, std::size_t rings,
                   std::size_t ring_vertices);
    double steps(double metres) const { return reader_.steps(metres); }
    PlanarFaces faces_of(std::int64_t part) const;

    const Programs& p_;
    CompileOptions o_;
    ProgramReader reader_;
    double nearest_ = 10;  // vertices closer than this, in grid steps, are merged
    std::vector<std::int16_t> host_layer_;
    Drawing drawing_, redrawn_;
    RoofScratch scratch_;
    Cells cells_;
    Extruder extruder_;
    Tiling tiling_;
};

void Worker::building(std::int64_t b, bool cancelled) {
    const std::size_t v = out.vertices.size(), t = out.triangles.size(), f = out.face_label.size();
    const std::size_t r = out.ring_offsets.size(), rv = out.ring_vertices.size();
    std::uint32_t flags = 0;
    std::fill_n(reader_.origin, 3, 0.0);
    const Status status = cancelled ? Status::cancelled : make(b, &flags);
    if (status != Status::ok) roll_back(v, t, f, r, rv);
    out.origin.insert(out.origin.end(), reader_.origin, reader_.origin + 3);
    out.vertex_offsets.push_back(std::int64_t(out.vertices.size() / 3));
    out.triangle_offsets.push_back(std::int64_t(out.triangles.size() / 3));
    out.face_offsets.push_back(std::int64_t(out.face_label.size()));
    out.status.push_back(std::uint8_t(status));
    out.flags.push_back(flags);
}

// Room for about as much as hipped roofs give, so that the arrays are seldom
// moved while they grow.
void Worker::reserve(std::int64_t workers) {
    const auto share = [&](std::int64_t n) { return std::size_t((n + workers - 1) / workers); };
    const std::size_t n = share(p_.buildings);
    const std::size_t corners = share(p_.vertex_offsets[p_.ring_offsets[p_.part_offsets[p_.buildings]]]);
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
    Status status = reader_.read(b, flags);
    if (status != Status::ok) return status;
    nearest_ = steps(o_.min_edge);
    const bool overhangs = o_.lod == 23 && std::any_of(reader_.overhang.begin(), reader_.overhang.end(),
                                                       [](double o) { return o > 0; });
    const bool short_way =
        !overhangs && reader_.specs.size() == 1 && p_.super_offsets[b] == p_.super_offsets[b + 1];
    scratch_.proof =
        short_way && !reader_.specs[0].shifted() ? SkeletonProof::left_to_caller : SkeletonProof::now;
    scratch_.unproven = false;
    status = draw(b);
    if (short_way && status == Status::ok &&
        tiling_.run(drawing_, nearest_, reader_.z_shift, reader_.sources, o_.polygons, out)) {
        *flags |= drawing_.flags | (tiling_.merged() ? flag::merged_edges : 0);
        return Status::ok;
    }
    scratch_.proof = SkeletonProof::now;
    if (scratch_.unproven) status = draw(b);
    *flags |= drawing_.flags;
    if (status != Status::ok) return status;
    drawing_.flags = *flags;
    status = solve(overhangs);
    // Once more without what reaches beyond the walls; then also with every part
    // down on the ground; then with slivers up to four times the minimum edge
    // closed.
    for (const std::uint32_t given_up : {flag::overhang_dropped, flag::roof_simplified, flag::merged_edges}) {
        if (status != Status::not_manifold && status != Status::not_converged) break;
        *flags |= given_up;
        if (given_up == flag::roof_simplified)
            for (RoofSpec& spec : reader_.specs) spec.base = 0;
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
        draw_blocks(p_.part_offsets[b], reader_.specs.size(), 12);
        drawing_.flags |= *flags;
        status = solve(false);
    }
    *flags |= cells_.flags;
    if (status != Status::ok) return status;
    if (extruder_.solids() == 0) return Status::empty;
    if (extruder_.solids() > 1) *flags |= flag::several_solids;
    return Status::ok;
}

PlanarFaces Worker::faces_of(std::int64_t part) const {
    PlanarFaces f;
    f.grid = o_.grid, f.origin_x = reader_.origin[0], f.origin_y = reader_.origin[1];
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
    drawing_.apart = parts == 1 && reader_.apart;
    host_layer_.resize(parts);
    for (std::size_t k = 0; k < parts; ++k)
        drawing_.points.insert(drawing_.points.end(), reader_.shapes[k].points.begin(),
                               reader_.shapes[k].points.end());
    for (std::int32_t i = 0; i < reader_.sources; ++i) drawing_.anchors.push_back(i);
    if (o_.lod < 20) return draw_blocks(first, parts, o_.lod);
    for (std::size_t k = 0; k < parts; ++k) {
        host_layer_[k] = std::int16_t(drawing_.layers.size());
        if (drawing_.layers.size() > most_layers) return Status::too_large;
        if (reader_.shapes[k].points.empty()) continue;
        const PlanarFaces faces = faces_of(first + std::int64_t(k));
        const Drawing::Mark before = drawing_.mark();
        Status status = draw_roof(reader_.specs[k], reader_.shapes[k], o_.grid, faces, scratch_, drawing_);
        if (status == Status::skeleton_failed) {
            // Outlines that touch themselves, and the worst of needles, carry no
            // skeleton but still a block.
            drawing_.rewind(before);
            RoofSpec flat = reader_.specs[k];
            flat.kind = RoofKind::flat;
            flat.eave = block_height(reader_.specs[k], reader_.shapes[k], faces);
            drawing_.flags |= flag::roof_simplified;
            status = draw_roof(flat, reader_.shapes[k], o_.grid, faces, scratch_, drawing_);
        }
        if (status != Status::ok) return status;
    }
    return draw_supers(b);
}

// 1.1: the larger parts as one block; 1.2: all parts as one block; 1.3: a block
// per part.
Status Worker::draw_blocks(std::int64_t first, std::size_t parts, int lod) {
    double largest = 0, sum = 0, area = 0, base = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < parts; ++k) largest = std::max(largest, reader_.shapes[k].area);
    const double small = steps(1) * steps(1) * 10;  // parts under 10 m2 are left out of LoD 1.1
    const auto kept = [&](std::size_t k) {
        return !reader_.shapes[k].points.empty() &&
               (lod > 11 || reader_.shapes[k].area >= std::min(small, largest));
    };
    for (std::size_t k = 0; k < parts; ++k) {
        if (!kept(k)) continue;
        sum += reader_.shapes[k].area *
               block_height(reader_.specs[k], reader_.shapes[k], faces_of(first + std::int64_t(k)));
        area += reader_.shapes[k].area;
        base = std::min(base, reader_.specs[k].base);
    }
    std::int32_t surface = -1;
    for (std::size_t k = 0; k < parts; ++k) {
        if (!kept(k)) continue;
        if (surface < 0 || lod == 13) {
            const double height = lod == 13 ? block_height(reader_.specs[k], reader_.shapes[k],
                                                           faces_of(first + std::int64_t(k)))
                                            : sum / area;
            surface = drawing_.add_surface({0, 0, height}, lod == 13 ? reader_.specs[k].base : base,
                                           std::int32_t(k), drawing_.groups++, Label::roof);
        }
        draw_block(reader_.shapes[k], surface, drawing_);
    }
    return Status::ok;
}

Status Worker::draw_supers(std::int64_t b) {
    const std::int64_t first = p_.super_offsets[b], last = p_.super_offsets[b + 1];
    for (std::int64_t s = first; s < last; ++s) {
        if (p_.super_kind[s] >= super_kind_count) return Status::unknown_kind;
        if (drawing_.layers.size() > most_layers) return Status::too_large;
        const std::int32_t host = p_.super_part[s];
        if (host < 0 || std::size_t(host) >= reader_.specs.size()) return Status::bad_parameter;
        if (reader_.shapes[std::size_t(host)].points.empty()) {
            drawing_.flags |= flag::super_dropped;
            continue;
        }
        double slots[super_slots];
        for (int i = 0; i < super_slots; ++i) {
            const double value = p_.super_params[s * super_slots + i];
            slots[i] = i == super_azimuth ? value
                       : i == super_x     ? steps(value - reader_.origin[0])
                       : i == super_y     ? steps(value - reader_.origin[1])
                                          : steps(value);
            if (i < super_width && SuperKind(p_.super_kind[s]) == SuperKind::parapet)
                continue;  // has no place
            const double most = i == super_x || i == super_y ? max_coordinate : max_length;
            if (std::isinf(value) || (i != super_azimuth && std::abs(slots[i]) > most))
                return Status::bad_parameter;
        }
        const Drawing::Mark before = drawing_.mark();
        const Status status = draw_superstructure(
            SuperKind(p_.super_kind[s]), slots, reader_.specs[std::size_t(host)],
            reader_.shapes[std::size_t(host)], host_layer_[std::size_t(host)], o_.grid, scratch_, drawing_);
        if (status == Status::skeleton_failed) {  // a parapet on an outline that
                                                  // touches itself
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
        cells_.draw_overhang(reader_.overhang.data(), steps(o_.thickness), redrawn_);
        status = cells_.overlay(redrawn_, nearest_);
    }
    if (status == Status::ok) status = cells_.heights();
    if (status == Status::ok) status = separate();
    return status == Status::ok ? extrude() : status;
}

// Raised cells (bulges, overhangs, parts on stilts) may hang by a point, which
// only the finished surface shows.
Status Worker::extrude() {
    const std::size_t v = out.vertices.size(), t = out.triangles.size(), f = out.face_label.size();
    const std::size_t r = out.ring_offsets.size(), rv = out.ring_vertices.size();
    for (int i = 0; i < max_pulls; ++i) {
        const bool closed =
            extruder_.run(cells_, reader_.z_shift, drawing_.groups, reader_.sources, o_.polygons, out);
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
        if (!cells_.redraw_pulled(v, pull * nearest_, attempt, redrawn_)) {
            if (!cells_.flatten(v)) return Status::not_manifold;
            continue;
        }
        Status status = cells_.overlay(redrawn_, nearest_);
        if (status == Status::ok) status = cells_.heights();
        if (status != Status::ok) return status;
    }
    return cells_.find_touch() < 0 ? Status::ok : Status::not_manifold;
}

}  // namespace

Solids compile_solids(const Programs& programs, const CompileOptions& options,
                      const std::atomic<bool>& cancel) {
    const std::int64_t cores =
        options.threads > 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
    const std::int64_t blocks = (programs.buildings + block_size - 1) / block_size;
    const std::int64_t workers = std::clamp<std::int64_t>(blocks, 1, cores);
    std::vector<std::unique_ptr<Worker>> pool(static_cast<std::size_t>(workers));
    std::vector<SolidsPiece> pieces(static_cast<std::size_t>(blocks));
    std::atomic<std::size_t> hired{0};
    parallel_blocks(blocks, int(workers), nullptr, [&] {
        std::unique_ptr<Worker>& worker = pool[hired++];
        worker = std::make_unique<Worker>(programs, options);
        worker->reserve(workers);
        return [&, self = worker.get()](std::int64_t block) {
            SolidsPiece& piece = pieces[std::size_t(block)];
            piece = {&self->out, size_of(self->out), {}};
            const std::int64_t last = std::min(programs.buildings, (block + 1) * block_size);
            for (std::int64_t b = block * block_size; b < last; ++b)
                self->building(b, cancel.load(std::memory_order_relaxed));
            piece.end = size_of(self->out);
        };
    });
    if (hired == 1) return std::move(pool[0]->out);
    return join(pieces, options.grid, int(workers));
}

}  // namespace geovision
