// Convex cells of a rectangle, cut by lines that reach only as far as they are seen.
//
// A line splits the cells that its own stretch passes through, each of them from border to border, so that
// cells stay convex and few: a dormer's front cuts the roof round the dormer and not the whole building.
// Sites (points and pixels) travel with their cells.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/geom.hpp"

namespace geovision {

// Points (x, y) with nx x + ny y = offset; t runs along (-ny, nx). Metres.
struct CutLine {
    double nx = 1, ny = 0, offset = 0;
    double t0 = 0, t1 = 0;               // the stretch on which it is seen
    double weight = 0;                   // metres of evidence; heavier lines cut first
    bool meets = false;                  // two planes intersect in it; else it may move across itself
    std::int32_t left = -1, right = -1;  // planes on the side of the normal, and on the other

    double across(double x, double y) const { return nx * x + ny * y - offset; }
    double along(double x, double y) const { return nx * y - ny * x; }
    Vec at(double t) const { return {offset * nx - t * ny, offset * ny + t * nx}; }
};

class Partition {
public:
    struct Corner {
        double x, y;
        std::int32_t line;  // that the edge to the next corner lies on; negative on the rectangle's border
    };
    struct Cell {
        std::vector<Corner> ring;  // counter-clockwise
        std::vector<std::int32_t> sites;
        double x = 0, y = 0, half_x = 0, half_y = 0;  // middle and half size of the ring's box
    };
    // Where two cells touch: a stretch of one line. `a` lies on the side of the line's normal.
    struct Border {
        std::int32_t a, b, line;
        double t0, t1;
    };

    // One cell. Sites are [count, 2]; the pointer must stay good.
    void start(double x0, double y0, double x1, double y1, const double* sites, std::int32_t count);
    // Splits what the line's stretch, `margin` longer at both ends, passes through. Nothing thinner than
    // `sliver` is cut off. Lines are numbered in the order of the calls.
    void cut(const CutLine& line, double margin, double sliver, std::size_t most_cells);
    // Fills `borders`.
    void connect();

    std::size_t size() const { return size_; }
    const Cell& cell(std::size_t i) const { return cells_[i]; }
    const std::vector<CutLine>& lines() const { return lines_; }
    const std::vector<Border>& borders() const { return borders_; }

private:
    struct Side {
        std::int32_t line;
        bool on_left;
        double t0, t1;
        std::int32_t cell;
    };
    void split(std::size_t at, const CutLine& line, std::int32_t id);
    static void bound(Cell& cell);

    const double* sites_ = nullptr;
    std::vector<Cell> cells_;  // the first size_ are in use; the others keep their memory
    std::size_t size_ = 0;
    std::vector<CutLine> lines_;
    std::vector<Border> borders_;
    std::vector<double> across_;
    std::vector<Corner> low_, high_;
    std::vector<std::int32_t> kept_;
    std::vector<Side> sides_;
};

}  // namespace geovision
