#include "geovision/noise.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "noise_quantiles.hpp"

namespace geovision {
namespace {

NoiseTable make_table() {
    NoiseTable table{};
    for (std::uint32_t i = 0; i < 256 * 256; ++i) table.value[i] = static_cast<std::uint8_t>(hash32(i) >> 24);
    return table;
}

constexpr std::size_t steps = 1024;

std::array<float, steps + 1> measure_quantiles() {
    // The whole table, at places that share no rhythm with the lattice.
    std::vector<float> values;
    values.reserve(512 * 512);
    for (int i = 0; i < 512; ++i) {
        for (int j = 0; j < 512; ++j)
            values.push_back(value_noise(0.5 * i + 0.061 * j, 0.5 * j + 0.037 * i, 0));
    }
    std::sort(values.begin(), values.end());
    std::array<float, steps + 1> quantiles{};
    for (std::size_t k = 0; k < steps; ++k) quantiles[k] = values[k * values.size() / steps];
    quantiles[0] = 0.0f;
    quantiles[steps] = 2.0f;
    return quantiles;
}

}  // namespace

const NoiseTable noise_table = make_table();

float noise_quantile(float share) {
    static const std::array<float, steps + 1> quantiles = measure_quantiles();
    const float place = std::clamp(share, 0.0f, 1.0f) * static_cast<float>(steps);
    const auto below = std::min(static_cast<std::size_t>(place), steps - 1);
    // The last step leads to what is above every value; there is nothing in between.
    if (below == steps - 1) return place >= static_cast<float>(steps) ? quantiles[steps] : quantiles[below];
    return mix(quantiles[below], quantiles[below + 1], place - static_cast<float>(below));
}

}  // namespace geovision
