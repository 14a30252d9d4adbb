// How far points are from the faces of a solid: the misfit by which programs of any kind are compared.
//
// Distances are in three dimensions and to any face, walls and steps included, so that the place of a step
// has a gradient as well as the height of a roof. They stop growing at `cap`, as an outlier is an outlier.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "geovision/types.hpp"

namespace geovision {

// Triangles of a batch of solids; pointers stay the caller's. World = origin + grid * vertex.
struct TriangleBatch {
    std::int64_t buildings = 0;
    double grid = 0.001;
    const double* origin = nullptr;                  // [B, 3]
    const std::int64_t* vertex_offsets = nullptr;    // [B+1]
    const std::int32_t* vertices = nullptr;          // [N, 3]
    const std::int64_t* triangle_offsets = nullptr;  // [B+1]
    const std::int32_t* triangles = nullptr;         // [T, 3] vertices of their own building
};

// `points` are [M, 3] in frames whose origins are [P, 3], cut by `point_offsets` [P+1] into P sets; solid b
// is compared with set `which[b]`. Writes one distance per point and solid, solid after solid; `out_offsets`
// [B+1] says where. A solid without triangles is `cap` away. False when cancelled.
bool point_distances(const TriangleBatch& solids, const double* points, const std::int64_t* point_offsets,
                     const double* point_origin, const std::int64_t* which, const std::int64_t* out_offsets,
                     double cap, int threads, const std::atomic<bool>& cancel, float* out);

}  // namespace geovision
