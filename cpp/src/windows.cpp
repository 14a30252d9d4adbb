#include "geovision/windows.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace geovision {
namespace {

bool finite(std::uint8_t) { return true; }
bool finite(float value) { return std::isfinite(value); }

// One row of one group. N: its number of bands, known to the compiler so that it can unroll.
template <class T, int N>
void stack_row(const GroupPlanes& g, std::int64_t row, std::int64_t columns, std::int64_t channels,
               float* out) {
    const T* band[N];
    for (int b = 0; b < N; ++b)
        band[b] = static_cast<const T*>(g.data) + b * g.band_stride + row * g.row_stride;
    const std::uint8_t* valid = g.valid == nullptr ? nullptr : g.valid + row * g.valid_stride;
    float* to = out + g.channel;
    float* mark = out + g.valid_channel;
    for (std::int64_t x = 0; x < columns; ++x, to += channels, mark += channels) {
        bool good = valid == nullptr || valid[x] != 0;
        for (int b = 0; b < N; ++b) good = good && finite(band[b][x]);
        if (!good) continue;
        for (int b = 0; b < N; ++b) to[b] = static_cast<float>(band[b][x]);
        *mark = 1.0f;
    }
}

template <class T>
void stack_any(const GroupPlanes& g, std::int64_t row, std::int64_t columns, std::int64_t channels,
               float* out) {
    if (g.bands == 3) return stack_row<T, 3>(g, row, columns, channels, out);
    // No other group has more than one band; were there one, its bands would be single groups.
    stack_row<T, 1>(g, row, columns, channels, out);
}

}  // namespace

void stack_groups(const GroupPlanes* groups, std::int64_t count, std::int64_t rows, std::int64_t columns,
                  std::int64_t channels, float* out) {
    // Row by row, so that a row is still in the cache when the next group writes into it.
    for (std::int64_t row = 0; row < rows; ++row, out += columns * channels) {
        std::memset(out, 0, static_cast<std::size_t>(columns * channels) * sizeof(float));
        for (std::int64_t k = 0; k < count; ++k) {
            if (groups[k].bytes)
                stack_any<std::uint8_t>(groups[k], row, columns, channels, out);
            else
                stack_any<float>(groups[k], row, columns, channels, out);
        }
    }
}

void look_up(const float* values, std::int64_t stride, std::int64_t count, const std::uint8_t* table,
             std::int64_t cells, float range, std::uint8_t* out) {
    const float scale = static_cast<float>(cells) / (2 * range), last = static_cast<float>(cells - 1);
    const float middle = static_cast<float>(cells) / 2;
    for (std::int64_t i = 0; i < count; ++i) {
        const float place = values[i * stride] * scale + middle;
        // Written so that NaN fails the first comparison.
        out[i] = table[place > 0 ? static_cast<std::int32_t>(std::min(place, last)) : 0];
    }
}

void signed_bytes(const float* values, std::int64_t stride, std::int64_t count, std::uint8_t* out) {
    for (std::int64_t i = 0; i < count; ++i) {
        const float place = values[i * stride] * 127.0f + 128.5f;
        out[i] = static_cast<std::uint8_t>(place > 1 ? std::min(place, 255.0f) : 1.0f);
    }
}

}  // namespace geovision
