#include "geovision/warp.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "geovision/parallel.hpp"

namespace geovision {
namespace {

constexpr std::int64_t ROWS_PER_BLOCK = 32;

template <class T, class Real>
T stored(Real value) {
    // A mean of values of T lies in the range of T, which starts at 0 where it is whole: truncation rounds.
    if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<std::int32_t>(value + Real(0.5)));
    return static_cast<T>(value);
}

// Coordinates of one row of the output, one line of nodes interpolated at a time.
class RowPlaces {
public:
    RowPlaces(const WarpGrid& grid, std::int64_t width) : grid_(grid), x(width), y(width) {}

    void compute(std::int64_t row) {
        const std::int64_t global = grid_.first_row + row;
        const std::int64_t node_row = global / grid_.step;
        const double step = static_cast<double>(grid_.step);
        const double fy = (static_cast<double>(global % grid_.step) + 0.5) / step;
        const double* upper = grid_.nodes + node_row * grid_.columns * 2;
        const double* lower = upper + grid_.columns * 2;
        const auto width = static_cast<std::int64_t>(x.size());
        std::int64_t i = 0;
        for (std::int64_t cell = 0; i < width; ++cell) {
            const double* a = upper + cell * 2;
            const double* b = lower + cell * 2;
            const double x0 = a[0] + (b[0] - a[0]) * fy, y0 = a[1] + (b[1] - a[1]) * fy;
            const double x1 = a[2] + (b[2] - a[2]) * fy, y1 = a[3] + (b[3] - a[3]) * fy;
            const std::int64_t first = cell == 0 ? grid_.first_column : 0;
            const std::int64_t end = std::min(grid_.step, first + width - i);
            for (std::int64_t k = first; k < end; ++k, ++i) {
                const double fx = (static_cast<double>(k) + 0.5) / step;
                x[static_cast<std::size_t>(i)] = x0 + (x1 - x0) * fx;
                y[static_cast<std::size_t>(i)] = y0 + (y1 - y0) * fx;
            }
        }
    }

private:
    const WarpGrid& grid_;

public:
    std::vector<double> x, y;
};

// std::floor is a call into the library where the compiler may not use SSE 4.1.
inline std::int64_t floor_of(double value) {
    const auto whole = static_cast<std::int64_t>(value);
    return whole - (value < static_cast<double>(whole) ? 1 : 0);
}

// Weights of a triangle filter along one axis, over the pixels [first, first + count) of the cut.
struct Taps {
    std::int64_t first = 0;
    std::size_t count = 0;
    double total = 0;
    std::vector<double> weights;

    explicit Taps(double radius) : weights(static_cast<std::size_t>(2 * std::ceil(radius)) + 2) {}

    void compute(double at, double radius, std::int64_t offset, std::int64_t size) {
        const double centre = at - 0.5, slope = 1.0 / radius;
        const std::int64_t low = floor_of(centre - radius) + 1 - offset;
        const std::int64_t high = floor_of(centre + radius) - offset;
        first = std::clamp<std::int64_t>(low, 0, size - 1);
        count = static_cast<std::size_t>(std::clamp<std::int64_t>(high, 0, size - 1) - first + 1);
        total = 0;
        for (std::size_t k = 0; k < count; ++k) {
            const double pixel = static_cast<double>(first + offset + static_cast<std::int64_t>(k));
            weights[k] = std::max(0.0, 1.0 - std::abs(pixel - centre) * slope);
            total += weights[k];
        }
    }
};

template <class T>
class Sampler {
public:
    Sampler(const WarpSource<T>& source, double scale_x, double scale_y, std::int64_t out_plane)
        : s_(source),
          radius_x_(std::max(1.0, scale_x)),
          radius_y_(std::max(1.0, scale_y)),
          out_plane_(out_plane),
          unit_(radius_x_ == 1.0 && radius_y_ == 1.0),
          plane_(s_.height * s_.width),
          left_(static_cast<double>(s_.left)),
          top_(static_cast<double>(s_.top)),
          right_(static_cast<double>(s_.left + s_.width)),
          bottom_(static_cast<double>(s_.top + s_.height)),
          taps_x_(radius_x_),
          taps_y_(radius_y_) {}

