// Arcs as chains of vertices on a fine grid, and the guards that they must pass: the last stage of
// outline.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/geom.hpp"
#include "geovision/outline_lines.hpp"

namespace geovision {

// Vertices are whole steps of 1/1024 cell, so that every predicate on them is exact.
constexpr double outline_grid = 1024;

struct OutlineShape {
    std::vector<OutlineLevel> level;         // of each arc
    std::vector<Point> nodes;                // where the junctions have come to lie
    std::vector<std::vector<Point>> chains;  // inner vertices of each arc, or all of a closed one
};

// Draws the arcs of a group, each at its level. All arcs at OutlineLevel::raw never cross.
class OutlineDrawing {
public:
    OutlineDrawing(const OutlinePatch& patch, OutlineMap& map, const OutlineOptions& options, double reach);
    void draw(OutlineShape& shape) const;
    // Of a building in the patch's axes; 0 where nothing is known.
    double direction(std::int32_t building) const;
    const OutlineMap& map() const { return map_; }

private:
    struct Line {
        Vec mean, along;
        bool fixed = false;
        OutlineMoments sums;
        double price = 0;
    };
    struct End {
        std::int32_t arc;
        std::int32_t line;
    };
    struct Solved {
        std::vector<std::int32_t> parent;
        std::vector<Line> lines;
    };
    void fit(double price);
    void follow_heights(std::size_t arc, OutlineLine& line) const;
    Solved separate() const;
    void join_ends(const std::vector<End>& ends, Solved& solved) const;
    double gain_lost(const Solved& solved, std::int32_t a, std::int32_t b) const;
    void join(Solved& solved, std::int32_t a, std::int32_t b) const;
    Vec place_node(std::size_t node, const std::vector<End>& ends, const Solved& solved) const;
    void chain_regular(std::size_t arc, const Solved& solved, std::vector<Point>& out) const;
    void chain_simple(std::size_t arc, std::vector<Point>& out) const;
    void chain_raw(std::size_t arc, std::vector<Point>& out) const;
    bool keeps_near(std::size_t arc) const;
    bool follows(std::size_t arc, const Solved& solved) const;

    const OutlinePatch& patch_;
    const OutlineOptions& options_;
    OutlineMap& map_;
    double reach_;  // cells that a vertex may lie off the raster's outline
    OutlinePaths paths_;
    std::vector<OutlineDirections> directions_;
    std::vector<std::vector<OutlineLine>> lines_;  // of each arc
    std::vector<std::int32_t> first_line_;         // of each arc among all
};

// Arcs that cross, touch or overlap another one somewhere else than at a common junction, in pairs.
std::vector<std::int32_t> find_conflicts(const OutlineMap& map, const OutlineShape& shape);

// Which walls lie inside which, as traced. Arcs that hang together form a part.
class OutlineNesting {
public:
    explicit OutlineNesting(const OutlineMap& map);
    // The arcs of every part that no longer lies in the building, or outside, in which it was traced. Arcs
    // must not cross.
    std::vector<std::vector<std::int32_t>> misplaced(const OutlineShape& shape) const;

private:
    std::int32_t label_west_of(const OutlineShape& shape, Point p, std::int32_t part) const;

    const OutlineMap& map_;
    std::vector<std::int32_t> part_;     // of each arc
    std::vector<std::int32_t> outside_;  // the label round each part
};

// The vertices of a ring, in its direction.
std::vector<Point> ring_points(const OutlineMap& map, const OutlineShape& shape, const OutlineRing& ring);

// Twice the area in grid steps, above 0 for counter-clockwise on a map (y down here).
std::int64_t doubled_area(const std::vector<Point>& ring);

// Intersection over union of rings, filled by the middles of cells, with the cells of their building.
double cell_iou(const OutlinePatch& patch, std::int32_t building, std::int64_t building_cells,
                const std::vector<std::vector<Point>>& rings);

}  // namespace geovision
