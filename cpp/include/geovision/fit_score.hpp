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

// Points in sets, as above, and what they scatter: standard deviations of each point and, at least, of each
// set. Pointers stay the caller's.
struct ScoredPoints {
    const double* xyz = nullptr;            // [M, 3]
    const double* sigma = nullptr;          // [M] metres
    const std::int64_t* offsets = nullptr;  // [P+1]
    const double* origin = nullptr;         // [P, 3]
    const double* set_sigma = nullptr;      // [P] metres
};

// What the distances of a set of points from a solid come to; all 0 where there are none.
struct SolidScore {
    double nats = 0;  // half the squares in standard deviations, none above `outlier_nats`
    double within_0p1 = 0, within_0p2 = 0;  // shares
    double rms = 0, median = 0;             // metres
};

// One score a solid, from the distances of `point_distances`. False when cancelled.
bool score_solids(const TriangleBatch& solids, const ScoredPoints& points, const std::int64_t* which,
                  double cap, double outlier_nats, int threads, const std::atomic<bool>& cancel,
                  SolidScore* out);

}  // namespace geovision
