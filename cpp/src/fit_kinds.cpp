#include <algorithm>
#include <cmath>

#include "fit_dual.hpp"
#include "geovision/fit_kinds.hpp"
#include "geovision/wide.hpp"

namespace geovision::fit {

namespace {

constexpr int round_facets = 16;

// Collects planes; profile planes are given over v, edge planes over the distance from an edge.
class Planes {
public:
    Planes(const Site& site, DualPlane* out) : s_(site), out_(out) {}

    int count = 0;
    std::int16_t group = 0;

    // Through (v0, z0) and (v1, z1) of the profile.
    void profile(const Dual& v0, const Dual& z0, const Dual& v1, const Dual& z1, Vec down, double reach) {
        const Dual slope = (z1 - z0) / (v1 - v0);
        add(Dual(-down.x) * slope, Dual(-down.y) * slope, z0 + slope * (Dual(reach) - v0));
    }
    void profile(const Dual& v0, const Dual& z0, const Dual& v1, const Dual& z1) {
        profile(v0, z0, v1, z1, s_.down, s_.reach);
    }

    // `height` over edge i, rising by `slope` away from it.
    void rising(std::size_t i, const Dual& height, const Dual& slope) {
        const std::size_t j = s_.skeleton ? std::size_t(s_.next[i]) : (i + 1) % s_.corners.size();
        const Vec a = s_.corners[i], b = s_.corners[j], n = outward(a, b);
        add(Dual(-n.x) * slope, Dual(-n.y) * slope, height + slope * Dual(n.x * a.x + n.y * a.y));
    }

private:
    void add(const Dual& a, const Dual& b, const Dual& c) {
        DualPlane& p = out_[count++];
        p.a = a, p.b = b, p.c = c, p.group = group;
    }

