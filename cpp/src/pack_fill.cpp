// Writes what was planned: positions, normals, textures and indices of every building.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "geovision/pack.hpp"
#include "geovision/parallel.hpp"
#include "pack_walker.hpp"
#include "texture_hanging.hpp"

namespace geovision {
namespace {

// The gaps between arrays, at most 7 bytes each: without this they would hold whatever memory held.
void clear_padding(const PackPlan& plan, std::uint8_t* out) {
    const auto vertices = static_cast<std::size_t>(plan.vertices);
    const auto clear = [&](std::size_t begin, std::size_t end) {
        std::fill(out + begin, out + end, std::uint8_t{0});
    };
    clear(plan.position_offset + 12 * vertices, plan.normal_offset);
    clear(plan.normal_offset + 12 * vertices, plan.feature_offset);
    clear(plan.feature_offset + 4 * vertices, plan.uv_offset);
    for (std::size_t g = 0; g < pack_groups; ++g) {
        const std::size_t end = g + 1 < pack_groups ? plan.groups[g + 1].index_offset : plan.bytes;
        clear(plan.groups[g].index_offset + index_size(plan.groups[g]), end);
    }
}

struct Normal {
    float x, y, z;
};

// Sum of the triangles' area vectors: the Newell normal of the polygon they fill. Differences of
// int32 are exact in double, so nothing is lost far from the building's origin.
template <class Coordinate>
Normal face_normal(const PackSolids& solids, const PackWalker& walker, const Coordinate* vertices,
                   std::int64_t first, std::int64_t last) {
    double nx = 0.0, ny = 0.0, nz = 0.0;
    for (std::int64_t i = first; i < last; ++i) {
        const std::int32_t* corner = solids.triangles + 3 * walker.triangle(i);
        const Coordinate* a = vertices + 3 * static_cast<std::int64_t>(corner[0]);
        const Coordinate* b = vertices + 3 * static_cast<std::int64_t>(corner[1]);
        const Coordinate* c = vertices + 3 * static_cast<std::int64_t>(corner[2]);
        const double ux = double(b[0]) - a[0], uy = double(b[1]) - a[1], uz = double(b[2]) - a[2];
        const double vx = double(c[0]) - a[0], vy = double(c[1]) - a[1], vz = double(c[2]) - a[2];
        nx += uy * vz - uz * vy;
        ny += uz * vx - ux * vz;
        nz += ux * vy - uy * vx;
    }
    const double length = std::sqrt(nx * nx + ny * ny + nz * nz);
    if (!(length > 0.0)) return {0.0f, 0.0f, 1.0f};
    return {static_cast<float>(nx / length), static_cast<float>(ny / length),
            static_cast<float>(nz / length)};
}

constexpr std::array<float, 4> no_tangent{1.0f, 0.0f, 0.0f, 1.0f};

// Where the next vertex and triangle of a group go.
struct Cursor {
    float* position;
    float* normal;
    float* feature;
    float* uv;       // null where the group has no texture
    float* tangent;  // goes with uv where some of those are in metres
    bool metres;
    std::uint16_t* colour;  // null where there are none
    std::uint8_t* index;
    std::uint32_t next;  // index of the next vertex within the group
    bool wide;
};

using Cursors = std::array<Cursor, pack_groups>;

Cursors cursors_of_block(const PackOptions& options, const PackPlan& plan, std::int64_t block,
                         std::uint8_t* out) {
    Cursors cursors{};
    const auto& base = plan.block_base[static_cast<std::size_t>(block)];
    for (std::size_t g = 0; g < pack_groups; ++g) {
        const PackGroup& group = plan.groups[g];
        const auto vertex = static_cast<std::size_t>(group.first_vertex + base[2 * g]);
        const auto triangle = static_cast<std::size_t>(base[2 * g + 1]);
        Cursor& cursor = cursors[g];
        cursor.position = reinterpret_cast<float*>(out + plan.position_offset) + 3 * vertex;
        cursor.normal = reinterpret_cast<float*>(out + plan.normal_offset) + 3 * vertex;
        cursor.feature = reinterpret_cast<float*>(out + plan.feature_offset) + vertex;
        cursor.uv = group.first_uv < 0 ? nullptr
                                       : reinterpret_cast<float*>(out + plan.uv_offset) +
                                             2 * static_cast<std::size_t>(group.first_uv + base[2 * g]);
        cursor.metres = in_metres(options, g);
        cursor.tangent = cursor.uv == nullptr || !plan.tangents
                             ? nullptr
                             : reinterpret_cast<float*>(out + plan.tangent_offset) +
                                   4 * static_cast<std::size_t>(group.first_uv + base[2 * g]);
        cursor.colour =
            plan.coloured ? reinterpret_cast<std::uint16_t*>(out + plan.colour_offset) + 4 * vertex : nullptr;
        cursor.index = out + group.index_offset + 3 * triangle * static_cast<std::size_t>(group.index_bytes);
        cursor.next = static_cast<std::uint32_t>(base[2 * g]);
        cursor.wide = group.index_bytes == 4;
    }
    return cursors;
}

void put_index(Cursor& cursor, std::uint32_t index) {
    if (cursor.wide) {
        std::memcpy(cursor.index, &index, 4);
        cursor.index += 4;
    } else {
        const auto narrow = static_cast<std::uint16_t>(index);
        std::memcpy(cursor.index, &narrow, 2);
        cursor.index += 2;
    }
}

class Filler {
public:
    Filler(const PackSolids& solids, const PackOptions& options)
        : solids_(solids), options_(options), walker_(solids) {}