    // Index of the source pixel under (x, y) in the cut, or -1 where there is none with data.
    std::int64_t under(double x, double y) const {
        // Written so that NaN fails too.
        if (!(x >= left_ && y >= top_ && x < right_ && y < bottom_)) return -1;
        const std::int64_t index = (floor_of(y) - s_.top) * s_.width + floor_of(x) - s_.left;
        return s_.valid != nullptr && s_.valid[index] == 0 ? -1 : index;
    }

    void nearest(std::int64_t index, T* out) const {
        for (std::int64_t band = 0; band < s_.bands; ++band) {
            out[band * out_plane_] = s_.data[band * plane_ + index];
        }
    }

    void bilinear(double x, double y, std::int64_t index, T* out) {
        if (!unit_ || !four(x, y, out)) filter(x, y, index, out);
    }

private:
    // Bytes and words are exact in float, and so are their differences; heights keep their last bits.
    using Real = std::conditional_t<std::is_integral_v<T>, float, double>;

    // The plain case: false where one of the four pixels has no data.
    bool four(double x, double y, T* out) const {
        const double cx = x - 0.5, cy = y - 0.5;
        const std::int64_t column = floor_of(cx), row = floor_of(cy);
        const Real fx = static_cast<Real>(cx - static_cast<double>(column));
        const Real fy = static_cast<Real>(cy - static_cast<double>(row));
        const std::int64_t c0 = column - s_.left, r0 = row - s_.top;
        const std::int64_t left = std::max<std::int64_t>(c0, 0), right = std::min(c0 + 1, s_.width - 1);
        const std::int64_t upper = std::max<std::int64_t>(r0, 0) * s_.width;
        const std::int64_t lower = std::min(r0 + 1, s_.height - 1) * s_.width;
        if (const std::uint8_t* v = s_.valid;
            v != nullptr && !(v[upper + left] && v[upper + right] && v[lower + left] && v[lower + right])) {
            return false;
        }
        const T* p = s_.data;
        for (std::int64_t band = 0; band < s_.bands; ++band, p += plane_) {
            const Real a = static_cast<Real>(p[upper + left]), b = static_cast<Real>(p[upper + right]);
            const Real c = static_cast<Real>(p[lower + left]), d = static_cast<Real>(p[lower + right]);
            const Real above = a + (b - a) * fx, below = c + (d - c) * fx;
            out[band * out_plane_] = stored<T>(above + (below - above) * fy);
        }
        return true;
    }

    void filter(double x, double y, std::int64_t index, T* out) {
        taps_x_.compute(x, radius_x_, s_.left, s_.width);
        taps_y_.compute(y, radius_y_, s_.top, s_.height);
        const std::int64_t corner = taps_y_.first * s_.width + taps_x_.first;
        const bool masked = !all_valid(corner);
        const double total = masked ? valid_total(corner) : taps_x_.total * taps_y_.total;
        if (!(total > 0)) {
            nearest(index, out);
            return;
        }
        for (std::int64_t band = 0; band < s_.bands; ++band) {
            const T* p = s_.data + band * plane_ + corner;
            const double sum = masked ? masked_sum(p, s_.valid + corner) : plain_sum(p);
            out[band * out_plane_] = stored<T>(sum / total);
        }
    }

    bool all_valid(std::int64_t corner) const {
        if (s_.valid == nullptr) return true;
        for (std::size_t j = 0; j < taps_y_.count; ++j) {
            const std::uint8_t* v = s_.valid + corner + static_cast<std::int64_t>(j) * s_.width;
            if (std::find(v, v + taps_x_.count, 0) != v + taps_x_.count) return false;
        }
        return true;
    }

