// Walls follow the steepest step of a height raster near them.
#include <algorithm>
#include <cmath>
#include <limits>

#include "geovision/outline_shape.hpp"

namespace geovision {
namespace {

// Least step in metres that counts as a wall, and how much of the way to the reach the raster is searched.
constexpr double least_step = 1.5;

// Bilinear between the middles of cells; NaN where one of them is unknown.
double height_at(const OutlinePatch& patch, Vec p) {
    const double u = p.x - 0.5, v = p.y - 0.5;
    const auto x = std::int32_t(std::floor(u)), y = std::int32_t(std::floor(v));
    if (x < 0 || y < 0 || x + 1 >= patch.width || y + 1 >= patch.height)
        return std::numeric_limits<double>::quiet_NaN();
    const double fx = u - x, fy = v - y;
    const float* top = &patch.heights[patch.at(x, y)];
    const float* low = top + patch.width;
    return (1 - fy) * ((1 - fx) * double(top[0]) + fx * double(top[1])) +
           fy * ((1 - fx) * double(low[0]) + fx * double(low[1]));
}

}  // namespace

void OutlineDrawing::follow_heights(std::size_t arc, OutlineLine& line) const {
    const bool left = map_.arcs[arc].left != 0;
    const std::int32_t trim = std::min(3, (line.last - line.first) / 4);
    if (line.last - line.first < 6) return;
    // From outside to inside, half a cell a step.
    const Vec mean = line.sums.mean();
    const Vec a = paths_.point(arc, line.first), b = paths_.point(arc, line.last);
    const double ahead = (b.x - a.x) * line.along.x + (b.y - a.y) * line.along.y < 0 ? -1 : 1;
    // With y down, left of the way (dx, dy) lies (dy, -dx).
    const double side = (left ? 1 : -1) * ahead;
    const Vec in{side * line.along.y, -side * line.along.x};
    const double reach = options_.reach / options_.cell;
    const auto half = std::int32_t(std::floor(2 * reach));
    const auto count = std::size_t(2 * half + 3);
    std::vector<double> sum(count, 0), known(count, 0);
    for (std::int32_t k = line.first + trim; k <= line.last - trim; ++k) {
        const Vec p = paths_.point(arc, k);
        const double off = (p.x - mean.x) * in.x + (p.y - mean.y) * in.y;
        for (std::size_t s = 0; s < count; ++s) {
            const double d = (double(s) - half - 1) / 2 - off;
            const double z = height_at(patch_, {p.x + d * in.x, p.y + d * in.y});
            if (std::isfinite(z)) sum[s] += z, known[s] += 1;
        }
    }
    for (std::size_t s = 0; s < count; ++s) {
        if (known[s] == 0) return;
        sum[s] /= known[s];
    }
    std::vector<double> rise(count, 0);
    std::size_t best = 0;
    for (std::size_t s = 1; s + 1 < count; ++s) {
        rise[s] = sum[s + 1] - sum[s - 1];
        if (rise[s] > rise[best]) best = s;
    }
    if (best < 2 || best + 2 >= count || sum[count - 1] - sum[0] < least_step) return;
    // The middle of the step, over the samples that take part in it.
    double weight = 0, place = 0;
    for (std::size_t s = best - 2; s <= best + 2; ++s) {
        const double w = std::max(0.0, rise[s]);
        weight += w, place += w * (double(s) - half - 1) / 2;
    }
    if (!(weight > 0)) return;
    const double move = std::clamp(place / weight, -reach, reach);
    const double dx = move * in.x, dy = move * in.y;
    OutlineMoments& m = line.sums;
    m.xx += 2 * dx * m.x + m.n * dx * dx;
    m.xy += dx * m.y + dy * m.x + m.n * dx * dy;
    m.yy += 2 * dy * m.y + m.n * dy * dy;
    m.x += m.n * dx;
    m.y += m.n * dy;
}

}  // namespace geovision
