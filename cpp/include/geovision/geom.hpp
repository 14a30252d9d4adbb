// Plan geometry on the integer grid. Every predicate here is exact: coordinates stay below 2^30 grid
// steps, so differences fit 31 bits and their products fit int64.
#pragma once

#include <cmath>
#include <cstdint>

namespace geovision {

struct Point {
    std::int32_t x = 0, y = 0;
    bool operator==(const Point& o) const { return x == o.x && y == o.y; }
    bool operator!=(const Point& o) const { return !(*this == o); }
};

struct Vec {
    double x = 0, y = 0;
};

constexpr double max_coordinate = 1e9;  // grid steps: 1,000 km of millimetres

// Twice the signed area of abc: positive when c lies left of a->b.
inline std::int64_t orient(Point a, Point b, Point c) {
    return (std::int64_t(b.x) - a.x) * (std::int64_t(c.y) - a.y) -
           (std::int64_t(b.y) - a.y) * (std::int64_t(c.x) - a.x);
}

inline int sign(std::int64_t v) { return (v > 0) - (v < 0); }

inline std::int64_t dist2(Point a, Point b) {
    const std::int64_t dx = std::int64_t(a.x) - b.x, dy = std::int64_t(a.y) - b.y;
    return dx * dx + dy * dy;
}

// Nearest whole step, halves away from zero, as std::lround but without the call.
inline std::int32_t to_grid(double v) { return std::int32_t(v + (v < 0 ? -0.5 : 0.5)); }

inline Point round_point(double x, double y) { return {to_grid(x), to_grid(y)}; }

inline double norm(double x, double y) { return std::sqrt(x * x + y * y); }

// Do the open segments ab and cd cross at one inner point of both?
inline bool proper_crossing(Point a, Point b, Point c, Point d) {
    const int s1 = sign(orient(a, b, c)), s2 = sign(orient(a, b, d));
    if (s1 * s2 >= 0) return false;
    return sign(orient(c, d, a)) * sign(orient(c, d, b)) < 0;
}

// Orders directions counter-clockwise from the positive x axis; exact.
inline bool angle_less(Point u, Point v) {
    const bool lower_u = u.y < 0 || (u.y == 0 && u.x < 0);
    const bool lower_v = v.y < 0 || (v.y == 0 && v.x < 0);
    if (lower_u != lower_v) return lower_v;
    return std::int64_t(u.x) * v.y - std::int64_t(u.y) * v.x > 0;
}

// Is direction d strictly inside the cone that opens counter-clockwise from a to b (less than a half turn)?
inline bool in_convex_cone(Point apex, Point a, Point b, Point d) {
    return orient(apex, a, d) > 0 && orient(apex, d, b) > 0;
}

struct Plane {
    double a = 0, b = 0, c = 0;  // z = a x + b y + c, all in grid steps
    double at(double x, double y) const { return a * x + b * y + c; }
    double at(Point p) const { return a * p.x + b * p.y + c; }
};

}  // namespace geovision
