// Solids that several threads made, as one batch. Internal.
#pragma once

#include <cstddef>
#include <vector>

#include "geovision/types.hpp"

namespace geovision {

struct SolidsSize {
    std::size_t buildings, vertices, triangles, faces, rings, ring_vertices;
};

SolidsSize size_of(const Solids& solids);

// Buildings of `from` that stand between two of its sizes.
struct SolidsPiece {
    const Solids* from;
    SolidsSize begin, end;
};

// The pieces one after another. Every thread copies whole pieces to their
// places.
Solids join(const std::vector<SolidsPiece>& pieces, double grid, int threads);

}  // namespace geovision