    double valid_total(std::int64_t corner) const {
        double total = 0;
        for (std::size_t j = 0; j < taps_y_.count; ++j) {
            const std::uint8_t* v = s_.valid + corner + static_cast<std::int64_t>(j) * s_.width;
            for (std::size_t i = 0; i < taps_x_.count; ++i) {
                if (v[i] != 0) total += taps_x_.weights[i] * taps_y_.weights[j];
            }
        }
        return total;
    }

    double plain_sum(const T* p) const {
        double sum = 0;
        for (std::size_t j = 0; j < taps_y_.count; ++j, p += s_.width) {
            double along = 0;
            for (std::size_t i = 0; i < taps_x_.count; ++i)
                along += taps_x_.weights[i] * static_cast<double>(p[i]);
            sum += along * taps_y_.weights[j];
        }
        return sum;
    }

    double masked_sum(const T* p, const std::uint8_t* v) const {
        double sum = 0;
        for (std::size_t j = 0; j < taps_y_.count; ++j, p += s_.width, v += s_.width) {
            for (std::size_t i = 0; i < taps_x_.count; ++i) {
                if (v[i] != 0) sum += taps_x_.weights[i] * taps_y_.weights[j] * static_cast<double>(p[i]);
            }
        }
        return sum;
    }

    const WarpSource<T>& s_;
    double radius_x_, radius_y_;
    std::int64_t out_plane_;
    bool unit_;
    std::int64_t plane_;
    double left_, top_, right_, bottom_;
    Taps taps_x_, taps_y_;
};

}  // namespace

template <class T>
std::int64_t warp(const WarpSource<T>& source, const WarpGrid& grid, Resampling method, double scale_x,
                  double scale_y, std::int64_t height, std::int64_t width, T* out, std::uint8_t* out_valid,
                  int threads, const std::atomic<bool>* cancel) {
    std::atomic<std::int64_t> count{0};
    const std::int64_t blocks = (height + ROWS_PER_BLOCK - 1) / ROWS_PER_BLOCK;
    const bool finished = parallel_blocks(blocks, threads, cancel, [&] {
        return [&, places = RowPlaces(grid, width),
                sampler = Sampler<T>(source, scale_x, scale_y, height * width)](std::int64_t block) mutable {
            std::int64_t valid = 0;
            const std::int64_t end = std::min(height, (block + 1) * ROWS_PER_BLOCK);
            for (std::int64_t row = block * ROWS_PER_BLOCK; row < end; ++row) {
                places.compute(row);
                for (std::int64_t column = 0; column < width; ++column) {
                    const double x = places.x[static_cast<std::size_t>(column)];
                    const double y = places.y[static_cast<std::size_t>(column)];
                    T* const at = out + row * width + column;
                    const std::int64_t index = sampler.under(x, y);
                    out_valid[row * width + column] = index >= 0;
                    if (index < 0) {
                        for (std::int64_t band = 0; band < source.bands; ++band)
                            at[band * height * width] = T{};
                    } else if (method == Resampling::nearest) {
                        sampler.nearest(index, at);
                    } else {
                        sampler.bilinear(x, y, index, at);
                    }
                    valid += index >= 0;
                }
            }
            count += valid;
        };
    });
    return finished ? count.load() : -1;
}

template std::int64_t warp(const WarpSource<std::uint8_t>&, const WarpGrid&, Resampling, double, double,
                           std::int64_t, std::int64_t, std::uint8_t*, std::uint8_t*, int,
                           const std::atomic<bool>*);
template std::int64_t warp(const WarpSource<std::uint16_t>&, const WarpGrid&, Resampling, double, double,
                           std::int64_t, std::int64_t, std::uint16_t*, std::uint8_t*, int,
                           const std::atomic<bool>*);
template std::int64_t warp(const WarpSource<float>&, const WarpGrid&, Resampling, double, double,
                           std::int64_t, std::int64_t, float*, std::uint8_t*, int, const std::atomic<bool>*);

}  // namespace geovision
