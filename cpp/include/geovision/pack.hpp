// Packs solids into the vertex and index buffers of a glTF file: flat-shaded, one primitive per
// material group, float32 relative to the tile's origin or in the tile's own frame.
//
// Two passes over the buildings: plan_pack counts and lays the buffer out, fill_pack writes straight
// into it. The bytes do not depend on the number of threads.
#pragma once

#include <array>
#include <atomic>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "geovision/types.hpp"

namespace geovision {

// At most as many primitives: every label in every finish, and without one.
constexpr int pack_groups = 240;

// The arrays of a batch of Solids that packing reads; pointers stay the caller's. Shapes as in Solids.
struct PackSolids {
    double grid = 0.001;
    std::int64_t buildings = 0;
    const double* origin = nullptr;
    const std::int64_t* vertex_offsets = nullptr;
    const std::int32_t* vertices = nullptr;
    const std::int64_t* triangle_offsets = nullptr;
    const std::int32_t* triangles = nullptr;
    const std::int32_t* triangle_face = nullptr;
    const std::int64_t* face_offsets = nullptr;
    const std::uint8_t* face_label = nullptr;
    const float* uv = nullptr;  // [vertices, 2] texture coordinates of roofs; null where there is no texture
    const std::uint8_t* face_group = nullptr;    // [faces] instead of a group by label; < pack_groups
    const std::uint16_t* face_colour = nullptr;  // [faces, 3] linear factors; null where there are none
};

// A smooth map from the solids' coordinates to a tile's own frame, for tiles that lie on the globe: with
// u, v = (x, y - centre) / scale it is the sum over i + j <= degree of u^i v^j (p_ij + (z - centre z) n_ij).
// Rows of coefficients stand in the order i, then j, and hold p then n.
struct PackFrame {
    std::array<double, 3> centre{0.0, 0.0, 0.0};
    double scale = 1.0;
    int degree = 0;
    std::vector<double> coefficients;  // [(degree + 1) (degree + 2) / 2, 6]

    std::array<double, 3> place(double x, double y, double z) const;
};

constexpr int max_frame_degree = 15;

struct PackOptions {
    std::array<double, 3> tile_origin{0.0, 0.0,
                                      0.0};  // in the frame of Solids::origin; whole metres are best
    const PackFrame* frame = nullptr;        // instead of tile_origin; normals turn with it
    // Positions are rounded to multiples of this, a power of two; 0 leaves them as they are.
    double step = 0.0;
    // Material group of every label; labels with the same number share a primitive. Numbers < pack_groups.
    std::array<std::uint8_t, label_count> group_of_label{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    // Groups with texture coordinates in pieces of `texture_m`: along the wall and down from a whole number
    // of pieces above its foot; on slopes along the eave and down the slope, from the eave too.
    std::bitset<pack_groups> metre_groups;
    // Groups with the texture coordinates of PackSolids::uv, where groups are by face.
    std::bitset<pack_groups> photo_groups;
    double texture_m = 2.0;
    int threads = 1;                            // 0 for all cores
    const std::atomic<bool>* cancel = nullptr;  // polled once per block of buildings; may be null
};

// One primitive: where its arrays lie in the buffer, in bytes from the buffer's start. Vertices of
// all groups stand one after another in three shared arrays; indices count from the group's first.
struct PackGroup {
    std::int64_t first_vertex = 0;
    std::int64_t vertices = 0;
    std::int64_t triangles = 0;
    std::size_t index_offset = 0;
    std::int64_t first_uv = -1;                  // among the texture coordinates; -1 where it has none
    int index_bytes = 4;                         // 2 where every index is below 65,535, else 4
    std::array<float, 3> min{0.0f, 0.0f, 0.0f};  // exact bounds of the stored positions; set by fill_pack
    std::array<float, 3> max{0.0f, 0.0f, 0.0f};
};

struct PackPlan {
    std::array<PackGroup, pack_groups> groups;
    std::int64_t vertices = 0;
    std::int64_t triangles = 0;
    std::size_t position_offset = 0;  // [vertices, 3] float32
    std::size_t normal_offset = 0;    // [vertices, 3] float32, unit length
    std::size_t feature_offset = 0;   // [vertices] float32: index of the building in the batch
    std::int64_t uv_vertices = 0;     // of the groups with a texture
    std::size_t uv_offset = 0;        // [uv_vertices, 2] float32, group after group
    std::size_t tangent_offset =
        0;  // [uv_vertices, 4] float32, (1, 0, 0, 1) off metre_groups; no bytes without
    bool tangents = false;
    std::size_t colour_offset = 0;  // [vertices, 4] uint16, the last one 0; no bytes without colours
    bool coloured = false;
    std::size_t bytes = 0;  // of the whole buffer, a multiple of 8

    // Per block of buildings and group: vertices and triangles before that block. Made by plan_pack.
    std::vector<std::array<std::int64_t, 2 * pack_groups>> block_base;
};

// float32 holds whole numbers up to here, and the feature id is one.
constexpr std::int64_t max_pack_features = std::int64_t{1} << 24;

// Counts vertices and triangles and lays out the buffer. A vertex is shared within a polygon face and
// never between faces.
// With `uv` roofs and roofs of dormers have its texture, or photo_groups where groups are by face; with
// metre_groups those groups have one.
// The first and last offset must fit their arrays; everything between is checked.
// Throws std::invalid_argument where offsets, vertex or face indices or labels are out of range, where
// a group number is not below pack_groups, a frame has not the coefficients of its degree, or for more than
// max_pack_features buildings;
// std::length_error where a group has more vertices than 32-bit indices reach.
// Returns false when cancelled.
bool plan_pack(const PackSolids& solids, const PackOptions& options, PackPlan& plan);

// Writes plan.bytes bytes at `out` (4-byte aligned at least) and sets the groups' bounds. `plan` must
// come from plan_pack on the same solids and options. A triangle's normal is that of its whole polygon
// face, from the integer vertices or from those that the frame placed; faces without area get +z.
// Returns false when cancelled; the buffer's content is then unspecified.
bool fill_pack(const PackSolids& solids, const PackOptions& options, PackPlan& plan, std::uint8_t* out);

}  // namespace geovision
