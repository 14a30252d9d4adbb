// A perfect height raster made as imperfect as a measured one.
#pragma once

#include <atomic>
#include <cstdint>

#include "geovision/raster.hpp"

namespace geovision {

// The fields and their meaning are those of DsmSensor in geovision/mesh/dsm_sensor.py; lengths are metres.
struct DsmOptions {
    double noise = 0.03;
    double relief = 0.06, relief_length = 2.5;
    double bias = 0.05;
    double ragged = 0.15, ragged_length = 1.5;
    double fatten = 0.2;
    double smooth = 0.35;
    double hole_share = 0.0, hole_length = 3.0;
    double shadow_hole = 0.0, shadow_hole_step = 3.0;
    double outlier_share = 0.0, outlier = 4.0;
    std::uint32_t seed = 0;
    int threads = 0;
    const std::atomic<bool>* cancel = nullptr;
};

// height and out: [window.height, window.width], NaN where there is none; `window` is in world coordinates,
// which the noise hangs on. height stays as it is and must not be out. Throws std::invalid_argument for a
// window that cannot be drawn, or a length that is negative, not finite or wider than 256 cells. Returns
// false when cancelled.
bool simulate_dsm(const float* height, const RasterWindow& window, const DsmOptions& options, float* out);

}  // namespace geovision
