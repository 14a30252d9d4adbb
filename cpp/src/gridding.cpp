#include "geovision/gridding.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "geovision/parallel.hpp"

namespace geovision {
namespace {

constexpr double most_reach = 64.0;  // cells
constexpr std::int64_t rows_per_block = 16;
constexpr float nothing = std::numeric_limits<float>::quiet_NaN();

// Points by the cell of a window that is grown by a border; the order within a cell is that of x, y, z.
class Cells {
public:
    Cells(const double* xyz, std::int64_t count, const RasterWindow& w, std::int64_t border)
        : xyz_(xyz),
          window_(w),
          border_(border),
          columns_(w.width + 2 * border),
          rows_(w.height + 2 * border) {
        first_.assign(static_cast<std::size_t>(columns_ * rows_ + 1), 0);
        for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t cell = cell_of(xyz + 3 * i);
            if (cell >= 0) ++first_[static_cast<std::size_t>(cell) + 1];
        }
        for (std::size_t c = 1; c < first_.size(); ++c) first_[c] += first_[c - 1];
        order_.resize(static_cast<std::size_t>(first_.back()));
        std::vector<std::int64_t> next(first_.begin(), first_.end() - 1);
        for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t cell = cell_of(xyz + 3 * i);
            if (cell >= 0) order_[static_cast<std::size_t>(next[static_cast<std::size_t>(cell)]++)] = i;
        }
    }

    const double* point(std::int64_t i) const { return xyz_ + 3 * i; }

    // The points of a cell, which may lie in the border.
    std::pair<std::int64_t*, std::int64_t*> in(std::int64_t column, std::int64_t row) {
        const auto cell = static_cast<std::size_t>((row + border_) * columns_ + column + border_);
        return {order_.data() + first_[cell], order_.data() + first_[cell + 1]};
    }

    void sort_cell(std::int64_t column, std::int64_t row) {
        const auto [from, to] = in(column, row);
        const auto place = [&](std::int64_t i) {
            const double* p = point(i);
            return std::make_tuple(p[0], p[1], p[2]);
        };
        std::sort(from, to, [&](std::int64_t a, std::int64_t b) { return place(a) < place(b); });
    }

private:
    std::int64_t cell_of(const double* p) const {
        // Points often lie on the very border of a cell: rounding, which the place of the window changes,
        // must not tell on which side.
        constexpr double nudge = 1e-7;
        const double c = std::floor((p[0] - window_.left) / window_.cell + nudge);
        const double r = std::floor((window_.top - p[1]) / window_.cell + nudge);
        const auto edge = static_cast<double>(border_);
        const bool inside = c >= -edge && r >= -edge && c < static_cast<double>(columns_ - border_) &&
                            r < static_cast<double>(rows_ - border_) && std::isfinite(p[2]);
        if (!inside) return -1;
        return (static_cast<std::int64_t>(r) + border_) * columns_ + static_cast<std::int64_t>(c) + border_;
    }

    const double* xyz_;
    RasterWindow window_;
    std::int64_t border_, columns_, rows_;
    std::vector<std::int64_t> first_, order_;
};

// The value at a percentile of one cell, by linear interpolation between ranks as NumPy does it.
float percentile_of(Cells& cells, std::int64_t column, std::int64_t row, double percentile,
                    std::vector<double>& heights) {
    heights.clear();
    const auto [from, to] = cells.in(column, row);
    for (auto* i = from; i != to; ++i) heights.push_back(cells.point(*i)[2]);
    if (heights.empty()) return nothing;
    if (percentile >= 100.0) return static_cast<float>(*std::max_element(heights.begin(), heights.end()));
    std::sort(heights.begin(), heights.end());
    const double rank = percentile / 100.0 * static_cast<double>(heights.size() - 1);
    const auto low = static_cast<std::size_t>(rank);
    const std::size_t high = std::min(low + 1, heights.size() - 1);
    return static_cast<float>(heights[low] +
                              (rank - static_cast<double>(low)) * (heights[high] - heights[low]));
}

float mean_round(Cells& cells, const RasterWindow& w, std::int64_t column, std::int64_t row, double radius,
                 std::int64_t reach) {
    const double x = w.left + (static_cast<double>(column) + 0.5) * w.cell;
    const double y = w.top - (static_cast<double>(row) + 0.5) * w.cell;
    // A point in the very middle counts much and not all.
    const double soft = 0.01 * w.cell * w.cell;
    double sum = 0.0, weight = 0.0;
    for (std::int64_t r = row - reach; r <= row + reach; ++r) {
        for (std::int64_t c = column - reach; c <= column + reach; ++c) {
            const auto [from, to] = cells.in(c, r);
            for (auto* i = from; i != to; ++i) {
                const double* p = cells.point(*i);
                const double d2 = (p[0] - x) * (p[0] - x) + (p[1] - y) * (p[1] - y);
                if (d2 > radius * radius) continue;
                sum += p[2] / (d2 + soft);
                weight += 1.0 / (d2 + soft);
            }
        }
    }
    return weight > 0.0 ? static_cast<float>(sum / weight) : nothing;
}

