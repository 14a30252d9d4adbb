#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "geovision/ground.hpp"

namespace geovision {
namespace {

constexpr float nothing = std::numeric_limits<float>::infinity();
constexpr double most_cells = 268435456.0;  // 2^28
constexpr double farthest = 1e9;

// A raster of heights above `base`, row by row; infinite where nothing is. Floats hold 0.1 mm up to 1 km.
struct Surface {
    std::int64_t columns = 0, rows = 0;
    std::vector<float> z;
    float& at(std::int64_t c, std::int64_t r) { return z[static_cast<std::size_t>(r * columns + c)]; }
    float at(std::int64_t c, std::int64_t r) const { return z[static_cast<std::size_t>(r * columns + c)]; }
};

// The least of every run of 2 * radius + 1 values, in three operations a value whatever the radius
// (van Herk 1992). `stride` walks along a row or a column.
class RunningMinimum {
public:
    void run(float* values, std::int64_t count, std::int64_t stride, std::int64_t radius) {
        const std::int64_t window = 2 * radius + 1, padded = count + 2 * radius;
        const std::int64_t length = (padded + window - 1) / window * window;
        value_.assign(static_cast<std::size_t>(length), nothing);
        for (std::int64_t i = 0; i < count; ++i)
            value_[static_cast<std::size_t>(i + radius)] = values[i * stride];
        forward_ = value_;
        backward_ = value_;
        for (std::int64_t i = 1; i < length; ++i) {
            if (i % window != 0) lower(forward_, i, i - 1);
        }
        for (std::int64_t i = length - 2; i >= 0; --i) {
            if ((i + 1) % window != 0) lower(backward_, i, i + 1);
        }
        for (std::int64_t i = 0; i < count; ++i) {
            values[i * stride] = std::min(backward_[static_cast<std::size_t>(i)],
                                          forward_[static_cast<std::size_t>(i + window - 1)]);
        }
    }

private:
    static void lower(std::vector<float>& v, std::int64_t at, std::int64_t from) {
        v[static_cast<std::size_t>(at)] =
            std::min(v[static_cast<std::size_t>(at)], v[static_cast<std::size_t>(from)]);
    }
    std::vector<float> value_, forward_, backward_;
};

void erode(Surface& s, std::int64_t radius) {
    RunningMinimum minimum;
    for (std::int64_t r = 0; r < s.rows; ++r) minimum.run(&s.at(0, r), s.columns, 1, radius);
    for (std::int64_t c = 0; c < s.columns; ++c) minimum.run(&s.at(c, 0), s.rows, s.columns, radius);
}

// A dilation is an erosion of the negative. What has no height after an erosion has nothing near it.
void dilate(Surface& s, std::int64_t radius) {
    const auto negate = [&] {
        for (float& z : s.z) z = z == nothing ? nothing : -z;
    };
    negate();
    erode(s, radius);
    negate();
}

Surface opened(const Surface& s, std::int64_t radius) {
    Surface out = s;
    erode(out, radius);
    dilate(out, radius);
    return out;
}

class Filter {
public:
    Filter(const double* xyz, std::int64_t count, const GroundFilterOptions& options)
        : xyz_(xyz), count_(count), o_(options) {}

    std::vector<std::uint8_t> run() {
        std::vector<std::uint8_t> ground(static_cast<std::size_t>(count_), 0);
        if (!make_surface()) return ground;
        drop_pits();
        drop_objects();
        for (std::int64_t i = 0; i < count_; ++i) {
            if (sound(i)) ground[static_cast<std::size_t>(i)] = near_surface(point(i));
        }
        return ground;
    }

private:
    const double* point(std::int64_t i) const { return xyz_ + 3 * i; }
    bool sound(std::int64_t i) const {
        const double* p = point(i);
        return std::abs(p[0]) < farthest && std::abs(p[1]) < farthest && std::abs(p[2]) < farthest;
    }
    std::int64_t column(double x) const { return static_cast<std::int64_t>(std::floor(x / o_.cell)) - west_; }
    std::int64_t row(double y) const { return static_cast<std::int64_t>(std::floor(y / o_.cell)) - south_; }

    bool make_surface() {
        double low_x = farthest, low_y = farthest, high_x = -farthest, high_y = -farthest;
        for (std::int64_t i = 0; i < count_; ++i) {
            if (!sound(i)) continue;
            const double* p = point(i);
            low_x = std::min(low_x, p[0]);
            high_x = std::max(high_x, p[0]);
            low_y = std::min(low_y, p[1]);
            high_y = std::max(high_y, p[1]);
        }
        if (low_x > high_x) return false;
        west_ = static_cast<std::int64_t>(std::floor(low_x / o_.cell));
        south_ = static_cast<std::int64_t>(std::floor(low_y / o_.cell));
        surface_.columns = column(high_x) + 1;
        surface_.rows = row(high_y) + 1;
        if (static_cast<double>(surface_.columns) * static_cast<double>(surface_.rows) > most_cells) {
            throw std::invalid_argument("the points spread over more than 2^28 cells");
        }
        surface_.z.assign(static_cast<std::size_t>(surface_.columns * surface_.rows), nothing);
        for (std::int64_t i = 0; i < count_; ++i) {
            if (!sound(i)) continue;
            const double* p = point(i);
            float& z = surface_.at(column(p[0]), row(p[1]));
            z = std::min(z, static_cast<float>(p[2]));
        }
        return true;
    }

