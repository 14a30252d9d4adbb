#include "geovision/partition.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <tuple>

namespace geovision {

void Partition::start(double x0, double y0, double x1, double y1, const double* sites, std::int32_t count) {
    sites_ = sites;
    lines_.clear();
    borders_.clear();
    if (cells_.empty()) cells_.emplace_back();
    size_ = 1;
    cells_[0].ring = {{x0, y0, -1}, {x1, y0, -2}, {x1, y1, -3}, {x0, y1, -4}};
    cells_[0].sites.resize(std::size_t(count));
    for (std::int32_t i = 0; i < count; ++i) cells_[0].sites[std::size_t(i)] = i;
    bound(cells_[0]);
}

void Partition::cut(const CutLine& line, double margin, double sliver, std::size_t most_cells) {
    const auto id = std::int32_t(lines_.size());
    lines_.push_back(line);
    const double reach0 = line.t0 - margin, reach1 = line.t1 + margin;
    const double nx = std::abs(line.nx), ny = std::abs(line.ny);
    const std::size_t before = size_;
    for (std::size_t c = 0; c < before && size_ < most_cells; ++c) {
        const Cell& cell = cells_[c];
        // The line passes by the cell, or the stretch does.
        if (std::abs(line.across(cell.x, cell.y)) > nx * cell.half_x + ny * cell.half_y) continue;
        const double t = line.along(cell.x, cell.y), half = ny * cell.half_x + nx * cell.half_y;
        if (t - half > reach1 || t + half < reach0) continue;
        const std::vector<Corner>& ring = cell.ring;
        across_.resize(ring.size());
        double low = 0, high = 0;
        for (std::size_t i = 0; i < ring.size(); ++i) {
            across_[i] = line.across(ring[i].x, ring[i].y);
            low = std::min(low, across_[i]), high = std::max(high, across_[i]);
        }
        if (low > -sliver || high < sliver) continue;
        double from = std::numeric_limits<double>::infinity(), to = -from;
        for (std::size_t i = 0; i < ring.size(); ++i) {
            const std::size_t j = i + 1 < ring.size() ? i + 1 : 0;
            if ((across_[i] > 0) == (across_[j] > 0)) continue;
            const double s = across_[i] / (across_[i] - across_[j]);
            const double t =
                line.along(ring[i].x + s * (ring[j].x - ring[i].x), ring[i].y + s * (ring[j].y - ring[i].y));
            from = std::min(from, t), to = std::max(to, t);
        }
        if (std::min(to, reach1) - std::max(from, reach0) > 0.02) split(c, line, id);
    }
}

void Partition::split(std::size_t at, const CutLine& line, std::int32_t id) {
    if (cells_.size() == size_) cells_.emplace_back();
    Cell &cell = cells_[at], &other = cells_[size_++];
    low_.clear(), high_.clear();
    for (std::size_t i = 0; i < cell.ring.size(); ++i) {
        const std::size_t j = i + 1 < cell.ring.size() ? i + 1 : 0;
        const Corner &p = cell.ring[i], &q = cell.ring[j];
        (across_[i] > 0 ? high_ : low_).push_back(p);
        if ((across_[i] > 0) == (across_[j] > 0)) continue;
        const double s = across_[i] / (across_[i] - across_[j]);
        const double x = p.x + s * (q.x - p.x), y = p.y + s * (q.y - p.y);
        // The side that the ring leaves goes on along the line, the other takes up the old edge.
        (across_[i] > 0 ? high_ : low_).push_back({x, y, id});
        (across_[i] > 0 ? low_ : high_).push_back({x, y, p.line});
    }
    cell.ring.swap(low_);
    other.ring.assign(high_.begin(), high_.end());
    // Both lists are written to without a branch, which nothing could foresee.
    const std::size_t n = cell.sites.size();
    if (kept_.size() < n) kept_.resize(n);
    std::int32_t *low = cell.sites.data(), *high = kept_.data();
    std::size_t lows = 0, highs = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const std::int32_t s = low[i];
        const bool above = line.across(sites_[2 * s], sites_[2 * s + 1]) > 0;
        low[lows] = high[highs] = s;
        lows += !above, highs += above;
    }
    cell.sites.resize(lows);
    other.sites.assign(kept_.begin(), kept_.begin() + std::ptrdiff_t(highs));
    bound(cell), bound(other);
}

void Partition::bound(Cell& cell) {
    double x0 = cell.ring[0].x, x1 = x0, y0 = cell.ring[0].y, y1 = y0;
    for (const Corner& c : cell.ring) {
        x0 = std::min(x0, c.x), x1 = std::max(x1, c.x);
        y0 = std::min(y0, c.y), y1 = std::max(y1, c.y);
    }
    cell.x = 0.5 * (x0 + x1), cell.y = 0.5 * (y0 + y1);
    cell.half_x = 0.5 * (x1 - x0), cell.half_y = 0.5 * (y1 - y0);
}

void Partition::connect() {
    sides_.clear();
    borders_.clear();
    for (std::size_t c = 0; c < size_; ++c) {
        const std::vector<Corner>& ring = cells_[c].ring;
        for (std::size_t i = 0; i < ring.size(); ++i) {
            if (ring[i].line < 0) continue;
            const CutLine& line = lines_[std::size_t(ring[i].line)];
            const Corner& next = ring[i + 1 < ring.size() ? i + 1 : 0];
            const double t = line.along(ring[i].x, ring[i].y), u = line.along(next.x, next.y);
            // Counter-clockwise rings have their inside left: along -t it lies on the side of the normal.
            sides_.push_back({ring[i].line, u < t, std::min(t, u), std::max(t, u), std::int32_t(c)});
        }
    }
    std::sort(sides_.begin(), sides_.end(), [](const Side& a, const Side& b) {
        return std::tie(a.line, a.on_left, a.t0, a.t1, a.cell) <
               std::tie(b.line, b.on_left, b.t0, b.t1, b.cell);
    });
    for (std::size_t begin = 0, end; begin < sides_.size(); begin = end) {
        std::size_t middle = begin;
        for (end = begin; end < sides_.size() && sides_[end].line == sides_[begin].line; ++end)
            middle += !sides_[end].on_left;
        for (std::size_t i = begin, j = middle; i < middle && j < end;) {
            const double t0 = std::max(sides_[i].t0, sides_[j].t0), t1 = std::min(sides_[i].t1, sides_[j].t1);
            if (t1 - t0 > 1e-6)
                borders_.push_back({sides_[j].cell, sides_[i].cell, sides_[begin].line, t0, t1});
            sides_[i].t1 < sides_[j].t1 ? ++i : ++j;
        }
    }
}

}  // namespace geovision