// The mean of the nearest cells with a height: those of the first square ring that has any, and of the next.
float filled(const std::vector<float>& z, const RasterWindow& w, std::int64_t column, std::int64_t row,
             double reach) {
    double sum = 0.0, weight = 0.0;
    const auto add = [&](std::int64_t dc, std::int64_t dr) {
        const std::int64_t c = column + dc, r = row + dr;
        if (c < 0 || r < 0 || c >= w.width || r >= w.height) return;
        const float height = z[static_cast<std::size_t>(r * w.width + c)];
        const auto d2 = static_cast<double>(dc * dc + dr * dr);
        if (std::isnan(height) || d2 > reach * reach) return;
        sum += height / d2;
        weight += 1.0 / d2;
    };
    auto last = static_cast<std::int64_t>(reach);
    for (std::int64_t ring = 1; ring <= last; ++ring) {
        for (std::int64_t k = -ring; k <= ring; ++k) {
            add(k, -ring);
            add(k, ring);
            if (k > -ring && k < ring) {
                add(-ring, k);
                add(ring, k);
            }
        }
        if (weight > 0.0) last = std::min(last, ring + 1);
    }
    return weight > 0.0 ? static_cast<float>(sum / weight) : nothing;
}

void check(const RasterWindow& w, const GridOptions& o) {
    const bool cells =
        w.width > 0 && w.height > 0 && w.cell > 0.0 && std::isfinite(w.cell) &&
        static_cast<std::int64_t>(w.width) * w.height < std::numeric_limits<std::int32_t>::max();
    if (!cells) throw std::invalid_argument("the window has no cells, or more than 2^31");
    const bool mean = o.percentile < 0.0;
    const bool sound = o.percentile <= 100.0 && o.fill >= 0.0 && o.fill <= most_reach * w.cell &&
                       (!mean || (o.radius > 0.0 && o.radius <= most_reach * w.cell));
    if (!sound) throw std::invalid_argument("percentile, radius or fill is out of range (at most 64 cells)");
}

}  // namespace

bool grid_points(const double* xyz, std::int64_t count, const RasterWindow& window,
                 const GridOptions& options, float* z) {
    check(window, options);
    const bool mean = options.percentile < 0.0;
    const auto reach = mean ? static_cast<std::int64_t>(std::ceil(options.radius / window.cell)) : 0;
    Cells cells(xyz, count, window, reach);
    const auto each_row = [&](std::int64_t rows, auto make_work) {
        return parallel_blocks((rows + rows_per_block - 1) / rows_per_block, options.threads, options.cancel,
                               [&] {
                                   return [&, work = make_work()](std::int64_t block) mutable {
                                       for (auto r = block * rows_per_block;
                                            r < std::min(rows, (block + 1) * rows_per_block); ++r)
                                           work(r);
                                   };
                               });
    };
    bool done = true;
    if (mean) {
        // A sum in doubles depends on its order, and that of the points must not show.
        done = each_row(window.height + 2 * reach, [&] {
            return [&](std::int64_t r) {
                for (std::int64_t c = -reach; c < window.width + reach; ++c) cells.sort_cell(c, r - reach);
            };
        });
    }
    done = done && each_row(window.height, [&] {
               return [&, heights = std::vector<double>()](std::int64_t r) mutable {
                   for (std::int64_t c = 0; c < window.width; ++c) {
                       z[r * window.width + c] =
                           mean ? mean_round(cells, window, c, r, options.radius, reach)
                                : percentile_of(cells, c, r, options.percentile, heights);
                   }
               };
           });
    if (!done || options.fill <= 0.0) return done;
    const std::vector<float> known(z, z + static_cast<std::int64_t>(window.width) * window.height);
    return each_row(window.height, [&] {
        return [&](std::int64_t r) {
            for (std::int64_t c = 0; c < window.width; ++c) {
                float& at = z[r * window.width + c];
                if (std::isnan(at)) at = filled(known, window, c, r, options.fill / window.cell);
            }
        };
    });
}

}  // namespace geovision
