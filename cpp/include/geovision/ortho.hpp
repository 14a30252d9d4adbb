// True orthophotos of scenes: sun, cast shadow, skylight, materials, optics, noise and tone.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "geovision/scene.hpp"

namespace geovision {

// The fields and their meaning are those of Light and Camera in geovision/mesh/ortho.py.
struct OrthoOptions {
    double sun_azimuth_deg = 165.0, sun_elevation_deg = 48.0;
    double sun = 1.0, sky = 0.30, sky_blue = 0.6, haze = 0.03;
    int supersample = 2;
    double blur_cells = 0.5, sharpen = 0.0, noise = 0.008, exposure = 1.0;
    std::array<double, 4> gains{1.0, 1.0, 1.0, 1.0};
    double gamma = 1.0, contrast = 1.0, saturation = 1.0, texture = 1.0;
    int jpeg_quality = 0;  // 0 for no loss
    std::uint32_t seen = ~0u;
    std::uint32_t seed = 0;
    int threads = 0;
    const std::atomic<bool>* cancel = nullptr;
};

// rgbn: [height, width, 4]: red, green, blue, near infrared; 0 where nothing is.
// A level surface in the open sun shows its own colour, slopes and shadows what light they get. Shadows are
// those of the surface seen from above, taken as solid down to the ground. Throws std::invalid_argument for
// options out of range and where draw_layers does. Returns false when cancelled.
bool draw_ortho(const SceneMesh& scene, const RasterWindow& window, const OrthoOptions& options,
                std::uint8_t* rgbn);

}  // namespace geovision
