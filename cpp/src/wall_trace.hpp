// Upright faces of one building joined to walls. Internal.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/geom.hpp"
#include "geovision/types.hpp"

namespace geovision {

// One building of a batch with polygons.
struct BuildingView {
    const Solids* solids;
    std::int64_t index;
    const std::int32_t* vertices;
    const std::int32_t* triangles;
    const std::int32_t* triangle_face;
    std::int32_t vertex_count, triangle_count, face_count;
    std::int64_t first_face;

    BuildingView(const Solids& s, std::int64_t b);
    const std::int32_t* vertex(std::int32_t v) const { return vertices + 3 * std::int64_t(v); }
    Point plan(std::int32_t v) const { return {vertex(v)[0], vertex(v)[1]}; }
    std::int32_t z(std::int32_t v) const { return vertex(v)[2]; }
    Label label(std::int32_t f) const { return Label(solids->face_label[std::size_t(first_face + f)]); }
    std::int64_t ring_begin(std::int32_t f) const {
        return solids->face_ring_offsets[std::size_t(first_face + f)];
    }
};

// Where a wall is: the left end of its line, its lowest height, and the way along it.
struct WallFrame {
    std::int32_t x, y, z;
    double dx, dy;
    std::int32_t length;

    // The place `s` along the wall and `out` in front of it, in plan.
    Vec at(double s, double out) const { return {x + dx * s + dy * out, y + dy * s - dx * out}; }
    Point on_grid(double s, double out) const {
        const Vec p = at(s, out);
        return round_point(p.x, p.y);
    }
    double along(double px, double py) const { return (px - x) * dx + (py - y) * dy; }
    double out(double px, double py) const { return (px - x) * dy - (py - y) * dx; }
};

struct TracedWall {
    WallFrame frame;
    std::int32_t height;
    std::vector<std::int32_t> members;  // from left to right
};

class WallTracer {
public:
    // The walls of a building, in the order of their first faces.
    const std::vector<TracedWall>& find(const BuildingView& building);

    // Border of the union of upright faces that meet along edges, as rings of vertices, the outer one
    // first. False where it is no simple polygon with holes.
    bool outline(const BuildingView& building, const std::int32_t* members, std::int32_t count,
                 const WallFrame& frame, std::vector<std::int32_t>& ring, std::vector<std::int32_t>& begin);

private:
    struct Upright {
        std::int32_t face, left, right;  // vertices over the ends of the face's line
        std::int32_t next, previous;     // places of the faces that it may be joined with
    };
    struct Side {
        std::int32_t low, high, place;
        bool operator<(const Side& o) const {
            return low != o.low ? low < o.low : high != o.high ? high < o.high : place < o.place;
        }
    };
    struct Edge {
        std::int32_t from, to;
    };
    void collect(const BuildingView& building);
    void find_neighbours(const BuildingView& building);
    void add(const BuildingView& building, const std::vector<std::int32_t>& places);
    void cancel_shared(const BuildingView& building, const std::int32_t* members, std::int32_t count);

    std::vector<Upright> upright_;
    std::vector<Side> left_sides_, right_sides_;
    std::vector<Edge> edges_;
    std::vector<std::int32_t> chain_, ring_, begin_;
    std::vector<TracedWall> walls_;
};

}  // namespace geovision
