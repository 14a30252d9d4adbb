// From cells to closed, oriented, labelled solids.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/cells.hpp"
#include "geovision/triangulate.hpp"
#include "geovision/types.hpp"

namespace geovision {

class Extruder {
public:
    // Appends the faces and triangles of one building to `out`, vertices relative to its ground plus
    // `z_shift` grid steps. Does not touch the per-building offsets. False when a face has no triangulation.
    bool run(const Cells& cells, std::int32_t z_shift, std::int32_t groups, std::int32_t sources,
             bool polygons, Solids& out);
    std::int32_t solids() const { return solids_; }
    // After `run`: a plan vertex over which some vertex of the solid has more than one fan of triangles, or
    // -1.
    std::int32_t find_pinch(const Solids& out);

private:
    struct Corner {
        std::int32_t vertex, z;
    };
    void find_levels();
    void join_cells();
    std::int32_t vertex(std::int32_t v, std::int32_t z);
    void walls(std::int32_t half);
    void wall(std::int32_t half, std::int32_t ulo, std::int32_t uhi, std::int32_t wlo, std::int32_t whi,
              Label label, std::int32_t surface);
    bool roof(std::int32_t face);
    bool ground();
    bool horizontal(bool up, const Plane& plane);
    void repeat_face();
    void add_ring(std::int32_t first, bool top);
    void begin_face(Label label, std::int32_t part, std::int32_t surface, std::int32_t solid);
    bool on_ground(std::int32_t half) const;
    std::int32_t overlap_root(std::int32_t f);

    const Cells* cells_ = nullptr;
    Solids* out_ = nullptr;
    std::int32_t z_shift_ = 0, groups_ = 0, sources_ = 0, solids_ = 0, vertices_ = 0, faces_ = 0;
    bool polygons_ = true;
    Triangulator triangulator_;
    std::vector<std::int32_t> level_begin_, level_z_, level_id_;
    std::vector<std::int32_t> parent_, solid_of_;
    std::vector<Corner> corners_;
    std::vector<std::int32_t> ring_begin_, ring_, local_triangles_;
    std::vector<Point> local_points_;
    std::vector<std::uint8_t> visited_;
    std::vector<std::int32_t> loop_half_, chain_u_, chain_w_;
    std::vector<std::int64_t> loop_area_;
    std::size_t first_triangle_ = 0;
    std::vector<std::int32_t> plan_vertex_;  // per vertex of the solid
    std::vector<std::int32_t> fan_;
};

}  // namespace geovision
