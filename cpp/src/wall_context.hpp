// What a wall sees: neighbours, streets, which way it looks. Internal.
#pragma once

#include "geovision/walls.hpp"

namespace geovision {

// Fills side, street and blocked of traced walls.
void look_around(const Solids& solids, const Surroundings& around, const WallOptions& options, Walls& walls);

}  // namespace geovision
