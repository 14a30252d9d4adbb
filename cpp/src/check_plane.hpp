// Least-squares plane through points. Part of the checker.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace geovision {

using Matrix3 = std::array<std::array<double, 3>, 3>;

// One Jacobi rotation that makes a[p][q] zero; `v` collects the rotations, its columns are the eigenvectors.
inline void rotate(Matrix3& a, Matrix3& v, std::size_t p, std::size_t q) {
    if (a[p][q] == 0.0) return;
    const double theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    const double t = (theta < 0 ? -1.0 : 1.0) / (std::fabs(theta) + std::sqrt(theta * theta + 1.0));
    const double c = 1.0 / std::sqrt(t * t + 1.0), s = t * c;
    for (std::size_t k = 0; k < 3; ++k) {
        const double x = a[k][p], y = a[k][q];
        a[k][p] = c * x - s * y;
        a[k][q] = s * x + c * y;
    }
    for (std::size_t k = 0; k < 3; ++k) {
        const double x = a[p][k], y = a[q][k];
        a[p][k] = c * x - s * y;
        a[q][k] = s * x + c * y;
        const double vx = v[k][p], vy = v[k][q];
        v[k][p] = c * vx - s * vy;
        v[k][q] = s * vx + c * vy;
    }
}

struct FittedPlane {
    std::array<double, 3> mean{}, normal{};  // the normal has length 1; its sign is arbitrary

    double distance(const std::array<double, 3>& p) const {
        double off = 0.0;
        for (std::size_t k = 0; k < 3; ++k) off += (p[k] - mean[k]) * normal[k];
        return std::fabs(off);
    }
};

inline FittedPlane fit_plane(const std::vector<std::array<double, 3>>& points) {
    FittedPlane plane;
    for (const auto& p : points) {
        for (std::size_t k = 0; k < 3; ++k) plane.mean[k] += p[k] / static_cast<double>(points.size());
    }
    Matrix3 a{}, v{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    for (const auto& p : points) {
        for (std::size_t i = 0; i < 3; ++i) {
            for (std::size_t j = 0; j < 3; ++j) a[i][j] += (p[i] - plane.mean[i]) * (p[j] - plane.mean[j]);
        }
    }
    for (int sweep = 0; sweep < 12; ++sweep) {
        rotate(a, v, 0, 1);
        rotate(a, v, 0, 2);
        rotate(a, v, 1, 2);
    }
    std::size_t least = 0;
    for (std::size_t k = 1; k < 3; ++k) least = a[k][k] < a[least][least] ? k : least;
    for (std::size_t k = 0; k < 3; ++k) plane.normal[k] = v[k][least];
    return plane;
}

// Largest distance of a point from the plane that fits all of them best; 0 for no points.
inline double distance_from_plane(const std::vector<std::array<double, 3>>& points) {
    const FittedPlane plane = fit_plane(points);
    double worst = 0.0;
    for (const auto& p : points) worst = std::max(worst, plane.distance(p));
    return worst;
}

}  // namespace geovision
