// The footprint as a raster: which pixels lie inside, which plane each of them belongs to, and where
// neighbouring pixels differ.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "geovision/roofplan.hpp"

namespace geovision {

namespace {

constexpr double most_pixels = 1e6;
constexpr std::int32_t outside = -2, unlabelled = -1;

}  // namespace

bool RoofPlanner::draw_footprint() {
    double x0 = std::numeric_limits<double>::infinity(), y0 = x0, x1 = -x0, y1 = -x0, twice = 0;
    // The building's own first vertex: the array begins with another one's, and rounding would tell.
    const double* from = e_.xy + 2 * e_.ring_offsets[0];
    for (std::int64_t r = 0; r < e_.rings; ++r) {
        const std::int64_t begin = e_.ring_offsets[r], end = e_.ring_offsets[r + 1];
        for (std::int64_t i = begin; i < end; ++i) {
            const double *p = e_.xy + 2 * i, *q = e_.xy + 2 * (i + 1 < end ? i + 1 : begin);
            x0 = std::min(x0, p[0]), x1 = std::max(x1, p[0]);
            y0 = std::min(y0, p[1]), y1 = std::max(y1, p[1]);
            twice += (p[0] - from[0]) * (q[1] - from[1]) - (q[0] - from[0]) * (p[1] - from[1]);
        }
    }
    area_ = std::abs(twice) / 2;
    if (!(area_ > 1e-4) || !std::isfinite(x1 - x0) || !std::isfinite(y1 - y0)) return false;
    spacing_ = std::clamp(std::sqrt(area_ / double(std::max<std::int64_t>(1, e_.count))), 0.05, 4.0);
    pixel_ = std::clamp(0.8 * spacing_, 0.15, 0.6);
    pixel_ = std::max(pixel_, std::sqrt((x1 - x0 + 1) * (y1 - y0 + 1) / most_pixels));
    left_ = x0 - pixel_, bottom_ = y0 - pixel_;
    columns_ = std::int32_t(std::ceil((x1 - x0) / pixel_)) + 2;
    rows_ = std::int32_t(std::ceil((y1 - y0) / pixel_)) + 2;
    raster_.assign(std::size_t(columns_) * std::size_t(rows_), outside);
    for (std::int32_t row = 0; row < rows_; ++row) {
        const double y = bottom_ + (row + 0.5) * pixel_;
        crossings_.clear();
        for (std::int64_t r = 0; r < e_.rings; ++r) {
            const std::int64_t begin = e_.ring_offsets[r], end = e_.ring_offsets[r + 1];
            for (std::int64_t i = begin; i < end; ++i) {
                const double *p = e_.xy + 2 * i, *q = e_.xy + 2 * (i + 1 < end ? i + 1 : begin);
                if ((p[1] > y) != (q[1] > y))
                    crossings_.push_back(p[0] + (y - p[1]) * (q[0] - p[0]) / (q[1] - p[1]));
            }
        }
        std::sort(crossings_.begin(), crossings_.end());
        for (std::size_t k = 0; k + 1 < crossings_.size(); k += 2) {
            const auto from = std::int32_t(std::ceil((crossings_[k] - left_) / pixel_ - 0.5));
            const auto to = std::int32_t(std::ceil((crossings_[k + 1] - left_) / pixel_ - 0.5));
            for (std::int32_t c = std::max(0, from); c < std::min(columns_, to); ++c)
                raster_[std::size_t(row) * std::size_t(columns_) + std::size_t(c)] = unlabelled;
        }
    }
    return true;
}

bool RoofPlanner::inside(double x, double y) const {
    bool in = false;
    for (std::int64_t r = 0; r < e_.rings; ++r) {
        const std::int64_t begin = e_.ring_offsets[r], end = e_.ring_offsets[r + 1];
        for (std::int64_t i = begin, j = end - 1; i < end; j = i++) {
            const double *p = e_.xy + 2 * i, *q = e_.xy + 2 * j;
            if ((p[1] > y) != (q[1] > y) && x < p[0] + (y - p[1]) * (q[0] - p[0]) / (q[1] - p[1])) in = !in;
        }
    }
    return in;
}

// Points inside the footprint, and the sites of the partition: those points, then the pixels.
void RoofPlanner::gather_points(std::vector<std::uint8_t>& chosen) {
    chosen.assign(std::size_t(e_.count), 0);
    points_.clear(), inverse_variance_.clear(), sites_.clear(), site_pixel_.clear();
    low_ = std::numeric_limits<double>::infinity(), high_ = -low_;
    std::int64_t within = 0;
    for (std::int64_t i = 0; i < e_.count; ++i) {
        chosen[std::size_t(i)] = inside(e_.points[3 * i], e_.points[3 * i + 1]);
        within += chosen[std::size_t(i)];
    }
    const std::int64_t stride = (within + o_.most_points - 1) / o_.most_points;
    std::int64_t place = 0;
    for (std::int64_t i = 0; i < e_.count; ++i) {
        const double* p = e_.points + 3 * i;
        if (!chosen[std::size_t(i)] || place++ % stride != 0) continue;
        points_.insert(points_.end(), p, p + 3);
        inverse_variance_.push_back(e_.sigma ? double(e_.sigma[i]) : o_.noise);
        sites_.push_back(p[0]), sites_.push_back(p[1]);
        low_ = std::min(low_, p[2]), high_ = std::max(high_, p[2]);
    }
    stands_for_ = inverse_variance_.empty() ? 1 : double(within) / double(inverse_variance_.size());
    for (std::int32_t row = 0; row < rows_; ++row) {
        for (std::int32_t c = 0; c < columns_; ++c) {
            const std::int32_t at = row * columns_ + c;
            if (raster_[std::size_t(at)] == outside) continue;
            sites_.push_back(left_ + (c + 0.5) * pixel_), sites_.push_back(bottom_ + (row + 0.5) * pixel_);
            site_pixel_.push_back(at);
        }
    }
}

// A pixel takes the label that most of its points have.
void RoofPlanner::label_pixels() {
    pixel_count_.assign(raster_.size(), 0);
    for (const std::int32_t at : site_pixel_) raster_[std::size_t(at)] = unlabelled;
    // Majority vote (Boyer and Moore): enough where few points share a pixel.
    for (std::size_t i = 0; i < point_label_.size(); ++i) {
        const std::int32_t label = point_label_[i];
        if (label < 0) continue;
        const auto at = std::size_t(pixel_of(i));
        if (raster_[at] == outside) continue;
        if (pixel_count_[at] == 0) raster_[at] = label;
        pixel_count_[at] += raster_[at] == label ? 1 : -1;
    }
    spread_labels();
}

// Pixels without a label take that of the nearest one with a label.
void RoofPlanner::spread_labels() {
    queue_.clear();
    for (const std::int32_t at : site_pixel_)
        if (raster_[std::size_t(at)] >= 0) queue_.push_back(at);
    const std::int32_t step[4] = {-1, 1, -columns_, columns_};
    for (std::size_t i = 0; i < queue_.size(); ++i) {
        for (const std::int32_t s : step) {
            const std::int32_t to = queue_[i] + s;
            if (raster_[std::size_t(to)] != unlabelled) continue;
            raster_[std::size_t(to)] = raster_[std::size_t(queue_[i])];
            queue_.push_back(to);
        }
    }
}

// Where neighbouring pixels have different labels, one of them at least `from_label`.
void RoofPlanner::find_links(std::int32_t from_label) {
    links_.clear();
    for (const std::int32_t at : site_pixel_) {
        const std::int32_t a = raster_[std::size_t(at)];
        if (a < 0) continue;
        const double x = left_ + (at % columns_ + 0.5) * pixel_, y = bottom_ + (at / columns_ + 0.5) * pixel_;
        for (int k = 0; k < 2; ++k) {
            const std::int32_t b = raster_[std::size_t(at + (k == 0 ? 1 : columns_))];
            if (b < 0 || a == b || std::max(a, b) < from_label) continue;
            const float sx = k == 0 ? 1.f : 0.f, sy = 1.f - sx, sign = a < b ? 1.f : -1.f;
            links_.push_back({std::min(a, b), std::max(a, b), float(x + 0.5 * pixel_ * double(sx)),
                              float(y + 0.5 * pixel_ * double(sy)), sign * sx, sign * sy});
        }
    }
    std::stable_sort(links_.begin(), links_.end(), [](const Link& u, const Link& v) {
        return u.low != v.low ? u.low < v.low : u.high < v.high;
    });
}

// How much of a stretch of a line lies inside the footprint, to about a pixel.
double RoofPlanner::inside_length(const CutLine& line, double t0, double t1) const {
    const int steps = std::clamp(int((t1 - t0) / (0.5 * pixel_)) + 1, 1, 200);
    int in = 0;
    for (int k = 0; k < steps; ++k) {
        const Vec p = line.at(t0 + (t1 - t0) * (k + 0.5) / steps);
        const auto c = std::int32_t(std::floor((p.x - left_) / pixel_));
        const auto row = std::int32_t(std::floor((p.y - bottom_) / pixel_));
        in += c >= 0 && row >= 0 && c < columns_ && row < rows_ &&
              raster_[std::size_t(row) * std::size_t(columns_) + std::size_t(c)] != outside;
    }
    return (t1 - t0) * in / steps;
}

}  // namespace geovision
