// What is on the walls and roofs of a batch of solids: openings, and things that stand out.
//
// Made by facade rules or by a person, built by open_walls. Lengths are whole grid steps (1 mm) in the frame
// of the wall (walls.hpp). An element on a roof or chimney face names that face instead of a wall: its frame
// begins at the face's lowest corner (the first in its ring of several), s runs level, to the right as seen
// from outside and so that the face lies above s, and z runs up the face. On a level face s runs along the
// ring's first edge.
#pragma once

#include <cstdint>

#include "geovision/types.hpp"

namespace geovision {

// geovision/mesh/elements.py holds the same table. Values are stable; new ones are appended.
enum class ElementKind : std::uint8_t {
    // Openings: rectangles cut into the wall; depth is how far the pane lies behind it.
    window = 0,
    door = 1,
    garage_door = 2,
    shopfront = 3,
    // Things that stand out of the wall by depth.
    sill = 4,
    lintel = 5,
    frame = 6,    // a border round its parent, which it leaves free
    balcony = 7,  // the slab alone
    railing = 8,  // round a balcony: along the front and both ends of the rectangle, depth from the wall
    cornice = 9,  // runs round corners where it reaches them
    band = 10,    // string course, plinth or panel; runs round corners as a cornice does
    pilaster = 11,
    canopy = 12,
    steps = 13,  // rise towards the wall
    // On the roof.
    roof_window = 14,  // stands out by depth
    chimney_cap = 15,  // over the whole face; reaches depth beyond it, and z1 - z0 is its thickness
};
constexpr int element_kind_count = 16;
constexpr bool is_opening(ElementKind kind) { return kind <= ElementKind::shopfront; }

struct Elements {
    Column<std::int64_t> building_offsets;  // [B+1] elements of each building
    Column<std::int32_t> wall;              // [E] row in Walls, or -1 - face within the building
    Column<std::uint8_t> kind;              // [E] ElementKind
    Column<std::int32_t> s0, s1, z0, z1;    // [E] rectangle in the frame
    Column<std::int32_t> depth;             // [E]
    Column<std::int32_t> design;            // [E] row in the table of designs, -1 for a plain one
    Column<std::uint8_t> material;          // [E] Material: of the frame of an opening, else of all of it
    Column<std::uint8_t> colour;            // [E, 3] sRGB
    Column<std::uint8_t> provenance;        // [E]
    Column<std::int32_t> parent;            // [E] element within the building that it belongs to, -1 for none

    // Designs: a small table that elements point into.
    Column<std::int32_t> panes_across;  // [D] at least 1
    Column<std::int32_t> panes_up;      // [D] at least 1
    Column<std::int32_t> frame;         // [D] width of the frame
    Column<std::int32_t> mullion;       // [D] width of what divides panes
    Column<double> panel;               // [D] share of a door or shopfront, from below, that is not glass
    Column<std::uint8_t> glass;         // [D] 1 where panes and railings are glass, 0 where they are solid
    Column<std::uint8_t> arched;        // [D] 0: reserved

    // Paint of the buildings.
    Column<std::uint8_t> wall_material;    // [B] Material
    Column<std::uint8_t> wall_colour;      // [B, 3] sRGB
    Column<std::uint8_t> wall_provenance;  // [B]
    Column<std::uint8_t> roof_material;    // [B] Material
    Column<std::uint8_t> roof_colour;      // [B, 3] sRGB
    Column<std::uint8_t> roof_provenance;  // [B]
};

}  // namespace geovision
