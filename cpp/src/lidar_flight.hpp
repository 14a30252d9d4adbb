// Where the scanner is and where it looks: strips, lines and pulses, numbered from the world's origin.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "geovision/lidar.hpp"
#include "geovision/noise.hpp"
#include "ray_grid.hpp"

namespace geovision {

struct PulseKey {
    std::int64_t strip, line, pulse;
};

struct Pulse {
    Ray ray;            // in the scene's local frame
    double along;       // metres along the flight, world; grows from pulse to pulse
    double angle;       // radians across the flight, to the right of it
    std::uint32_t key;  // of its random numbers
};

// The flight's own coordinates: u along the azimuth, v to its right, both in the world.
class Flight {
public:
    Flight(const LidarOptions& options, const std::array<double, 3>& origin, double lowest, double highest);

    struct Span {
        std::int64_t first, last;  // inclusive; empty where last < first
    };
    Span strips() const { return strips_; }
    // Odd strips are flown back.
    bool back(std::int64_t strip) const { return (strip & 1) != 0; }
    Span lines(std::int64_t strip) const;
    // Pulses of a line that may meet anything inside the bounds.
    Span pulses(std::int64_t strip, std::int64_t line) const;
    Pulse pulse(const PulseKey& key) const;
    // Whether the pulse can come near the bounds at all; cheap.
    bool near(const PulseKey& key) const;
    double expected_pulses() const;

private:
    struct Aim {
        double carrier_u, carrier_v;  // where the scanner is
        double forward, sideways;     // tangents of where it looks
    };
    Aim aim(const PulseKey& key, double jitter_line, double jitter_pulse) const;
    double strip_middle(std::int64_t strip) const { return (static_cast<double>(strip) + 0.5) * spacing_; }

    const LidarOptions& options_;
    std::array<double, 3> origin_;
    double sine_, cosine_;  // of the azimuth
    double tangent_, half_, swath_, spacing_, line_step_, margin_;
    std::int64_t per_line_;
    double u_min_, u_max_, v_min_, v_max_;
    Span strips_;
};

}  // namespace geovision