    void fill(std::int64_t b, Cursors& cursors) {
        const std::int64_t begin = solids_.vertex_offsets[b];
        const std::int64_t count = solids_.vertex_offsets[b + 1] - begin;
        const std::int32_t* vertices = solids_.vertices + 3 * begin;
        walker_.begin_building(count);
        place(b, vertices, count);
        uv_ = solids_.uv == nullptr ? nullptr : solids_.uv + 2 * begin;
        if (options_.metre_groups.any()) hanging_.begin_building(solids_, b, options_.texture_m);
        const std::int64_t faces = solids_.face_offsets[b];
        const auto feature = static_cast<float>(b);
        walker_.faces(b, [&](std::int32_t face, std::int64_t first, std::int64_t last) {
            Cursor& cursor = cursors[group_of(solids_, options_, faces + face)];
            const Normal normal = options_.frame == nullptr
                                      ? face_normal(solids_, walker_, vertices, first, last)
                                      : face_normal(solids_, walker_, placed_.data(), first, last);
            if (cursor.metres) {
                hang(vertices, first, last);
                tangent_ = options_.frame == nullptr ? tangent(vertices, normal, first, last)
                                                     : tangent(placed_.data(), normal, first, last);
            }
            colour_ = cursor.colour == nullptr ? nullptr : solids_.face_colour + 3 * (faces + face);
            walker_.begin_face();
            for (std::int64_t i = first; i < last; ++i) {
                const std::int32_t* corner = solids_.triangles + 3 * walker_.triangle(i);
                for (int k = 0; k < 3; ++k) put_corner(cursor, corner[k], normal, feature);
            }
        });
    }

private:
    // Tile-relative float32 positions of the building's vertices, each rounded once.
    void place(std::int64_t b, const std::int32_t* vertices, std::int64_t count) {
        const auto size = static_cast<std::size_t>(3 * count);
        if (xyz_.size() < size) xyz_.resize(size);
        if (options_.frame != nullptr) {
            place_in_frame(b, vertices, count);
        } else {
            const double* origin = solids_.origin + 3 * b;
            const double shift[3] = {origin[0] - options_.tile_origin[0], origin[1] - options_.tile_origin[1],
                                     origin[2] - options_.tile_origin[2]};
            for (std::size_t i = 0; i < size; ++i)
                xyz_[i] = static_cast<float>(shift[i % 3] + solids_.grid * vertices[i]);
        }
        if (options_.step > 0.0) {
            const auto step = static_cast<float>(options_.step);
            for (std::size_t i = 0; i < size; ++i) xyz_[i] = std::nearbyint(xyz_[i] / step) * step;
        }
    }