    // A cell far below all cells near it holds an echo from nowhere. Closing with a small square fills pits;
    // what it fills by more than a ditch is deep goes.
    void drop_pits() {
        constexpr float deep = 2.0F;
        Surface closed = surface_;
        dilate(closed, 1);
        erode(closed, 1);
        for (std::size_t i = 0; i < surface_.z.size(); ++i) {
            if (surface_.z[i] != nothing && closed.z[i] - surface_.z[i] > deep) surface_.z[i] = nothing;
        }
    }

    void drop_objects() {
        const auto largest = static_cast<std::int64_t>(std::ceil(o_.max_object / o_.cell / 2.0));
        std::vector<std::uint8_t> object(surface_.z.size(), 0);
        Surface last = surface_;
        std::int64_t before = 0;
        for (std::int64_t radius = 1; before < largest; radius = std::max(radius + 1, radius * 5 / 4)) {
            radius = std::min(radius, largest);
            const Surface now = opened(surface_, radius);
            const double allowed = o_.step + o_.slope * static_cast<double>(radius - before) * o_.cell;
            for (std::size_t i = 0; i < object.size(); ++i) {
                if (surface_.z[i] != nothing && last.z[i] - now.z[i] > allowed) object[i] = 1;
            }
            last = now;
            before = radius;
        }
        for (std::size_t i = 0; i < object.size(); ++i) {
            if (object[i] != 0) surface_.z[i] = nothing;
        }
    }

    // Distance in height from a plane through the cells in a square of five round the point.
    bool near_surface(const double* p) const {
        constexpr std::int64_t around = 2;
        const std::int64_t c0 = column(p[0]), r0 = row(p[1]);
        double n = 0, sx = 0, sy = 0, sz = 0, xx = 0, xy = 0, yy = 0, xz = 0, yz = 0;
        for (std::int64_t r = std::max<std::int64_t>(r0 - around, 0);
             r <= std::min(r0 + around, surface_.rows - 1); ++r) {
            for (std::int64_t c = std::max<std::int64_t>(c0 - around, 0);
                 c <= std::min(c0 + around, surface_.columns - 1); ++c) {
                const float height = surface_.at(c, r);
                if (height == nothing) continue;
                const auto x = static_cast<double>(c - c0), y = static_cast<double>(r - r0),
                           z = height - p[2];
                n += 1;
                sx += x;
                sy += y;
                sz += z;
                xx += x * x;
                xy += x * y;
                yy += y * y;
                xz += x * z;
                yz += y * z;
            }
        }
        if (n == 0) return false;
        // About the middle of the cells, and damped: few cells make no slope.
        const double mx = sx / n, my = sy / n, mz = sz / n;
        xx += n - sx * mx;
        yy += n - sy * my;
        xy -= sx * my;
        xz -= sx * mz;
        yz -= sy * mz;
        const double determinant = xx * yy - xy * xy;
        const double a = (xz * yy - yz * xy) / determinant, b = (yz * xx - xz * xy) / determinant;
        const double x = p[0] / o_.cell - static_cast<double>(west_ + c0) - 0.5;
        const double y = p[1] / o_.cell - static_cast<double>(south_ + r0) - 0.5;
        const double off = mz + a * (x - mx) + b * (y - my);
        // The lowest points lie below the surface by the noise and by half a cell's rise.
        const double rise = 0.5 * std::sqrt(a * a + b * b);
        return off < o_.tolerance && off > -(o_.tolerance + rise);
    }

    const double* xyz_;
    std::int64_t count_;
    GroundFilterOptions o_;
    std::int64_t west_ = 0, south_ = 0;
    Surface surface_;
};

}  // namespace

double filter_reach(const GroundFilterOptions& options) {
    // Opening twice the largest radius, closing, the plane, and the cells that the reach cuts.
    return 2.0 * (std::ceil(options.max_object / options.cell / 2.0) + 1.0) * options.cell +
           5.0 * options.cell;
}

std::vector<std::uint8_t> filter_ground(const double* xyz, std::int64_t count,
                                        const GroundFilterOptions& options) {
    const bool sound = options.cell >= 0.25 && options.cell <= 10.0 && options.max_object > 0.0 &&
                       options.max_object <= 200.0 * options.cell && options.slope >= 0.0 &&
                       options.step >= 0.0 && options.tolerance >= 0.0;
    if (!sound) throw std::invalid_argument("ground filter: an option is out of range");
    return Filter(xyz, count, options).run();
}

}  // namespace geovision
