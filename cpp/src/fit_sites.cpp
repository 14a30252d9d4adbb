// What footprints say of the roofs that may stand on them: sites, and bounds of their parameters.
#include <algorithm>
#include <cmath>
#include <limits>

#include "fit_dual.hpp"
#include "geovision/fit_kinds.hpp"

namespace geovision::fit {

namespace {

constexpr double least_share = 0.04, most_share = 0.96;
constexpr double least_setback = 0.6;                 // metres
constexpr double steepest = 2.5, steepest_spire = 5;  // rise per metre
constexpr double least_rise = 0.2;                    // metres; less is a flat roof that drains

bool convex(const std::vector<Vec>& ring) {
    const std::size_t n = ring.size();
    for (std::size_t i = 0; i < n; ++i) {
        const Vec a = ring[i], b = ring[(i + 1) % n], c = ring[(i + 2) % n];
        if ((b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x) <= 0) return false;
    }
    return n >= 3;
}

Vec centroid(const std::vector<Vec>& ring) {
    double sx = 0, sy = 0, sum = 0;
    const Vec o = ring[0];
    for (std::size_t i = 1; i + 1 < ring.size(); ++i) {
        const Vec a{ring[i].x - o.x, ring[i].y - o.y}, b{ring[i + 1].x - o.x, ring[i + 1].y - o.y};
        const double w = a.x * b.y - a.y * b.x;
        sx += w * (a.x + b.x), sy += w * (a.y + b.y), sum += w;
    }
    return {o.x + sx / (3 * sum), o.y + sy / (3 * sum)};
}

// Largest distance from all edges inside a convex ring, by bisection on clipped rings.
double inner_depth(const std::vector<Vec>& ring) {
    double low = 0, high = 1e3;
    std::vector<Vec> poly, cut;
    const auto holds = [&](double depth) {
        poly = ring;
        for (std::size_t i = 0; i < ring.size() && poly.size() >= 3; ++i) {
            const Vec a = ring[i], b = ring[(i + 1) % ring.size()];
            cut.clear();
            for (std::size_t k = 0; k < poly.size(); ++k) {
                const Vec p = poly[k], q = poly[(k + 1) % poly.size()];
                const double dp = inside(a, b, p) - depth, dq = inside(a, b, q) - depth;
                if (dp >= 0) cut.push_back(p);
                if ((dp >= 0) != (dq >= 0))
                    cut.push_back({p.x + (q.x - p.x) * dp / (dp - dq), p.y + (q.y - p.y) * dp / (dp - dq)});
            }
            poly.swap(cut);
        }
        return poly.size() >= 3;
    };
    for (int i = 0; i < 40; ++i) {
        const double middle = (low + high) / 2;
        (holds(middle) ? low : high) = middle;
    }
    return low;
}

// Trees over a shed ask for spikes; roofs are no steeper than this, spires aside.
double most_rise(const Site& s) {
    if (s.kind == RoofKind::skillion) return steepest * s.width;
    if (s.kind == RoofKind::mansard || (s.kind == RoofKind::gabled && s.skeleton)) return steepest * s.depth;
    if (s.kind != RoofKind::pyramidal && s.kind != RoofKind::cone && s.kind != RoofKind::dome)
        return steepest * s.width / 2;
    double reach = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < s.corners.size(); ++i)
        reach = std::min(reach, inside(s.corners[i], s.corners[(i + 1) % s.corners.size()], s.apex));
    return steepest_spire * reach;
}

bool takes_corners(const Site& s) {
    switch (s.kind) {
        case RoofKind::hipped:
        case RoofKind::half_hipped:
        case RoofKind::side_hipped:
        case RoofKind::pyramidal:
        case RoofKind::cone:
        case RoofKind::dome:
        case RoofKind::mansard:
            return true;
        default:
            return false;
    }
}

// The ring without vertices on a straight line, which the kernel does not count as corners either.
std::vector<Vec> true_corners(const std::vector<Vec>& ring) {
    std::vector<Vec> out;
    for (std::size_t i = 0; i < ring.size(); ++i) {
        const Vec a = out.empty() ? ring.back() : out.back(), b = ring[i], c = ring[(i + 1) % ring.size()];
        const double length = norm(c.x - a.x, c.y - a.y);
        if (std::abs((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)) > 0.001 * length)
            out.push_back(b);
    }
    return out;
}

bool place_corners(const std::vector<Vec>& outline, Site& s) {
    const std::vector<Vec> ring = true_corners(outline);
    const std::size_t n = ring.size();
    if (n < 3 || n > most_corners || !convex(ring)) return false;
    std::size_t eave = 0;
    double most = -2;
    for (std::size_t i = 0; i < n; ++i) {
        const Vec normal = outward(ring[i], ring[(i + 1) % n]);
        const double along = normal.x * s.down.x + normal.y * s.down.y;
        if (along > most + 1e-9) most = along, eave = i;
    }
    for (std::size_t i = 0; i < n; ++i) s.corners.push_back(ring[(eave + i) % n]);
    if (s.kind == RoofKind::mansard || s.by_pitch) {
        s.depth = inner_depth(s.corners);
        return s.depth > 0.3;
    }
    if (s.kind == RoofKind::pyramidal || s.kind == RoofKind::cone || s.kind == RoofKind::dome) {
        s.apex = centroid(s.corners);
        for (std::size_t i = 0; i < n; ++i)
            if (inside(s.corners[i], s.corners[(i + 1) % n], s.apex) < 0.1) return false;
        return s.kind != RoofKind::dome || int(n) * dome_bands <= most_planes;
    }
    if (n != 4) return false;
    const auto& c = s.corners;
    s.length = norm((c[1].x + c[2].x - c[3].x - c[0].x) / 2, (c[1].y + c[2].y - c[3].y - c[0].y) / 2);
    return s.length > 0.5;
}

}  // namespace