    void place_in_frame(std::int64_t b, const std::int32_t* vertices, std::int64_t count) {
        const auto size = static_cast<std::size_t>(3 * count);
        if (placed_.size() < size) placed_.resize(size);
        const double* origin = solids_.origin + 3 * b;
        for (std::size_t i = 0; i < size; i += 3) {
            const auto at = options_.frame->place(origin[0] + solids_.grid * vertices[i],
                                                  origin[1] + solids_.grid * vertices[i + 1],
                                                  origin[2] + solids_.grid * vertices[i + 2]);
            for (std::size_t k = 0; k < 3; ++k) {
                placed_[i + k] = at[k];
                xyz_[i + k] = static_cast<float>(at[k]);
            }
        }
    }

    // Textures lie as the solids do, whatever frame they are placed in.
    void hang(const std::int32_t* vertices, std::int64_t first, std::int64_t last) {
        const Normal n = face_normal(solids_, walker_, vertices, first, last);
        hanging_.begin_face({n.x, n.y, n.z});
        for (std::int64_t i = first; i < last; ++i) {
            const std::int32_t* corner = solids_.triangles + 3 * walker_.triangle(i);
            for (int k = 0; k < 3; ++k) hanging_.reach(corner[k]);
        }
        hanging_.end_face();
    }

    // Where u grows, as the face lies after it was placed: from its largest triangle.
    template <class Coordinate>
    std::array<float, 4> tangent(const Coordinate* vertices, const Normal& n, std::int64_t first,
                                 std::int64_t last) const {
        double best = 0.0, sum[3] = {0.0, 0.0, 0.0};
        for (std::int64_t i = first; i < last; ++i) {
            const std::int32_t* corner = solids_.triangles + 3 * walker_.triangle(i);
            std::array<std::array<float, 2>, 3> uv{};
            for (std::size_t k = 0; k < 3; ++k) hanging_.place(corner[k], uv[k].data());
            const double u1 = double(uv[1][0]) - uv[0][0], v1 = double(uv[1][1]) - uv[0][1];
            const double u2 = double(uv[2][0]) - uv[0][0], v2 = double(uv[2][1]) - uv[0][1];
            const double turn = u1 * v2 - u2 * v1;
            if (std::fabs(turn) <= best) continue;
            best = std::fabs(turn);
            for (int k = 0; k < 3; ++k) {
                const double a = vertices[3 * static_cast<std::int64_t>(corner[0]) + k];
                const double p = vertices[3 * static_cast<std::int64_t>(corner[1]) + k] - a;
                const double q = vertices[3 * static_cast<std::int64_t>(corner[2]) + k] - a;
                sum[k] = (p * v2 - q * v1) / turn;
            }
        }
        const double out = sum[0] * n.x + sum[1] * n.y + sum[2] * n.z;
        const double t[3] = {sum[0] - out * n.x, sum[1] - out * n.y, sum[2] - out * n.z};
        const double length = std::sqrt(t[0] * t[0] + t[1] * t[1] + t[2] * t[2]);
        // A face without area: anything across the normal will do.
        if (!(length > 0.0)) {
            if (std::fabs(n.z) > 0.9f) return {1.0f, 0.0f, 0.0f, 1.0f};
            const float flat = std::sqrt(n.x * n.x + n.y * n.y);
            return {-n.y / flat, n.x / flat, 0.0f, 1.0f};
        }
        return {static_cast<float>(t[0] / length), static_cast<float>(t[1] / length),
                static_cast<float>(t[2] / length), 1.0f};
    }

