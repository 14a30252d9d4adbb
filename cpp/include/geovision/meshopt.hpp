// Encoders for the bitstream of EXT_meshopt_compression (glTF, ratified), appendix A of its specification:
// mode 0 for vertex attributes and mode 1 for triangle lists. Decoding gives the same bytes back, except
// that a triangle may begin with another of its corners.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace geovision {

// Appends `count` elements of `stride` bytes in mode ATTRIBUTES. The stride must be a multiple of 4 up to
// 256. Throws std::invalid_argument where it is not.
void encode_attributes(const std::uint8_t* data, std::size_t count, std::size_t stride,
                       std::vector<std::uint8_t>& out);

// Appends `count` indices (a multiple of 3) of `width` bytes, 2 or 4, in mode TRIANGLES. Short where vertices
// are numbered in the order of their first use.
// Throws std::invalid_argument for another width or count.
void encode_triangles(const std::uint8_t* indices, std::size_t count, int width,
                      std::vector<std::uint8_t>& out);

// Filter EXPONENTIAL for multiples of 2^exponent: gives the word that decodes to such a value.
// Values must be within 2^23 steps of 0.
class ExponentialFilter {
public:
    explicit ExponentialFilter(int exponent)
        : steps_(std::ldexp(1.0f, -exponent)), high_(static_cast<std::uint32_t>(exponent) << 24) {}
    std::uint32_t operator()(float value) const {
        const auto steps = static_cast<std::int32_t>(value * steps_);
        return high_ | (static_cast<std::uint32_t>(steps) & 0xffffffu);
    }

private:
    float steps_;  // in a metre; a power of two, so that the product is exact
    std::uint32_t high_;
};

}  // namespace geovision