    const Site& s_;
    DualPlane* out_;
};

void gable(Planes& p, const Dual& width, const Dual& eave, const Dual& ridge, const Dual& offset,
           const Dual& rear, Vec down, double reach) {
    const Dual at = width * offset;
    p.profile(0.0, eave, at, ridge, down, reach);
    p.profile(at, ridge, width, rear, down, reach);
}

void round_roof(Planes& p, double width, const Dual& eave, const Dual& rise) {
    const auto v = [&](int i) { return width / 2 * (1 - std::cos(pi * i / round_facets)); };
    const auto z = [&](int i) { return eave + rise * Dual(std::sin(pi * i / round_facets)); };
    for (int i = 0; i < round_facets; ++i) p.profile(v(i), z(i), v(i + 1), z(i + 1));
}

void hips(const Site& s, Planes& p, const double* theta) {
    const Dual eave = variable(theta, 0), rise = variable(theta, 1);
    const bool half = s.kind == RoofKind::half_hipped, one = s.kind == RoofKind::side_hipped;
    const Dual share = variable(theta, half ? 3 : 2);
    const Dual start = half ? eave + variable(theta, 2) * rise : eave;
    const auto& c = s.corners;
    const Vec end1{(c[1].x + c[2].x) / 2, (c[1].y + c[2].y) / 2};
    const Vec end0{(c[3].x + c[0].x) / 2, (c[3].y + c[0].y) / 2};
    const Vec centre{(end0.x + end1.x) / 2, (end0.y + end1.y) / 2};
    const Vec axis{(end1.x - end0.x) / s.length, (end1.y - end0.y) / s.length};
    for (const std::size_t i : {0u, 2u}) p.rising(i, eave, rise / Dual(inside(c[i], c[(i + 1) % 4], centre)));
    const Dual setback = share * Dual(one ? s.length : s.length / 2);
    for (const std::size_t i : {1u, 3u}) {
        if (one && (i == 1) != (s.hip_end == 0)) continue;
        const Vec n = outward(c[i], c[(i + 1) % 4]);
        // The run of the hip is the setback seen square to its wall.
        const Dual run = setback * Dual(std::abs(n.x * axis.x + n.y * axis.y));
        p.rising(i, start, (eave + rise - start) / run);
    }
}

void dome(const Site& s, Planes& p, const Dual& eave, const Dual& rise) {
    for (std::size_t i = 0; i < s.corners.size(); ++i) {
        const double reach = inside(s.corners[i], s.corners[(i + 1) % s.corners.size()], s.apex);
        for (int k = 0; k < dome_bands; ++k) {
            const double r0 = std::cos(pi / 2 * k / dome_bands), r1 = std::cos(pi / 2 * (k + 1) / dome_bands);
            const double z0 = std::sin(pi / 2 * k / dome_bands), z1 = std::sin(pi / 2 * (k + 1) / dome_bands);
            const Dual slope = rise * Dual((z1 - z0) / ((r0 - r1) * reach));
            p.rising(i, eave + rise * Dual(z0) - slope * Dual((1 - r0) * reach), slope);
        }
    }
}

}  // namespace

int theta_count(const Site& s) {
    switch (s.kind) {
        case RoofKind::flat:
            return 1;
        case RoofKind::gabled:
            return s.skeleton ? 2 : 3;
        case RoofKind::butterfly:
        case RoofKind::side_hipped:
            return 3;
        case RoofKind::hipped:
            return s.by_pitch ? 2 : 3;
        case RoofKind::saltbox:
        case RoofKind::gambrel:
        case RoofKind::half_hipped:
        case RoofKind::mansard:
            return 4;
        default:
            return 2;
    }
}

int roof_planes(const Site& s, const double* theta, DualPlane* planes) {
    Planes p(s, planes);
    const Dual eave = variable(theta, 0), width(s.width);
    if (s.kind == RoofKind::flat) {
        planes[0] = DualPlane();
        planes[0].c = eave;
        return 1;
    }
    const Dual rise = variable(theta, 1);
    switch (s.kind) {
        case RoofKind::skillion:
            p.profile(0.0, eave, width, eave + rise);
            break;
        case RoofKind::gabled:
            if (s.skeleton) {
                for (std::size_t i = 0; i < s.corners.size(); ++i)
                    p.rising(i, eave, s.gable[i] ? Dual(0) : rise / Dual(s.depth));
                break;
            }
            gable(p, width, eave, eave + rise, variable(theta, 2), eave, s.down, s.reach);
            break;
        case RoofKind::saltbox:
            gable(p, width, eave, eave + rise, variable(theta, 2), eave - variable(theta, 3), s.down,
                  s.reach);
            break;
        case RoofKind::butterfly: {
            const Dual at = width * variable(theta, 2), valley = eave - rise;
            p.profile(0.0, eave, at, valley);
            p.group = 1;
            p.profile(at, valley, width, eave);
            break;
        }
        case RoofKind::gambrel: {
            const Dual at = eave + variable(theta, 2) * rise;
            const Dual inset = variable(theta, 3) * Dual(s.width / 2), half(s.width / 2);
            p.profile(0.0, eave, inset, at);
            p.profile(inset, at, half, eave + rise);
            p.profile(half, eave + rise, width - inset, at);
            p.profile(width - inset, at, width, eave);
            break;
        }
        case RoofKind::round:
            round_roof(p, s.width, eave, rise);
            break;
        case RoofKind::cross_gabled: {
            gable(p, width, eave, eave + rise, 0.5, eave, s.down, s.reach);
            p.group = 1;
            const Vec side{s.down.y, -s.down.x};
            gable(p, s.length, eave, eave + rise, 0.5, eave, side, s.depth);
            break;
        }
        case RoofKind::hipped:
            if (s.by_pitch) {
                for (std::size_t i = 0; i < s.corners.size(); ++i) p.rising(i, eave, rise);
                break;
            }
            hips(s, p, theta);
            break;
        case RoofKind::half_hipped:
        case RoofKind::side_hipped:
            hips(s, p, theta);
            break;
        case RoofKind::pyramidal:
        case RoofKind::cone:
            for (std::size_t i = 0; i < s.corners.size(); ++i)
                p.rising(i, eave,
                         rise / Dual(inside(s.corners[i], s.corners[(i + 1) % s.corners.size()], s.apex)));
            break;
        case RoofKind::dome:
            dome(s, p, eave, rise);
            break;
        case RoofKind::mansard: {
            const Dual inset = variable(theta, 3) * Dual(s.depth), up = variable(theta, 2) * rise;
            const Dual low = up / inset, high = (rise - up) / (Dual(s.depth) - inset);
            for (std::size_t i = 0; i < s.corners.size(); ++i) {
                p.rising(i, eave, low);
                p.rising(i, eave + up - high * inset, high);
            }
            break;
        }
        default:
            break;
    }
    return p.count;
}

GEOVISION_WIDE void RoofBlock::of_planes(const DualPlane* planes, int count, int n, const double* x,
                                         const double* y) {
    double low[point_block];
    std::int64_t who[point_block];
    for (int k = 0; k < count;) {
        const std::int16_t group = planes[k].group;
        const bool first = k == 0;
        for (bool begun = false; k < count && planes[k].group == group; ++k, begun = true) {
            const double a = planes[k].a.v, b = planes[k].b.v, c = planes[k].c.v;
            double* lowest = first ? z : low;
            std::int64_t* its = first ? plane : who;
            if (!begun) {
                for (int i = 0; i < n; ++i) lowest[i] = a * x[i] + b * y[i] + c, its[i] = k;
                continue;
            }
            for (int i = 0; i < n; ++i) {
                const double other = a * x[i] + b * y[i] + c;
                its[i] = other < lowest[i] ? k : its[i];
                lowest[i] = other < lowest[i] ? other : lowest[i];
            }
        }
        if (first) continue;
        for (int i = 0; i < n; ++i) {
            plane[i] = low[i] > z[i] ? who[i] : plane[i];
            z[i] = low[i] > z[i] ? low[i] : z[i];
        }
    }
}

void RoofBlock::of_faces(const DualPlane* planes, int per_edge, const std::int32_t* face, int n,
                         const double* x, const double* y) {
    for (int i = 0; i < n; ++i) {
        const int k = plane_of_face(planes, per_edge, face[i], x[i], y[i]);
        plane[i] = k;
        z[i] = planes[k].a.v * x[i] + planes[k].b.v * y[i] + planes[k].c.v;
    }
}

}  // namespace geovision::fit
