// Lines of roofs: ridges, hips, valleys, eaves, steps, found where triangles of a building share an edge.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "geovision/scene.hpp"

namespace geovision {

// geovision/mesh/layers.py holds the same table, and what each kind means.
enum class EdgeKind : std::uint8_t {
    none = 0,
    ridge = 1,
    hip = 2,
    valley = 3,
    eave = 4,
    verge = 5,
    break_ = 6,
    step = 7,
};

struct RoofEdge {
    std::array<double, 3> from, to;
    EdgeKind kind;
};

// All lines of all buildings, in the order of the triangles. `normals` are those of triangle_normals. An edge
// is shared where two triangles name the same two vertices; where several do, the two highest faces count.
std::vector<RoofEdge> roof_edges(const SceneMesh& scene, const std::vector<std::array<float, 3>>& normals);

}  // namespace geovision
