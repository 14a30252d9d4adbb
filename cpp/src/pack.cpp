#include "geovision/pack.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "geovision/parallel.hpp"
#include "pack_walker.hpp"

namespace geovision {
namespace {

[[noreturn]] void refuse(std::int64_t building, const char* what) {
    throw std::invalid_argument("solids of building " + std::to_string(building) + ": " + what);
}

// Everything that a wrong array could turn into a wild read is checked once, here.
void check_building(const PackSolids& solids, std::int64_t b) {
    const auto count = [&](const std::int64_t* offsets) { return offsets[b + 1] - offsets[b]; };
    const std::int64_t vertices = count(solids.vertex_offsets);
    const std::int64_t faces = count(solids.face_offsets);
    if (vertices < 0 || faces < 0 || count(solids.triangle_offsets) < 0) refuse(b, "offsets decrease");
    for (std::int64_t f = solids.face_offsets[b]; f < solids.face_offsets[b + 1]; ++f) {
        if (solids.face_label[f] >= label_count) refuse(b, "a face label is not in the list of labels");
    }
    for (std::int64_t t = solids.triangle_offsets[b]; t < solids.triangle_offsets[b + 1]; ++t) {
        const std::int32_t* corner = solids.triangles + 3 * t;
        for (int k = 0; k < 3; ++k) {
            if (corner[k] < 0 || corner[k] >= vertices)
                refuse(b, "a triangle has a vertex that is not there");
        }
        if (solids.triangle_face[t] < 0 || solids.triangle_face[t] >= faces) {
            refuse(b, "a triangle belongs to a face that is not there");
        }
    }
    for (int k = 0; k < 3; ++k) {
        if (!std::isfinite(solids.origin[3 * b + k])) refuse(b, "its origin is not finite");
    }
}

void count_building(const PackSolids& solids, const PackOptions& options, std::int64_t b, PackWalker& walker,
                    std::array<std::int64_t, 2 * pack_groups>& counts) {
    walker.begin_building(solids.vertex_offsets[b + 1] - solids.vertex_offsets[b]);
    const std::int64_t faces = solids.face_offsets[b];
    walker.faces(b, [&](std::int32_t face, std::int64_t first, std::int64_t last) {
        const std::size_t group = group_of(solids, options, faces + face);
        walker.begin_face();
        std::int64_t fresh = 0;
        for (std::int64_t i = first; i < last; ++i) {
            const std::int32_t* corner = solids.triangles + 3 * walker.triangle(i);
            for (int k = 0; k < 3; ++k) fresh += walker.is_new(corner[k]);
        }
        counts[2 * group] += fresh;
        counts[2 * group + 1] += last - first;
    });
}

std::size_t align(std::size_t value, std::size_t step) { return (value + step - 1) / step * step; }

// Turns the counts of every block into what stands before it, and returns the totals.
std::array<std::int64_t, 2 * pack_groups> prefix_sums(
    std::vector<std::array<std::int64_t, 2 * pack_groups>>& blocks) {
    std::array<std::int64_t, 2 * pack_groups> sum{};
    for (auto& block : blocks) {
        for (std::size_t i = 0; i < sum.size(); ++i) {
            const std::int64_t here = block[i];
            block[i] = sum[i];
            sum[i] += here;
        }
    }
    return sum;
}

bool has_texture(const PackSolids& solids, const PackOptions& options, std::size_t group) {
    if (in_metres(options, group)) return true;
    if (solids.uv == nullptr) return false;
    if (solids.face_group != nullptr) return options.photo_groups[group];
    return options.group_of_label[std::size_t(Label::roof)] == group ||
           options.group_of_label[std::size_t(Label::dormer_roof)] == group;
}

void lay_out(const std::array<std::int64_t, 2 * pack_groups>& totals, const PackSolids& solids,
             const PackOptions& options, PackPlan& plan) {
    for (std::size_t g = 0; g < pack_groups; ++g) {
        PackGroup& group = plan.groups[g];
        group = PackGroup{};
        group.vertices = totals[2 * g];
        group.triangles = totals[2 * g + 1];
        if (group.vertices >= std::numeric_limits<std::uint32_t>::max()) {
            throw std::length_error("more vertices than 32-bit indices reach; write smaller tiles");
        }
        group.first_vertex = plan.vertices;
        // The largest index of either width means "restart" to graphics hardware and is not allowed.
        group.index_bytes = group.vertices <= 65535 ? 2 : 4;
        plan.vertices += group.vertices;
        plan.triangles += group.triangles;
        if (group.triangles > 0 && has_texture(solids, options, g)) {
            group.first_uv = plan.uv_vertices;
            plan.uv_vertices += group.vertices;
        }
    }
    const auto vertices = static_cast<std::size_t>(plan.vertices);
    plan.position_offset = 0;
    plan.normal_offset = align(12 * vertices, 8);
    plan.feature_offset = align(plan.normal_offset + 12 * vertices, 8);
    plan.uv_offset = align(plan.feature_offset + 4 * vertices, 8);
    plan.tangent_offset = plan.uv_offset + 8 * static_cast<std::size_t>(plan.uv_vertices);
    plan.tangents = options.metre_groups.any();
    plan.colour_offset =
        plan.tangent_offset + (plan.tangents ? 16 * static_cast<std::size_t>(plan.uv_vertices) : 0);
    plan.coloured = solids.face_colour != nullptr;
    plan.bytes = plan.colour_offset + (plan.coloured ? 8 * vertices : 0);
    for (PackGroup& group : plan.groups) {
        group.index_offset = plan.bytes;
        plan.bytes = align(plan.bytes + index_size(group), 8);
    }
}

void check_frame(const PackFrame& frame) {
    const int d = frame.degree;
    const bool fits = d >= 0 && d <= max_frame_degree && frame.scale > 0.0 &&
                      frame.coefficients.size() == 6 * static_cast<std::size_t>((d + 1) * (d + 2) / 2);
    if (!fits) throw std::invalid_argument("a frame needs six coefficients for every term of its degree");
}

}  // namespace

std::array<double, 3> PackFrame::place(double x, double y, double z) const {
    const double u = (x - centre[0]) / scale, v = (y - centre[1]) / scale, h = z - centre[2];
    std::array<double, 3> sum{0.0, 0.0, 0.0};
    const double* row = coefficients.data();
    double ui = 1.0;
    for (int i = 0; i <= degree; ++i, ui *= u) {
        double term = ui;
        for (int j = 0; i + j <= degree; ++j, term *= v, row += 6) {
            for (std::size_t k = 0; k < 3; ++k) sum[k] += term * (row[k] + h * row[3 + k]);
        }
    }
    return sum;
}

bool plan_pack(const PackSolids& solids, const PackOptions& options, PackPlan& plan) {
    if (solids.buildings > max_pack_features) {
        throw std::invalid_argument("more buildings than float32 feature ids can count; write smaller tiles");
    }
    for (const std::uint8_t group : options.group_of_label) {
        if (group >= pack_groups) throw std::invalid_argument("a material group number is out of range");
    }
    if (options.frame != nullptr) check_frame(*options.frame);
    plan = PackPlan{};
    plan.block_base.resize(static_cast<std::size_t>(block_count(solids)));
    const bool done = parallel_blocks(block_count(solids), options.threads, options.cancel, [&] {
        return [&, walker = PackWalker(solids)](std::int64_t block) mutable {
            std::array<std::int64_t, 2 * pack_groups> counts{};
            const std::int64_t last = std::min(solids.buildings, (block + 1) * pack_block);
            for (std::int64_t b = block * pack_block; b < last; ++b) {
                check_building(solids, b);
                count_building(solids, options, b, walker, counts);
            }
            plan.block_base[static_cast<std::size_t>(block)] = counts;
        };
    });
    if (!done) return false;
    lay_out(prefix_sums(plan.block_base), solids, options, plan);
    return true;
}

}  // namespace geovision
