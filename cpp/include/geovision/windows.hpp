// What inference does to every pixel before and after the network: planes of bands to the network's input,
// and its outputs to bytes.
#pragma once

#include <cstdint>

namespace geovision {

// Planes of one input group, possibly a cut of larger ones. Strides are in values; columns lie side by side.
struct GroupPlanes {
    const void* data;  // of uint8 or float32
    bool bytes;
    std::int64_t bands, band_stride, row_stride;
    const std::uint8_t* valid;  // 1 where a pixel has data; null where all have
    std::int64_t valid_stride;
    std::int64_t channel;        // where the first band goes
    std::int64_t valid_channel;  // where 1 or 0 goes: pixels without data, or with a value that is not finite
};

// Fills out[rows][columns][channels] with what the groups give and 0 elsewhere.
void stack_groups(const GroupPlanes* groups, std::int64_t count, std::int64_t rows, std::int64_t columns,
                  std::int64_t channels, float* out);

// out[i] = table[(values[i * stride] + range) / (2 range) * cells], clamped at both ends; NaN gives the
// first.
void look_up(const float* values, std::int64_t stride, std::int64_t count, const std::uint8_t* table,
             std::int64_t cells, float range, std::uint8_t* out);

// out[i] = 128 + 127 values[i * stride], rounded and clamped to 1..255; NaN gives 1.
void signed_bytes(const float* values, std::int64_t stride, std::int64_t count, std::uint8_t* out);

}  // namespace geovision
