// A small scene that owns its arrays, for tests: triangles, four nodes of terrain, strips of cover, one tree.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "geovision/scene.hpp"

namespace geovision {

struct SceneArrays {
    std::vector<double> xyz;
    std::vector<std::int32_t> triangle;
    std::vector<std::uint8_t> label, material, colour, roof_kind;
    std::vector<std::int32_t> building, part, surface;
    std::vector<float> ground{0, 0, 0, 0};
    std::vector<std::int64_t> ring_offsets{0}, vertex_offsets{0};
    std::vector<double> cover_xy, lift;
    std::vector<std::uint8_t> cover_material, cover_colour;
    std::vector<double> tree_xy, tree_ground{0.5}, tree_height{9}, tree_radius{2}, crown_base{2}, density{1};
    bool conifer = false;
    std::vector<std::uint8_t> tree_colour{60, 90, 40};

    // A quadrangle of cover on top of those before.
    void add_cover(const std::array<double, 8>& corners, int of, std::array<std::uint8_t, 3> tint,
                   double up) {
        cover_xy.insert(cover_xy.end(), corners.begin(), corners.end());
        cover_material.push_back(static_cast<std::uint8_t>(of));
        cover_colour.insert(cover_colour.end(), tint.begin(), tint.end());
        lift.push_back(up);
        ring_offsets.push_back(ring_offsets.back() + 1);
        vertex_offsets.push_back(vertex_offsets.back() + 4);
    }

    // All but the terrain, which is every scene's own.
    SceneMesh mesh_on(const Terrain& terrain) const {
        SceneMesh s;
        s.mesh = {static_cast<std::int64_t>(xyz.size() / 3), xyz.data(),
                  static_cast<std::int64_t>(triangle.size() / 3), triangle.data()};
        s.label = label.data();
        s.material = material.data();
        s.colour = colour.data();
        s.building = building.data();
        s.part = part.data();
        s.surface = surface.data();
        s.roof_kind = roof_kind.data();
        s.terrain = terrain;
        const auto quads = static_cast<std::int64_t>(lift.size());
        s.cover = {quads,
                   quads,
                   4 * quads,
                   ring_offsets.data(),
                   vertex_offsets.data(),
                   cover_xy.data(),
                   cover_material.data(),
                   cover_colour.data(),
                   lift.data()};
        s.trees = {1,
                   tree_xy.data(),
                   tree_ground.data(),
                   tree_height.data(),
                   tree_radius.data(),
                   crown_base.data(),
                   &conifer,
                   tree_colour.data(),
                   density.data()};
        return s;
    }
};

}  // namespace geovision
