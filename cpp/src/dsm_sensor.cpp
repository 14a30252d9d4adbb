#include "geovision/dsm_sensor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "geovision/noise.hpp"
#include "geovision/parallel.hpp"
#include "noise_quantiles.hpp"
#include "raster_core.hpp"

namespace geovision {
namespace {

using Field = std::vector<float>;

constexpr int rows_a_block = 32;
constexpr double widest = 256.0;  // cells
constexpr float nan = std::numeric_limits<float>::quiet_NaN();
// Higher by so much over one cell, a neighbour is another surface and not the same one sloping.
constexpr double steep = 1.7;

class Raster {
public:
    Raster(const RasterWindow& window, const DsmOptions& options)
        : window_(window),
          options_(options),
          // Cells have a number in the world, which their noise belongs to.
          first_column_(std::llround(window.left / window.cell)),
          first_row_(std::llround(window.top / window.cell)) {}

    int width() const { return window_.width; }
    int height() const { return window_.height; }
    double cells(double metres) const { return metres / window_.cell; }
    double x(int column) const { return window_.left + (column + 0.5) * window_.cell; }
    double y(int row) const { return window_.top - (row + 0.5) * window_.cell; }
    std::size_t at(int row, int column) const {
        return static_cast<std::size_t>(row) * static_cast<std::size_t>(window_.width) +
               static_cast<std::size_t>(column);
    }
    std::uint32_t key(int row, int column, std::uint32_t purpose) const {
        return hash32(options_.seed ^ purpose, lattice(first_column_ + column), lattice(first_row_ - row));
    }

