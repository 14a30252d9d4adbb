// From light to numbers: blur, haze, tone, noise, and what JPEG leaves of it.
#pragma once

#include <cstdint>
#include <vector>

#include "geovision/ortho.hpp"
#include "texture.hpp"

namespace geovision {

// Linear light, four channels a cell.
struct Picture {
    int width, height;
    std::vector<float> light;
    std::vector<std::uint8_t> seen;  // 0 where nothing is

    Picture(int w, int h)
        : width(w),
          height(h),
          light(4 * static_cast<std::size_t>(w) * static_cast<std::size_t>(h)),
          seen(static_cast<std::size_t>(w) * static_cast<std::size_t>(h)) {}
    std::size_t at(int row, int column) const {
        return static_cast<std::size_t>(row) * static_cast<std::size_t>(width) +
               static_cast<std::size_t>(column);
    }
    void put(int row, int column, const Colour& colour, bool any) {
        const std::size_t i = at(row, column);
        for (std::size_t c = 0; c < 4; ++c) light[4 * i + c] = colour[c];
        seen[i] = any;
    }
};

// Cells on each side that the blur of a cell reaches.
int blur_radius(const OrthoOptions& options);

// Writes the inner part of `picture`, `rim` cells from its borders, into rgbn. `window` is that part in the
// world, whose cells the noise belongs to. False when cancelled.
bool develop(Picture& picture, int rim, const RasterWindow& window, const OrthoOptions& options,
             std::uint8_t* rgbn);

// What is left of an 8-bit picture ([height, width, 4]) after JPEG at that quality: the three colours as one
// picture with halved chroma, the fourth channel as a grey one.
bool lose_to_jpeg(std::uint8_t* rgbn, int width, int height, const OrthoOptions& options);

}  // namespace geovision
