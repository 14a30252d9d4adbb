// The scan conversion of triangles, shared by everything that draws from above: which cells' centres a
// triangle covers, exactly and without gaps, and its height there.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "geovision/raster.hpp"

namespace geovision {

constexpr std::int64_t sub = 256;  // steps a cell
constexpr double reach = 1 << 20;  // cells; keeps edge functions inside 64 bits

struct Corner {
    std::int64_t x, y;  // in steps; x east, y south
};

// A triangle ready to draw: corners in window steps, clockwise on the y-down grid or not, and its plane.
struct Drawn {
    std::array<Corner, 3> corner;
    int row_begin, row_end, column_begin, column_end;  // cells whose centres its box holds
    double z0, dz_dx, dz_dy;  // height at the centre of cell (0, 0), per column, per row
    float z_min, z_max;
    std::int32_t id;
};

// First cell whose centre (at sub / 2 into the cell) is at or after `step`.
inline int first_cell(std::int64_t step, int limit) {
    const std::int64_t shifted = step - sub / 2;
    const std::int64_t cell = shifted >= 0 ? (shifted + sub - 1) / sub : -((-shifted) / sub);
    return static_cast<int>(std::clamp<std::int64_t>(cell, 0, limit));
}

// Height as a linear function of column and row, from the unsnapped corners. False where it is (almost)
// vertical: it then has no such function.
inline bool set_plane(const double p[3][3], const RasterWindow& window, Drawn& drawn) {
    const double ax = p[1][0] - p[0][0], ay = p[1][1] - p[0][1], az = p[1][2] - p[0][2];
    const double bx = p[2][0] - p[0][0], by = p[2][1] - p[0][1], bz = p[2][2] - p[0][2];
    const double area = ax * by - ay * bx;
    const double size = std::max({ax * ax + ay * ay, bx * bx + by * by});
    if (!(std::fabs(area) > 1e-12 * size)) return false;
    const double slope_x = (az * by - bz * ay) / area;
    const double slope_y = (bz * ax - az * bx) / area;
    const double x0 = window.left + 0.5 * window.cell, y0 = window.top - 0.5 * window.cell;
    drawn.z0 = p[0][2] + slope_x * (x0 - p[0][0]) + slope_y * (y0 - p[0][1]);
    drawn.dz_dx = slope_x * window.cell;
    drawn.dz_dy = -slope_y * window.cell;
    drawn.z_min = static_cast<float>(std::min({p[0][2], p[1][2], p[2][2]}));
    drawn.z_max = static_cast<float>(std::max({p[0][2], p[1][2], p[2][2]}));
    return true;
}

inline bool prepare(const RasterMesh& mesh, const RasterWindow& window, std::int64_t t, Drawn& drawn) {
    double p[3][3];
    for (int k = 0; k < 3; ++k) {
        const std::int32_t v = mesh.triangle[3 * t + k];
        for (int c = 0; c < 3; ++c) p[k][c] = mesh.xyz[3 * static_cast<std::int64_t>(v) + c];
        const double column = (p[k][0] - window.left) / window.cell;
        const double row = (window.top - p[k][1]) / window.cell;
        // Written so that NaN is refused.
        if (!(std::fabs(column) < reach && std::fabs(row) < reach && std::isfinite(p[k][2]))) return false;
        drawn.corner[static_cast<std::size_t>(k)] = {std::llround(column * sub), std::llround(row * sub)};
    }
    const auto [x_min, x_max] = std::minmax({drawn.corner[0].x, drawn.corner[1].x, drawn.corner[2].x});
    const auto [y_min, y_max] = std::minmax({drawn.corner[0].y, drawn.corner[1].y, drawn.corner[2].y});
    drawn.column_begin = first_cell(x_min, window.width);
    drawn.column_end = first_cell(x_max + 1, window.width);
    drawn.row_begin = first_cell(y_min, window.height);
    drawn.row_end = first_cell(y_max + 1, window.height);
    drawn.id = static_cast<std::int32_t>(t);
    if (drawn.column_begin >= drawn.column_end || drawn.row_begin >= drawn.row_end) return false;
    return set_plane(p, window, drawn);
}

// E(x, y) >= bias where a point is inside an edge; stepping a cell adds per_column or per_row.
struct Edge {
    std::int64_t at_origin, per_column, per_row, bias;
};

// Corners in the order that makes the area positive; an edge includes its own points if it is a top or left
// one, so that each shared edge belongs to one side.
inline bool set_edges(const Drawn& drawn, std::array<Edge, 3>& edges) {
    std::array<Corner, 3> c = drawn.corner;
    const std::int64_t area = (c[1].x - c[0].x) * (c[2].y - c[0].y) - (c[1].y - c[0].y) * (c[2].x - c[0].x);
    if (area == 0) return false;
    if (area < 0) std::swap(c[1], c[2]);
    for (std::size_t k = 0; k < 3; ++k) {
        const Corner a = c[k], b = c[(k + 1) % 3];
        const std::int64_t dx = b.x - a.x, dy = b.y - a.y;
        const bool owns = dy < 0 || (dy == 0 && dx > 0);
        edges[k] = {dx * (sub / 2 - a.y) - dy * (sub / 2 - a.x), -dy * sub, dx * sub, owns ? 0 : 1};
    }
    return true;
}

struct Range {
    std::int64_t begin, end;
};

inline std::int64_t floor_div(std::int64_t a, std::int64_t b) {  // b > 0
    const std::int64_t q = a / b;
    return q * b > a ? q - 1 : q;
}

// Columns of one row that lie inside all three edges: no test is then left for the inner loop.
inline Range inside(const std::array<Edge, 3>& edges, const Drawn& drawn, std::int64_t row) {
    Range range{drawn.column_begin, drawn.column_end};
    for (const Edge& edge : edges) {
        const std::int64_t value =
            edge.at_origin + row * edge.per_row - edge.bias;  // + column * per_column >= 0
        if (edge.per_column > 0) {
            range.begin = std::max(range.begin, -floor_div(value, edge.per_column));
        } else if (edge.per_column < 0) {
            range.end = std::min(range.end, floor_div(value, -edge.per_column) + 1);
        } else if (value < 0) {
            range.end = range.begin;
        }
    }
    return range;
}

// Calls span(row, begin, end) for every run of cells in the rows [row_begin, row_end) whose centres lie
// inside.
template <class Span>
void for_spans(const Drawn& drawn, int row_begin, int row_end, Span span) {
    std::array<Edge, 3> edges;
    if (!set_edges(drawn, edges)) return;
    for (int row = std::max(row_begin, drawn.row_begin); row < std::min(row_end, drawn.row_end); ++row) {
        const Range columns = inside(edges, drawn, row);
        if (columns.begin < columns.end) span(row, columns.begin, columns.end);
    }
}

inline float height_at(const Drawn& drawn, double z_start, std::int64_t column) {
    // A steep sliver's plane runs far past its corners within one snapped step.
    return std::clamp(static_cast<float>(z_start + static_cast<double>(column) * drawn.dz_dx), drawn.z_min,
                      drawn.z_max);
}

// Throws std::invalid_argument for a window or an index that cannot be drawn.
void check_raster(const RasterMesh& mesh, const RasterWindow& window);

}  // namespace geovision
