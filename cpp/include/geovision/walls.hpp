// The outer walls of a batch of solids, each in a frame of its own: what facade rules look at.
//
// A wall is one or several upright faces of one part that lie in one plane and meet along upright edges: the
// two halves of a gable are one wall. Lengths are whole grid steps (1 mm) in the wall's frame: s runs to the
// right as seen from outside, z up, and the origin is the wall's lower left corner, the lowest height of the
// wall over the left end of its line. Walls stand building after building, in the order of their first faces.
#pragma once

#include <atomic>
#include <cstdint>

#include "geovision/types.hpp"

namespace geovision {

// Which way a wall looks. Its own building and the streets and neighbours near it decide, nothing else.
enum class Side : std::uint8_t {
    front = 0,  // to the street, or the likeliest to do so
    back = 1,
    left = 2,  // as seen from the street
    right = 3,
    court = 4,  // round a hole of the outline
};

struct Walls {
    Column<std::int64_t> building_offsets;  // [B+1] walls of each building
    Column<std::int32_t> building;          // [W]
    Column<std::int32_t> face;              // [W] the first of its faces, within the building
    Column<std::int64_t> member_offsets;    // [W+1]
    Column<std::int32_t> members;           // [..] its faces within the building, from left to right
    Column<std::int32_t> part;              // [W]
    Column<std::uint8_t> label;             // [W] Label: wall, step_wall or dormer_wall
    Column<std::int32_t> corner;            // [W, 3] origin of the frame, in grid steps from the building's
    Column<double> direction;               // [W, 2] unit vector along s; (dy, -dx) points outward
    Column<std::int32_t> length;            // [W]
    Column<std::int32_t> height;            // [W] of the wall's box: its highest point above z = 0
    Column<std::int64_t> ring_offsets;      // [W+1] outer ring first, then holes
    Column<std::int64_t> vertex_offsets;    // [R+1]
    Column<std::int32_t> sz;                // [V, 2] counter-clockwise as seen from outside
    Column<std::int32_t> ground;            // [W, 2] terrain above z = 0 at s = 0 and at s = length
    Column<std::uint8_t> side;              // [W] Side
    Column<std::int32_t> street;            // [W] distance to the nearest street, -1 where none is known
    Column<std::int32_t> level;             // [W] eave of its part above the building's ground
    Column<std::int64_t> blocked_offsets;   // [W+1]
    Column<std::int32_t> blocked;  // [K, 3] s0, s1, z_top: a neighbour stands within 1 m, up to z_top
};

// What stands round a batch. Pointers stay the caller's; coordinates are metres in the frame of
// Solids::origin. All of it may be left out.
struct Surroundings {
    std::int64_t neighbours = 0;                      // outlines that are not in the batch
    const std::int64_t* neighbour_offsets = nullptr;  // [N+1] closed rings, any orientation; or a wall each
    const double* neighbour_xy = nullptr;             // [.., 2]
    const double* neighbour_top = nullptr;            // [N] height of the top
    std::int64_t streets = 0;                         // centre lines, or borders of street areas
    const std::int64_t* street_offsets = nullptr;     // [S+1] open lines
    const double* street_xy = nullptr;                // [.., 2]
};

struct WallOptions {
    double near = 1.0;            // metres: a neighbour within this blocks a wall
    double reach = 20.0;          // metres that a wall looks out for neighbours, to tell how open it is
    double street_reach = 100.0;  // metres; streets beyond this are not seen
    int threads = 0;
};

// Walls of every building with a solid; `solids` must have polygons. Walls at most 0.5 m high at both ends
// are edges of roofs and left out. A wall's row depends on its own building and on what is within the
// reaches; `ground` and `level` are left at zero, for the caller to fill. A front faces the nearest street
// that lies on its outer side; without streets it is the outer wall on the ground with the longest
// unblocked part, one that looks into the open counting up to twice, and one beside party walls, with none
// along it, twice.
// Throws std::invalid_argument where solids have no polygons. Returns no buildings when cancelled.
Walls find_walls(const Solids& solids, const Surroundings& around, const WallOptions& options,
                 const std::atomic<bool>& cancel);

}  // namespace geovision
