// Planes over the plan, sums that give the least-squares one, and the misfit of a point in nats.
#pragma once

#include <cmath>

namespace geovision {

// z = a x + b y + c, metres in the building's local frame.
struct RoofPlane {
    double a = 0, b = 0, c = 0;
    double at(double x, double y) const { return a * x + b * y + c; }
    // Distance square to the plane per metre of vertical distance.
    double cosine() const { return 1 / std::sqrt(1 + a * a + b * b); }
};

// Half the squared distance in standard deviations, but never above `cap`: beyond that a point is an outlier.
inline double capped_nats(double distance, double inverse_variance, double cap) {
    const double v = 0.5 * distance * distance * inverse_variance;
    return v < cap ? v : cap;
}

// Weighted sums over points, from which planes follow.
struct PlaneSums {
    double w = 0, x = 0, y = 0, z = 0, xx = 0, xy = 0, yy = 0, xz = 0, yz = 0, zz = 0;

    void add(double px, double py, double pz, double weight = 1) {
        const double wx = weight * px, wy = weight * py, wz = weight * pz;
        w += weight, x += wx, y += wy, z += wz;
        xx += wx * px, xy += wx * py, yy += wy * py, xz += wx * pz, yz += wy * pz, zz += wz * pz;
    }

    void add(const PlaneSums& o) {
        w += o.w, x += o.x, y += o.y, z += o.z;
        xx += o.xx, xy += o.xy, yy += o.yy, xz += o.xz, yz += o.yz, zz += o.zz;
    }

    // Weighted sum of squared heights over the least-squares plane.
    double deviation2(const RoofPlane& p) const {
        const double czz = zz - z * z / w, cxz = xz - x * z / w, cyz = yz - y * z / w;
        const double sum = czz - p.a * cxz - p.b * cyz;
        return sum > 0 ? sum : 0;
    }

    // Heights fitted by least squares; false when the points lie on a line in plan.
    bool solve(RoofPlane* plane) const {
        if (!(w > 0)) return false;
        const double mx = x / w, my = y / w;
        const double cxx = xx / w - mx * mx, cxy = xy / w - mx * my, cyy = yy / w - my * my;
        const double cxz = xz / w - mx * z / w, cyz = yz / w - my * z / w;
        const double det = cxx * cyy - cxy * cxy, trace = cxx + cyy;
        if (!(trace > 1e-4) || !(det > 1e-3 * trace * trace)) return false;
        plane->a = (cxz * cyy - cyz * cxy) / det;
        plane->b = (cyz * cxx - cxz * cxy) / det;
        plane->c = z / w - plane->a * mx - plane->b * my;
        return true;
    }

    // Unit normal of the total least-squares plane, upwards, and the standard deviation across it.
    void across(double normal[3], double* deviation) const;
};

}  // namespace geovision