    // visit(row) for all rows, several at a time. False when cancelled.
    template <class Visit>
    bool rows(Visit visit) const {
        const std::int64_t blocks = (window_.height + rows_a_block - 1) / rows_a_block;
        return parallel_blocks(blocks, options_.threads, options_.cancel, [&] {
            return [&](std::int64_t block) {
                const int begin = static_cast<int>(block) * rows_a_block;
                for (int row = begin; row < std::min(window_.height, begin + rows_a_block); ++row) visit(row);
            };
        });
    }

private:
    RasterWindow window_;
    const DsmOptions& options_;
    std::int64_t first_column_, first_row_;
};

// Mean 0, deviation 1, near enough to normal: four patterns of value noise, whose own deviation is 0.214.
float wave(double x, double y, std::uint32_t key) {
    float sum = -2.0f;
    for (std::uint32_t k = 0; k < 4; ++k) {
        const std::uint32_t own = hash32(key, k);
        // Shifted, so that the lattices of the four do not coincide.
        sum += value_noise(x + 0.25 * k, y + 0.37 * k, own);
    }
    return sum * (0.5f / 0.2144f);
}

// Every cell looks a little beside itself, alike over ragged_length.
bool rag(const Raster& r, const DsmOptions& o, const float* in, Field& out) {
    return r.rows([&](int row) {
        for (int column = 0; column < r.width(); ++column) {
            const double px = r.x(column) / o.ragged_length, py = r.y(row) / o.ragged_length;
            const double limit = 4.0 * r.cells(o.ragged);
            const auto shift = [&](std::uint32_t purpose) {
                const double s = r.cells(o.ragged) * static_cast<double>(wave(px, py, o.seed ^ purpose));
                return static_cast<int>(std::lround(std::clamp(s, -limit, limit)));
            };
            const int c = std::clamp(column + shift(0x1b873593u), 0, r.width() - 1),
                      w = std::clamp(row + shift(0xcc9e2d51u), 0, r.height() - 1);
            out[r.at(row, column)] = in[r.at(w, c)];
        }
    });
}

// Highest (sign 1) or lowest (sign -1) value within a square; NaN counts for nothing.
bool extreme(const Raster& r, int radius, float sign, const float* in, Field& scratch, Field& out) {
    const auto better = [&](float a, float b) { return std::isnan(a) || sign * b > sign * a ? b : a; };
    const bool across = r.rows([&](int row) {
        for (int column = 0; column < r.width(); ++column) {
            float best = nan;
            for (int c = std::max(0, column - radius); c <= std::min(r.width() - 1, column + radius); ++c)
                best = better(best, in[r.at(row, c)]);
            scratch[r.at(row, column)] = best;
        }
    });
    return across && r.rows([&](int row) {
        for (int column = 0; column < r.width(); ++column) {
            float best = nan;
            for (int k = std::max(0, row - radius); k <= std::min(r.height() - 1, row + radius); ++k)
                best = better(best, scratch[r.at(k, column)]);
            out[r.at(row, column)] = best;
        }
    });
}

// High surfaces grow over the foot of their own walls, but a slope does not climb.
bool fatten(const Raster& r, const DsmOptions& o, Field& field, Field& scratch, Field& top) {
    const int radius = static_cast<int>(std::lround(r.cells(o.fatten)));
    if (radius == 0) return true;
    if (!extreme(r, radius, 1.0f, field.data(), scratch, top)) return false;
    const auto step = static_cast<float>(0.5 + steep * o.fatten);
    return r.rows([&](int row) {
        for (int column = 0; column < r.width(); ++column) {
            const std::size_t i = r.at(row, column);
            if (top[i] - field[i] > step) field[i] = top[i];
        }
    });
}

bool blur(const Raster& r, double sigma, Field& field, Field& scratch) {
    const int radius = static_cast<int>(std::ceil(3.0 * sigma));
    std::vector<float> weight(static_cast<std::size_t>(radius) + 1);
    for (int k = 0; k <= radius; ++k)
        weight[static_cast<std::size_t>(k)] = static_cast<float>(std::exp(-0.5 * k * k / (sigma * sigma)));
    // Sums of what there is, and how much that was; a cell without a height stays without.
    const auto pass = [&](const Field& in, Field& out, bool across) {
        return r.rows([&](int row) {
            for (int column = 0; column < r.width(); ++column) {
                const std::size_t here = r.at(row, column);
                float sum = 0.0f, total = 0.0f;
                const int place = across ? column : row, end = across ? r.width() : r.height();
                for (int k = std::max(0, place - radius); k <= std::min(end - 1, place + radius); ++k) {
                    const float v = in[across ? r.at(row, k) : r.at(k, column)];
                    const float w =
                        std::isnan(v) ? 0.0f : weight[static_cast<std::size_t>(std::abs(k - place))];
                    sum += w == 0.0f ? 0.0f : w * v;
                    total += w;
                }
                out[here] = std::isnan(in[here]) || total == 0.0f ? nan : sum / total;
            }
        });
    };
    return pass(field, scratch, true) && pass(scratch, field, false);
}

// At the foot of walls, where one of the two pictures looks at the wall.
bool hide_feet(const Raster& r, const DsmOptions& o, const float* truth, Field& field, Field& scratch,
               Field& top) {
    const int radius = static_cast<int>(std::lround(r.cells(o.shadow_hole)));
    if (radius == 0) return true;
    if (!extreme(r, radius, 1.0f, truth, scratch, top)) return false;
    return r.rows([&](int row) {
        for (int column = 0; column < r.width(); ++column) {
            const std::size_t i = r.at(row, column);
            // Ragged, and not everywhere: a matcher guesses where it can.
            const double here =
                o.shadow_hole_step * (1.0 + 0.5 * static_cast<double>(wave(r.x(column) / 2.0, r.y(row) / 2.0,
                                                                           o.seed ^ 0x27d4eb2fu)));
            if (static_cast<double>(top[i] - truth[i]) > std::max(o.shadow_hole_step, here)) field[i] = nan;
        }
    });
}

bool add_noise(const Raster& r, const DsmOptions& o, const Field& field, float* out) {
    const auto bias = static_cast<float>(o.bias) * normal(hash32(o.seed ^ 0x165667b1u));
    const float hole_above = noise_quantile(static_cast<float>(1.0 - o.hole_share));
    return r.rows([&](int row) {
        for (int column = 0; column < r.width(); ++column) {
            const std::size_t i = r.at(row, column);
            float v = field[i] + bias;
            const double x = r.x(column), y = r.y(row);
            if (o.noise > 0.0) v += static_cast<float>(o.noise) * normal(r.key(row, column, 0x9e3779b1u));
            if (o.relief > 0.0) {
                v += static_cast<float>(o.relief) *
                     wave(x / o.relief_length, y / o.relief_length, o.seed ^ 0x85ebca77u);
            }
            if (o.outlier_share > 0.0) {
                const std::uint32_t key = r.key(row, column, 0xc2b2ae3du);
                if (static_cast<double>(unit(key)) < o.outlier_share)
                    v += static_cast<float>(o.outlier) * normal(hash32(key));
            }
            if (o.hole_share > 0.0 &&
                value_noise(x / o.hole_length, y / o.hole_length, o.seed ^ 0x2545f491u) >= hole_above)
                v = nan;
            out[i] = v;
        }
    });
}

void check(const RasterWindow& window, const DsmOptions& o) {
    check_raster({}, window);
    for (const double length :
         {o.noise, o.relief, o.bias, o.ragged, o.fatten, o.smooth, o.shadow_hole, o.outlier}) {
        if (!(length >= 0.0 && std::isfinite(length)))
            throw std::invalid_argument("dsm: lengths must be 0 or more");
    }
    for (const double length : {o.ragged, o.fatten, o.smooth, o.shadow_hole}) {
        if (length > widest * window.cell)
            throw std::invalid_argument(
                "dsm: ragged, fatten, smooth and shadow_hole may reach 256 cells at most");
    }
    for (const double length : {o.relief_length, o.ragged_length, o.hole_length}) {
        if (!(length > 0.0))
            throw std::invalid_argument("dsm: the lengths of relief, ragged edges and holes must be above 0");
    }
}

}  // namespace

bool simulate_dsm(const float* height, const RasterWindow& window, const DsmOptions& options, float* out) {
    check(window, options);
    const Raster raster(window, options);
    const std::size_t count =
        static_cast<std::size_t>(window.width) * static_cast<std::size_t>(window.height);
    Field field(count), scratch(count), top(count);
    if (options.ragged > 0.0) {
        if (!rag(raster, options, height, field)) return false;
    } else {
        std::copy_n(height, count, field.begin());
    }
    if (!fatten(raster, options, field, scratch, top)) return false;
    if (options.smooth > 0.0 && !blur(raster, raster.cells(options.smooth), field, scratch)) return false;
    if (!hide_feet(raster, options, height, field, scratch, top)) return false;
    return add_noise(raster, options, field, out);
}

}  // namespace geovision
