// Walls with openings and what stands out of them: solids at LoD 3.
//
// From solids (lod 2.2 or 2.3, with polygons), their walls and the elements on them. The result has the same
// promise as the solids it is made of: closed, oriented 2-manifolds without self-intersection, several for a
// building, none of which enters another. An element that cannot be built so is left out, with the reason as
// its outcome; no element can make a solid invalid.
//
// * An opening is a recess in its wall: a hole in the wall's polygon, four sides (label frame) and a back
//   (window or door). At LoD 3.2 the back is a frame with a hole for each pane, and the panes lie deeper.
//   Openings keep 50 mm from the border of their wall and from each other, recesses 20 mm from everything
//   else. An opening whose foot is at most 50 mm above the foot of its wall, where that is level and stands
//   on the ground, is a notch in wall and ground; elsewhere it keeps a threshold of 20 mm.
// * What stands out is a solid of its own (label installation), 3 mm off the wall.
// * The faces of a wall with openings become one face, in the place of the first of them. Faces and triangles
//   that nothing touches stay as they were, in their order; new ones follow.
#pragma once

#include <atomic>
#include <cstdint>

#include "geovision/elements.hpp"
#include "geovision/types.hpp"
#include "geovision/walls.hpp"

namespace geovision {

// What became of an element; geovision/mesh/facades.py holds the same table. Values are stable.
enum class Outcome : std::uint8_t {
    built = 0,
    not_at_level = 1,  // the level of detail does not show it
    bad_value = 2,     // its kind, wall or face does not exist, or a length is negative or out of all bounds
    too_small = 3,     // an edge would be shorter than the minimum
    outside = 4,       // not wholly inside its wall or face, or away from it
    blocked = 5,       // a neighbour stands there
    overlaps = 6,      // meets an element that was built before it
    no_room = 7,       // would meet another face of the building
    no_host = 8,       // what it belongs to was not built
};
constexpr int outcome_count = 9;

struct FacadeOptions {
    int lod = 32;     // ten times the level of detail: 30, 31 or 32
    int threads = 0;  // 0: all cores
};

struct OpenedSolids {
    Solids solids;
    Column<std::uint8_t> outcome;  // [E] Outcome
};

// `walls` must come from find_walls on these very solids. Results do not depend on threads; a building's
// depends on its own solids, walls and elements only. Throws std::invalid_argument where the arrays do not
// go together. Returns no buildings when cancelled.
OpenedSolids open_walls(const Solids& solids, const Walls& walls, const Elements& elements,
                        const FacadeOptions& options, const std::atomic<bool>& cancel);

}  // namespace geovision
