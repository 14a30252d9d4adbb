// Is a solid what the kernel promised? An exact checker over the integer solids.
//
// It shares no code with what builds the solids. Every decision is taken in integers (64 and 128 bit),
// so that "closed", "degenerate" and "crosses itself" mean exactly that; only planarity, which is a
// tolerance, is measured in doubles.
//
// Not checked: whether a solid resembles the program it came from. That is the tests' business.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "geovision/types.hpp"

namespace geovision {

// What can be wrong with a building's solids. Bits of a mask; closed and stable, new ones are appended.
// geovision/mesh/check.py holds the same table with a sentence for each.
namespace fault {
constexpr std::uint32_t bad_offsets = 1u << 0;          // an offset runs backwards or past its array
constexpr std::uint32_t bad_index = 1u << 1;            // a triangle, face or ring points at nothing
constexpr std::uint32_t degenerate_triangle = 1u << 2;  // a triangle has no area at all
constexpr std::uint32_t open_edge = 1u << 3;            // a directed edge has no opposite
constexpr std::uint32_t repeated_edge = 1u << 4;        // a directed edge is used more than once
constexpr std::uint32_t short_edge = 1u << 5;           // an edge is shorter than the minimum
constexpr std::uint32_t pinched_vertex = 1u << 6;       // a vertex has more than one fan of triangles
constexpr std::uint32_t coincident_vertices = 1u << 7;  // two vertices of one solid lie at one place
constexpr std::uint32_t unused_vertex = 1u << 8;        // a vertex belongs to no triangle
constexpr std::uint32_t not_positive = 1u << 9;         // a solid's volume is not above zero
constexpr std::uint32_t mixed_solid = 1u << 10;         // triangles of two solids share a vertex
constexpr std::uint32_t ring_mismatch = 1u << 11;       // a face's rings are not the border of its triangles
constexpr std::uint32_t folded_face = 1u << 12;         // a face's triangles overlap each other
constexpr std::uint32_t not_planar = 1u << 13;          // a face leaves its plane by more than the tolerance
constexpr std::uint32_t self_intersection = 1u << 14;   // two triangles meet where they share nothing
constexpr std::uint32_t solid_without_ok = 1u << 15;    // a refused building carries geometry, or an
                                                        // accepted one carries none
constexpr std::uint32_t solids_cross = 1u << 16;        // two solids of one building pierce each other
}  // namespace fault
constexpr int fault_count = 17;

// The arrays of a batch of Solids, whoever owns them. Same shapes and meaning as struct Solids.
struct SolidsView {
    double grid = 0.001;
    std::int64_t buildings = 0;
    std::int64_t vertex_count = 0, triangle_count = 0, face_count = 0, ring_count = 0, ring_vertex_count = 0;
    const std::int64_t* vertex_offsets = nullptr;
    const std::int32_t* vertices = nullptr;
    const std::int64_t* triangle_offsets = nullptr;
    const std::int32_t* triangles = nullptr;
    const std::int32_t* triangle_face = nullptr;
    const std::int64_t* face_offsets = nullptr;
    const std::int32_t* face_solid = nullptr;
    const std::int64_t* face_ring_offsets = nullptr;  // null: polygons were not asked for
    const std::int64_t* ring_offsets = nullptr;
    const std::int32_t* ring_vertices = nullptr;
    const std::uint8_t* status = nullptr;
};

SolidsView view_of(const Solids& solids);

struct CheckOptions {
    double min_edge = 0.01;    // metres
    double planarity = 0.002;  // metres, a face's vertices from their best plane
    bool self_intersection = false;
    int threads = 1;  // 0 for all cores
    const std::atomic<bool>* cancel = nullptr;
};

struct CheckResult {
    std::vector<std::uint32_t> faults;  // [B] mask of fault bits, 0 for a sound building
    std::vector<std::int64_t> element;  // [B] where the lowest fault bit was first met: a triangle for the
                                        // triangle and edge faults, a vertex, a face or a solid for theirs,
                                        // within the building; -1 for none
    std::vector<double> volume;         // [B] cubic metres, exact before the one rounding to double
    std::vector<double> deviation;      // [B] metres, largest distance of a vertex from its face's plane
    bool cancelled = false;             // the arrays are then not complete
};

// Checks every building. Any input is safe: whatever is wrong with the offsets or indices is a fault and
// not a crash, as long as the view's counts are the true lengths of its arrays.
CheckResult check_solids(const SolidsView& solids, const CheckOptions& options);

// One corner of a triangle on the grid.
struct GridPoint {
    std::int32_t x, y, z;
};

// True where two triangles meet in anything but the corners or the edge that they share (by position).
// Exact for any int32 coordinates. Degenerate triangles never meet anything.
bool triangles_cross(const GridPoint (&a)[3], const GridPoint (&b)[3]);

// True where an edge of one triangle goes through the inside of the other, from one side to the other.
// Touching is not piercing, nor is going exactly through an edge: two solids that enter each other pierce
// somewhere else as well, unless they are placed symmetrically. Exact.
bool triangles_pierce(const GridPoint (&a)[3], const GridPoint (&b)[3]);

}  // namespace geovision
