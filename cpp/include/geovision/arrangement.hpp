// Planar maps on the integer grid: segments in, noded edges and faces out.
//
// `Noder` rounds segments to the grid by iterated snap rounding with a minimum vertex separation: on
// return no two vertices are closer than `min_edge` grid steps, no edges cross, and no vertex lies on
// the inside of an edge. A crossing is computed from the segments as they came, so the outline of a
// result stays within one rounding step of the outline that was given.
// `PlanarMap` finds the faces of noded edges. Both keep their memory between calls.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "geovision/geom.hpp"
#include "geovision/vertex_grid.hpp"

namespace geovision {

struct Segment {
    Vec a, b;                // as given, grid steps
    std::int32_t left = -1;  // surface left of a->b in this layer, -1 for none
    std::int32_t right = -1;
    std::int16_t layer = 0;    // -1: a cut between surfaces `left` and `right` that changes no label
    bool meets = false;        // the roof is continuous across this segment
    std::int32_t source = -1;  // outline edge that this segment is a piece of, -1 for creases
};

struct NodedEdge {
    std::int32_t u, v;     // vertices
    std::int32_t segment;  // the segment it is a piece of, in the segment's direction
};

class Noder : public VertexGrid {
public:
    void clear(double min_edge);
    // Segments are added in order of importance: vertices of earlier ones stay, later ones move to them.
    void add(const Segment& s) {
        const std::int32_t u = anchor(s.a);
        add(s, u, anchor(s.b));
    }
    // The same where the vertices at its ends are known.
    void add(const Segment& s, std::int32_t u, std::int32_t v);
    // False when the iteration limit was hit.
    bool node();
    // Puts a vertex on every edge between u and v. False when it would be too close to a vertex.
    bool split_edges(std::int32_t u, std::int32_t v, Vec at);

    std::vector<Segment> segments;
    std::vector<NodedEdge> edges;

private:
    bool split_near();
    void note_near(std::int32_t edge, std::int32_t vertex);
    bool off_outline(const NodedEdge& e, Point p) const;
    void note_bend(const NodedEdge& e, Point p);
    void sort_boxes();
    bool split_crossings();
    void note_crossing(std::int32_t edge, std::int32_t other);
    std::int32_t crossing_vertex(const NodedEdge& e, const NodedEdge& f);
    Vec crossing(const NodedEdge& e, const NodedEdge& f) const;

    std::vector<std::uint64_t> keys_;
    std::vector<Point> sorted_;
    struct Box {
        std::int32_t x0, x1, y0, y1, edge;
    };
    std::vector<Box> boxes_;
    std::vector<NodedEdge> next_edges_;
    std::map<std::array<std::int32_t, 4>, std::int32_t> crossings_;  // of this round, by the edges' ends
    struct Cut {
        std::int32_t edge, vertex;
        double t;
    };
    std::vector<Cut> cuts_;
    void apply_cuts();
};

// An undirected edge of the map: half-edge 2e runs u->v, half-edge 2e+1 runs v->u.
struct MapEdge {
    std::int32_t u, v;
};

class PlanarMap {
public:
    // Edges must be noded, distinct and not loops. Face 0 is the outside.
    void build(const std::vector<Point>& points, const std::vector<MapEdge>& edges);

    std::int32_t halves() const { return std::int32_t(origin.size()); }
    std::int32_t faces() const { return std::int32_t(face_loops_begin.size()) - 1; }
    static std::int32_t twin(std::int32_t h) { return h ^ 1; }

    std::vector<std::int32_t> origin, next, loop_of;  // per half-edge; the face lies left
    std::vector<std::int32_t> out_begin, out;         // half-edges leaving a vertex, counter-clockwise
    std::vector<std::int32_t> loop_first, loop_face;  // per loop
    std::vector<std::int64_t> loop_area2;
    std::vector<std::int32_t> face_loops_begin, face_loops;  // a face's loops, the outer one first

    std::int32_t face_of(std::int32_t h) const { return loop_face[std::size_t(loop_of[std::size_t(h)])]; }

private:
    void sort_out(const std::vector<Point>& points);
    void trace_loops(const std::vector<Point>& points);
    void nest_loops(const std::vector<Point>& points);
    void bound_loops(const std::vector<Point>& points);
    bool loop_contains(const std::vector<Point>& points, std::int32_t loop, Vec p) const;
    struct LoopBox {
        std::int32_t x0, x1, y0, y1;
    };
    std::vector<LoopBox> boxes_;  // of the loops, where several have to be nested
    std::vector<std::int32_t> position_;
};

}  // namespace geovision
