// Pictures of solids: orthographic, sun with cast shadow, sky light with ambient occlusion.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "geovision/raster.hpp"

namespace geovision {

// Angles in degrees; azimuths are compass directions from the scene towards the viewer or the sun.
struct RenderOptions {
    int width = 1600;
    int height = 1000;
    double azimuth = 205.0;   // 180: seen from the south, north up
    double elevation = 38.0;  // 90: seen from above
    double sun_azimuth = 235.0;
    double sun_elevation = 42.0;
    double margin = 0.04;  // share of the picture left free on each side
    int supersample = 2;   // samples a pixel, each way
    bool shadows = true;
    bool occlusion = true;
    bool edges = true;   // darken creases and outlines, where they are wide enough to be seen
    bool ground = true;  // a plane z = ground_plane[0] x + ground_plane[1] y + ground_plane[2]
    std::array<double, 3> ground_plane{0.0, 0.0, 0.0};
    std::array<std::uint8_t, 3> ground_colour{178, 182, 164};
    std::array<std::uint8_t, 3> background{226, 234, 242};
    int threads = 0;  // 0 for all cores
    const std::atomic<bool>* cancel = nullptr;
};

// Renders `mesh` (z up, metres, near the frame's origin) with one sRGB colour a triangle
// ([triangles, 3]) into rgb ([height, width, 3]). The whole mesh is in the picture. The bytes do not depend
// on the number of threads. An empty mesh gives the bare background.
// Throws std::invalid_argument for a size that is not 1 to 16,384, a supersample that is not 1 to 4, more
// than 2^28 samples in all (2 GiB), and where rasterize_top does.
// Returns false when cancelled.
bool render(const RasterMesh& mesh, const std::uint8_t* colour, const RenderOptions& options,
            std::uint8_t* rgb);

}  // namespace geovision
