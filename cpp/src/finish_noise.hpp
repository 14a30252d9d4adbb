// Noise and lattices on a square whose opposite sides are one.
#pragma once

#include <algorithm>
#include <cstdint>

#include "geovision/noise.hpp"

namespace geovision {

class Torus {
public:
    Torus(double metres, std::uint32_t seed) : metres_(metres), round_(1.0 / metres), seed_(seed) {}

    double metres() const { return metres_; }

    // How many cells of about `pitch` metres go round, a multiple of `step`.
    int cells(double pitch, int step = 1) const {
        const auto found = static_cast<int>(whole(metres_ / (pitch * step) + 0.5));
        return std::max(1, found) * step;
    }

    // A thing's own random bits.
    std::uint32_t bits(int i, int j, std::uint32_t key) const {
        return hash32(seed_ ^ key, static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(j));
    }

    // -0.5 to 0.5, in lumps of about `across` by `up` metres.
    float noise(double x, double y, double across, double up, std::uint32_t key) const {
        const int nx = cells(across), ny = cells(up);
        const double gx = x * round_ * nx, gy = y * round_ * ny;
        const std::int64_t fx = whole(gx), fy = whole(gy);
        const int i = wrap(fx, nx), j = wrap(fy, ny);
        const int east = i + 1 == nx ? 0 : i + 1, north = j + 1 == ny ? 0 : j + 1;
        const float u = smooth(static_cast<float>(gx - static_cast<double>(fx))),
                    v = smooth(static_cast<float>(gy - static_cast<double>(fy)));
        const std::uint32_t own = hash32(seed_ ^ key);
        const float low = mix(at(i, j, own), at(east, j, own), u);
        const float high = mix(at(i, north, own), at(east, north, own), u);
        return mix(low, high, v) - 0.5f;
    }

    // About -1 to 1: lumps of `size` metres with finer ones in them.
    float octaves(double x, double y, double size, std::uint32_t key) const {
        return 1.3f * noise(x, y, size, size, key) + 0.65f * noise(x, y, size / 2.3, size / 2.3, key * 3u) +
               0.33f * noise(x, y, size / 5.1, size / 5.1, key * 5u);
    }

    static int wrap(std::int64_t i, int n) {
        // Nothing strays far from the square, so this is cheaper than a remainder.
        while (i < 0) i += n;
        while (i >= n) i -= n;
        return static_cast<int>(i);
    }

private:
    static float at(int i, int j, std::uint32_t key) {
        const std::uint32_t column = (static_cast<std::uint32_t>(i) + key) & 255u;
        const std::uint32_t row = (static_cast<std::uint32_t>(j) + (key >> 8)) & 255u;
        return static_cast<float>(noise_table.value[(row << 8) | column]) * (1.0f / 256.0f);
    }

    double metres_, round_;
    std::uint32_t seed_;
};

}  // namespace geovision
