// Are polygons, surfaces and solids valid? For geometry that comes as rings of vertices, whoever made it.
//
// The codes are val3dity's, which carry out ISO 19107. Vertices are whole steps of the file's own grid, so
// that rings, shells and crossings are decided exactly; planarity and snapping are tolerances. Checks go
// from rings to polygons, shells and solids, and stop at the first level that has a fault: what rests on
// something broken is not judged.
//
// Not checked: interiors of solids that inner shells cut in two (404), solids of a composite that do not
// touch (503).
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace geovision {

namespace polyhedron_code {
constexpr std::int32_t too_few_points = 101;
constexpr std::int32_t repeated_point = 102;
constexpr std::int32_t ring_crosses_itself = 104;
constexpr std::int32_t rings_cross = 201;
constexpr std::int32_t duplicated_rings = 202;
constexpr std::int32_t not_planar = 203;
constexpr std::int32_t folded = 204;
constexpr std::int32_t interior_disconnected = 205;
constexpr std::int32_t hole_outside = 206;
constexpr std::int32_t holes_nested = 207;
constexpr std::int32_t hole_orientation = 208;
constexpr std::int32_t too_few_polygons = 301;
constexpr std::int32_t not_closed = 302;
constexpr std::int32_t not_manifold = 303;
constexpr std::int32_t several_components = 305;
constexpr std::int32_t shell_crosses_itself = 306;
constexpr std::int32_t polygon_orientation = 307;
constexpr std::int32_t shells_cross = 401;
constexpr std::int32_t duplicated_shells = 402;
constexpr std::int32_t inner_shell_outside = 403;
constexpr std::int32_t shell_orientation = 405;
constexpr std::int32_t solids_overlap = 501;
constexpr std::int32_t duplicated_solids = 502;
// Ours, where there is no geometry to judge.
constexpr std::int32_t bad_index = 803;
constexpr std::int32_t too_wide = 812;
constexpr std::int32_t empty = 902;
constexpr std::int32_t unknown = 999;
}  // namespace polyhedron_code

enum class PrimitiveKind : std::uint8_t { multi_surface = 0, composite_surface = 1, solid = 2 };

// Primitives as nested ragged arrays; offsets start at 0 and do not decrease (precondition).
struct PolyhedraView {
    double grid = 0.001;  // metres a step
    std::int64_t vertex_count = 0, primitives = 0;
    const std::int64_t* vertices = nullptr;           // [V, 3] steps
    const std::int64_t* ring_vertices = nullptr;      // into vertices; any value is safe
    const std::int64_t* ring_offsets = nullptr;       // rings -> ring_vertices
    const std::int64_t* polygon_offsets = nullptr;    // polygons -> rings, the outer one first
    const std::int64_t* shell_offsets = nullptr;      // shells -> polygons; the outer one first
    const std::int64_t* primitive_offsets = nullptr;  // primitives -> shells
    const std::uint8_t* kind = nullptr;               // PrimitiveKind
    // Neighbours in the list that share a number from 0 up must not overlap; -1: not asked.
    const std::int64_t* group = nullptr;
};

struct PolyhedraOptions {
    double snap = 0.001;        // metres: points nearer than this are one point
    double planarity = 0.01;    // metres, a polygon's vertices from their best plane
    double normals_deg = 20.0;  // a piece of a polygon may be tilted against it by this much
    int threads = 1;            // 0 for all cores
    const std::atomic<bool>* cancel = nullptr;
};

struct PolyhedraFinding {
    std::int64_t primitive = 0;
    std::int32_t code = 0;
    std::int64_t polygon = -1;  // among all; -1 where the fault is no polygon's
    std::int64_t vertex = -1;   // among all: where to look; -1 for nowhere
    std::int64_t other = -1;    // the other primitive of 501 and 502
    double value = 0.0;         // metres for 203, degrees for 204, else how many of its kind
};

struct PolyhedraResult {
    std::vector<PolyhedraFinding> findings;  // in the order of the primitives
    std::vector<double> normals;             // [polygons, 3] area vector in square metres, by Newell
    std::vector<double> volume;              // [primitives] cubic metres; 0 for what is no sound solid
    std::vector<double> deviation;           // [primitives] metres, largest distance from a polygon's plane
    bool cancelled = false;                  // the arrays are then not complete
};

// One finding for each code of a polygon, and for each code of a shell. The result does not depend on the
// threads.
PolyhedraResult check_polyhedra(const PolyhedraView& view, const PolyhedraOptions& options);

}  // namespace geovision
