// One group of outline_groups.hpp as small rasters, its buildings told apart, and their walls as arcs.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/geom.hpp"
#include "geovision/outline_groups.hpp"

namespace geovision {

// The cells of a group with one empty cell around; (x0, y0) is the raster's cell at (0, 0).
struct OutlinePatch {
    std::int64_t x0 = 0, y0 = 0;
    std::int32_t width = 0, height = 0;
    std::int32_t raster_left = 0, raster_right = 0, raster_top = 0, raster_bottom = 0;  // raster's borders
    std::uint16_t limit = 0;
    std::vector<std::uint16_t> building;
    std::vector<std::uint8_t> boundary;
    std::vector<std::int8_t> frame;
    std::vector<float> heights;
    std::vector<std::int32_t> label;  // building 1.., 0 outside
    std::int32_t buildings = 0;

    std::size_t at(std::int32_t x, std::int32_t y) const {
        return static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
    }
    bool in_raster(std::int32_t x, std::int32_t y) const {
        return x >= raster_left && x < raster_right && y >= raster_top && y < raster_bottom;
    }
};

// `rows`: rows of the raster seen so far; a group that ends above them does not touch the bottom.
OutlinePatch make_patch(const OutlineGroup& group, const OutlineOptions& options, std::int64_t rows,
                        std::uint16_t limit);

// Numbers the connected cells of mask [height, width], 1.. in the order of their first cells; 0 elsewhere.
std::int32_t label_cells(const std::uint8_t* mask, std::int32_t width, std::int32_t height, bool diagonal,
                         std::int32_t* label);

// Fills `label`: parts touching buildings, gives small ones to a neighbour or drops them, fills small holes.
void part_buildings(OutlinePatch& patch, const OutlineOptions& options);

// The outline where it crosses the border between two cells.
struct OutlineSample {
    double x = 0, y = 0;
    Point corner;  // of the cells, where that border begins in the direction of the arc
};

// A chain of cell borders between two junctions, or a closed one (from < 0), between the same two labels.
struct OutlineArc {
    std::int32_t left = 0, right = 0;  // labels
    std::int32_t from = -1, to = -1;   // junctions
    int first_way = 0, last_way = 0;   // 0 east, 1 south, 2 west, 3 north
    std::size_t begin = 0, end = 0;    // samples
    bool closed() const { return from < 0; }
    std::size_t size() const { return end - begin; }
};

struct OutlineMap {
    std::vector<OutlineArc> arcs;
    std::vector<OutlineSample> samples;
    std::vector<Point> nodes;  // corners of cells where three or four borders meet
};

OutlineMap trace_map(const OutlinePatch& patch, bool binary);

// A ring as arcs: index * 2, plus 1 where the arc runs backwards. The building lies on the left.
struct OutlineRing {
    std::int32_t building = 0;
    std::vector<std::int32_t> arcs;
};

// Rings of all buildings, by building, in the order of their first arcs.
std::vector<OutlineRing> chain_rings(const OutlineMap& map, std::int32_t buildings);

}  // namespace geovision
