// The arrays that cross the kernel's borders: programs in, solids out.
//
// Ragged data are flat arrays with int64 offsets (CSR, as Arrow's large_list). Nothing here owns
// memory that the caller passed in; outputs own theirs in Column, a vector.
#pragma once

#include <cstdint>

#include "geovision/column.hpp"

namespace geovision {

// Why a building has no solid, or which rule shaped the one it has. Closed: bindings map every
// value to a message with a remedy. Values are stable; new ones are appended.
enum class Status : std::uint8_t {
    ok = 0,
    // No solid is returned for these.
    too_few_points = 1,    // a ring has fewer than 3 distinct vertices on the grid
    self_crossing = 2,     // a ring crosses or overlaps itself or another ring
    hole_outside = 3,      // a hole is not inside its shell
    not_finite = 4,        // a coordinate or a parameter is NaN or infinite
    zero_area = 5,         // a part has no area on the grid
    too_large = 6,         // a footprint is wider than the grid can hold (1,000 km at 1 mm)
    bad_parameter = 7,     // a roof or superstructure parameter is out of its range
    not_a_quad = 8,        // the kind needs a part with four corners
    not_star_shaped = 9,   // the kind needs a point that sees the whole part
    skeleton_failed = 10,  // no straight skeleton; today a roof becomes a block instead (roof_simplified)
    empty = 11,            // nothing is left above the ground
    not_converged = 12,    // snap rounding hit its iteration limit
    not_manifold = 13,     // two pieces touch in a way that no rule could separate
    cancelled = 14,        // the caller asked to stop
    unknown_kind = 15,     // a roof or superstructure code that this kernel does not know
};

// Bits that say which rules were applied; a building with any of them is still a valid solid.
namespace flag {
constexpr std::uint32_t merged_edges = 1u << 0;       // vertices closer than the minimum edge were merged
constexpr std::uint32_t merged_heights = 1u << 1;     // steps lower than the minimum edge were levelled
constexpr std::uint32_t separated = 1u << 2;          // touching corners were pulled apart
constexpr std::uint32_t several_solids = 1u << 3;     // the building came out as several solids
constexpr std::uint32_t gable_left_hipped = 1u << 4;  // an end face could not be made vertical
constexpr std::uint32_t roof_simplified = 1u << 5;    // the roof was replaced by a simpler one
constexpr std::uint32_t super_dropped = 1u << 6;      // a superstructure lay outside its part
constexpr std::uint32_t overhang_dropped = 1u << 7;   // an overhang could not be built
constexpr std::uint32_t cells_removed = 1u << 8;      // cells with no height were removed
}  // namespace flag

// What a face is. Stored per triangle and per polygon.
enum class Label : std::uint8_t {
    roof = 0,
    wall = 1,       // outer wall
    step_wall = 2,  // wall between two heights inside the footprint
    ground = 3,
    underside = 4,  // outer ceiling: under an overhang or a raised part
    dormer_roof = 5,
    dormer_wall = 6,
    chimney = 7,  // chimneys and boxes on the roof, all faces
    parapet = 8,
    window = 9,         // pane of a window, a glass front or a roof window
    door = 10,          // leaf of a door or a gate
    installation = 11,  // what stands out of a wall or a roof: sills, balconies, cornices, steps
    frame = 12,         // frames and mullions, and the sides of openings
};
constexpr int label_count = 13;

enum class Provenance : std::uint8_t { observed = 0, inferred = 1, given = 2 };

// Codes of the OSM roof:shape names; geovision/model/kinds.py holds the same table.
enum class RoofKind : std::uint8_t {
    flat = 0,
    skillion = 1,
    gabled = 2,
    half_hipped = 3,
    hipped = 4,
    pyramidal = 5,
    mansard = 6,
    gambrel = 7,
    saltbox = 8,
    butterfly = 9,
    sawtooth = 10,
    cross_gabled = 11,
    side_hipped = 12,
    round = 13,
    dome = 14,
    cone = 15,
    onion = 16,
    planar = 17,
};
constexpr int roof_kind_count = 18;

enum class SuperKind : std::uint8_t {
    dormer_gable = 0,
    dormer_shed = 1,
    dormer_flat = 2,
    chimney = 3,
    box = 4,
    parapet = 5,
};
constexpr int super_kind_count = 6;

// Slots of a part's roof parameters; NaN means "not given". Heights are metres above the building's
// ground_z, angles are degrees, azimuths are compass directions (0 north, 90 east) that the first
// slope faces, downhill.
enum RoofSlot : int {
    slot_ridge = 0,      // ridge, apex, crown (butterfly: valley) height
    slot_azimuth = 1,    // direction the first slope faces
    slot_offset = 2,     // place of the ridge across the width, 0..1 from the first eave
    slot_break = 3,      // break height (mansard, gambrel), hip start height (half-hipped)
    slot_inset = 4,      // plan distance: break inset, hip setback, onion bulge
    slot_rear_eave = 5,  // eave height on the far side (saltbox)
    slot_count = 6,      // teeth (sawtooth); which end is hipped, 0 or 1 (side_hipped)
    slot_pitch = 7,      // pitch of every slope (hipped)
};
constexpr int roof_slots = 8;

enum SuperSlot : int {
    super_x = 0,        // plan position in the same frame as the footprint: middle of a dormer's
    super_y = 1,        // front, centre of a chimney or box
    super_azimuth = 2,  // direction the front faces
    super_width = 3,    // along the front; thickness for a parapet
    super_depth = 4,    // from front to back
    super_eave = 5,     // dormer eave height
    super_top = 6,      // ridge, back or top height
};
constexpr int super_slots = 7;

// A batch of programs. Pointers stay the caller's. Coordinates are float64 in any metric frame.
struct Programs {
    std::int64_t buildings = 0;
    const double* ground_z = nullptr;              // [B]
    const std::int64_t* part_offsets = nullptr;    // [B+1]
    const std::uint8_t* roof_kind = nullptr;       // [P]
    const double* eave = nullptr;                  // [P] above ground_z
    const double* base = nullptr;                  // [P] bottom above ground_z, 0 on the ground
    const double* overhang = nullptr;              // [P] metres, 0 for none
    const double* roof_shift = nullptr;            // [P, 2] metres east and north that the roof lies off its
                                                   // outline. May be null
    const double* roof_params = nullptr;           // [P, roof_slots]
    const std::int64_t* ring_offsets = nullptr;    // [P+1] shell first, then holes
    const std::int64_t* vertex_offsets = nullptr;  // [R+1] open rings, any orientation
    const double* xy = nullptr;                    // [V, 2]
    const double* edge_pitch = nullptr;            // [V] degrees, NaN = the part's; 90 = gable. May be null
    const std::int64_t* face_offsets = nullptr;    // [P+1] faces of planar parts. May be null
    const std::int64_t* face_ring_offsets = nullptr;    // [F+1]
    const std::int64_t* face_vertex_offsets = nullptr;  // [FR+1]
    const double* face_xy = nullptr;                    // [FV, 2]
    const double* face_plane = nullptr;                 // [F, 3] slope in x, slope in y, height above
                                                        // ground_z at the face's first vertex
    const std::int64_t* super_offsets = nullptr;        // [B+1]
    const std::uint8_t* super_kind = nullptr;           // [S]
    const std::int32_t* super_part = nullptr;           // [S] index of the part within the building
    const double* super_params = nullptr;               // [S, super_slots]
};

// Closed, oriented solids of a batch. Vertices are whole grid steps (1 mm unless the options say
// otherwise) from the building's origin, so they are exact; world = origin + grid * vertex.
// Triangles and polygon rings index the vertices of their own building, counter-clockwise from outside.
struct Solids {
    double grid = 0.001;
    Column<double> origin;                  // [B, 3] whole metres
    Column<std::int64_t> vertex_offsets;    // [B+1]
    Column<std::int32_t> vertices;          // [N, 3]
    Column<std::int64_t> triangle_offsets;  // [B+1]
    Column<std::int32_t> triangles;         // [T, 3]
    Column<std::int32_t> triangle_face;     // [T] polygon face within the building
    Column<std::int64_t> face_offsets;      // [B+1]
    Column<std::uint8_t> face_label;        // [F]
    Column<std::int32_t> face_part;         // [F] part within the building, -1 where parts share it (ground);
                                            // a superstructure's faces carry the part it stands on
    Column<std::int32_t>
        face_surface;  // [F] one id per surface within the building: facets of a curved roof share one
    Column<std::uint8_t> face_provenance;    // [F]
    Column<std::int32_t> face_solid;         // [F] connected solid within the building
    Column<std::int64_t> face_ring_offsets;  // [F+1] outer ring first, then holes
    Column<std::int64_t> ring_offsets;       // [FR+1] into ring_vertices
    Column<std::int32_t> ring_vertices;      // [..] vertex within the building
    Column<std::uint8_t> status;             // [B]
    Column<std::uint32_t> flags;             // [B]
    // Of dressed solids only (facades.hpp); empty otherwise.
    Column<std::int32_t> face_element;   // [F] element within the building, -1 for none
    Column<std::uint8_t> face_material;  // [F] Material
    Column<std::uint8_t> face_colour;    // [F, 3] sRGB
};

}  // namespace geovision
