#include "lidar_flight.hpp"

#include <algorithm>
#include <stdexcept>

namespace geovision {
namespace {

constexpr double pi = 3.14159265358979323846;

std::int64_t floor_of(double v) { return static_cast<std::int64_t>(std::floor(v)); }

}  // namespace

Flight::Flight(const LidarOptions& options, const std::array<double, 3>& origin, double lowest,
               double highest)
    : options_(options), origin_(origin) {
    const double azimuth = options.azimuth_deg * pi / 180.0;
    sine_ = std::sin(azimuth);
    cosine_ = std::cos(azimuth);
    half_ = options.half_angle_deg * pi / 180.0;
    tangent_ = std::tan(half_);
    swath_ = 2.0 * options.altitude * tangent_;
    spacing_ = swath_ * (1.0 - options.overlap);
    // Pulses of one strip on level ground are `density` a square metre: lines times pulses over the swath.
    const double pulse_step = 1.0 / std::sqrt(options.density * options.line_ratio);
    line_step_ = options.line_ratio * pulse_step;
    if (options.pattern == ScanPattern::elliptical) line_step_ *= 2.0;  // each turn draws two arcs
    const double wished = options.density * line_step_ * swath_;
    if (!(swath_ > 0.0 && spacing_ > 0.0 && wished > 0.0 && wished < 1e9))
        throw std::invalid_argument("lidar: no flight with this density, altitude, angle and overlap");
    per_line_ = std::max<std::int64_t>(1, std::llround(wished));
    // What the line step must be for exactly that many pulses.
    line_step_ = static_cast<double>(per_line_) / (options.density * swath_);

    const auto& b = options.bounds;
    u_min_ = v_min_ = 1e300;
    u_max_ = v_max_ = -1e300;
    for (int k = 0; k < 4; ++k) {
        const double x = b[k & 1 ? 2 : 0], y = b[k & 2 ? 3 : 1];
        const double u = x * sine_ + y * cosine_, v = x * cosine_ - y * sine_;
        u_min_ = std::min(u_min_, u);
        u_max_ = std::max(u_max_, u);
        v_min_ = std::min(v_min_, v);
        v_max_ = std::max(v_max_, v);
    }
    // Beams aim at the datum, and meet things above and below it beside where they aim.
    const double off = std::max(std::fabs(highest + origin[2] - options.datum),
                                std::fabs(lowest + origin[2] - options.datum));
    margin_ = 1.1 * tangent_ * off + 2.0 * line_step_ + 1.0;
    if (!(highest + origin[2] < options.datum + options.altitude))
        throw std::invalid_argument(
            "lidar: the scene reaches above the scanner; give a higher altitude or datum");
    strips_ = {floor_of((v_min_ - margin_ - 0.5 * swath_) / spacing_ - 0.5),
               floor_of((v_max_ + margin_ + 0.5 * swath_) / spacing_ - 0.5) + 1};
}

Flight::Span Flight::lines(std::int64_t strip) const {
    const double middle = strip_middle(strip);
    if (middle + 0.5 * swath_ < v_min_ - margin_ || middle - 0.5 * swath_ > v_max_ + margin_) return {0, -1};
    const double ahead = options_.pattern == ScanPattern::elliptical ? 0.5 * swath_ : 0.0;
    return {floor_of((u_min_ - margin_ - ahead) / line_step_),
            floor_of((u_max_ + margin_ + ahead) / line_step_) + 1};
}

Flight::Span Flight::pulses(std::int64_t strip, std::int64_t line) const {
    const Span all{0, per_line_ - 1};
    if (options_.pattern == ScanPattern::elliptical) return all;
    // The part of the bounds that the line crosses, as an interval across the flight.
    const double u = (static_cast<double>(line) + 0.5) * line_step_;
    const auto& b = options_.bounds;
    double low = 1e300, high = -1e300;
    const double reach = margin_ + line_step_;
    const double corner[4][2] = {{b[0], b[1]}, {b[2], b[1]}, {b[2], b[3]}, {b[0], b[3]}};
    for (int k = 0; k < 4; ++k) {
        const double *p = corner[k], *q = corner[(k + 1) % 4];
        const double pu = p[0] * sine_ + p[1] * cosine_, pv = p[0] * cosine_ - p[1] * sine_;
        const double qu = q[0] * sine_ + q[1] * cosine_, qv = q[0] * cosine_ - q[1] * sine_;
        const double begin = std::max(std::min(pu, qu), u - reach),
                     end = std::min(std::max(pu, qu), u + reach);
        if (begin > end) continue;
        for (const double at : {begin, end}) {
            const double share = qu == pu ? 0.0 : (at - pu) / (qu - pu);
            const double v = pv + share * (qv - pv);
            low = std::min({low, v, qu == pu ? qv : v});
            high = std::max({high, v, qu == pu ? qv : v});
        }
    }
    if (low > high) return {0, -1};
    const double middle = strip_middle(strip);
    const auto share = [&](double v) {
        const double angle = std::clamp(std::atan2(v - middle, options_.altitude) / half_, -1.0, 1.0);
        if (options_.pattern == ScanPattern::line) return 0.5 * (angle + 1.0);
        const double swing = 0.5 + std::asin(angle) / pi;
        return (line & 1) ? 1.0 - swing : swing;
    };
    const double a = share(low - margin_), c = share(high + margin_);
    const auto count = static_cast<double>(per_line_);
    return {std::max<std::int64_t>(0, floor_of(std::min(a, c) * count) - 1),
            std::min<std::int64_t>(per_line_ - 1, floor_of(std::max(a, c) * count) + 1)};
}

Flight::Aim Flight::aim(const PulseKey& key, double jitter_line, double jitter_pulse) const {
    const double share =
        (static_cast<double>(key.pulse) + 0.5 + jitter_pulse) / static_cast<double>(per_line_);
    const double line = static_cast<double>(key.line);
    Aim aim{0.0, strip_middle(key.strip), 0.0, 0.0};
    switch (options_.pattern) {
        case ScanPattern::line:
            aim.carrier_u = (line + 0.5 + jitter_line) * line_step_;
            aim.sideways = std::tan(half_ * (2.0 * share - 1.0));
            break;
        case ScanPattern::oscillating: {
            const double swing = std::sin(pi * (share - 0.5));
            aim.carrier_u = (line + share + jitter_line) * line_step_;
            aim.sideways = std::tan(half_ * ((key.line & 1) ? -swing : swing));
            break;
        }
        case ScanPattern::elliptical:
            aim.carrier_u = (line + share + jitter_line) * line_step_;
            aim.forward = tangent_ * std::cos(2.0 * pi * share);
            aim.sideways = tangent_ * std::sin(2.0 * pi * share);
            break;
    }
    return aim;
}

bool Flight::near(const PulseKey& key) const {
    if (options_.pattern != ScanPattern::elliptical) return true;
    const Aim a = aim(key, 0.0, 0.0);
    const double u = a.carrier_u + options_.altitude * a.forward,
                 v = a.carrier_v + options_.altitude * a.sideways;
    const double x = u * sine_ + v * cosine_, y = u * cosine_ - v * sine_;
    const auto& b = options_.bounds;
    return x >= b[0] - margin_ && x <= b[2] + margin_ && y >= b[1] - margin_ && y <= b[3] + margin_;
}

Pulse Flight::pulse(const PulseKey& key) const {
    Pulse pulse{};
    pulse.key = hash32(hash32(options_.seed, lattice(key.strip)), lattice(key.line), lattice(key.pulse));
    const Aim a = aim(key, options_.jitter * (unit(hash32(pulse.key + 1)) - 0.5),
                      options_.jitter * (unit(hash32(pulse.key + 2)) - 0.5));
    const double length = std::sqrt(1.0 + a.forward * a.forward + a.sideways * a.sideways);
    const double du = a.forward / length, dv = a.sideways / length;
    pulse.ray.from = {a.carrier_u * sine_ + a.carrier_v * cosine_ - origin_[0],
                      a.carrier_u * cosine_ - a.carrier_v * sine_ - origin_[1],
                      options_.datum + options_.altitude - origin_[2]};
    pulse.ray.step = {du * sine_ + dv * cosine_, du * cosine_ - dv * sine_, -1.0 / length};
    pulse.along = (static_cast<double>(key.line) +
                   (static_cast<double>(key.pulse) + 0.5) / static_cast<double>(per_line_)) *
                  line_step_;
    pulse.angle = std::atan(a.sideways) * (back(key.strip) ? -1.0 : 1.0);
    return pulse;
}

double Flight::expected_pulses() const {
    const auto& b = options_.bounds;
    const double across = 0.5 * swath_ / spacing_ + 1.0;
    return 2.0 * across * options_.density * (b[2] - b[0] + 2.0 * margin_) * (b[3] - b[1] + 2.0 * margin_);
}

}  // namespace geovision
