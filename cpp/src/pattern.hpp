// What patterns on surfaces share: cells of a lattice, ramps, and the sizes in which things are laid.
#pragma once

#include <algorithm>
#include <cstdint>

#include "geovision/noise.hpp"

namespace geovision {

// Metres. Tiles, slates and slabs as the trade lays them; strips and sheets as they are rolled.
namespace laid {
constexpr double tile_row = 0.34, tile_column = 0.25;
constexpr double slate_row = 0.22, slate_column = 0.3;
constexpr double metal_sheet = 0.55;
constexpr double membrane_strip = 1.05;
constexpr double slab = 0.6;
constexpr double board = 0.14;
}  // namespace laid

inline float fraction(double v) { return static_cast<float>(v - static_cast<double>(whole(v))); }

// 0 below `low`, 1 above `high`.
inline float ramp(float v, float low, float high) { return std::clamp((v - low) / (high - low), 0.0f, 1.0f); }

// Number of a cell of a pattern, as random bits.
inline std::uint32_t cell_key(double a, double b, std::uint32_t key) {
    return hash32(key, lattice(whole(a)), lattice(whole(b)));
}

}  // namespace geovision
