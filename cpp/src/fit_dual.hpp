// Arithmetic of numbers with derivatives, and distances from edges, for the files of the roof kinds.
#pragma once

#include <cmath>

#include "geovision/fit_kinds.hpp"

namespace geovision::fit {

constexpr double pi = 3.14159265358979323846;
constexpr int dome_bands = 10;

inline Dual operator+(Dual a, const Dual& b) {
    a.v += b.v;
    for (int k = 0; k < most_theta; ++k) a.d[k] += b.d[k];
    return a;
}
inline Dual operator-(Dual a, const Dual& b) {
    a.v -= b.v;
    for (int k = 0; k < most_theta; ++k) a.d[k] -= b.d[k];
    return a;
}
inline Dual operator*(const Dual& a, const Dual& b) {
    Dual r(a.v * b.v);
    for (int k = 0; k < most_theta; ++k) r.d[k] = a.d[k] * b.v + a.v * b.d[k];
    return r;
}
inline Dual operator/(const Dual& a, const Dual& b) {
    Dual r(a.v / b.v);
    for (int k = 0; k < most_theta; ++k) r.d[k] = (a.d[k] - r.v * b.d[k]) / b.v;
    return r;
}

inline Dual variable(const double* theta, int k) {
    Dual r(theta[k]);
    r.d[k] = 1;
    return r;
}

// Square to an edge of a counter-clockwise ring, away from it.
inline Vec outward(Vec a, Vec b) {
    const double length = norm(b.x - a.x, b.y - a.y);
    return {(b.y - a.y) / length, -(b.x - a.x) / length};
}

// How far a place lies inside an edge.
inline double inside(Vec a, Vec b, Vec p) {
    const Vec n = outward(a, b);
    return n.x * (a.x - p.x) + n.y * (a.y - p.y);
}

}  // namespace geovision::fit
