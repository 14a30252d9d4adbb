#include "geovision/pack.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

#include "geovision/parallel.hpp"
#include "texture_hanging.hpp"

namespace geovision {
namespace {

constexpr std::int64_t block_size = 256;  // buildings; fixed, so that nothing depends on the threads

std::int64_t block_count(const PackSolids& solids) {
    return (solids.buildings + block_size - 1) / block_size;
}

[[noreturn]] void refuse(std::int64_t building, const char* what) {
    throw std::invalid_argument("solids of building " + std::to_string(building) + ": " + what);
}

// Walks the faces of one building: for each, its triangles in order. Scratch is kept between buildings.
class Walker {
public:
    explicit Walker(const PackSolids& solids) : solids_(solids) {}

    // Calls visit(face, first, last): the triangles of one face are triangle(first) .. triangle(last - 1).
    template <class Visit>
    void faces(std::int64_t building, Visit visit) {
        const std::int64_t begin = solids_.triangle_offsets[building];
        const std::int64_t end = solids_.triangle_offsets[building + 1];
        order_.clear();
        base_ = begin;
        if (!std::is_sorted(solids_.triangle_face + begin, solids_.triangle_face + end)) sort(begin, end);
        const std::int64_t count = end - begin;
        for (std::int64_t first = 0; first < count;) {
            const std::int32_t face = solids_.triangle_face[triangle(first)];
            std::int64_t last = first + 1;
            while (last < count && solids_.triangle_face[triangle(last)] == face) ++last;
            visit(face, first, last);
            first = last;
        }
    }

    std::int64_t triangle(std::int64_t i) const {
        return order_.empty() ? base_ + i : order_[static_cast<std::size_t>(i)];
    }

    // The slot that `vertex` has in the current face, or -1 the first time it is met there.
    void begin_building(std::int64_t vertices) {
        if (static_cast<std::int64_t>(stamp_.size()) < vertices) {
            stamp_.resize(static_cast<std::size_t>(vertices), 0);
            slot_.resize(static_cast<std::size_t>(vertices), 0);
        }
    }
    void begin_face() { ++serial_; }
    bool is_new(std::int32_t vertex) {
        if (stamp_[static_cast<std::size_t>(vertex)] == serial_) return false;
        stamp_[static_cast<std::size_t>(vertex)] = serial_;
        return true;
    }
    std::uint32_t& slot(std::int32_t vertex) { return slot_[static_cast<std::size_t>(vertex)]; }

private:
    void sort(std::int64_t begin, std::int64_t end) {
        order_.resize(static_cast<std::size_t>(end - begin));
        for (std::int64_t i = begin; i < end; ++i) order_[static_cast<std::size_t>(i - begin)] = i;
        std::stable_sort(order_.begin(), order_.end(), [&](std::int64_t a, std::int64_t b) {
            return solids_.triangle_face[a] < solids_.triangle_face[b];
        });
    }

    const PackSolids& solids_;
    std::vector<std::int64_t> order_;  // empty where the triangles already stand face by face
    std::int64_t base_ = 0;
    std::vector<std::uint64_t> stamp_;
    std::vector<std::uint32_t> slot_;
    std::uint64_t serial_ = 0;
};

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

std::size_t group_of(const PackSolids& solids, const PackOptions& options, std::int64_t face) {
    return solids.face_group != nullptr ? solids.face_group[face]
                                        : options.group_of_label[solids.face_label[face]];
}

void count_building(const PackSolids& solids, const PackOptions& options, std::int64_t b, Walker& walker,
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

std::size_t index_size(const PackGroup& group) {
    return 3 * static_cast<std::size_t>(group.triangles) * static_cast<std::size_t>(group.index_bytes);
}

bool in_metres(const PackOptions& options, std::size_t group) { return options.metre_groups[group]; }

bool has_texture(const PackSolids& solids, const PackOptions& options, std::size_t group) {
    if (in_metres(options, group)) return true;
    if (solids.uv == nullptr || solids.face_group != nullptr) return false;
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
Normal face_normal(const PackSolids& solids, const Walker& walker, const Coordinate* vertices,
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

// Where the next vertex and triangle of a group go.
struct Cursor {
    float* position;
    float* normal;
    float* feature;
    float* uv;       // null where the group has no texture
    float* tangent;  // goes with uv where that is in metres
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
        cursor.tangent = cursor.uv == nullptr || !cursor.metres
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
                if (cursor.metres) {
                    hanging_.place(vertex, cursor.uv);
                    std::memcpy(cursor.tangent, tangent_.data(), 16);
                    cursor.tangent += 4;
                } else {
                    std::memcpy(cursor.uv, uv_ + 2 * static_cast<std::size_t>(vertex), 8);
                }
                cursor.uv += 2;
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
    Walker walker_;
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
        return [&, walker = Walker(solids)](std::int64_t block) mutable {
            std::array<std::int64_t, 2 * pack_groups> counts{};
            const std::int64_t last = std::min(solids.buildings, (block + 1) * block_size);
            for (std::int64_t b = block * block_size; b < last; ++b) {
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

bool fill_pack(const PackSolids& solids, const PackOptions& options, PackPlan& plan, std::uint8_t* out) {
    clear_padding(plan, out);
    std::vector<BlockBounds> bounds(plan.block_base.size());
    const bool done = parallel_blocks(block_count(solids), options.threads, options.cancel, [&] {
        return [&, filler = Filler(solids, options)](std::int64_t block) mutable {
            Cursors cursors = cursors_of_block(options, plan, block, out);
            const Cursors begin = cursors;
            const std::int64_t last = std::min(solids.buildings, (block + 1) * block_size);
            for (std::int64_t b = block * block_size; b < last; ++b) filler.fill(b, cursors);
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
