// Elements of facades as instances of a few small meshes: the cheap form for the web, before walls that stay
// whole.
//
// A unit mesh spans 0 to 1 in x (to the right) and z (up), and 0 to -1 in y (out of the wall); a window,
// door or railing has its true thickness in y instead. A piece is one instance: a railing has three (front
// and ends), a flight of steps one a step, everything else one.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "geovision/elements.hpp"
#include "geovision/pack.hpp"
#include "geovision/types.hpp"
#include "geovision/walls.hpp"

namespace geovision {

// geovision/formats/gltf_parts.py holds the same table.
enum class PartShape : std::uint8_t {
    box = 0,
    window = 1,
    door = 2,
    garage_door = 3,
    shopfront = 4,
    railing = 5,
    roof_window = 6,
};

// The arrays of a batch of Solids that placing reads; pointers stay the caller's. Shapes as in Solids.
struct InstanceSolids {
    double grid = 0.001;
    std::int64_t buildings = 0;
    const double* origin = nullptr;
    const std::int64_t* vertex_offsets = nullptr;
    const std::int32_t* vertices = nullptr;
    const std::int64_t* face_offsets = nullptr;
    // For elements on roofs; may be null.
    const std::int64_t* face_ring_offsets = nullptr;
    const std::int64_t* ring_offsets = nullptr;
    const std::int32_t* ring_vertices = nullptr;
};

struct InstanceOptions {
    std::array<double, 3> tile_origin{0.0, 0.0, 0.0};
    const PackFrame* frame = nullptr;  // instead of tile_origin
    int threads = 1;                   // 0 for all cores
    const std::atomic<bool>* cancel = nullptr;
};

// Pieces that share a mesh: one shape and design, a material, a colour (to an eighth of each channel) and,
// for all but boxes, a size (to 40 cm), so that frames are not stretched much.
struct InstanceGroup {
    PartShape shape = PartShape::box;
    std::int32_t design = -1;
    std::uint8_t material = 0;
    std::array<std::uint8_t, 3> colour{};  // mean of the pieces
    double width = 1.0, height = 1.0;      // metres, mean of the pieces; 1 for boxes
    std::int64_t first = 0, count = 0;
};

struct InstanceSet {
    std::vector<InstanceGroup> groups;
    Column<float> translation;          // [n, 3]
    Column<std::int16_t> rotation;      // [n, 4] unit quaternions x, y, z, w, times 32767
    Column<float> scale;                // [n, 3] on the group's own size; 1 in y for all but boxes
    Column<float> feature;              // [n] building
    std::array<float, 3> min{}, max{};  // of everything that the pieces cover
    std::int64_t dropped = 0;  // openings that reach over the edge of their wall, into another or into a
                               // neighbour, balconies and canopies that stand in those of another wall, and
                               // what belongs to them
};

// Pieces of all elements, group by group, buildings in order within each. Nothing depends on the threads.
// Rows of `walls` and `elements` must be those of `solids`; offsets must fit their arrays.
// Throws std::invalid_argument where an element names a wall, face or design that is not there.
// Returns false when cancelled.
bool place_instances(const InstanceSolids& solids, const Walls& walls, const Elements& elements,
                     const InstanceOptions& options, InstanceSet& out);

}  // namespace geovision