    void put_corner(Cursor& cursor, std::int32_t vertex, const Normal& normal, float feature) {
        if (walker_.is_new(vertex)) {
            std::memcpy(cursor.position, xyz_.data() + 3 * static_cast<std::size_t>(vertex), 12);
            std::memcpy(cursor.normal, &normal, 12);
            *cursor.feature = feature;
            if (cursor.uv != nullptr) {
                if (cursor.metres)
                    hanging_.place(vertex, cursor.uv);
                else
                    std::memcpy(cursor.uv, uv_ + 2 * static_cast<std::size_t>(vertex), 8);
                cursor.uv += 2;
                if (cursor.tangent != nullptr) {
                    std::memcpy(cursor.tangent, cursor.metres ? tangent_.data() : no_tangent.data(), 16);
                    cursor.tangent += 4;
                }
            }
            if (cursor.colour != nullptr) {
                std::memcpy(cursor.colour, colour_, 6);
                cursor.colour[3] = 0;
                cursor.colour += 4;
            }
            cursor.position += 3;
            cursor.normal += 3;
            ++cursor.feature;
            walker_.slot(vertex) = cursor.next++;
        }
        put_index(cursor, walker_.slot(vertex));
    }

    const PackSolids& solids_;
    const PackOptions& options_;
    PackWalker walker_;
    std::vector<float> xyz_;
    const float* uv_ = nullptr;  // of the building's vertices
    TextureHanging hanging_;
    std::array<float, 4> tangent_{};
    const std::uint16_t* colour_ = nullptr;  // of the face
    std::vector<double> placed_;             // in the tile's frame, before they were rounded
};

struct Bounds {
    std::array<float, 3> min, max;
};

// Bounds of [first, last) vertices of stored positions, joined into `bounds`.
void join_bounds(const float* first, const float* last, Bounds& bounds) {
    for (const float* p = first; p < last; p += 3) {
        for (std::size_t k = 0; k < 3; ++k) {
            bounds.min[k] = std::min(bounds.min[k], p[k]);
            bounds.max[k] = std::max(bounds.max[k], p[k]);
        }
    }
}

using BlockBounds = std::array<Bounds, pack_groups>;

Bounds nothing() {
    constexpr float inf = std::numeric_limits<float>::infinity();
    return {{inf, inf, inf}, {-inf, -inf, -inf}};
}

void set_bounds(const std::vector<BlockBounds>& blocks, PackPlan& plan) {
    for (std::size_t g = 0; g < pack_groups; ++g) {
        if (plan.groups[g].vertices == 0) continue;
        Bounds all = nothing();
        for (const BlockBounds& block : blocks) {
            // Ends apart: a block without this group holds "nothing", whose ends are no points.
            for (std::size_t k = 0; k < 3; ++k) {
                all.min[k] = std::min(all.min[k], block[g].min[k]);
                all.max[k] = std::max(all.max[k], block[g].max[k]);
            }
        }
        plan.groups[g].min = all.min;
        plan.groups[g].max = all.max;
    }
}

}  // namespace

bool fill_pack(const PackSolids& solids, const PackOptions& options, PackPlan& plan, std::uint8_t* out) {
    clear_padding(plan, out);
    std::vector<BlockBounds> bounds(plan.block_base.size());
    const bool done = parallel_blocks(block_count(solids), options.threads, options.cancel, [&] {
        return [&, filler = Filler(solids, options)](std::int64_t block) mutable {
            Cursors cursors = cursors_of_block(options, plan, block, out);
            const Cursors begin = cursors;
            const std::int64_t last = std::min(solids.buildings, (block + 1) * pack_block);
            for (std::int64_t b = block * pack_block; b < last; ++b) filler.fill(b, cursors);
            BlockBounds& mine = bounds[static_cast<std::size_t>(block)];
            for (std::size_t g = 0; g < pack_groups; ++g) {
                mine[g] = nothing();
                join_bounds(begin[g].position, cursors[g].position, mine[g]);
            }
        };
    });
    if (!done) return false;
    set_bounds(bounds, plan);
    return true;
}

}  // namespace geovision
