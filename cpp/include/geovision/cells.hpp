// Cells: the planar map of one building's roofprint, a surface and corner heights per cell.
//
// `overlay` turns a drawing into cells: noded edges, one surface per face, creases where roofs of
// different layers meet. `heights` gives every corner of every cell a top and a bottom in whole grid
// steps, such that surfaces that meet share their vertices and steps are at least `min_edge` high.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/arrangement.hpp"
#include "geovision/roofs.hpp"
#include "geovision/types.hpp"

namespace geovision {

class Cells {
public:
    Status overlay(const Drawing& drawing, double min_edge);
    Status heights();
    // Writes the cells back as a drawing with a single layer; overhangs and pulled corners are added to it.
    void redraw(Drawing& drawing) const;
    // Adds the eaves' overhang outside the outline (LoD 2.3): strips that continue the roof planes.
    void draw_overhang(const double* overhang_of_part, double thickness, Drawing& drawing) const;
    // Where raised cells leave a solid hanging by a point: drops the overhangs at that vertex, or lets the
    // raised cells there down to the ground. `heights` must be run again. False when there are none.
    bool relieve(std::int32_t vertex);
    // Gives all tops at a vertex one height, after `heights`. False when they have one already.
    bool flatten(std::int32_t vertex);
    // Every vertex has one top: there are no walls but the outer ones.
    bool stepless() const { return stepless_; }
    // A vertex where two high cells touch across lower ones, or -1.
    std::int32_t find_touch() const;
    // Pulls one of the lower cells away from that vertex by `feature` steps, in a redrawn drawing.
    bool redraw_pulled(std::int32_t vertex, double feature, int attempt, Drawing& drawing) const;

    const std::vector<Point>& points() const { return noder_.points; }
    std::int32_t surface_of_half(std::int32_t h) const { return half_surface_[std::size_t(h)]; }
    bool solid(std::int32_t h) const { return half_surface_[std::size_t(h)] >= 0; }

    PlanarMap map;
    std::vector<Surface> surfaces;
    std::vector<std::int32_t> cell;         // per face of the map: surface, -1 for nothing
    std::vector<std::int32_t> top, bottom;  // per half-edge: heights of its face's corner at its origin
    std::vector<std::int32_t> source;       // per edge: outline edge, -1
    std::uint32_t flags = 0;

private:
    struct Edge {
        std::int32_t u, v;
        std::int32_t begin, end;              // its pieces in order_
        std::int32_t label_begin, label_end;  // in labels_
    };
    struct EdgeLabel {
        std::int16_t layer;
        std::int32_t left, right;
    };
    void collect_edges();
    void add_labels(Edge& e);
    void label_faces(std::size_t layers);
    void flood_labels(std::size_t layers);
    void choose_cells(std::size_t layers, bool may_cut);
    void choose_cell(std::int32_t face, std::size_t layers, bool may_cut);
    bool cut_face(std::int32_t face, const Plane& difference, double tolerance, std::int32_t left,
                  std::int32_t right);
    Vec on_edge(std::int32_t edge, Vec p) const;
    void face_range(std::int32_t face, const Plane& difference, double* lo, double* hi, double* sum) const;
    bool split_steps();
    bool dissolve();
    bool edge_meets(const Edge& e, std::int32_t left, std::int32_t right) const;
    bool plain_heights(std::int32_t vertex);
    bool corner_heights(std::int32_t vertex);
    bool untangle();
    bool level(std::int32_t vertex, std::int32_t za, std::int32_t zb);
    void drop_flat_cells();
    bool drop_detached();
    Vec pulled_point(std::int32_t half, double feature) const;
    bool holds(std::int32_t half, std::int32_t other, Vec to) const;
    double surface_z(std::int32_t surface, Point p, bool top_side) const;

    void spread_cells();

    Noder noder_;
    std::vector<std::int32_t> half_surface_;  // cell of the face left of each half-edge
    std::vector<Edge> edges_;
    std::vector<MapEdge> map_edges_;
    std::vector<EdgeLabel> labels_;
    std::vector<std::int32_t> order_, vertex_of_;
    std::vector<std::uint64_t> keys_;
    std::vector<std::int32_t> face_label_, face_bottom_;
    std::vector<double> label_weight_;
    std::vector<Segment> cuts_;
    std::vector<std::int16_t> support_;
    std::vector<std::uint8_t> meets_;
    double min_edge_ = 10;
    bool raised_ = false;  // some surface has a bottom of its own
    bool stepless_ = false;
    bool continuous_ = false;  // one layer whose creases all meet: no steps

    struct Item {
        double lo, hi;
        std::int32_t z;
    };
    std::vector<Item> items_;
    std::vector<std::int32_t> group_, slot_;
};

}  // namespace geovision
