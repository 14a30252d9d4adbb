// Rays from above against a scene: a grid in plan whose cells list what stands in them.
//
// Laser beams are steep, so a ray crosses a handful of cells between the highest roof and the ground.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "geovision/scene.hpp"

namespace geovision {

struct Ray {
    std::array<double, 3> from, step;  // points are from + t * step; step[2] < 0, |step| = 1
};

// What a ray meets first. id: a triangle, RayGrid::ground, or RayGrid::nothing. `inside` is how far a hit on
// a triangle lies from its borders, metres.
struct RayHit {
    double t = 0.0;
    std::int32_t id = -1;
    double inside = 0.0;
};

class RayGrid {
public:
    static constexpr std::int32_t nothing = -1, ground = -2;

    // Over the local box [x_min, x_max] x [y_min, y_max]: what lies outside is not met.
    RayGrid(const SceneMesh& scene, std::uint32_t seen, double x_min, double y_min, double x_max,
            double y_max);

    // Heights between which there is anything to meet.
    double lowest() const { return lowest_; }
    double highest() const { return highest_; }

    // First hard surface. Crowns that may stand in its way are added to `crowns` (each once; may be null).
    // `crowded` tells whether the ray came near any triangle.
    RayHit cast(const Ray& ray, std::vector<std::int32_t>* crowns, bool& crowded) const;

    // Polygon of the cover under a point, -1 for none.
    std::int32_t cover_at(double x, double y) const;
    const Crown& crown(std::int32_t index) const { return crowns_[static_cast<std::size_t>(index)]; }
    std::int64_t tree_of(std::int32_t crown) const { return crown_tree_[static_cast<std::size_t>(crown)]; }
    const std::array<float, 3>& normal(std::int32_t triangle) const {
        return normals_[static_cast<std::size_t>(triangle)];
    }

private:
    struct Triangle {
        double corner[3], first[3], second[3];
        double height[3];  // over the sides opposite the corners
        std::int32_t id;
    };
    // Lists by cell, one after another.
    struct Lists {
        std::vector<std::int64_t> starts;
        std::vector<std::int32_t> items;
    };
    struct Box {
        double x_min, y_min, x_max, y_max;
    };

    void add_triangles(std::uint32_t seen);
    void add_crowns();
    void draw_cover();
    // Which of the boxes each cell holds; `crosses(i, cell's box)` may say that one does not reach into it.
    template <class Crosses>
    Lists list(const std::vector<Box>& boxes, Crosses crosses) const;
    bool crosses(const Triangle& triangle, const Box& cell) const;
    Box cell_box(int column, int row) const;
    int column(double x) const;
    int row(double y) const;
    std::size_t cell_of(int column, int row) const {
        return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
               static_cast<std::size_t>(column);
    }
    double ground_at(double x, double y) const;
    double meet_ground(const Ray& ray) const;
    void meet_triangles(const Ray& ray, std::size_t cell, RayHit& best) const;

    const SceneMesh& scene_;
    bool has_ground_, has_lift_ = false;
    Box box_;
    double lowest_, highest_;
    double ground_low_ = 0.0, ground_high_ = 0.0;
    int columns_, rows_;
    std::vector<std::array<float, 3>> normals_;
    std::vector<Triangle> triangles_;
    std::vector<Crown> crowns_;
    std::vector<std::int32_t> crown_tree_;
    Lists triangles_in_, crowns_in_;
    std::vector<float> top_;  // per cell, of its triangles and crowns
    RasterWindow cover_window_;
    std::vector<std::int32_t> cover_;
};

}  // namespace geovision
