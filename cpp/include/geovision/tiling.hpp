// The short way from a drawing to a solid, for roofs that are drawn as faces which tile their outline.
//
// Most are: one part, no superstructures, no steps. Their lines are a planar map already and need no noding,
// sorting or flooding; rounding to the grid alone could spoil it. That it has not is proven for each one:
//   1. the outline is a simple polygon with holes,
//   2. every crease bounds one face on either side, once each way, and every face is a ring (with holes),
//   3. every triangle of every face is counter-clockwise.
// By 2 the borders of all faces cancel but for the outline, so over any point lie as many triangles as the
// outline winds round it, by 1 one inside and none outside. So no edges cross and no vertex lies on an edge.
// All three are decided in integers.
//
// Where one does not hold, or heights at a vertex differ, `run` says no and the general way (cells.hpp,
// solid.hpp) has to be taken. Both ways give the same faces from the same drawing; their order, and the
// choice of triangles within a face, may differ.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/boxes.hpp"
#include "geovision/roofs.hpp"
#include "geovision/triangulate.hpp"
#include "geovision/types.hpp"
#include "geovision/vertex_grid.hpp"

namespace geovision {

class Tiling {
public:
    // Appends the faces and triangles of one building to `out`, vertices relative to its ground plus
    // `z_shift` grid steps, as Extruder::run does. False, and nothing appended, where the drawing is not such
    // a roof.
    bool run(const Drawing& drawing, double min_edge, std::int32_t z_shift, std::int32_t sources,
             bool polygons, Solids& out);
    // After `run`: some vertices were merged or moved by more than rounding.
    bool merged() const { return grid_.merged; }

private:
    // Line l has the half 2l, which runs a->b and bounds the surface on its left, and its twin 2l + 1.
    struct Half {
        std::int32_t origin, surface;
    };
    bool draw_halves(const Drawing& drawing, double min_edge);
    bool pair_borders();
    void sort_by_surface(std::size_t surfaces);
    bool find_heights(const Drawing& drawing, double min_edge);
    bool chain(const std::int32_t* first, const std::int32_t* last);
    bool outer_ring_first();
    bool tile(const Drawing& drawing);
    bool tile_face(const Surface& surface, std::size_t s);
    bool close_ground(const Drawing& drawing);
    bool outline_is_simple(const Drawing& drawing);
    std::int64_t area2(std::int32_t begin, std::int32_t end) const;
    Point at(std::int32_t half) const { return grid_.points[std::size_t(origin(half))]; }
    std::int32_t origin(std::int32_t half) const { return half_[std::size_t(half)].origin; }

    struct Span {
        std::int32_t surface, triangles, rings;  // ends of its triangles and rings
    };
    void write(const Drawing& drawing, std::int32_t z_shift, std::int32_t sources, bool polygons,
               Solids& out) const;
    void write_vertices(std::int32_t z_shift, Solids& out) const;
    void write_triangles(Solids& out) const;
    void write_faces(const Drawing& drawing, std::int32_t sources, Solids& out) const;
    void write_rings(Solids& out) const;

    VertexGrid grid_;
    Triangulator triangulator_;
    std::vector<std::int32_t> vertex_of_;           // per point of the drawing, -1 where none uses it
    std::vector<Half> half_;                        // surface -1: bounds nothing
    std::vector<std::int32_t> begin_, by_surface_;  // halves of a surface
    std::vector<std::int32_t> outline_;             // halves whose twin is outside
    std::vector<std::int32_t> borders_;             // lines that know one side only
    std::vector<std::uint64_t> keys_;
    std::vector<double> z_;  // of by_surface_: height of the surface at the half's origin
    struct Range {
        double lo, hi;
    };
    std::vector<Range> range_;           // per vertex
    std::vector<std::int32_t> top_;      // per vertex
    std::vector<std::int32_t> leaving_;  // per vertex: the half of the current face that leaves it
    std::vector<std::int32_t> chain_, ring_begin_, swap_;  // halves of the current face's rings
    std::vector<std::int32_t> corners_, ring_end_;         // vertices of all faces' rings
    std::vector<std::int32_t> triangles_;                  // vertices, three a triangle, of all faces
    std::vector<Span> faces_;
    std::vector<std::int32_t> wall_, wall_ring_;  // halves of the outline's rings, where each begins
    std::vector<std::int32_t> below_;             // per vertex on the outline: the one on the ground
    std::vector<std::int32_t> ground_, ground_triangles_;
    Boxes boxes_;
};

}  // namespace geovision
