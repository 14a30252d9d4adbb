// Writes the faces of one building after another. Internal.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "edge_flips.hpp"
#include "geovision/check.hpp"
#include "geovision/sweep.hpp"
#include "geovision/triangulate.hpp"
#include "geovision/types.hpp"
#include "wall_trace.hpp"

namespace geovision {

// All that is known of a face but its place.
struct FaceStyle {
    Label label;
    std::int32_t part, surface, solid, element;
    std::uint8_t provenance, material;
    const std::uint8_t* colour;
};

// The two grid coordinates that a face is drawn in, so that it runs counter-clockwise as seen from outside.
struct Drawing {
    int u, v;
    std::int32_t u_sign;

    static Drawing up() { return {0, 1, 1}; }
    static Drawing down() { return {1, 0, 1}; }
    // Of an upright face along which (x, y) runs to the right.
    static Drawing upright(double x, double y) {
        if (std::abs(x) >= std::abs(y)) return {0, 2, x > 0 ? 1 : -1};
        return {1, 2, y > 0 ? 1 : -1};
    }
    static Drawing facing(double nx, double ny, double nz) {
        if (std::abs(nz) >= std::max(std::abs(nx), std::abs(ny))) return nz > 0 ? up() : down();
        return upright(-ny, nx);
    }
};

class FacadeWriter {
public:
    explicit FacadeWriter(Solids& out) : out_(out) {}

    void begin(const BuildingView& building);
    void end();
    void roll_back();  // to `begin`

    // Vertices, by numbers in the new building: one of the old, or a new one.
    std::int32_t old_vertex(std::int32_t v);
    std::int32_t vertex(Point plan, std::int32_t z);

    void quad(std::int32_t a, std::int32_t b, std::int32_t c, std::int32_t d, const FaceStyle& style);
    // Rings of new vertices, the outer one first. False where they have no triangulation.
    bool polygon(const std::vector<std::int32_t>& ring, const std::vector<std::int32_t>& begin,
                 const Drawing& drawing, const FaceStyle& style);
    // A face of the old building with the triangles it had.
    void copy(std::int32_t face, const FaceStyle& style);
    // An upright prism over a simple ring, counter-clockwise from above. False as for `polygon`.
    bool prism(const std::vector<Point>& plan, std::int32_t z0, std::int32_t z1, FaceStyle style);

    std::int32_t triangles() const { return std::int32_t(out_.triangle_face.size() - first_triangle_); }
    std::int32_t corner(std::int32_t triangle, int k) const {
        return out_.triangles[3 * (first_triangle_ + std::size_t(triangle)) + std::size_t(k)];
    }
    GridPoint place(std::int32_t v) const { return {at(v)[0], at(v)[1], at(v)[2]}; }
    void corners(std::int32_t triangle, GridPoint (&p)[3]) const {
        for (int k = 0; k < 3; ++k) p[k] = place(corner(triangle, k));
    }

    std::int32_t new_surface() { return surfaces_++; }
    std::int32_t new_solid() { return solids_++; }

private:
    void begin_face(const FaceStyle& style);
    void end_ring() { out_.ring_offsets.push_back(std::int64_t(out_.ring_vertices.size())); }
    void end_face() { out_.face_ring_offsets.push_back(std::int64_t(out_.ring_offsets.size()) - 1); }
    void triangle(std::int32_t a, std::int32_t b, std::int32_t c);
    const std::int32_t* at(std::int32_t v) const { return out_.vertices.data() + first_vertex_ + 3 * v; }

    Solids& out_;
    const BuildingView* building_ = nullptr;
    std::vector<std::int32_t> number_;  // of old vertices
    std::vector<std::int32_t> triangles_of_, triangle_begin_;
    std::size_t first_vertex_ = 0, first_triangle_ = 0, first_face_ = 0, first_ring_ = 0,
                first_ring_vertex_ = 0;
    std::int32_t vertices_ = 0, faces_ = 0, surfaces_ = 0, solids_ = 0;
    Triangulator ears_;
    SweepTriangulator sweep_;
    std::vector<Point> points_;
    std::vector<std::int32_t> places_, cut_, bottom_, top_, loop_, loop_begin_;
    EdgeFlips flips_;
};

}  // namespace geovision
