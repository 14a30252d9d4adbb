// An airborne laser scanner over a scene: strips, pulses, rays, returns.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "geovision/scene.hpp"

namespace geovision {

enum class ScanPattern : std::uint8_t { line = 0, oscillating = 1, elliptical = 2 };

// The fields and their meaning are those of LidarSensor in geovision/mesh/lidar_sensor.py.
struct LidarOptions {
    double density = 8.0;
    ScanPattern pattern = ScanPattern::line;
    double azimuth_deg = 20.0;
    double altitude = 600.0;
    double datum = 0.0;  // world height
    double half_angle_deg = 22.0;
    double overlap = 0.2;
    double line_ratio = 1.2;
    double jitter = 0.25;
    double range_noise = 0.015;
    double strip_shift = 0.03;
    double strip_lift = 0.02;
    double strip_wave = 0.01;
    double plan_noise = 0.0;
    double dropout = 0.02;
    double sparse_share = 0.0;
    double sparse_length = 15.0;
    double divergence_mrad = 0.4;
    double separation = 0.6;
    int most_returns = 5;
    double outlier_share = 0.0002;
    double outlier_reach = 40.0;
    std::uint8_t outlier_class = 7, ground_class = 2, tree_class = 5, roof_class = 6, wall_class = 6,
                 car_class = 1, water_class = 9;
    double water_dropout = 0.85;

    std::array<double, 4> bounds{};  // world: x_min, y_min, x_max, y_max; half open
    std::uint32_t seen = ~0u;        // see:: bits
    std::uint32_t seed = 0;
    int threads = 0;
    const std::atomic<bool>* cancel = nullptr;
};

struct LidarPoint {
    double x, y, z;  // world
    double time;
    float scan_angle;  // degrees
    std::int32_t building, surface;
    std::uint16_t intensity, strip;
    std::uint8_t classification, return_number, number_of_returns, label;
};

// Points in the order of flight. Every random number belongs to its pulse, and pulses are numbered from the
// world's origin: the points of an area depend neither on the threads nor, but for the last bits of a double,
// on the bounds that it was asked for in and the frame of the scene, as far as the scene reaches.
// Throws std::invalid_argument for bounds or settings that describe no flight, for more than 2^32 pulses or
// 25 square kilometres, and where draw_layers does. Returns false when cancelled.
bool simulate_lidar(const SceneMesh& scene, const LidarOptions& options, std::vector<LidarPoint>& points);

}  // namespace geovision
