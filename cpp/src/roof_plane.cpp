#include "geovision/roof_plane.hpp"

#include <algorithm>

namespace geovision {

void PlaneSums::across(double normal[3], double* deviation) const {
    const double mx = x / w, my = y / w, mz = z / w;
    const double a = xx / w - mx * mx, b = xy / w - mx * my, c = xz / w - mx * mz;
    const double d = yy / w - my * my, e = yz / w - my * mz, f = zz / w - mz * mz;
    // Smallest eigenvalue of a symmetric 3 x 3 matrix in closed form (Smith 1961).
    const double q = (a + d + f) / 3;
    const double p2 = (a - q) * (a - q) + (d - q) * (d - q) + (f - q) * (f - q) + 2 * (b * b + c * c + e * e);
    const double p = std::sqrt(std::max(p2 / 6, 1e-300));
    const double A = (a - q) / p, B = b / p, C = c / p, D = (d - q) / p, E = e / p, F = (f - q) / p;
    const double half = (A * (D * F - E * E) - B * (B * F - E * C) + C * (B * E - D * C)) / 2;
    const double phi = std::acos(std::clamp(half, -1.0, 1.0)) / 3;
    const double low = q + 2 * p * std::cos(phi + 2 * 3.14159265358979323846 / 3);
    // Its eigenvector is square to the rows of M - low I: the longest cross product of two of them.
    const double r[3][3] = {{a - low, b, c}, {b, d - low, e}, {c, e, f - low}};
    double best = -1;
    for (int i = 0; i < 3; ++i) {
        const double *u = r[i], *v = r[(i + 1) % 3];
        const double n[3] = {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
        const double length = n[0] * n[0] + n[1] * n[1] + n[2] * n[2];
        if (length <= best) continue;
        best = length;
        for (int k = 0; k < 3; ++k) normal[k] = n[k];
    }
    const double scale = best > 0 ? (normal[2] < 0 ? -1 : 1) / std::sqrt(best) : 0;
    for (int k = 0; k < 3; ++k) normal[k] *= scale;
    if (!(best > 0)) normal[2] = 1;
    *deviation = std::sqrt(std::max(low, 0.0));
}

}  // namespace geovision
