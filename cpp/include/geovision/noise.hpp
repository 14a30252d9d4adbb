// Random numbers that belong to a place or to a thing: pure functions of a key, so that nothing depends on
// order, threads or tiles. Integer hashes and IEEE arithmetic alone: the same on every machine.
#pragma once

#include <cstdint>

namespace geovision {

// A permutation of 32 bits in which every input bit changes every output bit (the constants are those of
// the published low-bias search "triple32").
inline std::uint32_t hash32(std::uint32_t x) {
    x ^= x >> 17;
    x *= 0xed5ad4bbu;
    x ^= x >> 11;
    x *= 0xac4c1b51u;
    x ^= x >> 15;
    x *= 0x31848babu;
    x ^= x >> 14;
    return x;
}

inline std::uint32_t hash32(std::uint32_t a, std::uint32_t b) { return hash32(a ^ hash32(b + 0x9e3779b9u)); }
inline std::uint32_t hash32(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    return hash32(hash32(a, b), c);
}
inline std::uint32_t hash32(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    return hash32(hash32(a, b, c), d);
}

// 0 (in) to 1 (out).
inline float unit(std::uint32_t bits) { return static_cast<float>(bits >> 8) * (1.0f / 16777216.0f); }

// A number of mean 0 and deviation 1, near enough to normal for noise: the sum of eight bytes' worth of bits,
// so that its tails end at 4.9 deviations.
inline float normal(std::uint32_t bits) {
    const std::uint32_t more = hash32(bits ^ 0x68bc21ebu);
    const auto pair = [](std::uint32_t v) { return static_cast<float>((v & 0xffffu) + (v >> 16)); };
    const std::uint32_t third = hash32(more + 0x02e5be93u), fourth = hash32(third ^ 0x5851f42du);
    // Eight uniforms of 16 bits: mean 4 * 65535, variance 8 * 65536^2 / 12.
    const float sum = pair(bits) + pair(more) + pair(third) + pair(fourth);
    return (sum - 4.0f * 65535.0f) * (1.0f / (65536.0f * 0.81649658f));
}

inline float smooth(float t) { return t * t * (3.0f - 2.0f * t); }
inline float mix(float a, float b, float t) { return a + (b - a) * t; }

// std::floor is a call on machines without SSE4.1, and noise is mostly floors.
inline std::int64_t whole(double x) {
    const auto i = static_cast<std::int64_t>(x);
    return i - (x < static_cast<double>(i) ? 1 : 0);
}

inline std::uint32_t lattice(std::int64_t i) { return static_cast<std::uint32_t>(i); }

// 256 x 256 random bytes: lattice noise by look-up instead of by hash, for what is asked for every pixel. The
// pattern repeats after 256 lattice steps, which no picture shows where octaves of odd sizes are mixed.
struct NoiseTable {
    std::uint8_t value[256 * 256];
};
extern const NoiseTable noise_table;

// Value noise in [0, 1): one lattice step a unit. Nearby places have nearby values.
inline float value_noise(double x, double y, std::uint32_t key) {
    const std::int64_t fx = whole(x), fy = whole(y);
    const float u = smooth(static_cast<float>(x - static_cast<double>(fx))),
                v = smooth(static_cast<float>(y - static_cast<double>(fy)));
    const std::uint32_t i = lattice(fx) + key, j = lattice(fy) + (key >> 8);
    const std::uint8_t* north = noise_table.value + ((j & 255u) << 8);
    const std::uint8_t* south = noise_table.value + (((j + 1u) & 255u) << 8);
    const std::uint32_t west = i & 255u, east = (i + 1u) & 255u;
    const auto at = [](const std::uint8_t* row, std::uint32_t column) {
        return static_cast<float>(row[column]);
    };
    return mix(mix(at(north, west), at(north, east), u), mix(at(south, west), at(south, east), u), v) *
           (1.0f / 256.0f);
}

// Value noise on a line; never repeats.
inline float value_noise(double x, std::uint32_t key) {
    const std::int64_t fx = whole(x);
    const std::uint32_t i = lattice(fx);
    return mix(unit(hash32(key, i)), unit(hash32(key, i + 1u)),
               smooth(static_cast<float>(x - static_cast<double>(fx))));
}

}  // namespace geovision