bool make_site(RoofKind kind, const std::vector<Vec>& ring, Vec down, bool by_pitch, int hip_end, Site& s) {
    s = Site();
    s.kind = kind, s.down = down, s.by_pitch = by_pitch, s.hip_end = hip_end;
    if (ring.size() < 3) return false;
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const Vec p : ring) {
        const double along = p.x * s.down.x + p.y * s.down.y;
        low = std::min(low, along), high = std::max(high, along);
    }
    s.reach = high, s.width = high - low;
    if (!(s.width > 0.5)) return false;
    switch (kind) {
        case RoofKind::sawtooth:
        case RoofKind::onion:
        case RoofKind::planar:
            return false;
        case RoofKind::cross_gabled: {
            double from = std::numeric_limits<double>::infinity(), to = -from;
            for (const Vec p : ring) {
                const double along = p.x * s.down.y - p.y * s.down.x;
                from = std::min(from, along), to = std::max(to, along);
            }
            s.length = to - from, s.depth = to;
            return s.length > 0.5;
        }
        default:
            return !takes_corners(s) || place_corners(ring, s);
    }
}

void theta_bounds(const Site& s, double low, double high, double* lower, double* upper) {
    const int n = theta_count(s);
    const double tall = 1.6 * std::max(high - low, 0.5) + 2;  // quantiles miss the ends
    // Under steep lower slopes the eave is far below most points.
    lower[0] = low - std::max(1.0, 1.2 * (high - low)), upper[0] = high + 1;
    for (int k = 1; k < n; ++k) lower[k] = least_share, upper[k] = most_share;
    if (n > 1) lower[1] = least_rise, upper[1] = tall;
    if (s.kind == RoofKind::hipped && s.by_pitch)
        lower[1] = least_rise / s.depth, upper[1] = steepest;
    else if (n > 1)
        upper[1] = std::max(2 * lower[1], std::min(upper[1], most_rise(s)));
    if (s.kind == RoofKind::saltbox) lower[3] = 0.0, upper[3] = tall;
    // A ridge near an eave makes a skillion with an odd edge.
    if (s.kind == RoofKind::gabled && !s.skeleton) lower[2] = 0.15, upper[2] = 0.85;
    if (s.kind == RoofKind::saltbox) lower[2] = 0.1, upper[2] = 0.9;
    // A hip much steeper than it is deep is a wall, and a break at the very eave or ridge none.
    const auto at_least = [&](int k, double metres, double whole) {
        lower[k] = std::min(std::max(lower[k], metres / whole), 0.5 * most_share);
    };
    if (s.kind == RoofKind::hipped && !s.by_pitch) at_least(2, least_setback, s.length / 2), upper[2] = 1;
    if (s.kind == RoofKind::side_hipped) at_least(2, least_setback, s.length);
    if (s.kind == RoofKind::half_hipped) {
        at_least(3, least_setback / 2, s.length / 2);
        lower[2] = 0.1, upper[2] = 0.9;
    }
    if (s.kind == RoofKind::gambrel || s.kind == RoofKind::mansard) {
        lower[2] = lower[3] = 0.1;
        upper[2] = upper[3] = 0.9;
    }
}

}  // namespace geovision::fit
